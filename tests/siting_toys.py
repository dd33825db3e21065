"""A feeder and second stages small enough that the best decision is found by trying them all."""

from __future__ import annotations

import itertools

import numpy as np

from pygridjl.grid.feeder import Feeder, FeederBranches, FeederBuses, FeederLoads
from pygridjl.scenarios.model import ScenarioSet
from pygridjl.siting.check import check_units
from pygridjl.siting.problem import PlanningProblem
from pygridjl.siting.second_stage.protocol import FeasibilityCut, ScenarioStatus, SecondStageBatch


def toy_feeder(n_bus: int = 5, phases=None) -> Feeder:
    """A three-phase line 0 – 1 – … with the source at bus 0."""
    m = n_bus - 1
    there = np.ones((n_bus, 3), dtype=bool) if phases is None else np.array(phases)
    both = there[:-1] & there[1:]
    z = np.eye(3) * both[:, :, None] * both[:, None, :]
    return Feeder(
        name="toy",
        phase_mva=1.0,
        buses=FeederBuses(
            id=[f"b{k}" for k in range(n_bus)], kv_ln=np.full(n_bus, 2.4), phases=there
        ),
        branches=FeederBranches(
            id=[f"l{k}" for k in range(m)],
            from_bus=np.arange(m),
            to_bus=np.arange(1, n_bus),
            r=0.01 * z,
            x=0.02 * z,
            phases=both,
        ),
        loads=FeederLoads(
            id=[f"d{k}" for k in range(1, n_bus)],
            bus=np.arange(1, n_bus),
            p=0.05 * there[1:],
            q=0.02 * there[1:],
        ),
        source_bus=0,
        v_set=1.0,
    )


def toy_problem(n_site: int = 4, **options) -> PlanningProblem:
    settings = {"max_units": 4, "budget": 45.0, "max_sites": 2, **options}
    return PlanningProblem(toy_feeder(n_site + 1), **settings)


def toy_scenarios(n_scenario: int, n_bus: int, seed: int = 0) -> ScenarioSet:
    rng = np.random.default_rng(seed)
    p = rng.uniform(0.5, 1.5, n_scenario)
    shape = (n_scenario, n_bus)
    return ScenarioSet(p / p.sum(), rng.uniform(0, 1, shape), rng.uniform(0, 1, shape))


class QuadraticStage:
    """Q(n, ξ) = ½ ‖max(0, d_ξ − M n)‖² with M ≥ 0: convex, never rising, not separable."""

    engine = "toy"

    def __init__(self, problem: PlanningProblem, scenarios: ScenarioSet, seed: int = 0):
        rng = np.random.default_rng(seed)
        self.problem, self.scenarios = problem, scenarios
        near = rng.uniform(0, 0.3, (problem.n_site, problem.n_site))
        self.matrix = np.diag(rng.uniform(0.6, 1.2, problem.n_site)) + near
        self.demand = rng.uniform(1.0, 6.0, (len(scenarios), problem.n_site))

    def value_and_gradient(self, n, k):
        short = np.maximum(0.0, self.demand[k] - self.matrix @ n)
        return 0.5 * float(short @ short), -self.matrix.T @ short

    def cut(self, n, k):
        return None

    def evaluate_scenarios(self, units, indices):
        n, index = np.asarray(units, dtype=float), np.asarray(indices)
        size = (index.size, self.problem.n_site)
        value, gradient = np.full(index.size, np.nan), np.full(size, np.nan)
        status, cuts = np.zeros(index.size, dtype=np.int64), []
        for row, k in enumerate(index):
            cut = self.cut(n, k)
            if cut is not None:
                cuts.append(cut)
                status[row] = ScenarioStatus.INFEASIBLE
            else:
                value[row], gradient[row] = self.value_and_gradient(n, k)
        return SecondStageBatch(index, value, gradient, status, tuple(cuts))

    def evaluate(self, units):
        return self.evaluate_scenarios(units, np.arange(len(self.scenarios)))

    def reset(self):
        pass


class SeparableStage(QuadraticStage):
    """Q(n, ξ) = Σ_i a_i max(0, t_iξ − n_i) with integer t: separable, integer breakpoints."""

    def __init__(self, problem, scenarios, seed=0):
        rng = np.random.default_rng(seed)
        self.problem, self.scenarios = problem, scenarios
        self.price = rng.uniform(1.0, 3.0, problem.n_site)
        self.target = rng.integers(0, problem.max_units + 1, (len(scenarios), problem.n_site))

    def value_and_gradient(self, n, k):
        # The right slope: what one more unit is worth.
        short = np.maximum(0.0, self.target[k] - n)
        return float(self.price @ short), -self.price * (self.target[k] > n)


class DemandingStage(QuadraticStage):
    """A quadratic stage whose scenario k needs at least ``need[k]`` units at the last two sites."""

    def __init__(self, problem, scenarios, need, seed=0):
        super().__init__(problem, scenarios, seed)
        self.need = np.asarray(need)

    def cut(self, n, k):
        lacking = self.need[k] - n[-2:].sum()
        if lacking <= 0:
            return None
        coefficient = np.zeros(self.problem.n_site)
        coefficient[-2:] = -1.0
        return FeasibilityCut(str(self.scenarios.id[k]), coefficient, float(self.need[k]))


def all_decisions(problem: PlanningProblem):
    for units in itertools.product(range(problem.max_units + 1), repeat=problem.n_site):
        if not check_units(problem, units):
            yield np.array(units)


def best_value(stage) -> float:
    """The smallest expected value over all decisions, by trying them all."""
    p = stage.scenarios.probability
    best = np.inf
    for units in all_decisions(stage.problem):
        batch = stage.evaluate(units)
        if batch.optimal.all():
            best = min(best, float(p @ batch.value))
    return best
