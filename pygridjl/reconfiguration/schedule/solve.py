"""The door to schedules."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, NamedTuple, get_args

import numpy as np

from pygridjl.core.arguments import seconds_allowed
from pygridjl.core.jit import working_time
from pygridjl.core.result import Status, Stopwatch, engine_versions, relative_gap
from pygridjl.core.stopping import held_as, hold, is_over, seconds_left
from pygridjl.core.types import BoolArray, FloatArray
from pygridjl.grid.network import Network
from pygridjl.reconfiguration.build import build_problem
from pygridjl.reconfiguration.certificates.cycles import cycle_branch_and_bound
from pygridjl.reconfiguration.problem import Limit, RadialProblem
from pygridjl.reconfiguration.schedule.layers import Layer, Way, cheapest_way
from pygridjl.reconfiguration.schedule.periods import split_periods
from pygridjl.reconfiguration.schedule.result import ScheduleResult
from pygridjl.reconfiguration.schedule.stage import MOST, Stage
from pygridjl.reconfiguration.states.evaluate import StatesEvaluator
from pygridjl.reconfiguration.states.moments import problem_of_states
from pygridjl.reconfiguration.switching import Switching, check_operations, check_price
from pygridjl.scenarios.load_states import LoadStates, load_states
from pygridjl.scenarios.model import ScenarioSet

__all__ = ["schedule"]

GAP = 1e-9
# Of ways of equal cost the one with fewest operations is taken: each counts as much of the cost.
TIE = 1e-12


@dataclass
class _Rules:
    """How switching is counted: kWh an operation, operations in all and each time."""

    today: BoolArray
    elsewhere: int
    price: float
    most: int | None
    most_each: int | None

    def cheapest(self, layers: Sequence[Layer], *, rest: bool) -> Way | None:
        """Return the cheapest way through layers, which is a bound with their rest."""
        least = sum(float(layer.cost.min(initial=np.inf)) for layer in layers)
        return cheapest_way(
            self.today,
            layers,
            price=self.price if rest or not np.isfinite(least) else max(self.price, TIE * least),
            elsewhere=self.elsewhere,
            most=self.most,
            most_each=self.most_each,
            rest=rest,
        )


def schedule(
    network: Network,
    states: LoadStates | ScenarioSet,
    periods: int | Sequence[Any],
    *,
    max_operations: int | None = None,
    max_operations_each: int | None = None,
    operation_cost: float = 0.0,
    switchable: Collection[int] | None = None,
    keep_closed: Collection[int] = (),
    keep_open: Collection[int] = (),
    limits: Collection[Limit] | None = None,
    time_limit: float | None = None,
    on_progress: Callable[[str], None] | None = None,
) -> ScheduleResult:
    """Find a configuration for every period, so that losses and switching cost least together.

    Parameters
    ----------
    network : Network
        The network; its base state is what the first change begins from.
    states : LoadStates or ScenarioSet
        Load states in the order of time.
    periods : int or sequence
        In how many periods of about equal length the states fall, or the name of each state's
        period; equal names that follow each other are one period.
    max_operations, max_operations_each : int, optional
        Branches that may be opened or closed in all, and at each change.
    operation_cost : float
        Energy that one operation must save, kWh.
    switchable, keep_closed, keep_open, limits
        As in :func:`pygridjl.reconfigure`; limits are kept in AC in every state of the period.
    time_limit : float, optional
        Seconds, 60 unless given; infinity for no limit.
    on_progress : callable, optional
        Called with one line of text as the proof advances.

    Returns
    -------
    ScheduleResult
        The configurations with a proven bound on the energy of the linear model and of switching.

    Raises
    ------
    InvalidOptionError
        If an option cannot be used, or the network has more than 600 independent cycles.
    InvalidNetworkError, InvalidScenariosError
        If the data are not sound.

    Notes
    -----
    The configurations of each period within a window above its least loss are enumerated by the
    cycle branch-and-bound; what is outside is one more choice, at the loss where the window ends.
    The cheapest way through the periods (dynamic programming) is a lower bound, and the optimum
    once it needs no such choice. Until then the windows of the periods that need one are widened.

    Examples
    --------
    >>> import pygridjl
    >>> network = pygridjl.load_network("case33bw")
    >>> day = pygridjl.load_states(network, pygridjl.generate_scenarios(33, 24), hours=24.0)
    >>> plan = pygridjl.schedule(network, day, 4, operation_cost=5.0, limits=())
    >>> plan.status.value, plan.bound <= plan.objective <= plan.one_configuration
    ('optimal', True)
    """
    begun = working_time()
    deadline = begun + seconds_allowed(time_limit)
    say = on_progress or (lambda _: None)
    watch = Stopwatch()
    with watch.phase("setup"):
        check_operations("max_operations", max_operations)
        check_operations("max_operations_each", max_operations_each)
        check_price("operation_cost", operation_cost, "kWh")
        if isinstance(states, ScenarioSet):
            states = load_states(network, states)
        parts = split_periods(states, periods)
        chosen = frozenset(get_args(Limit) if limits is None else limits)
        problem = build_problem(
            network,
            switchable=switchable,
            keep_closed=keep_closed,
            keep_open=keep_open,
            limits=chosen,
            operation_cost=1.0,
        )
        today = problem.switching
        assert today is not None
        problem = replace(problem, switching=None)
        rules = _Rules(
            today.today, today.elsewhere, operation_cost, max_operations, max_operations_each
        )
        stages = [Stage(problem, part) for part in parts]
    with watch.phase("one"):
        one = _one_configuration(problem, states, rules, len(stages), deadline)
    with watch.phase("periods"):
        for stage in stages:
            stage.begin(deadline)
        one_cost = None
        if one is not None:
            one_cost = _cost_of(one, stages, rules)
            opened = list(map(int, problem.open_branches(one)))
            hold(objective=one_cost, open_branches=[opened] * len(stages))
            for stage in stages:
                stage.add(one, kept=True)
        trees = []
        if problem.is_spanning_tree(rules.today):
            trees.append(rules.today)
        for tree in [*trees, *(s.layer.closed[0] for s in stages if len(s.layer.closed))]:
            for stage in stages:
                stage.add(tree)
    with watch.phase("search"):
        found = _search(stages, rules, deadline, say)
    return _result(network, states.name, problem, stages, rules, found, one_cost, watch)


def _one_configuration(
    problem: RadialProblem, states: LoadStates, rules: _Rules, periods: int, deadline: float
) -> BoolArray | None:
    """Best configuration for all periods under the same rules."""
    hours = float(states.hours.sum())
    allowed = [k for k in (rules.most, rules.most_each) if k is not None]
    switching = Switching(
        rules.today, rules.elsewhere, rules.price / hours, min(allowed) if allowed else None
    )
    case = problem_of_states(replace(problem, switching=switching), states)
    accept = StatesEvaluator(case).keeps if problem.limits else None

    def of_schedule(known: dict[str, Any]) -> dict[str, Any]:
        # Kept all year it is a schedule; what bounds its kind bounds no schedule.
        if "open_branches" not in known:
            return {}
        energy = known["objective"] * hours
        return {"objective": energy, "open_branches": [known["open_branches"]] * periods}

    with held_as(of_schedule):
        return cycle_branch_and_bound(
            case.problem, time_limit=max(seconds_left(deadline) / 4, 1e-3), accept=accept
        ).incumbent


def _cost_of(tree: BoolArray, stages: list[Stage], rules: _Rules) -> float:
    """Energy of one configuration throughout, kWh, added up as that of a schedule is."""
    operations = int((tree != rules.today).sum()) + rules.elsewhere
    energy = sum(stage.case.objective(tree) * stage.hours for stage in stages)
    return energy + rules.price * operations


class _Found(NamedTuple):
    """Best way, bound on every way, and how the search ended; without a way, why."""

    way: Way | None
    bound: float
    status: Status
    reason: str = ""


def _search(
    stages: list[Stage], rules: _Rules, deadline: float, say: Callable[[str], None]
) -> _Found:
    """Widen the windows of the periods that need it until a way is proven."""
    best: Way | None = None
    bound = 0.0
    while True:
        layers = [stage.layer for stage in stages]
        lower = rules.cheapest(layers, rest=True)
        if lower is None:
            # No way is left, not even through what was not listed.
            if best is None:
                return _Found(None, np.inf, Status.INFEASIBLE, "no schedule keeps rules and limits")
            return _Found(best, np.inf, Status.OPTIMAL)
        bound = max(bound, lower.cost)
        hold(bound=float(bound))
        upper = _kept(stages, rules, deadline)
        if upper is not None and (best is None or upper.cost < best.cost):
            best = upper
            trees = [s.layer.closed[k] for s, k in zip(stages, best.nodes, strict=True)]
            opened = [s.case.problem.open_branches(t) for s, t in zip(stages, trees, strict=True)]
            hold(objective=float(best.cost), open_branches=[list(map(int, o)) for o in opened])
        say(f"schedule: {bound:.6g} to {np.inf if best is None else best.cost:.6g} kWh")
        if best is not None and best.cost - bound <= GAP * abs(best.cost):
            return _Found(best, bound, Status.OPTIMAL)
        if is_over(deadline):
            if best is None:
                return _Found(None, bound, Status.NOT_FOUND, "time ended before the first schedule")
            return _Found(best, bound, Status.TIME_LIMIT)
        wanting = [s for s, k in zip(stages, lower.nodes, strict=True) if k == len(s.layer.cost)]
        wide = [stage for stage in wanting if not stage.full]
        if wanting and not wide:
            if best is None:
                reason = f"none of each period's {MOST} least losses keeps rules and limits"
                return _Found(None, bound, Status.NOT_FOUND, reason)
            return _Found(best, bound, Status.FEASIBLE)
        for stage in wide:
            stage.widen(deadline)


def _kept(stages: list[Stage], rules: _Rules, deadline: float) -> Way | None:
    """Cheapest way over listed configurations that keep the limits in every state.

    After the deadline it is one over those already known to keep them.
    """
    while not is_over(deadline):
        way = rules.cheapest([stage.layer for stage in stages], rest=False)
        if way is None:
            return None
        # A list, so that all of them are looked at.
        steps = zip(stages, way.nodes, strict=True)
        kept = [stage.keeps(k) for stage, k in steps if not is_over(deadline)]
        if len(kept) == len(stages) and all(kept):
            return way
    return rules.cheapest([stage.kept for stage in stages], rest=False)


def _result(
    network: Network,
    states: str,
    problem: RadialProblem,
    stages: list[Stage],
    rules: _Rules,
    search: _Found,
    one_cost: float | None,
    watch: Stopwatch,
) -> ScheduleResult:
    way, bound = search.way, search.bound
    chosen: list[BoolArray] = []
    loss: FloatArray = np.empty(0)
    v_min: FloatArray = np.empty(0)
    if way is not None:
        chosen = [s.layer.closed[k] for s, k in zip(stages, way.nodes, strict=True)]
        with watch.phase("read"):
            found = [s.evaluator.state(t) for s, t in zip(stages, chosen, strict=True)]
        loss = np.array([a.loss_kw * s.hours for a, s in zip(found, stages, strict=True)])
        v_min = np.array([a.v_min for a in found])
    at = [rules.today, *chosen]
    steps = [int((a != b).sum()) for a, b in pairwise(at)]
    objective = None
    if way is not None:
        steps[0] += rules.elsewhere
        energy = sum(s.layer.cost[k] for s, k in zip(stages, way.nodes, strict=True))
        objective = float(energy) + rules.price * sum(steps)
        if search.status is Status.OPTIMAL:
            # What is proven to the gap differs by rounding only.
            bound = min(bound, objective)
    return ScheduleResult(
        network=network.name,
        states=states,
        periods=tuple(s.period.name for s in stages),
        hours=np.array([s.hours for s in stages]),
        status=search.status,
        objective=objective,
        bound=bound,
        gap=relative_gap(objective, bound),
        reason=search.reason,
        operations=tuple(steps),
        operation_cost=rules.price,
        open_branches=tuple(problem.open_branches(t) for t in chosen),
        base_open=tuple(sorted(network.open_branches)),
        loss_kwh=loss,
        v_min=v_min,
        one_configuration=one_cost,
        listed=tuple(int(s.layer.cost.size) for s in stages),
        seconds=dict(watch.seconds),
        versions=engine_versions("numpy", "numba"),
    )
