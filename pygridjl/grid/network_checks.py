"""Validation as data: every problem of a network at once, then one error if asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from pygridjl.core.errors import InvalidNetworkError
from pygridjl.core.findings import Finding
from pygridjl.core.types import BoolArray
from pygridjl.grid.network import Branches, Buses, Generators, Loads, Network

__all__ = ["assert_valid", "validate"]

# A series impedance above this many p.u. (or an injection above the other) is surely a table whose
# ohms or kilowatts were not converted: an ohm of a 0.4 kV cable on 100 MVA is 625 p.u.
SUSPICIOUS_IMPEDANCE = 1e5
SUSPICIOUS_POWER = 1e4


def validate(network: Network) -> tuple[Finding, ...]:
    """List everything that is wrong with a network.

    Checked: duplicate ids, NaN and infinities, zero or negative impedances, bands and limits the
    wrong way round, ratios that are not positive, buses without a path to any source, networks
    without a source, values whose size betrays a wrong unit.

    Parameters
    ----------
    network : Network
        The network.

    Returns
    -------
    tuple of Finding
        Empty when the network is sound.
    """
    findings: list[Finding] = []
    for check in _CHECKS:
        findings.extend(check(network))
    return tuple(findings)


def assert_valid(network: Network) -> None:
    """Raise one error that lists every finding.

    Parameters
    ----------
    network : Network
        The network.

    Raises
    ------
    InvalidNetworkError
        If :func:`validate` finds anything.
    """
    findings = validate(network)
    if findings:
        raise InvalidNetworkError(network.name, findings)


def _where(
    component: str, ids: Iterable[object], mask: BoolArray, field: str, message: str
) -> list[Finding]:
    """One finding for the rows of a mask, or none."""
    if not mask.any():
        return []
    names = tuple(str(i) for i, bad in zip(ids, mask, strict=True) if bad)
    return [Finding(component, names, field, message)]


def _tables(network: Network) -> list[tuple[str, Buses | Branches | Generators | Loads]]:
    return [
        ("bus", network.buses),
        ("branch", network.branches),
        ("generator", network.generators),
        ("load", network.loads),
    ]


def _empty(network: Network) -> list[Finding]:
    return [] if network.n_bus else [Finding("network", (), "buses", "there are none")]


def _base(network: Network) -> list[Finding]:
    if np.isfinite(network.base_mva) and network.base_mva > 0:
        return []
    return [Finding("network", (), "base_mva", f"must be positive, is {network.base_mva}")]


def _duplicate_ids(network: Network) -> list[Finding]:
    findings = []
    for component, table in _tables(network):
        values, counts = np.unique(table.id, return_counts=True)
        repeated = tuple(str(v) for v in values[counts > 1])
        if repeated:
            findings.append(Finding(component, repeated, "id", "is used more than once"))
    return findings


# Columns where infinity means "no limit"; everywhere else a value must be finite.
_MAY_BE_INFINITE = {"v_max", "rating", "p_min", "p_max", "q_min", "q_max", "s_max"}
_MAY_BE_NAN = {"x", "y"}


def _not_numbers(network: Network) -> list[Finding]:
    findings = []
    for component, table in _tables(network):
        for name, values in table.columns():
            if values.dtype.kind != "f" or (component == "bus" and name in _MAY_BE_NAN):
                continue
            bad = np.isnan(values) if name in _MAY_BE_INFINITE else ~np.isfinite(values)
            rows = bad.any(axis=1) if bad.ndim == 2 else bad
            findings += _where(component, table.id, rows, name, "is not a finite number")
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
    branch = network.branches
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
        *_where("branch", branch.id, branch.r < 0, "r", "is negative"),
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
    gen = network.generators
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
