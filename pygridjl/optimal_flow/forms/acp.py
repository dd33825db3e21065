"""AC optimal power flow in polar coordinates by CasADi and Ipopt, built once for many loads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from scipy.sparse import csc_array

from pygridjl.core.jit import working_time
from pygridjl.core.result import Status, Stopwatch, engine_versions
from pygridjl.core.stopping import seconds_left
from pygridjl.core.types import FloatArray
from pygridjl.grid.network import Branches, Network
from pygridjl.optimal_flow.check import largest_violation
from pygridjl.optimal_flow.forms.starts import dc_angles, inside
from pygridjl.optimal_flow.problem import assert_solvable, cost_lines
from pygridjl.optimal_flow.result import OpfResult
from pygridjl.solvers.nlp import NlpSolver

__all__ = ["FEASIBILITY_TOLERANCE", "AcOpf", "AcPoint", "Start", "ac_opf"]

# A point is called feasible if the independent check finds nothing beyond this, p.u.
FEASIBILITY_TOLERANCE = 1e-5

Start = Literal["flat", "dc", "previous"]


@dataclass(frozen=True, eq=False)
class AcPoint:
    """Where one run ended.

    Attributes
    ----------
    status : Status
        ``feasible`` for a local optimum that passed the check.
    objective : float or None
        Cost per hour; None if the point violates something.
    vm, va : ndarray, shape (n_bus,)
        Voltage magnitude, p.u., and angle, rad.
    pg, qg : ndarray, shape (n_generator,)
        Injections, p.u.; 0 for units out of service.
    flows : ndarray, shape (4, n_branch)
        Active and reactive flow into the from end, then into the to end, p.u.
    violation : float
        Largest violation of a balance or a limit, p.u. or rad.
    ended : str
        Ipopt's own name of the status.
    surplus : int
        By how many equations and fixed quantities exceed the quantities; 0 where some are free.
    """

    status: Status
    objective: float | None
    vm: FloatArray
    va: FloatArray
    pg: FloatArray
    qg: FloatArray
    flows: FloatArray
    violation: float
    ended: str
    surplus: int


class AcOpf:
    """The AC optimal power flow of one network, kept alive for other loads and costs.

    Parameters
    ----------
    network : Network
        The network in its base state.

    Raises
    ------
    InvalidNetworkError
        If the data are not sound.
    """

    def __init__(self, network: Network) -> None:
        import casadi

        assert_solvable(network)
        self.network = network
        self._units = np.flatnonzero(network.generators.in_service)
        bus, unit = network.buses, network.generators.take(self._units)
        branch = network.branches.take(network.branches.closed)
        n, g = network.n_bus, self._units.size
        owner, slope, intercept = cost_lines(network)
        # One column a unit with piecewise costs: its cost, held above every line.
        priced, line = np.unique(np.searchsorted(self._units, owner), return_inverse=True)
        # Whole vectors at a time: one symbol an array, not one a bus.
        va, vm = casadi.SX.sym("va", n), casadi.SX.sym("vm", n)
        p, q = casadi.SX.sym("pg", g), casadi.SX.sym("qg", g)
        height = casadi.SX.sym("height", priced.size)
        x = casadi.vertcat(va, vm, p, q, height)
        load_p, load_q = casadi.SX.sym("load_p", n), casadi.SX.sym("load_q", n)
        c2, c1 = casadi.SX.sym("c2", g), casadi.SX.sym("c1", g)
        at_from, at_to = branch.from_bus.tolist(), branch.to_bus.tolist()
        flows = _flows(casadi, branch, vm[at_from], vm[at_to], va[at_from] - va[at_to])
        p_from, q_from, p_to, q_to = flows
        leaves = _incidence(casadi, branch.from_bus, n)
        arrives = _incidence(casadi, branch.to_bus, n)
        feeds = _incidence(casadi, unit.bus, n)
        rows = [
            feeds @ p - leaves @ p_from - arrives @ p_to - bus.gs * vm**2 - load_p,
            feeds @ q - leaves @ q_from - arrives @ q_to + bus.bs * vm**2 - load_q,
        ]
        lower, upper = [np.zeros(2 * n)], [np.zeros(2 * n)]

        def add(expression: Any, low: FloatArray, high: FloatArray) -> None:
            if low.size:
                rows.append(expression)
                lower.append(low)
                upper.append(high)

        rated = np.flatnonzero(np.isfinite(branch.rating))
        limit = branch.rating[rated] ** 2
        free = np.full(rated.size, -np.inf)
        for active, reactive in ((p_from, q_from), (p_to, q_to)):
            add(active[rated.tolist()] ** 2 + reactive[rated.tolist()] ** 2, free, limit)
        # Beyond half a turn a limit on the difference says nothing.
        held = np.flatnonzero((branch.angle_min > -np.pi) | (branch.angle_max < np.pi))
        difference = (va[at_from] - va[at_to])[held.tolist()]
        add(difference, branch.angle_min[held], branch.angle_max[held])
        round_ = np.flatnonzero(np.isfinite(unit.s_max))
        free = np.full(round_.size, -np.inf)
        add(p[round_.tolist()] ** 2 + q[round_.tolist()] ** 2, free, unit.s_max[round_] ** 2)
        if line.size:
            above = slope * p[priced[line].tolist()] - height[line.tolist()]
            add(above, np.full(line.size, -np.inf), -intercept)
        cost = casadi.dot(c2, p**2) + casadi.dot(c1, p) + casadi.sum1(height)
        self._flows = casadi.Function("flows", [x], [casadi.horzcat(*flows)])
        parameters = casadi.vertcat(load_p, load_q, c2, c1)
        self._solver = NlpSolver(x, parameters, cost, casadi.vertcat(*rows))
        turn = np.full(n, np.inf)
        least = -turn
        least[network.slack_buses] = turn[network.slack_buses] = network.slack_angles
        free = np.full(priced.size, np.inf)
        self._lower = np.concatenate([least, bus.v_min, unit.p_min, unit.q_min, -free])
        self._upper = np.concatenate([turn, bus.v_max, unit.p_max, unit.q_max, free])
        self._rows = np.concatenate(lower), np.concatenate(upper)
        self._lines = (line, slope, intercept, priced)
        self._previous: FloatArray | None = None

    def solve(
        self,
        loads: tuple[FloatArray, FloatArray] | None = None,
        costs: FloatArray | None = None,
        start: Start = "flat",
        *,
        time_limit: float = np.inf,
    ) -> AcPoint:
        """Solve for given loads and costs.

        Parameters
        ----------
        loads : tuple of ndarray, shape (n_bus,) each, optional
            Active and reactive demand by bus, p.u.; those of the network by default.
        costs : ndarray, shape (n_generator, 3), optional
            ``c2, c1, c0`` of every unit; those of the network by default. Piecewise costs stay.
        start : {"flat", "dc", "previous"}
            Voltages of 1 p.u. and no angle, the angles of a DC power flow, or where the last run
            that converged ended (flat before there is one).
        time_limit : float
            Seconds.

        Returns
        -------
        AcPoint
            A local optimum, or the last point with the status saying why it is none.
        """
        network = self.network
        load_p, load_q = (network.load_p, network.load_q) if loads is None else loads
        costs = network.generators.cost if costs is None else costs
        cost = costs[self._units]
        parameters = np.concatenate([load_p, load_q, cost[:, 0], cost[:, 1]])
        answer = self._solver.solve(
            self._start(start, load_p),
            parameters,
            bounds=(self._lower, self._upper),
            row_bounds=self._rows,
            time_limit=time_limit,
        )
        if answer.converged:
            self._previous = answer.x
        n, g = network.n_bus, self._units.size
        va, vm, p, q, _ = np.split(answer.x, np.cumsum([n, n, g, g]))
        pg, qg = np.zeros(len(network.generators)), np.zeros(len(network.generators))
        pg[self._units], qg[self._units] = p, q
        flows = np.zeros((4, network.n_branch))
        flows[:, network.branches.closed] = np.asarray(self._flows(answer.x)).T
        violation = largest_violation(network, vm, va, pg, qg, loads=(load_p, load_q))
        kept = violation <= FEASIBILITY_TOLERANCE
        status = Status.TIME_LIMIT if answer.out_of_time else Status.NOT_FOUND
        if answer.converged and kept:
            status = Status.FEASIBLE
        value = answer.objective + float(cost[:, 2].sum())
        return AcPoint(
            status=status,
            objective=value if kept else None,
            vm=vm,
            va=va,
            pg=pg,
            qg=qg,
            flows=flows,
            violation=violation,
            ended=answer.ended,
            surplus=answer.surplus,
        )

    def _start(self, start: Start, load_p: FloatArray) -> FloatArray:
        if start == "previous" and self._previous is not None:
            return self._previous
        network, n = self.network, self.network.n_bus
        unit = network.generators.take(self._units)
        line, slope, intercept, priced = self._lines
        point = np.concatenate([np.zeros(n), np.ones(n), unit.p, unit.q, np.zeros(priced.size)])
        point = inside(point, self._lower, self._upper)
        if start == "dc":
            point[:n], point[2 * n : 2 * n + unit.p.size] = dc_angles(network, load_p)
        if line.size:
            p = point[2 * n : 2 * n + unit.p.size]
            height = np.full(priced.size, -np.inf)
            np.maximum.at(height, line, slope * p[priced[line]] + intercept)
            point[-priced.size :] = height
        return point


def ac_opf(network: Network, *, time_limit: float | None = None) -> OpfResult:
    """Minimise the generation cost subject to the AC power-flow equations.

    Voltages are polar. Every limit of the network is kept: voltage band, ratings at both ends,
    angle differences, and the units' active, reactive and apparent power. Slack buses have their
    given angle; their voltage is free within its band, as MATPOWER has it. Branches are in their
    base state. Where the flat start does not converge, the angles of a DC power flow are tried.

    Parameters
    ----------
    network : Network
        The network.
    time_limit : float, optional
        Seconds of the whole call.

    Returns
    -------
    OpfResult
        A local optimum, so its status is ``feasible`` and it has no bound.

    Raises
    ------
    InvalidNetworkError
        If the data are not sound.
    """
    watch = Stopwatch()
    deadline = np.inf if time_limit is None else working_time() + time_limit
    with watch.phase("build"):
        program = AcOpf(network)
    with watch.phase("solve"):
        point = program.solve(time_limit=seconds_left(deadline))
        if point.status is Status.NOT_FOUND:
            point = program.solve(start="dc", time_limit=seconds_left(deadline))
    p_from, q_from, p_to, q_to = point.flows
    return OpfResult(
        network=network.name,
        formulation="acp",
        engine="python",
        solver="Ipopt",
        status=point.status,
        objective=point.objective,
        bound=None,
        bus=network.buses.id,
        generator=network.generators.id,
        vm=point.vm,
        va=point.va,
        pg=point.pg,
        qg=point.qg,
        p_from=p_from,
        q_from=q_from,
        p_to=p_to,
        q_to=q_to,
        violation=point.violation,
        notes=_notes(point),
        seconds=watch.seconds,
        versions=engine_versions("casadi"),
        raw_status=point.ended,
    )


def _notes(point: AcPoint) -> tuple[str, ...]:
    if point.status is Status.FEASIBLE:
        return ()
    notes = [f"Ipopt ended with {point.ended}"]
    if point.surplus:
        notes.append(
            f"power balances and fixed quantities are {point.surplus} more than there are "
            "quantities: an equal lower and upper limit fixes (v_min = v_max, p_min = p_max, "
            "angle_min = angle_max); widen some"
        )
    return tuple(notes)


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
