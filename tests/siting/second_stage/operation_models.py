"""The operation (41)–(54) written out a second time, phase by phase, for other solvers."""

from __future__ import annotations

import dataclasses

import clarabel
import numpy as np
from feeder_builders import random_feeder
from scipy.optimize import linprog
from scipy.sparse import csc_matrix

from pygridjl.grid import FeederGenerators
from pygridjl.scenarios.model import ScenarioSet
from pygridjl.siting.problem import PlanningProblem

ALPHA = np.exp(-2j * np.pi / 3 * np.arange(3))


def some_scenarios(rng, n_scenario, n_bus, sun=1.0):
    shape = (n_scenario, n_bus)
    pv = sun * rng.uniform(0, 1, shape)
    pv[0] = 0.0  # a night
    return ScenarioSet(np.full(n_scenario, 1 / n_scenario), rng.uniform(0.2, 1.2, shape), pv)


def small_case(rng, objective, tight, priced=False):
    """A random feeder whose limits matter (or not), without taps and reversed branches."""
    prices = {}
    if priced:  # of the size of what a kW changes
        size = 1e-4 if objective == "voltage" else 0.05
        prices = {
            "curtailment_price": float(size * rng.uniform(0.1, 2.0)),
            "unit_penalty": float(size * rng.uniform(0.0, 1.0)),
        }
    feeder = random_feeder(rng, 9, regulators=False, reverse=False)
    rating = feeder.branches.rating * (0.12 if tight else 1.0)
    at = rng.integers(0, feeder.n_bus, 2)
    units = FeederGenerators(
        id=["sunny", "steady"],
        bus=at,
        p=0.02 * rng.random((2, 3)) * feeder.buses.phases[at],
        q=0.01 * rng.random((2, 3)) * feeder.buses.phases[at],
        kind=["pv", "generator"],
    )
    feeder = feeder.replace(branches=feeder.branches.replace(rating=rating), generators=units)
    problem = PlanningProblem(
        feeder,
        measure=objective,
        unit_kw=30.0 * feeder.phase_mva,
        max_units=6,
        v_source=float(rng.uniform(0.98, 1.03)),
        v_min=0.95 if tight else 0.5,
        v_max=1.035 if tight else 2.0,
        power_factor_angle=float(rng.choice([0.0, 0.3])),
        **prices,
    )
    if rng.random() < 0.5:
        own = rng.choice([np.nan, -0.4, 0.0, 0.5], problem.n_site)
        problem = dataclasses.replace(problem, site_angle=own)
    if rng.random() < 0.5:
        free = np.where(
            (np.abs(problem.angles) > 0) & (rng.random(problem.n_site) < 0.5), "free", ""
        )
        problem = dataclasses.replace(problem, site_reactive=free)
    return problem, some_scenarios(rng, 4, feeder.n_bus, sun=2.0)


class Written:
    """Rows gathered one by one from the tables of a feeder without reversed branches or taps."""

    def __init__(self, problem, scenarios, k, units):
        feeder = problem.feeder
        self.names, self.eq, self.le = {}, [], []
        load_p, load_q = np.zeros((feeder.n_bus, 3)), np.zeros((feeder.n_bus, 3))
        fixed_p, fixed_q = np.zeros((feeder.n_bus, 3)), np.zeros((feeder.n_bus, 3))
        for bus, p, q in zip(feeder.loads.bus, feeder.loads.p, feeder.loads.q, strict=True):
            load_p[bus] += p * scenarios.load[k, bus]
            load_q[bus] += q * scenarios.load[k, bus]
        for bus, q in zip(feeder.capacitors.bus, feeder.capacitors.q, strict=True):
            fixed_q[bus] += q
        generators = feeder.generators
        columns = (generators.bus, generators.p, generators.q, generators.kind)
        for bus, p, q, kind in zip(*columns, strict=True):
            share = scenarios.pv[k, bus] if kind == "pv" else 1.0
            fixed_p[bus] += share * p
            fixed_q[bus] += share * q
        branch = feeder.branches
        for e in np.flatnonzero(branch.closed):
            for end in (branch.from_bus[e], branch.to_bus[e]):
                fixed_q[end] += branch.b[e] / 2
        self.at_source = (load_p - fixed_p)[feeder.source_bus]
        self.summed = False
        low, high = problem.band
        v0 = problem.source_voltage
        site_at = {bus: j for j, bus in enumerate(problem.sites.tolist())}
        self.objective, self.form = {}, []
        self.reward, self.constant = {}, 0.0
        for bus in range(feeder.n_bus):
            for a in np.flatnonzero(feeder.buses.phases[bus]):
                z = self.var("z", bus, a, 0, None)
                self.objective[z] = 1.0
                if bus == feeder.source_bus:
                    u = self.var("U", bus, a, v0[a] ** 2, v0[a] ** 2)
                else:
                    top = None if np.isinf(high[bus]) else high[bus] ** 2
                    u = self.var("U", bus, a, low[bus] ** 2, top)
                self.le.append(({u: 1, z: -1}, problem.v_ref**2))
                self.le.append(({u: -1, z: -1}, -(problem.v_ref**2)))
        for bus, j in site_at.items():
            columns = [
                self.var("p", bus, a, 0, None) for a in np.flatnonzero(problem.site_phases[j])
            ]
            cap = scenarios.pv[k, bus] * problem.unit_kw / (1e3 * feeder.phase_mva) * units[j]
            # A kW of sun costs its price unless it is injected.
            self.constant += problem.curtailment_price * cap * 1e3 * feeder.phase_mva
            self.constant += problem.unit_penalty * problem.unit_kw * units[j]
            for column in columns:
                self.reward[column] = problem.curtailment_price * 1e3 * feeder.phase_mva
            self.le.append((dict.fromkeys(columns, 1.0), cap))
            if problem.free[j]:
                steep = abs(np.tan(problem.angles[j]))
                for a, p in zip(np.flatnonzero(problem.site_phases[j]), columns, strict=True):
                    q = self.var("q", bus, a, None, None)
                    self.le += [({q: sign, p: -steep}, 0.0) for sign in (1, -1)]
        for e in np.flatnonzero(branch.closed):
            i, j = branch.from_bus[e], branch.to_bus[e]
            assert feeder.tree.parent[j] == i
            assert (branch.ratio[e] == 1).all()
            for a in np.flatnonzero(feeder.buses.phases[j]):
                P, Q = self.var("P", j, a, None, None), self.var("Q", j, a, None, None)
                for b in np.flatnonzero(feeder.buses.phases[j]):
                    if "loss-printed" in problem.weights and a != b:
                        continue
                    # Re(conj(I_a) R_ab I_b) with I = (P - jQ) α at nominal voltages α.
                    turn = branch.r[e, a, b] * np.conj(ALPHA[a]) * ALPHA[b] * 1e3 * feeder.phase_mva
                    self.form.append((("P", j, a), ("P", j, b), turn.real))
                    self.form.append((("Q", j, a), ("Q", j, b), turn.real))
                    self.form.append((("P", j, a), ("Q", j, b), turn.imag))
                    self.form.append((("Q", j, a), ("P", j, b), -turn.imag))
                s = branch.rating[e, a]
                if problem.line_limits and np.isfinite(s):
                    for sp, sq, size in ((3**0.5, 1, 3**0.5), (3**0.5, -1, 3**0.5), (0, 2, 3**0.5)):
                        for sign in (1, -1):
                            self.le.append(({P: sign * sp, Q: sign * sq}, size * s))
        for j in range(feeder.n_bus):
            if j == feeder.source_bus:
                continue
            e = feeder.tree.branch[j]
            i = branch.from_bus[e]
            for a in np.flatnonzero(feeder.buses.phases[j]):
                site = site_at.get(j)
                own = np.nan if problem.site_angle is None else problem.site_angle[site or 0]
                tan = np.tan(problem.power_factor_angle if np.isnan(own) else own)
                for kind, demand, factor in (
                    ("P", load_p[j, a] - fixed_p[j, a], 1.0),
                    ("Q", load_q[j, a] - fixed_q[j, a], tan),
                ):
                    row = {self.names[kind, j, a]: 1.0}
                    for f in np.flatnonzero(branch.closed & (branch.from_bus == j)):
                        child = branch.to_bus[f]
                        if feeder.buses.phases[child, a]:
                            row[self.names[kind, child, a]] = -1.0
                    if kind == "Q" and ("q", j, a) in self.names:
                        row[self.names["q", j, a]] = 1.0
                    elif ("p", j, a) in self.names:
                        row[self.names["p", j, a]] = factor
                    self.eq.append((row, demand))
                drop = {self.names["U", j, a]: 1.0, self.names["U", i, a]: -1.0}
                for b in np.flatnonzero(feeder.buses.phases[j]):
                    z = branch.r[e, a, b] + 1j * branch.x[e, a, b]
                    # 2 Re(conj(z) Γ_ab (P + jQ)) with Γ_ab = α_a conj(α_b).
                    turn = np.conj(z) * ALPHA[a] * np.conj(ALPHA[b])
                    drop[self.names["P", j, b]] = 2 * turn.real
                    drop[self.names["Q", j, b]] = -2 * turn.imag
                self.eq.append((drop, 0.0))

    def var(self, kind, bus, phase, low, high):
        self.bounds = getattr(self, "bounds", [])
        self.names[kind, bus, phase] = len(self.bounds)
        self.bounds.append((low, high))
        return self.names[kind, bus, phase]

    def dense(self, rows):
        a = np.zeros((len(rows), len(self.bounds)))
        for r, (row, _) in enumerate(rows):
            for column, value in row.items():
                a[r, column] = value
        return a, np.array([right for _, right in rows])

    def least_deviation(self):
        """Optimal F^vd by scipy, or None if infeasible."""
        cost = np.zeros(len(self.bounds))
        cost[list(self.objective)] = 1.0
        for column, reward in self.reward.items():
            cost[column] -= reward
        a_ub, b_ub = self.dense(self.le)
        a_eq, b_eq = self.dense(self.eq)
        answer = linprog(cost, a_ub, b_ub, a_eq, b_eq, self.bounds)
        assert answer.status in (0, 2)
        return answer.fun + self.constant if answer.status == 0 else None

    def least_sum(self, problem, weights, bought=0.0, sold=0.0):
        """Optimal weighted sum of measures by Clarabel, every measure written out once more."""
        feeder, kw = problem.feeder, 1e3 * problem.feeder.phase_mva
        self.objective, self.summed = {}, True
        if "voltage" in weights:
            z = [column for (kind, *_), column in self.names.items() if kind == "z"]
            self.objective |= dict.fromkeys(z, weights["voltage"])
        if {"import", "energy-cost"} & set(weights):
            spread = weights.get("import", 0.0)
            spread += weights.get("energy-cost", 0.0) * (bought - sold) / 1e3
            # What the source delivers: its own net load and all that flows into its children.
            supply, constant = {}, 0.0
            for a in np.flatnonzero(feeder.buses.phases[feeder.source_bus]):
                constant += self.at_source[a]
                for f in np.flatnonzero(feeder.branches.closed):
                    child = feeder.branches.to_bus[f]
                    fed = feeder.branches.from_bus[f] == feeder.source_bus
                    if fed and ("P", child, a) in self.names:
                        supply[self.names["P", child, a]] = 1.0
            assert ("p", feeder.source_bus, 0) not in self.names
            g = self.var("g", 0, 0, 0, None)
            self.le.append(({**supply, g: -1.0}, -constant))
            self.objective[g] = spread * kw
            earned = weights.get("energy-cost", 0.0) * sold / 1e3 * kw
            for column in supply:
                self.objective[column] = earned
            self.constant += earned * constant
        if "unbalance" in weights:
            trios = [
                bus
                for bus in range(feeder.n_bus)
                if feeder.buses.phases[bus].all() and bus != feeder.source_bus
            ]
            for bus in trios:
                t = self.var("t", bus, 0, 0, None)
                # Half of the deviation of U, over v_ref², in percent, on average.
                self.objective[t] = weights["unbalance"] * 50 / problem.v_ref**2 / len(trios)
                for a in range(3):
                    for sign in (1, -1):
                        away = {self.names["U", bus, b]: -sign / 3 for b in range(3)}
                        away[self.names["U", bus, a]] += sign
                        self.le.append(({**away, t: -1.0}, 0.0))
        return self.least_loss(weights.get("loss", weights.get("loss-printed", 0.0)))

    def least_loss(self, weight=1.0):
        """Optimal loss times a weight, and what is linear beside it, by Clarabel."""
        n = len(self.bounds)
        hessian = np.zeros((n, n))
        for first, second, value in self.form:
            hessian[self.names[first], self.names[second]] += 2 * weight * value
        np.testing.assert_allclose(hessian, hessian.T, atol=1e-12 * np.abs(hessian).max())
        a_ub, b_ub = self.dense(self.le)
        a_eq, b_eq = self.dense(self.eq)
        one = np.eye(n)
        low = [k for k, (b, _) in enumerate(self.bounds) if b is not None]
        high = [k for k, (_, b) in enumerate(self.bounds) if b is not None]
        matrix = np.vstack([a_eq, a_ub, -one[low], one[high]])
        right = np.concatenate(
            [b_eq, b_ub, [-self.bounds[k][0] for k in low], [self.bounds[k][1] for k in high]]
        )
        options = clarabel.DefaultSettings()
        options.verbose = False
        options.tol_gap_abs = 1e-14
        options.tol_gap_rel = options.tol_feas = 1e-10
        linear = {} if not self.summed else self.objective
        scale = np.abs(hessian).max() or max(map(abs, linear.values()), default=1.0) or 1.0
        cost = np.zeros(n)
        for column, value in linear.items():
            cost[column] += value / scale
        for column, reward in self.reward.items():
            cost[column] -= reward / scale
        answer = clarabel.DefaultSolver(
            csc_matrix(np.triu(hessian / scale)),
            cost,
            csc_matrix(matrix),
            right,
            [
                clarabel.ZeroConeT(b_eq.size),
                clarabel.NonnegativeConeT(right.size - b_eq.size),
            ],
            options,
        ).solve()
        assert answer.status == clarabel.SolverStatus.Solved
        return answer.obj_val * scale + self.constant
