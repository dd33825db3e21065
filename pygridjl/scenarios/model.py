"""A set of scenarios: what load and sun may be, bus by bus, and how likely."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from pygridjl.core.errors import InvalidScenariosError
from pygridjl.core.findings import Finding
from pygridjl.core.types import BoolArray, FloatArray, StrArray

__all__ = ["ScenarioSet", "assert_valid_scenarios", "validate_scenarios"]

# How far the probabilities may add up from one: sums of 8760 roundings stay far below it.
PROBABILITY_TOLERANCE = 1e-9

# A relative spread beyond this is a slip of the pen; squares of the largest floats overflow.
LARGEST_DEVIATION = 100.0
# So is a multiplier of the nominal load, or output over rating, beyond this, and a price.
LARGEST_MULTIPLIER = LARGEST_PRICE = 1e6


@dataclass(frozen=True, eq=False)
class ScenarioSet:
    """Load and PV multipliers by bus for every scenario. Immutable: changes make copies.

    Construction checks only shapes; :func:`validate_scenarios` looks for everything that is wrong.

    Attributes
    ----------
    probability : ndarray, shape (S,)
        Probability of each scenario; they sum to one.
    load : ndarray, shape (S, n_bus)
        Multiplier of the nominal load of each bus (μ^L of the paper), buses in feeder order.
    pv : ndarray, shape (S, n_bus)
        Output of a unit of PV at each bus over its rating (μ^PV of the paper).
    others : mapping of str to ndarray, shape (S, n_bus)
        The same of units of other kinds, such as ``"wind"``, by the name of the profile they
        follow.
    prices : mapping of str to ndarray, shape (S,)
        Prices of energy, $/MWh, by name; they may be negative.
    id : ndarray of str, shape (S,)
        Unique ids; ``"0"``, ``"1"``, … unless given.
    name : str
        Name of the set.
    seed : int or None
        Seed of the deviations between buses; None if none were drawn.
    provenance : str
        Where the profiles come from and what was done to them, in plain words.
    """

    probability: FloatArray
    load: FloatArray
    pv: FloatArray
    id: StrArray = None  # type: ignore[assignment]  # filled below
    name: str = "scenarios"
    seed: int | None = None
    provenance: str = ""
    others: Mapping[str, FloatArray] = field(default_factory=dict)
    prices: Mapping[str, FloatArray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        probability = _frozen(self.probability)
        if probability.ndim != 1:
            raise ValueError(f"probability has shape {probability.shape}, expected (S,)")
        n = probability.shape[0]
        object.__setattr__(self, "probability", probability)
        for name in ("load", "pv"):
            values = _frozen(getattr(self, name))
            if values.ndim != 2 or values.shape[0] != n:
                raise ValueError(f"{name} has shape {values.shape}, expected ({n}, n_bus)")
            object.__setattr__(self, name, values)
        if self.load.shape != self.pv.shape:
            raise ValueError(f"load has shape {self.load.shape} but pv has {self.pv.shape}")
        others = {str(name): _frozen(values) for name, values in self.others.items()}
        for name, values in others.items():
            if values.shape != self.load.shape:
                text = f"load has shape {self.load.shape} but {name!r} has {values.shape}"
                raise ValueError(text)
        object.__setattr__(self, "others", others)
        prices = {str(name): _frozen(values) for name, values in self.prices.items()}
        for name, values in prices.items():
            if values.shape != (n,):
                raise ValueError(f"price {name!r} has shape {values.shape}, expected ({n},)")
        object.__setattr__(self, "prices", prices)
        ids = np.arange(n).astype(np.str_) if self.id is None else np.array(self.id, dtype=np.str_)
        if ids.shape != (n,):
            raise ValueError(f"id has shape {ids.shape}, expected ({n},)")
        ids.setflags(write=False)
        object.__setattr__(self, "id", ids)

    def __len__(self) -> int:
        return int(self.probability.shape[0])

    @property
    def n_bus(self) -> int:
        """Number of buses the multipliers are given for."""
        return int(self.load.shape[1])

    @property
    def outputs(self) -> dict[str, FloatArray]:
        """Output over rating by profile, ``"pv"`` first; shapes (S, n_bus)."""
        return {"pv": self.pv, **self.others}

    def take(self, rows: ArrayLike, probability: ArrayLike | None = None) -> ScenarioSet:
        """Return the set of some scenarios.

        Parameters
        ----------
        rows : array of int or bool
            Positions (repeats allowed: they get distinct ids) or a mask.
        probability : array, optional
            New probabilities; by default the old ones, scaled to sum to one.
        """
        index = np.arange(len(self))[np.asarray(rows)]
        if probability is None:
            kept = self.probability[index]
            probability = kept / kept.sum()
        ids = self.id[index].tolist()
        seen: dict[str, int] = {}
        for k, name in enumerate(ids):
            seen[name] = seen.get(name, 0) + 1
            if seen[name] > 1:
                ids[k] = f"{name}#{seen[name]}"
        return dataclasses.replace(
            self,
            probability=np.asarray(probability, dtype=np.float64),
            load=self.load[index],
            pv=self.pv[index],
            others={name: values[index] for name, values in self.others.items()},
            prices={name: values[index] for name, values in self.prices.items()},
            id=np.array(ids, dtype=np.str_),
        )

    def __repr__(self) -> str:
        return f"<ScenarioSet {self.name!r}: {len(self)} scenarios, {self.n_bus} buses>"


def _frozen(values: ArrayLike) -> FloatArray:
    # A read-only array is shared, not copied: a year on a large feeder is hundreds of megabytes.
    array = np.asarray(values, dtype=np.float64)
    if array.flags.writeable:
        array = array.copy()
        array.setflags(write=False)
    return array


def validate_scenarios(scenarios: ScenarioSet) -> tuple[Finding, ...]:
    """List everything that is wrong with a set of scenarios.

    Checked: no scenarios, ids used twice, probabilities that are negative, not finite or do not
    sum to one, multipliers that are not finite, negative or beyond all measure, prices that are not
    finite or beyond all measure; each with the ids concerned.

    Parameters
    ----------
    scenarios : ScenarioSet
        The set.

    Returns
    -------
    tuple of Finding
        Empty when the set is sound.
    """
    if len(scenarios) == 0:
        return (Finding("scenarios", (), "probability", "there are none"),)
    p = scenarios.probability
    names, counts = np.unique(scenarios.id, return_counts=True)
    repeated = tuple(str(v) for v in names[counts > 1])
    findings = [Finding("scenario", repeated, "id", "is used more than once")] if repeated else []
    finite = np.isfinite(p)
    findings += _rows(scenarios, ~finite, "probability", "is not a finite number")
    findings += _rows(scenarios, p < 0, "probability", "is negative")
    if finite.all() and abs(p.sum() - 1.0) > PROBABILITY_TOLERANCE:
        findings.append(
            Finding("scenarios", (), "probability", f"sums to {p.sum():.12g} instead of 1")
        )
    for name, values in {"load": scenarios.load, **scenarios.outputs}.items():
        bad = ~np.isfinite(values)
        findings += _rows(scenarios, bad, name, "is not a finite number at some bus")
        findings += _rows(scenarios, values < 0, name, "is negative at some bus")
        large = np.isfinite(values) & (values > LARGEST_MULTIPLIER)
        findings += _rows(scenarios, large, name, f"is above {LARGEST_MULTIPLIER:g} at some bus")
    for name, values in scenarios.prices.items():
        findings += _rows(scenarios, ~np.isfinite(values), f"price {name}", "is not finite")
        large = np.isfinite(values) & (np.abs(values) > LARGEST_PRICE)
        findings += _rows(scenarios, large, f"price {name}", f"is above {LARGEST_PRICE:g} $/MWh")
    return tuple(findings)


def _rows(scenarios: ScenarioSet, mask: BoolArray, field: str, message: str) -> list[Finding]:
    rows = np.flatnonzero(mask.reshape(len(scenarios), -1).any(axis=1))
    if rows.size == 0:
        return []
    return [Finding("scenario", tuple(scenarios.id[rows].tolist()), field, message)]


def assert_valid_scenarios(scenarios: ScenarioSet) -> None:
    """Raise one error that lists every finding.

    Parameters
    ----------
    scenarios : ScenarioSet
        The set.

    Raises
    ------
    InvalidScenariosError
        If :func:`validate_scenarios` finds anything.
    """
    findings = validate_scenarios(scenarios)
    if findings:
        raise InvalidScenariosError(scenarios.name, findings)
