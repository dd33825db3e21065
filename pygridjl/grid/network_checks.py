"""Validation as data: every problem of a network at once, then one error if asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, get_args

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from pygridjl.core.errors import InvalidNetworkError, InvalidOptionError
from pygridjl.core.findings import Finding, SoundOnce, findings_of as _where
from pygridjl.core.types import BoolArray
from pygridjl.grid.network import Branches, Buses, Generators, Loads, Network

__all__ = [
    "Use",
    "assert_one_angle",
    "assert_quadratic_costs",
    "assert_valid",
    "validate",
]

_SOUND = SoundOnce()

Use = Literal["any", "file", "opf", "reconfiguration"]

# A series impedance above this many p.u. (or an injection above the other) is surely a table whose
# ohms or kilowatts were not converted: an ohm of a 0.4 kV cable on 100 MVA is 625 p.u.
SUSPICIOUS_IMPEDANCE = 1e5
SUSPICIOUS_POWER = 1e4
# Beyond this, squares and products of a few values overflow.
LARGEST = 1e50


def validate(network: Network, use: Use = "any") -> tuple[Finding, ...]:
    """List everything that is wrong with a network.

    Checked for every use: duplicate ids, NaN and infinities, zero impedances, bands and limits the
    wrong way round, ratios that are not positive, buses without a path to any source, networks
    without a source, values whose size betrays a wrong unit. Units out of service, and branches
    that are open and may not be switched, do not matter and are not judged.

    Parameters
    ----------
    network : Network
        The network.
    use : {"any", "file", "opf", "reconfiguration"}
        What it is meant for. Of what was just read from a file the loads are also held against what
        the branches at the sources can pass, which betrays kilowatts and ohms. An optimal power
        flow also needs costs that are known, and convex where they are piecewise linear; a
        reconfiguration also needs resistances that are not negative.

    Returns
    -------
    tuple of Finding
        Empty when the network is sound.

    Raises
    ------
    InvalidOptionError
        If ``use`` is unknown.

    Examples
    --------
    >>> from pygridjl import load_network, validate
    >>> network = load_network("case33bw")
    >>> validate(network)
    ()
    >>> nothing = network.branches.r * float("nan")
    >>> broken = network.replace(branches=network.branches.replace(r=nothing))
    >>> print(validate(broken)[0].field)
    r
    """
    if use not in get_args(Use):
        raise InvalidOptionError(f"use: {use!r} is none of {', '.join(get_args(Use))}")
    findings: list[Finding] = []
    for check in (*_CHECKS, *_MORE[use]):
        findings.extend(check(network))
    return tuple(findings)


def assert_valid(network: Network, use: Use = "any") -> None:
    """Raise one error that lists every finding.

    Parameters
    ----------
    network : Network
        The network.
    use : {"any", "file", "opf", "reconfiguration"}
        What it is meant for, as in :func:`validate`.

    Raises
    ------
    InvalidNetworkError
        If :func:`validate` finds anything.

    Examples
    --------
    >>> from pygridjl import assert_valid, load_network
    >>> assert_valid(load_network("case33bw"))
    """

    def check() -> None:
        findings = validate(network, use)
        if findings:
            raise InvalidNetworkError(network.name, findings)

    _SOUND.check(network, check, use)


def assert_quadratic_costs(network: Network, method: str) -> None:
    """Refuse piecewise-linear costs, for a method that knows quadratic ones only.

    Parameters
    ----------
    network : Network
        The network.
    method : str
        Who refuses, for the message.

    Raises
    ------
    InvalidNetworkError
        If a unit in service has ``cost_points``.
    """
    gen = network.generators
    pieces = gen.in_service & (gen.n_cost_points > 0)
    text = f"{method} takes quadratic costs only, not piecewise-linear ones"
    findings = _where("generator", gen.id, pieces, "cost_points", text)
    if findings:
        raise InvalidNetworkError(network.name, findings)


def assert_one_angle(network: Network, method: str) -> None:
    """Refuse slacks whose voltage angles differ, for a method that sets them all to 0.

    Parameters
    ----------
    network : Network
        The network.
    method : str
        Who refuses, for the message.

    Raises
    ------
    InvalidNetworkError
        If :attr:`Network.slack_angles` differ.
    """
    angles = network.slack_angles
    if angles.any():
        gen = network.generators
        slack = gen.slack & gen.in_service
        text = f"{method} takes one angle for all slacks: set them to the same"
        raise InvalidNetworkError(
            network.name, _where("generator", gen.id, slack, "angle_set", text)
        )


def _tables(network: Network) -> list[tuple[str, Buses | Branches | Generators | Loads]]:
    """Return the tables, without the rows that no use of the network can bring into play."""
    return [
        ("bus", network.buses),
        ("branch", network.branches.take(network.branches.closed | network.branches.switchable)),
        ("generator", network.generators.take(network.generators.in_service)),
        ("load", network.loads),
    ]


_ALL_TABLES = ("buses", "branches", "generators", "loads")


def _empty(network: Network) -> list[Finding]:
    return [] if network.n_bus else [Finding("network", (), "buses", "there are none")]


def _base(network: Network) -> list[Finding]:
    if np.isfinite(network.base_mva) and network.base_mva > 0:
        return []
    return [Finding("network", (), "base_mva", f"must be positive, is {network.base_mva}")]


def _duplicate_ids(network: Network) -> list[Finding]:
    findings = []
    # Rows out of use too: an id says which row is meant.
    for (component, _), name in zip(_tables(network), _ALL_TABLES, strict=True):
        values, counts = np.unique(getattr(network, name).id, return_counts=True)
        repeated = tuple(str(v) for v in values[counts > 1])
        if repeated:
            findings.append(Finding(component, repeated, "id", "is used more than once"))
    return findings


# Columns where infinity means "no limit"; everywhere else a value must be finite.
_MAY_BE_INFINITE = {"v_max", "rating", "p_min", "p_max", "q_min", "q_max", "s_max"}
_MAY_BE_NAN = {"bus": {"x", "y", "v_start", "angle_start"}, "generator": {"cost", "cost_points"}}


def _not_numbers(network: Network) -> list[Finding]:
    findings = []
    for component, table in _tables(network):
        for name, values in table.columns():
            if values.dtype.kind != "f" or name in _MAY_BE_NAN.get(component, ()):
                continue
            bad = np.isnan(values) if name in _MAY_BE_INFINITE else ~np.isfinite(values)
            rows = bad.any(axis=1) if bad.ndim == 2 else bad
            findings += _where(component, table.id, rows, name, "is not a finite number")
            beyond = np.isfinite(values) & (np.abs(values) > LARGEST)
            rows = beyond.any(axis=tuple(range(1, beyond.ndim)))
            text = f"is beyond {LARGEST:g}, which nothing can be computed with"
            findings += _where(component, table.id, rows, name, text)
    return findings


def _buses(network: Network) -> list[Finding]:
    bus = network.buses
    return [
        *_where("bus", bus.id, bus.base_kv <= 0, "base_kv", "must be positive"),
        *_where("bus", bus.id, bus.v_min < 0, "v_min", "is negative"),
        *_where("bus", bus.id, bus.v_min > bus.v_max, "v_min", "is above v_max"),
        *_where("bus", bus.id, bus.v_min > 2.0, "v_min", "is above 2 p.u.: is it in kV?"),
    ]


def _branches(network: Network) -> list[Finding]:
    branch = network.branches.take(network.branches.closed | network.branches.switchable)
    z = np.abs(branch.r + 1j * branch.x)
    power_base = network.buses.base_kv
    loop = branch.from_bus == branch.to_bus
    mixed = (
        (power_base[branch.from_bus] != power_base[branch.to_bus])
        & (branch.tap == 1.0)
        & (branch.x == 0.0)
    )
    return [
        *_where("branch", branch.id, z == 0, "r, x", "the series impedance is zero"),
        *_where("branch", branch.id, loop, "to_bus", "is the same bus as from_bus"),
        *_where("branch", branch.id, branch.tap <= 0, "tap", "must be positive"),
        *_where("branch", branch.id, branch.rating <= 0, "rating", "must be positive"),
        *_where(
            "branch",
            branch.id,
            branch.angle_min > branch.angle_max,
            "angle_min",
            "is above angle_max",
        ),
        *_where(
            "branch",
            branch.id,
            z > SUSPICIOUS_IMPEDANCE,
            "r, x",
            f"is above {SUSPICIOUS_IMPEDANCE:g} p.u.: is it in ohms?",
        ),
        *_where(
            "branch",
            branch.id,
            mixed,
            "base_kv",
            "joins two voltage levels and is no transformer (x = 0, tap = 1)",
        ),
    ]


def _generators(network: Network) -> list[Finding]:
    gen = network.generators.take(network.generators.in_service)
    return [
        *_where("generator", gen.id, gen.p_min > gen.p_max, "p_min", "is above p_max"),
        *_where("generator", gen.id, gen.q_min > gen.q_max, "q_min", "is above q_max"),
        *_where("generator", gen.id, gen.s_max <= 0, "s_max", "must be positive"),
        *_where("generator", gen.id, gen.v_set <= 0, "v_set", "must be positive"),
        *_where("generator", gen.id, gen.v_set > 2.0, "v_set", "is above 2 p.u.: is it in kV?"),
    ]


def _loads(network: Network) -> list[Finding]:
    load = network.loads
    size = np.abs(load.p) + np.abs(load.q)
    return _where(
        "load",
        load.id,
        size > SUSPICIOUS_POWER,
        "p, q",
        f"is above {SUSPICIOUS_POWER:g} p.u.: is it in kW on a base in MVA?",
    )


def _supply(network: Network) -> list[Finding]:
    """Find loads beyond what any angles could pass: a unit was not converted.

    At 1 p.u. no more than 1/|z| goes through a branch, so that what the slacks have to deliver is
    at most the sum over the branches that leave them.
    """
    slacks = network.slack_buses
    branch = network.branches.take(network.branches.closed | network.branches.switchable)
    leaves = np.isin(branch.from_bus, slacks) ^ np.isin(branch.to_bus, slacks)
    size = np.abs(branch.r + 1j * branch.x)[leaves]
    if not size.size or not (size > 0).all():
        return []
    gen = network.generators.take(network.generators.in_service)
    others = ~np.isin(gen.bus, slacks)
    elsewhere = ~np.isin(np.arange(network.n_bus), slacks)
    asked = network.load_p[elsewhere].sum() - np.maximum(gen.p, 0.0)[others].sum()
    most = (1.0 / size).sum()
    if not asked > most:
        return []
    text = (
        f"{asked * network.base_mva:.4g} MW are asked of slacks whose branches pass "
        f"{most * network.base_mva:.4g} MW at any angles: are loads in kW taken for MW, or ohms "
        "for p.u.?"
    )
    return [Finding("network", (), "loads, r, x", text)]


def _islands(network: Network) -> list[Finding]:
    """Buses that no source can reach even with every switch closed."""
    gen = network.generators
    if not gen.in_service.any():
        return [Finding("network", (), "generators", "there is no source in service")]
    ones = np.ones(network.n_branch)
    ends = (network.branches.from_bus, network.branches.to_bus)
    graph = coo_array((ones, ends), shape=(network.n_bus, network.n_bus))
    _, island = connected_components(graph, directed=False)
    fed = np.isin(island, island[gen.bus[gen.in_service]])
    return _where(
        "bus", network.buses.id, ~fed, "island", "no source is connected, even with all closed"
    )


def _costs(network: Network) -> list[Finding]:
    """Find costs that an optimal power flow cannot work with."""
    gen = network.generators.take(network.generators.in_service)
    unknown = ~np.isfinite(gen.cost.sum(axis=1))
    points = gen.cost_points
    there = np.isfinite(points[:, :, 0]) & np.isfinite(points[:, :, 1])
    broken = (~there[:, :-1] & there[:, 1:]).any(axis=1) | (there.sum(axis=1) == 1)
    width, rise = np.diff(points, axis=1).transpose(2, 0, 1)
    both = there[:, 1:] & there[:, :-1]
    backwards = (both & ~(width > 0)).any(axis=1)
    slope = rise / np.where(both & (width > 0), width, 1.0)
    # Costs are written with few digits: a kink the wrong way below that is rounding.
    scale = np.where(both, np.abs(slope), 0.0).max(axis=1, initial=0.0)[:, None]
    falling = both[:, 1:] & (np.diff(slope, axis=1) < -1e-6 * scale)
    rules: list[tuple[BoolArray, str, str]] = [
        (
            unknown,
            "cost",
            "is not known (of reactive power, or of a degree above two): give it in c2, c1 and c0 "
            "of active power, or 0",
        ),
        (broken, "cost_points", "has fewer than two points, or a gap between them"),
        (backwards, "cost_points", "the powers of the points do not increase"),
        (
            falling.any(axis=1),
            "cost_points",
            "is not convex, a slope falls: leave out the points where it does, or give a quadratic "
            "cost",
        ),
    ]
    return [
        f for mask, field, text in rules for f in _where("generator", gen.id, mask, field, text)
    ]


def _resistances(network: Network) -> list[Finding]:
    branch = network.branches.take(network.branches.closed | network.branches.switchable)
    return _where("branch", branch.id, branch.r < 0, "r", "is negative")


_CHECKS: tuple[Callable[[Network], list[Finding]], ...] = (
    _empty,
    _base,
    _duplicate_ids,
    _not_numbers,
    _buses,
    _branches,
    _generators,
    _loads,
    _islands,
)

_MORE: dict[Use, tuple[Callable[[Network], list[Finding]], ...]] = {
    "any": (),
    "file": (_supply,),
    "opf": (_costs,),
    "reconfiguration": (_resistances,),
}
