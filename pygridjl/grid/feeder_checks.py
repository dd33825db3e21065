"""Everything that is wrong with a feeder, as data."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from pygridjl.core.errors import InvalidNetworkError
from pygridjl.core.findings import Finding, SoundOnce, findings_of as _where
from pygridjl.core.types import BoolArray, FloatArray
from pygridjl.grid.feeder import Feeder
from pygridjl.grid.feeder_tables import BRANCH_KINDS, GROUPS, PhaseTable, voltage_terms
from pygridjl.grid.radial_tree import feeding_findings

__all__ = ["assert_valid_feeder", "validate_feeder"]

# Beyond these a table was nearly always left in ohms or kilowatts.
SUSPICIOUS_IMPEDANCE = 1e3
SUSPICIOUS_POWER = 1e4

_SOUND = SoundOnce()


def validate_feeder(feeder: Feeder) -> tuple[Finding, ...]:
    """List everything that is wrong with a feeder.

    Checked: duplicate ids, NaN and infinities, zero or negative impedance, asymmetric matrices,
    ratios and ratings that are not positive, branches with phases their ends lack, values on
    absent phases, loads, capacitors and generators on missing phases, buses and phases that no
    closed branch feeds, voltage levels joined by a line, sizes that betray a wrong unit. Loops are
    sound: what needs a tree refuses them itself.

    Parameters
    ----------
    feeder : Feeder
        The feeder.

    Returns
    -------
    tuple of Finding
        Empty when the feeder is sound.

    Examples
    --------
    >>> from pygridjl import load_feeder, validate_feeder
    >>> validate_feeder(load_feeder("ieee13"))
    ()
    """
    findings: list[Finding] = []
    for check in _CHECKS:
        findings.extend(check(feeder))
    return tuple(findings)


def assert_valid_feeder(feeder: Feeder) -> None:
    """Raise one error that lists every finding.

    Parameters
    ----------
    feeder : Feeder
        The feeder.

    Raises
    ------
    InvalidNetworkError
        If :func:`validate_feeder` finds anything.
    """

    def check() -> None:
        findings = validate_feeder(feeder)
        if findings:
            raise InvalidNetworkError(feeder.name, findings)

    _SOUND.check(feeder, check)


def _tables(feeder: Feeder) -> list[tuple[str, PhaseTable]]:
    return [
        ("bus", feeder.buses),
        ("branch", feeder.branches),
        ("load", feeder.loads),
        ("capacitor", feeder.capacitors),
        ("generator", feeder.generators),
    ]


def _base(feeder: Feeder) -> list[Finding]:
    if np.isfinite(feeder.phase_mva) and feeder.phase_mva > 0:
        return []
    return [Finding("feeder", (), "phase_mva", f"must be positive, is {feeder.phase_mva}")]


def _source(feeder: Feeder) -> list[Finding]:
    present = feeder.buses.phases[feeder.source_bus]
    v = feeder.v_set[present]
    bus = (str(feeder.buses.id[feeder.source_bus]),)
    if not present.any():
        return [Finding("bus", bus, "phases", "the source has no phase")]
    if not (np.isfinite(v).all() and (v > 0).all()):
        return [Finding("bus", bus, "v_set", f"must be positive, is {v.tolist()}")]
    if (v > 2).any():
        return [Finding("bus", bus, "v_set", "is above 2 p.u.: is it in kV?")]
    return []


def _duplicate_ids(feeder: Feeder) -> list[Finding]:
    findings = []
    for component, table in _tables(feeder):
        (_, ids), *_ = table.columns()
        values, counts = np.unique(ids, return_counts=True)
        repeated = tuple(str(v) for v in values[counts > 1])
        if repeated:
            findings.append(Finding(component, repeated, "id", "is used more than once"))
    return findings


_MAY_BE_INFINITE = {"v_max", "rating", "s_max"}
_MAY_BE_NAN = {"x", "y"}  # of a bus: the drawing


def _not_finite(values: FloatArray) -> BoolArray:
    return ~np.isfinite(values)


def _not_numbers(feeder: Feeder) -> list[Finding]:
    findings = []
    for component, table in _tables(feeder):
        (_, ids), *columns = table.columns()
        for name, values in columns:
            if values.dtype.kind != "f" or (component == "bus" and name in _MAY_BE_NAN):
                continue
            wrong = np.isnan if name in _MAY_BE_INFINITE else _not_finite
            bad: BoolArray = np.asarray(wrong(values), dtype=np.bool_)
            findings += _where(component, ids, bad, name, "is not a finite number")
    return findings


def _buses(feeder: Feeder) -> list[Finding]:
    bus = feeder.buses
    return [
        *_where("bus", bus.id, bus.kv_ln <= 0, "kv_ln", "must be positive"),
        *_where("bus", bus.id, np.asarray(~bus.phases.any(axis=1)), "phases", "there is none"),
        *_where("bus", bus.id, bus.v_min < 0, "v_min", "is negative"),
        *_where("bus", bus.id, bus.v_min > bus.v_max, "v_min", "is above v_max"),
        *_where("bus", bus.id, bus.v_min > 2.0, "v_min", "is above 2 p.u.: is it in kV?"),
    ]


def _branches(feeder: Feeder) -> list[Finding]:
    branch, bus = feeder.branches, feeder.buses
    present = branch.phases
    pair = present[:, :, None] & present[:, None, :]
    r_self = np.diagonal(branch.r, axis1=1, axis2=2)
    x_self = np.diagonal(branch.x, axis1=1, axis2=2)
    size = np.abs(branch.r) + np.abs(branch.x)
    scale = size.max(axis=(1, 2), initial=0.0)[:, None, None]
    skew = (
        np.abs(branch.r - branch.r.transpose(0, 2, 1))
        + np.abs(branch.x - branch.x.transpose(0, 2, 1))
    ) > 1e-9 * scale
    kv_from, kv_to = bus.kv_ln[branch.from_bus], bus.kv_ln[branch.to_bus]
    passive = np.isin(branch.kind, ("line", "switch"))
    # Closed switches and regulators are ideal in many data sets; a line or transformer is not.
    ideal = (
        (r_self == 0)
        & (x_self == 0)
        & present
        & np.isin(branch.kind, ("line", "transformer"))[:, None]
    )
    has_gain = np.asarray(branch.gain.any(axis=(1, 2)))
    unknown = ~np.isin(branch.kind, BRANCH_KINDS)
    rules: list[tuple[BoolArray, str, str]] = [
        (branch.from_bus == branch.to_bus, "to_bus", "is the same bus as from_bus"),
        (unknown, "kind", f"is none of {', '.join(BRANCH_KINDS)}"),
        (~np.isin(branch.group, ("", *GROUPS)), "group", f"is none of {', '.join(GROUPS)}"),
        (
            (branch.group != "") & ~present.all(axis=1),
            "group",
            "needs all three phases",
        ),
        (np.asarray(~present.any(axis=1)), "phases", "there is none"),
        (
            (branch.group != "") & has_gain,
            "group",
            "stands beside a gain: a branch has one of both",
        ),
        (
            ((branch.gain != 0).any(axis=2) & ~present)
            | ((branch.gain != 0).any(axis=1) & ~branch.from_phases),
            "gain",
            "has values on a phase that the branch does not carry",
        ),
        (
            has_gain[:, None] & present & ~branch.gain.any(axis=2),
            "gain",
            "gives a phase no voltage",
        ),
        (
            branch.mixing[:, None] & (branch.b != 0),
            "b",
            "a branch with a gain has no charging",
        ),
        (
            has_gain & ~np.isin(branch.kind, ("transformer", "regulator")),
            "gain",
            "only a transformer or a regulator has one",
        ),
        (
            branch.from_phases & ~bus.phases[branch.from_bus],
            "phases",
            "the from bus lacks one of them",
        ),
        (present & ~bus.phases[branch.to_bus], "phases", "the to bus lacks one of them"),
        (ideal, "r, x", "the series impedance of a phase is zero"),
        ((r_self < 0) & present, "r", "a phase has a negative resistance"),
        (skew, "r, x", "the matrix is not symmetric"),
        ((size > 0) & ~pair, "r, x", "has values on a phase that does not exist"),
        (size > SUSPICIOUS_IMPEDANCE, "r, x", f"is above {SUSPICIOUS_IMPEDANCE:g} p.u."),
        ((branch.ratio <= 0) & present, "ratio", "must be positive"),
        ((branch.rating <= 0) & present, "rating", "must be positive"),
        (branch.length_km < 0, "length_km", "is negative"),
        (
            passive & (np.abs(kv_from - kv_to) > 1e-3 * kv_to),
            "kv_ln",
            "joins two voltage levels and is no transformer",
        ),
    ]
    return [
        f for mask, field, text in rules for f in _where("branch", branch.id, mask, field, text)
    ]


def _powers(feeder: Feeder) -> list[Finding]:
    """Find power on phases a bus lacks, and sizes that betray a wrong unit."""
    findings = []
    for component, ids, bus, columns in (
        ("load", feeder.loads.id, feeder.loads.bus, [feeder.loads.p, feeder.loads.q]),
        (
            "capacitor",
            feeder.capacitors.id,
            feeder.capacitors.bus,
            [feeder.capacitors.p, feeder.capacitors.q],
        ),
        (
            "generator",
            feeder.generators.id,
            feeder.generators.bus,
            [feeder.generators.p, feeder.generators.q],
        ),
    ):
        size = np.abs(np.stack(columns)).sum(axis=0)
        lacking = (size > 0) & ~feeder.buses.phases[bus]
        findings += _where(component, ids, lacking, "bus", "has power on a phase the bus lacks")
        text = f"is above {SUSPICIOUS_POWER:g} p.u.: is it in kW on a base in MVA?"
        findings += _where(component, ids, size > SUSPICIOUS_POWER, "p, q", text)
    return findings


def _load_models(feeder: Feeder) -> list[Finding]:
    load = feeder.loads
    bad = np.zeros(len(load), dtype=np.bool_)
    for k, model in enumerate(load.model.tolist()):
        try:
            voltage_terms(model)
        except ValueError:
            bad[k] = True
    return _where("load", load.id, bad, "model", "has no two (cvr:p:q) or six (zip:…) numbers")


_CHECKS: tuple[Callable[[Feeder], list[Finding]], ...] = (
    _base,
    _source,
    _duplicate_ids,
    _not_numbers,
    _buses,
    _branches,
    _powers,
    _load_models,
    feeding_findings,
)
