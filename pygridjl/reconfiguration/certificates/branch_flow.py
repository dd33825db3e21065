"""The branch-flow relaxation with switches, as a SCIP model."""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_array, csr_array

from pygridjl.core.types import BoolArray, FloatArray, IntArray
from pygridjl.powerflow.sweep import radial_power_flow, sweep_data
from pygridjl.reconfiguration.certificates.consumers import bus_injections, injecting_part
from pygridjl.reconfiguration.certificates.formulation import MeshFormulation, formulate
from pygridjl.reconfiguration.certificates.scip_mesh import add_mesh, mesh_columns, mesh_start
from pygridjl.reconfiguration.electrical import electrical_flow
from pygridjl.reconfiguration.problem import RadialProblem
from pygridjl.solvers.scip import ScipModel

__all__ = ["BranchFlow"]

# Band of squared voltages without voltage limits.
WIDE_BAND = (0.5**2, 1.5**2)
# Flows are scaled so that the total demand is this number.
TOTAL = 10.0


class _Columns:
    """Positions of the columns: P, Q, l, z by edge, v by bus, Pg, Qg by root, then the mesh."""

    def __init__(self, problem: RadialProblem) -> None:
        m, n, k = problem.m, problem.network.n_bus, problem.roots.size
        parts = np.split(np.arange(4 * m + n + 2 * k), np.cumsum([m, m, m, m, n, k]))
        self.p, self.q, self.l, self.z, self.v, self.pg, self.qg = parts
        self.mesh = 4 * m + n + 2 * k


class BranchFlow:
    """The model of one problem; ``ceiling`` is the AC loss in kW it looks below."""

    def __init__(self, problem: RadialProblem, tree: BoolArray, ceiling: float) -> None:
        network = problem.network
        self.problem, self.ceiling = problem, ceiling
        self.r, self.x = network.branches.r[problem.branch], network.branches.x[problem.branch]
        self.loss_r = network.branches.loss_r[problem.branch]
        self.tail = network.branches.from_bus[problem.branch]
        self.head = network.branches.to_bus[problem.branch]
        self.at = _Columns(problem)
        self.p, self.q = bus_injections(problem)
        self.scale = max(float(abs(self.p).sum() + abs(self.q).sum()), 1e-9) / TOTAL
        self.consuming = not injecting_part(problem)
        self.v_low, self.v_high = self._voltage_band()
        self.form = self._formulation(tree)
        self._bound_flows(tree)
        self.model = self._build()

    def _voltage_band(self) -> tuple[FloatArray, FloatArray]:
        """Bounds of the squared voltages, shape (n_bus,)."""
        problem, network = self.problem, self.problem.network
        low, high = np.full(network.n_bus, WIDE_BAND[0]), np.full(network.n_bus, WIDE_BAND[1])
        if "voltage" in problem.limits:
            low, high = network.buses.v_min**2, np.minimum(network.buses.v_max**2, high)
        held = sweep_data(network, problem.roots).root_voltage[problem.roots] ** 2
        if self.consuming:
            # Along a tree of consumers the voltage only falls.
            high = np.minimum(high, held.max())
        low[problem.roots] = high[problem.roots] = held
        return low, high

    def _formulation(self, tree: BoolArray) -> MeshFormulation | None:
        """Lossless model of the mesh, with a ceiling that no allowed configuration exceeds.

        Among consumers every AC flow exceeds the lossless flow of the same tree, so that the
        linear loss is at most the AC loss times the largest squared voltage.
        """
        problem = self.problem
        half = 0.5 * np.array([abs(problem.p).sum(), abs(problem.q).sum()])
        ceiling = float(problem.weight.sum() * (half @ half)) * problem.kw
        if self.consuming:
            ceiling = min(ceiling, float(self.v_high.max()) * self.ceiling)
        return formulate(problem, tree, ceiling)

    def _bound_flows(self, tree: BoolArray) -> None:
        """Bounds of P, Q, l by edge, p.u."""
        problem, m = self.problem, self.problem.m
        most = self.ceiling / problem.kw
        with np.errstate(divide="ignore"):
            square = np.where(self.loss_r > 0, most / self.loss_r, np.inf)
        if "ampacity" in problem.limits:
            square = np.minimum(square, problem.network.branches.rating[problem.branch] ** 2)
        reach = np.sqrt(self.v_high[self.tail] * square)
        self.p_reach, self.q_reach, self.l_high = reach, reach.copy(), square
        self.l_low = np.zeros(m)
        if not self.consuming or not np.isfinite(most):
            return
        flow_p, flow_q = electrical_flow(problem).flow.T.copy()
        radius = np.zeros(m)
        bridge = np.ones(m, dtype=bool)
        if self.form is not None:
            mesh = self.form.mesh
            radius[mesh.edges] = self.form.radius[mesh.group]
            bridge[mesh.edges] = False
        # The losses below an edge add to its lossless flow.
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = float(np.max(np.where(self.r > 0, self.x / self.r, np.inf), initial=0.0))
        self.p_reach = np.minimum(self.p_reach, abs(flow_p) + radius + most)
        self.q_reach = np.minimum(self.q_reach, abs(flow_q) + radius + ratio * most)
        with np.errstate(divide="ignore"):  # without a lowest voltage there is no largest current
            largest = (self.p_reach**2 + self.q_reach**2) / self.v_low[self.tail]
        self.l_high = np.minimum(self.l_high, largest)
        least = (flow_p**2 + flow_q**2) / self.v_high.max()
        # A hair of room for rounding.
        self.l_low[bridge] = least[bridge] * (1 - 1e-9)

    def _build(self) -> ScipModel:
        at, s, problem = self.at, self.scale, self.problem
        width = at.mesh + (0 if self.form is None else 5 * self.form.share.size)
        width += 0 if self.form is None else self.form.owner.size
        lower, upper = np.full(width, -np.inf), np.full(width, np.inf)
        binary = np.zeros(width, dtype=bool)
        lower[at.p], upper[at.p] = -self.p_reach / s, self.p_reach / s
        lower[at.q], upper[at.q] = -self.q_reach / s, self.q_reach / s
        lower[at.l], upper[at.l] = self.l_low / s**2, self.l_high / s**2
        lower[at.z], upper[at.z] = 1.0, 1.0
        lower[at.v], upper[at.v] = self.v_low, self.v_high
        upper[at.pg] = self._capacity(problem.network.generators.p_max) / s
        if self.form is not None:
            lower[at.mesh :], upper[at.mesh :], binary[at.mesh :] = mesh_columns(self.form)
            lower[at.z[self.form.mesh.candidate_edge]] = 0.0
        cost = np.zeros(width)
        cost[at.l] = self.loss_r * s**2 * problem.kw
        model = ScipModel(cost, lower, upper, binary)
        self._add_physics(model, width)
        self._add_cones(model)
        if self.form is not None:
            add_mesh(model, self.form, at.mesh)
            self._add_switches(model, self.form, width)
            if self.consuming and np.isfinite(self.ceiling):
                self._add_lossless(model, self.form, width)
        return model

    def _capacity(self, capacity: FloatArray) -> FloatArray:
        """Capacity of the units at each root, p.u., infinite where there is no limit."""
        problem, gen = self.problem, self.problem.network.generators
        limit = np.full(problem.roots.size, np.inf)
        if "capacity" in problem.limits:
            for k, bus in enumerate(problem.roots):
                rows = gen.in_service & (gen.bus == bus)
                if rows.any():
                    limit[k] = capacity[rows].sum()
        return limit

    def _add_physics(self, model: ScipModel, width: int) -> None:
        """Balance at every bus and voltage drop along closed branches."""
        at, s, network = self.at, self.scale, self.problem.network
        edge, bus = np.arange(self.problem.m), np.arange(network.n_bus)
        one = np.ones(edge.size)
        roots = self.problem.roots
        balances = (
            (at.p, at.pg, self.r, network.buses.gs, self.p),
            (at.q, at.qg, self.x, -network.buses.bs, self.q),
        )
        for flow, source, impedance, shunt, injection in balances:
            matrix = _rows(
                (self.tail, flow, one),
                (self.head, flow, -one),
                (self.head, at.l, impedance * s),
                (bus, at.v, shunt / s),
                (roots, source, -np.ones(roots.size)),
                shape=(network.n_bus, width),
            )
            model.add_rows(matrix, injection / s, injection / s)
        drop = (
            (edge, at.v[self.head], one),
            (edge, at.v[self.tail], -one),
            (edge, at.p, 2 * self.r * s),
            (edge, at.q, 2 * self.x * s),
            (edge, at.l, -(self.r**2 + self.x**2) * s**2),
        )
        shape = (edge.size, width)
        # What the voltages at the ends of an open branch can differ by.
        up = self.v_high[self.head] - self.v_low[self.tail]
        down = self.v_high[self.tail] - self.v_low[self.head]
        infinite = np.full(edge.size, np.inf)
        model.add_rows(_rows(*drop, (edge, at.z, up), shape=shape), -infinite, up)
        model.add_rows(_rows(*drop, (edge, at.z, -down), shape=shape), -down, infinite)

    def _add_cones(self, model: ScipModel) -> None:
        """P² + Q² ≤ v l, where switchable also P² + Q² ≤ v_max l z; source transformers."""
        at = self.at
        for e in range(self.problem.m):
            model.add_cone((at.p[e], at.q[e]), at.v[self.tail[e]], at.l[e])
        if self.form is not None:
            for e in self.form.mesh.candidate_edge:
                largest = float(self.v_high[self.tail[e]])
                model.add_cone((at.p[e], at.q[e]), at.z[e], at.l[e], largest)
        limit = self._capacity(self.problem.network.generators.s_max) / self.scale
        for k in np.flatnonzero(np.isfinite(limit)):
            model.add_ball((at.pg[k], at.qg[k]), float(limit[k]))

    def _add_switches(self, model: ScipModel, form: MeshFormulation, width: int) -> None:
        """Tie z to the opened candidates; nothing flows through an open branch."""
        at, s = self.at, self.scale
        ways, edge = np.arange(form.owner.size), form.mesh.candidate_edge
        one = np.ones(ways.size)
        shape = (ways.size, width)
        model.add_rows(
            _rows((ways, at.z[edge], one), (ways, at.mesh + ways, one), shape=shape), one, one
        )
        bounded = (
            (at.p, self.p_reach / s, (1.0, -1.0)),
            (at.q, self.q_reach / s, (1.0, -1.0)),
            (at.l, self.l_high / s**2, (1.0,)),
        )
        for column, reach, signs in bounded:
            k = np.flatnonzero(np.isfinite(reach[edge]))
            rows = np.arange(k.size)
            for sign in signs:
                matrix = _rows(
                    (rows, column[edge[k]], np.full(k.size, sign)),
                    (rows, at.z[edge[k]], -reach[edge[k]]),
                    shape=(k.size, width),
                )
                model.add_rows(matrix, np.full(k.size, -np.inf), np.zeros(k.size))

    def _add_lossless(self, model: ScipModel, form: MeshFormulation, width: int) -> None:
        """Bound the AC loss of each super-edge by its lossless one over the largest v."""
        at, mesh, problem = self.at, form.mesh, self.problem
        size, ways = form.share.size, form.owner.size
        through = electrical_flow(problem).flow[mesh.edges] * mesh.sense[:, None]
        weight = problem.weight[mesh.edges]
        fixed = np.bincount(mesh.group, weight * (through**2).sum(axis=1), minlength=size)
        drop = [np.bincount(mesh.group, weight * through[:, k], minlength=size) for k in (0, 1)]
        slope: FloatArray = 2 * form.radius[:, None] * np.stack(drop, axis=1)
        excess = form.unit / problem.kw
        opening = (slope[form.owner] * form.target).sum(axis=1) + excess * form.cost
        row = np.arange(size)
        entries = [
            (mesh.group, at.l[mesh.edges], weight * self.scale**2 * self.v_high.max()),
            (form.owner, at.mesh + np.arange(ways), -opening),
            (row, at.mesh + ways + row, -slope[:, 0]),
            (row, at.mesh + ways + size + row, -slope[:, 1]),
            (row, at.mesh + ways + 3 * size + row, -excess * form.share),
        ]
        # In units of the largest entry of each row, so that tolerances mean something.
        unit = np.maximum(fixed, np.bincount(form.owner, abs(opening), minlength=size))
        unit = np.maximum(unit, excess * form.share)
        scaled = [(r, c, v / unit[r]) for r, c, v in entries]
        room = 1e-9 * np.maximum(fixed, unit)
        model.add_rows(
            _rows(*scaled, shape=(size, width)), (fixed - room) / unit, np.full(size, np.inf)
        )

    def start(self, closed: BoolArray) -> FloatArray:
        """Values of the columns for a configuration, from its AC power flow."""
        problem, at, s = self.problem, self.at, self.scale
        solved = radial_power_flow(problem.network, problem.branch_states(closed), problem.roots)
        current = (solved.v[self.tail] - solved.v[self.head]) / (self.r + 1j * self.x)
        current[~closed] = 0.0
        power = solved.v[self.tail] * current.conj() / s
        values = np.zeros(at.mesh)
        values[at.p], values[at.q] = power.real, power.imag
        values[at.l], values[at.z] = abs(current / s) ** 2, closed
        values[at.v] = abs(solved.v) ** 2
        source = solved.source[problem.roots] / s
        values[at.pg], values[at.qg] = source.real, source.imag
        if self.form is not None:
            values = np.concatenate([values, mesh_start(self.form, closed)])
        return values


def _rows(*entries: tuple[IntArray, IntArray, FloatArray], shape: tuple[int, int]) -> csr_array:
    """Sparse matrix of (rows, columns, values) parts."""
    rows, columns, values = (np.concatenate(part) for part in zip(*entries, strict=True))
    return csr_array(coo_array((values, (rows, columns)), shape=shape))
