"""AC optimal power flow by CasADi and Ipopt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import csc_array

from pygridjl.core.result import Status, Stopwatch, engine_versions
from pygridjl.core.types import FloatArray
from pygridjl.grid.network import Branches, Network
from pygridjl.grid.network_checks import assert_valid
from pygridjl.optimal_flow.check import largest_violation
from pygridjl.optimal_flow.result import OpfResult

__all__ = ["ac_opf"]

# A point is called feasible if the independent check finds nothing beyond this, p.u.
FEASIBILITY_TOLERANCE = 1e-5

_STATUS = {
    "Solve_Succeeded": Status.FEASIBLE,
    "Solved_To_Acceptable_Level": Status.FEASIBLE,
    "Maximum_WallTime_Exceeded": Status.TIME_LIMIT,
    "Maximum_CpuTime_Exceeded": Status.TIME_LIMIT,
}


def ac_opf(network: Network, *, time_limit: float | None = None) -> OpfResult:
    """Minimise the generation cost subject to the AC power-flow equations.

    Voltages are polar. Every limit of the network is kept: voltage band, ratings at both ends,
    angle differences, and the units' active, reactive and apparent power. Slack buses have angle
    0; their voltage is free within its band, as MATPOWER has it. Branches are in their base state.

    Parameters
    ----------
    network : Network
        The network.
    time_limit : float, optional
        Seconds for the solver.

    Returns
    -------
    OpfResult
        A local optimum, so its status is ``feasible`` and it has no bound.

    Raises
    ------
    InvalidNetworkError
        If the data are not sound.
    """
    assert_valid(network)
    watch = Stopwatch()
    with watch.phase("build"):
        program = _program(network, time_limit)
    with watch.phase("solve"):
        answer = program.solver(
            x0=program.start,
            lbx=program.lower,
            ubx=program.upper,
            lbg=program.row_lower,
            ubg=program.row_upper,
        )
        ended = program.solver.stats()["return_status"]
    n, g = network.n_bus, len(network.generators)
    va, vm, p, q = np.split(np.asarray(answer["x"]).ravel(), np.cumsum([n, n, program.units.size]))
    pg, qg = np.zeros(g), np.zeros(g)
    pg[program.units], qg[program.units] = p, q
    flows = np.zeros((4, network.n_branch))
    flows[:, network.branches.closed] = np.asarray(program.flows(answer["x"])).T
    with watch.phase("check"):
        violation = largest_violation(network, vm, va, pg, qg)
    status = _STATUS.get(ended, Status.NOT_FOUND)
    if status is Status.FEASIBLE and violation > FEASIBILITY_TOLERANCE:
        status = Status.NOT_FOUND
    answered = violation <= FEASIBILITY_TOLERANCE
    return OpfResult(
        network=network.name,
        formulation="acp",
        engine="python",
        solver="Ipopt",
        status=status,
        objective=float(answer["f"]) if answered else None,
        bound=None,
        bus=network.buses.id,
        generator=network.generators.id,
        vm=vm,
        va=va,
        pg=pg,
        qg=qg,
        p_from=flows[0],
        q_from=flows[1],
        p_to=flows[2],
        q_to=flows[3],
        violation=violation,
        notes=() if status is Status.FEASIBLE else (f"Ipopt ended with {ended}",),
        seconds=watch.seconds,
        versions=engine_versions("casadi"),
    )


@dataclass(frozen=True)
class _Program:
    """The nonlinear program: a compiled solver, its bounds and its start."""

    solver: Any
    flows: Any
    units: Any
    start: FloatArray
    lower: FloatArray
    upper: FloatArray
    row_lower: FloatArray
    row_upper: FloatArray


def _program(network: Network, time_limit: float | None) -> _Program:
    import casadi

    bus, branch = network.buses, network.branches.take(network.branches.closed)
    units = np.flatnonzero(network.generators.in_service)
    unit = network.generators.take(units)
    n, g = network.n_bus, units.size
    # Whole vectors at a time: one symbol an array, not one a bus.
    va, vm = casadi.SX.sym("va", n), casadi.SX.sym("vm", n)
    p, q = casadi.SX.sym("pg", g), casadi.SX.sym("qg", g)
    x = casadi.vertcat(va, vm, p, q)
    at_from, at_to = branch.from_bus.tolist(), branch.to_bus.tolist()
    flows = _flows(casadi, branch, vm[at_from], vm[at_to], va[at_from] - va[at_to])
    p_from, q_from, p_to, q_to = flows
    leaves = _incidence(casadi, branch.from_bus, n)
    arrives = _incidence(casadi, branch.to_bus, n)
    feeds = _incidence(casadi, unit.bus, n)
    rows = [
        feeds @ p - leaves @ p_from - arrives @ p_to - bus.gs * vm**2,
        feeds @ q - leaves @ q_from - arrives @ q_to + bus.bs * vm**2,
    ]
    lower, upper = [network.load_p, network.load_q], [network.load_p, network.load_q]
    rated = np.flatnonzero(np.isfinite(branch.rating))
    limit = branch.rating[rated] ** 2
    for active, reactive in ((p_from, q_from), (p_to, q_to)):
        rows.append(active[rated.tolist()] ** 2 + reactive[rated.tolist()] ** 2)
        lower.append(np.full(rated.size, -np.inf))
        upper.append(limit)
    # Beyond half a turn a limit on the difference says nothing.
    held = np.flatnonzero((branch.angle_min > -np.pi) | (branch.angle_max < np.pi))
    rows.append((va[at_from] - va[at_to])[held.tolist()])
    lower.append(branch.angle_min[held])
    upper.append(branch.angle_max[held])
    round_ = np.flatnonzero(np.isfinite(unit.s_max))
    rows.append(p[round_.tolist()] ** 2 + q[round_.tolist()] ** 2)
    lower.append(np.full(round_.size, -np.inf))
    upper.append(unit.s_max[round_] ** 2)
    c2, c1, c0 = unit.cost.T
    problem: dict[str, Any] = {
        "x": x,
        "f": casadi.dot(c2, p**2) + casadi.dot(c1, p) + float(c0.sum()),
        "g": casadi.vertcat(*rows),
    }
    options: dict[str, Any] = {"ipopt.print_level": 0, "ipopt.sb": "yes", "print_time": False}
    if time_limit is not None:
        options["ipopt.max_wall_time"] = float(time_limit)
    slack = network.slack_buses
    turn = np.full(n, np.inf)
    turn[slack] = 0.0
    box_lower = np.concatenate([-turn, bus.v_min, unit.p_min, unit.q_min])
    box_upper = np.concatenate([turn, bus.v_max, unit.p_max, unit.q_max])
    start = np.concatenate([np.zeros(n), np.ones(n), unit.p, unit.q])
    return _Program(
        solver=casadi.nlpsol("opf", "ipopt", problem, options),
        flows=casadi.Function("flows", [x], [casadi.horzcat(*flows)]),
        units=units,
        start=_inside(start, box_lower, box_upper),
        lower=box_lower,
        upper=box_upper,
        row_lower=np.concatenate(lower),
        row_upper=np.concatenate(upper),
    )


def _inside(start: FloatArray, lower: FloatArray, upper: FloatArray) -> FloatArray:
    """Move a start value to the middle of its bounds, where both are finite."""
    bounded = np.isfinite(lower) & np.isfinite(upper)
    middle = np.where(bounded, (np.where(bounded, lower, 0) + np.where(bounded, upper, 0)) / 2, 0)
    return np.where(bounded, middle, np.clip(start, lower, upper))


def _flows(casadi: Any, branch: Branches, vf: Any, vt: Any, angle: Any) -> tuple[Any, ...]:
    """Flows into both ends of π-models, as MATPOWER's manual (section 3.2) has them."""
    series = 1.0 / (branch.r + 1j * branch.x)
    own = series + 0.5j * branch.b
    ratio = branch.tap
    cosine, sine = casadi.cos(angle - branch.shift), casadi.sin(angle - branch.shift)
    g, b = series.real / ratio, series.imag / ratio
    product = vf * vt
    from_square, to_square = vf**2 / ratio**2, vt**2
    return (
        own.real * from_square - product * (g * cosine + b * sine),
        -own.imag * from_square - product * (g * sine - b * cosine),
        own.real * to_square - product * (g * cosine - b * sine),
        -own.imag * to_square + product * (g * sine + b * cosine),
    )


def _incidence(casadi: Any, position: Any, n: int) -> Any:
    """Sparse matrix that sums a vector of components by bus."""
    k = position.size
    matrix = csc_array((np.ones(k), (position, np.arange(k))), shape=(n, k))
    sparsity = casadi.Sparsity(n, k, matrix.indptr.tolist(), matrix.indices.tolist())
    return casadi.DM(sparsity, matrix.data)
