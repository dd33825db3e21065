"""Load states of a network: what every bus demands, state by state, and for how many hours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from pygridjl.core.errors import InvalidOptionError, InvalidScenariosError, NetworkFormatError
from pygridjl.core.findings import Finding
from pygridjl.core.types import FloatArray, IntArray, StrArray
from pygridjl.grid.network import Network
from pygridjl.scenarios.model import ScenarioSet, assert_valid_scenarios
from pygridjl.scenarios.profile import number_column, read_csv_table

__all__ = ["HOURS_OF_A_YEAR", "LoadStates", "load_states", "read_load_states"]

HOURS_OF_A_YEAR = 8760.0
# p.u.; squares of more would not be numbers.
_LARGEST = 1e9


@dataclass(frozen=True, eq=False)
class LoadStates:
    """Demand of every bus in every state. Immutable.

    Attributes
    ----------
    p, q : ndarray, shape (S, n_bus)
        Demand in p.u. of the network's base, buses in its order; negative where more is
        generated than consumed. It takes the place of the network's loads.
    hours : ndarray, shape (S,)
        Duration of each state, h.
    id : ndarray of str, shape (S,)
        Unique names; ``"0"``, ``"1"``, … unless given.
    name : str
        Name of the set.

    Raises
    ------
    ValueError
        If the shapes do not fit.
    InvalidScenariosError
        If there are no states, a number is not finite, a duration is not positive, or a name is
        used twice.
    """

    p: FloatArray
    q: FloatArray
    hours: FloatArray
    id: StrArray = None  # type: ignore[assignment]  # filled below
    name: str = "load states"

    def __post_init__(self) -> None:
        n = np.asarray(self.hours).shape[0]
        ids = np.arange(n).astype(np.str_) if self.id is None else np.array(self.id, dtype=np.str_)
        object.__setattr__(self, "id", ids)
        for field, dimensions in (("p", 2), ("q", 2), ("hours", 1), ("id", 1)):
            kind = np.str_ if field == "id" else np.float64
            values = np.array(getattr(self, field), dtype=kind)
            if values.ndim != dimensions or values.shape[0] != n:
                raise ValueError(f"{field} has shape {values.shape} for {n} states")
            values.setflags(write=False)
            object.__setattr__(self, field, values)
        if self.p.shape != self.q.shape:
            raise ValueError(f"p has shape {self.p.shape} but q has {self.q.shape}")
        findings = self._findings()
        if findings:
            raise InvalidScenariosError(self.name, findings)

    def _findings(self) -> list[Finding]:
        if not len(self):
            return [Finding("states", (), "hours", "there are none")]
        findings = []
        names, counts = np.unique(self.id, return_counts=True)
        if (counts > 1).any():
            repeated = tuple(names[counts > 1].tolist())
            findings.append(Finding("state", repeated, "id", "is used more than once"))
        for field, good, text in (
            (
                "p",
                (np.abs(self.p) < _LARGEST).all(axis=1),
                "is not a finite number below 1e9 p.u. at some bus",
            ),
            (
                "q",
                (np.abs(self.q) < _LARGEST).all(axis=1),
                "is not a finite number below 1e9 p.u. at some bus",
            ),
            ("hours", np.isfinite(self.hours) & (self.hours > 0), "is not a positive number"),
        ):
            if not good.all():
                findings.append(Finding("state", tuple(self.id[~good].tolist()), field, text))
        return findings

    def __len__(self) -> int:
        return int(self.hours.shape[0])

    def __repr__(self) -> str:
        return f"<LoadStates {self.name!r}: {len(self)} states, {self.p.shape[1]} buses>"

    @property
    def share(self) -> FloatArray:
        """Share of each state in all hours, shape (S,); sums to 1."""
        return np.asarray(self.hours / self.hours.sum())

    def take(self, rows: ArrayLike) -> LoadStates:
        """Return some states, by position or mask."""
        index = np.asarray(rows)
        return LoadStates(
            self.p[index], self.q[index], self.hours[index], self.id[index], self.name
        )

    def network_of(self, network: Network, demand: tuple[FloatArray, FloatArray]) -> Network:
        """Return the network with other loads, one a bus.

        Parameters
        ----------
        network : Network
            The network that the states belong to.
        demand : tuple of ndarray, shape (n_bus,)
            Active and reactive demand by bus, p.u., such as ``(states.p[0], states.q[0])``.
        """
        loads = type(network.loads)(
            id=network.buses.id, bus=np.arange(network.n_bus), p=demand[0], q=demand[1]
        )
        return network.replace(loads=loads)

    def mean(self) -> tuple[FloatArray, FloatArray]:
        """Return the mean demand by bus, p.u., for :meth:`network_of`."""
        return np.asarray(self.share @ self.p), np.asarray(self.share @ self.q)

    def peak(self) -> tuple[FloatArray, FloatArray]:
        """Return the demand by bus in the state of largest total demand, for :meth:`network_of`."""
        k = int(np.argmax(self.p.sum(axis=1)))
        return self.p[k], self.q[k]


def load_states(
    network: Network,
    scenarios: ScenarioSet,
    *,
    pv: Mapping[str, float] | None = None,
    hours: float = HOURS_OF_A_YEAR,
) -> LoadStates:
    """Turn scenarios, which are multipliers, into the demand of a network's buses.

    Parameters
    ----------
    network : Network
        Its loads are the nominal ones.
    scenarios : ScenarioSet
        One multiplier a bus, for p and q alike; :func:`pygridjl.generate_scenarios` makes one.
    pv : mapping of str to float, optional
        Ratings of photovoltaic units by bus id, kW; the sun of the scenarios drives them.
    hours : float
        Hours that all scenarios stand for together.

    Returns
    -------
    LoadStates
        One state a scenario.

    Raises
    ------
    InvalidOptionError
        If the scenarios are for another number of buses, a bus is unknown or a rating negative.
    InvalidScenariosError
        If the scenarios are not sound.

    Examples
    --------
    >>> import pygridjl
    >>> network = pygridjl.load_network("case33bw")
    >>> year = pygridjl.load_states(network, pygridjl.generate_scenarios(33, 8760, seed=1))
    >>> year
    <LoadStates 'synthetic year, 8760 scenarios': 8760 states, 33 buses>
    """
    assert_valid_scenarios(scenarios)
    if scenarios.n_bus != network.n_bus:
        raise InvalidOptionError(
            f"states: {scenarios.name!r} is for {scenarios.n_bus} buses, network "
            f"{network.name!r} has {network.n_bus}"
        )
    p, q = scenarios.load * network.load_p, scenarios.load * network.load_q
    place = {name: k for k, name in enumerate(network.buses.id.tolist())}
    for bus, rating in (pv or {}).items():
        if bus not in place:
            raise InvalidOptionError(f"pv: network {network.name!r} has no bus {bus!r}")
        if not rating >= 0:
            raise InvalidOptionError(f"pv: the rating at bus {bus} is {rating!r}, not in kW")
        p[:, place[bus]] -= scenarios.pv[:, place[bus]] * rating / (network.base_mva * 1e3)
    kept = np.flatnonzero(scenarios.probability > 0)
    return LoadStates(
        p[kept],
        q[kept],
        scenarios.probability[kept] * hours,
        scenarios.id[kept],
        scenarios.name,
    )


def read_load_states(path: str | Path, network: Network) -> LoadStates:
    r"""Read load states from a CSV table, one row a state.

    Columns, in any order: ``state`` (name, optional), ``hours`` (1 if missing) and either ``load``
    (one multiplier of all loads), or bus ids (a multiplier of the bus's load), or ``p BUS`` and
    ``q BUS`` (demand in kW and kvar, negative for generation). Buses without a column keep their
    load. Anything else is refused.

    Parameters
    ----------
    path : str or Path
        The file.
    network : Network
        Its loads are the nominal ones.

    Returns
    -------
    LoadStates
        Named by the file.

    Raises
    ------
    NetworkFormatError
        If the file or a cell cannot be read or a column is unknown.
    InvalidScenariosError
        If the states are not sound.

    Examples
    --------
    >>> from pathlib import Path
    >>> import pygridjl
    >>> text = "state,hours,load,p 18\nnight,3000,0.4,20\nday,5760,1.0,-150\n"
    >>> _ = Path("loads.csv").write_text(text)
    >>> states = pygridjl.read_load_states("loads.csv", pygridjl.load_network("case33bw"))
    >>> states.id.tolist(), states.hours.tolist()
    (['night', 'day'], [3000.0, 5760.0])
    """
    frame = read_csv_table(path)
    count = len(frame)
    p = np.tile(network.load_p, (count, 1))
    q = np.tile(network.load_q, (count, 1))
    place = {name: k for k, name in enumerate(network.buses.id.tolist())}
    if len(set(frame.columns)) < len(frame.columns):
        raise NetworkFormatError(path, "header", "a column is there twice")
    for column in frame.columns:
        if column not in ("state", "hours"):
            _fill(path, frame, column, place, (p, q), network)
    hours = number_column(path, frame, "hours") if "hours" in frame else np.ones(count)
    ids = frame["state"].to_numpy(dtype=np.str_) if "state" in frame else None
    return LoadStates(p, q, hours, ids, Path(path).stem)  # type: ignore[arg-type]


def _fill(
    path: str | Path,
    frame: pd.DataFrame,
    column: str,
    place: Mapping[str, int],
    demand: tuple[FloatArray, FloatArray],
    network: Network,
) -> None:
    """Put one column of the table where it belongs."""
    quantity, _, bus = column.partition(" ")
    if column == "load" or column in place:
        rows: IntArray | slice = slice(None) if column == "load" else np.array([place[column]])
        factor = number_column(path, frame, column)[:, None]
        # What is not finite is refused with the states, by name.
        with np.errstate(invalid="ignore", over="ignore"):
            demand[0][:, rows] = factor * network.load_p[rows]
            demand[1][:, rows] = factor * network.load_q[rows]
    elif quantity in ("p", "q") and bus.strip() in place:
        value = number_column(path, frame, column) / (network.base_mva * 1e3)
        demand["pq".index(quantity)][:, place[bus.strip()]] = value
    else:
        raise NetworkFormatError(
            path,
            "header",
            f"column {column!r} is none of state, hours, load, a bus id, p BUS, q BUS",
        )
