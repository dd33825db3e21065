"""What the AC certificates ask of a network: series impedances, buses that only consume."""

from __future__ import annotations

import numpy as np

from pygridjl.core.errors import InvalidOptionError
from pygridjl.core.types import FloatArray
from pygridjl.reconfiguration.problem import RadialProblem

__all__ = ["assert_series_impedances", "bus_injections", "injecting_part"]


def assert_series_impedances(problem: RadialProblem) -> None:
    """Refuse what the branch-flow equations of the AC certificates do not hold.

    Raises
    ------
    InvalidOptionError
        If the problem is not of the kind ``substations``, or a branch has charging, a transformer
        ratio or a phase shift.
    """
    if problem.kind != "substations":
        raise InvalidOptionError("problem: the AC certificate needs the substations problem")
    branch = problem.network.branches.take(problem.branch)
    for name, plain in (("b", 0.0), ("tap", 1.0), ("shift", 0.0)):
        other = np.flatnonzero(getattr(branch, name) != plain)
        if other.size:
            raise InvalidOptionError(
                f"branch {int(branch.id[other[0]])}: the AC certificate models series impedances "
                f"only, but {name} is {getattr(branch, name)[other[0]]:g}"
            )


def injecting_part(problem: RadialProblem) -> str:
    """Name the first component that does not only consume; empty if there is none.

    Where nothing injects, flows and losses of a tree exceed the lossless ones and voltages only
    fall on the way from the source, which the bounds rest on.

    Returns
    -------
    str
        Such as ``"bus 5 injects reactive power"``.
    """
    network = problem.network
    bus, gen = network.buses, network.generators
    branch = network.branches.take(problem.branch)
    away = np.setdiff1d(np.arange(network.n_bus), problem.roots)
    p, q = bus_injections(problem)
    holds = np.zeros(network.n_bus, dtype=bool)
    # What holds a voltage may inject reactive power after all.
    holds[gen.bus[gen.holds_v & gen.in_service]] = True
    for found, what in (
        (p > 0, "injects active power"),
        (q > 0, "injects reactive power"),
        ((bus.gs != 0) | (bus.bs != 0), "has a shunt"),
        (holds, "holds its voltage"),
    ):
        rows = away[found[away]]
        if rows.size:
            return f"bus {bus.id[rows[0]]} {what}"
    negative = np.flatnonzero((branch.r < 0) | (branch.x < 0))
    if negative.size:
        return f"branch {int(branch.id[negative[0]])} has a negative impedance"
    return ""


def bus_injections(problem: RadialProblem) -> tuple[FloatArray, FloatArray]:
    """Net injection of loads and of units that are not at a root, p.u., shape (n_bus,)."""
    network, gen = problem.network, problem.network.generators
    p, q = -network.load_p, -network.load_q
    unit = gen.in_service & ~np.isin(gen.bus, problem.roots)
    np.add.at(p, gen.bus[unit], gen.p[unit])
    np.add.at(q, gen.bus[unit], gen.q[unit])
    return p, q
