"""Optimal power flow of a three-phase feeder in LinDist3Flow, by HiGHS."""

from __future__ import annotations

import numpy as np
from scipy.sparse import block_array, coo_array, csr_array, eye_array

from pygridjl.core.result import Status, Stopwatch, engine_versions
from pygridjl.core.types import FloatArray, IntArray
from pygridjl.grid import Feeder, assert_valid_feeder
from pygridjl.optimal_flow.result import FeederOpfResult
from pygridjl.powerflow.lindistflow import LinDistFlow3
from pygridjl.solvers.highs import HighsModel
from pygridjl.solvers.linear import LinearModel
from pygridjl.solvers.status import SolverStatus

__all__ = ["lindist_opf"]

_STATUS = {
    SolverStatus.OPTIMAL: Status.OPTIMAL,
    SolverStatus.INFEASIBLE: Status.INFEASIBLE,
    SolverStatus.TIME_LIMIT: Status.TIME_LIMIT,
}


def lindist_opf(
    feeder: Feeder, *, ampacity: bool = True, time_limit: float | None = None
) -> FeederOpfResult:
    """Minimise the import of a feeder, losses left out.

    Generators may be curtailed, and use what their capacity leaves beside their scheduled active
    power for reactive power; without a capacity their reactive power stays. Voltages keep the
    band, flows the hexagon within the circle of the ampacity at 1 p.u. voltage.

    Parameters
    ----------
    feeder : Feeder
        The feeder in its base state.
    ampacity : bool
        Whether ampacities are limits.
    time_limit : float, optional
        Seconds for the solver.

    Returns
    -------
    FeederOpfResult
        The dispatch; its status is ``optimal`` or ``infeasible`` by proof of the simplex method.

    Raises
    ------
    InvalidNetworkError
        If the data are not sound.
    """
    assert_valid_feeder(feeder)
    watch = Stopwatch()
    with watch.phase("build"):
        flow = LinDistFlow3(feeder)
        unit, phase = np.nonzero(feeder.buses.phases[feeder.generators.bus])
        model = HighsModel(_program(feeder, flow, unit, phase, ampacity))
    with watch.phase("solve"):
        answer = model.solve(time_limit=np.inf if time_limit is None else time_limit)
    n, shape = feeder.n_node, feeder.generators.p.shape
    vm = np.full((feeder.n_bus, 3), np.nan)
    p_source, q_source = np.full((2, 3), np.nan)
    pg, qg = np.full(shape, np.nan), np.full(shape, np.nan)
    if answer.x is not None:
        P, Q, U, p, q = np.split(answer.x, np.cumsum([n, n, n, unit.size]))
        vm[feeder.node_bus, feeder.node_phase] = np.sqrt(np.maximum(U, 0.0))
        source = feeder.node_of[feeder.source_bus]
        p_source, q_source = P[source], Q[source]
        pg[unit, phase], qg[unit, phase] = p, q
    return FeederOpfResult(
        feeder=feeder.name,
        formulation="lindist",
        engine="python",
        solver="HiGHS",
        status=_STATUS.get(answer.status, Status.NOT_FOUND),
        objective=answer.objective,
        bus=feeder.buses.id,
        vm=vm,
        va=np.full_like(vm, np.nan),
        p_source=p_source,
        q_source=q_source,
        pg=pg,
        qg=qg,
        notes=("ampacities as hexagons, at 1 p.u. voltage",) if ampacity else (),
        seconds=watch.seconds,
        versions=engine_versions("highspy"),
        raw_status=answer.ended,
    )


def _program(
    feeder: Feeder, flow: LinDistFlow3, unit: IntArray, phase: IntArray, ampacity: bool
) -> LinearModel:
    """Columns: P and Q into each node, U of each node, p and q of each generator's phase."""
    n, g = feeder.n_node, unit.size
    gen = feeder.generators
    node = feeder.node_of[gen.bus[unit], phase]
    feeds = csr_array(coo_array((np.ones(g), (node, np.arange(g))), shape=(n, g)))
    equations = flow.equations()
    # What generators may change is not part of the fixed injection.
    p, q = feeder.injection()
    fixed_p, fixed_q = p - feeder.generation_p, q - feeder.generation_q
    cross = equations.cross
    rows = [
        [equations.balance, cross, None, feeds, None],
        [None if cross is None else -cross, equations.balance, None, None, feeds],
        [equations.mp, equations.mq, equations.voltage, None, None],
    ]
    lower = [-fixed_p, -fixed_q, equations.u_source]
    upper = list(lower)
    if ampacity:
        capacity = _capacity(feeder, flow)
        rated = np.flatnonzero(np.isfinite(capacity))
        pick = csr_array(eye_array(n))[rated]
        size = np.sqrt(3) * capacity[rated]
        for sign in (-1.0, 1.0):
            rows.append([np.sqrt(3) * pick, sign * pick, None, None, None])
            lower.append(-size)
            upper.append(size)
        rows.append([None, pick, None, None, None])
        lower.append(-size / 2)
        upper.append(size / 2)
    bus = feeder.buses
    free = feeder.node_bus != feeder.source_bus
    u_lower = np.where(free, bus.v_min[feeder.node_bus] ** 2, 0.0)
    u_upper = np.where(free, bus.v_max[feeder.node_bus] ** 2, np.inf)
    scheduled, reactive, s_max = (x[unit, phase] for x in (gen.p, gen.q, gen.s_max))
    bounded = np.isfinite(s_max)
    room = np.sqrt(np.maximum(np.where(bounded, s_max, 0.0) ** 2 - scheduled**2, 0.0))
    anything = np.full(2 * n, np.inf)
    cost = np.zeros(3 * n + 2 * g)
    cost[feeder.node_of[feeder.source_bus]] = 1.0
    return LinearModel(
        cost=cost,
        matrix=csr_array(block_array(rows)),
        row_lower=np.concatenate(lower),
        row_upper=np.concatenate(upper),
        col_lower=np.concatenate(
            [-anything, u_lower, np.minimum(scheduled, 0.0), np.where(bounded, -room, reactive)]
        ),
        col_upper=np.concatenate(
            [anything, u_upper, np.maximum(scheduled, 0.0), np.where(bounded, room, reactive)]
        ),
    )


def _capacity(feeder: Feeder, flow: LinDistFlow3) -> FloatArray:
    """Ampacity of the branch that feeds each node, p.u.; infinity at the source."""
    capacity = feeder.branches.rating[flow.branch, feeder.node_phase]
    return np.where(flow.branch >= 0, capacity, np.inf)
