"""The one door: known optima, statuses, constraints, determinism."""

import numpy as np
import pytest
from builders import cycle_network, line_network, random_network, spanning_trees
from hypothesis import given, settings, strategies as st

from pygridjl.core.errors import InvalidNetworkError, InvalidOptionError, UnservedNodesError
from pygridjl.core.result import Status
from pygridjl.experiments.forward.printed import BEST_KNOWN
from pygridjl.grid.cases import get_case
from pygridjl.powerflow.newton import newton_power_flow
from pygridjl.reconfiguration import build_problem, reconfigure

METHODS = [
    "forward",
    "forward-faithful",
    "mst",
    "spt",
    "maxflow",
    "sequential",
    "base",
    "forward+exchange",
    "maxflow+ils",
]


@pytest.mark.parametrize("case", BEST_KNOWN)
def test_best_known_losses_of_the_standard_cases(case):
    known = BEST_KNOWN[case]
    result = reconfigure(get_case(case), "maxflow+ils")
    assert result.base_loss_kw == pytest.approx(known.base_kw, abs=0.01)
    assert result.loss_kw == pytest.approx(known.loss_kw, abs=0.01)
    # The listed switches, or others that lose exactly as much.
    listed = get_case(case).with_open(known.open_branches)
    assert newton_power_flow(listed).loss_kw == pytest.approx(result.loss_kw, abs=1e-3)
    assert result.bound <= result.objective


@pytest.mark.parametrize("case", ["case33bw", "case70da", "case94tpc", "case118zh", "case136ma"])
def test_linear_optimality_is_proven(case):
    result = reconfigure(get_case(case), "exact")
    assert result.status is Status.OPTIMAL
    assert result.gap == pytest.approx(0.0, abs=1e-9)
    heuristic = reconfigure(get_case(case), "maxflow+ils", certify=True)
    assert heuristic.bound == pytest.approx(result.objective, rel=1e-9)
    assert heuristic.objective >= result.objective * (1 - 1e-9)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("balanced", [False, True])
def test_every_method_ends_in_a_checked_tree_above_the_bound(method, balanced):
    kind = "balanced" if balanced else "substations"
    network = random_network(7, n=9, extra=4, substations=1, balanced=balanced)
    problem = build_problem(network, kind)
    best = min(problem.objective(tree) for tree in spanning_trees(problem))
    result = reconfigure(network, method, problem=kind)
    assert result.bound <= best * (1 + 1e-9)
    assert result.objective >= best * (1 - 1e-9)
    assert len(result.open_branches) == network.n_branch - network.n_bus + 1


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 2))
def test_exact_is_what_enumeration_finds(seed, substations):
    network = random_network(seed, n=7, extra=4, substations=substations)
    problem = build_problem(network)
    best = min(problem.objective(tree) for tree in spanning_trees(problem))
    result = reconfigure(network, "exact")
    assert result.status is Status.OPTIMAL
    assert result.objective == pytest.approx(best, rel=1e-9)


def test_fixed_branches_are_obeyed_and_cost_what_they_must():
    network = get_case("case33bw")
    free = reconfigure(network, "exact")
    tied = reconfigure(network, "exact", keep_closed=[7], keep_open=[33])
    assert 7 not in tied.open_branches
    assert 33 in tied.open_branches
    assert tied.objective > free.objective
    few = reconfigure(network, "exact", switchable=[33, 34, 35, 36, 37, 7, 9, 14, 32])
    assert few.objective == pytest.approx(free.objective, rel=1e-12)


def test_a_band_nothing_can_keep_is_proven_infeasible():
    network = random_network(3, n=7, extra=3)
    tight = network.replace(buses=network.buses.replace(v_min=0.99999))
    result = reconfigure(tight, "maxflow+exchange")
    assert result.status is Status.NOT_FOUND
    assert result.violations
    proven = reconfigure(tight, "maxflow+exchange", certify=True)
    assert proven.status is Status.INFEASIBLE
    assert proven.reason == (
        "no configuration keeps the limits; the base state breaks voltage limits too, "
        "--limit ampacity --limit capacity leaves them out"
    )
    assert proven.gap is None


def test_limits_change_the_answer_to_the_best_that_keeps_them():
    # Here the tree of least cost is not the one with the highest low voltage.
    network = random_network(10, n=7, extra=4)
    problem = build_problem(network)
    trees = spanning_trees(problem)
    lows = [
        np.abs(newton_power_flow(network, problem.branch_states(tree)).v).min() for tree in trees
    ]
    costs = [problem.objective(tree) for tree in trees]
    # A band that the tree of least cost just misses.
    floor = float(lows[int(np.argmin(costs))]) + 1e-6
    assert max(lows) > floor
    limited = network.replace(buses=network.buses.replace(v_min=floor))
    result = reconfigure(limited, "exact")
    allowed = [cost for cost, low in zip(costs, lows, strict=True) if low >= floor]
    assert result.status is Status.OPTIMAL
    assert result.objective == pytest.approx(min(allowed), rel=1e-9)
    assert reconfigure(limited, "exact", limits=()).objective == pytest.approx(min(costs), rel=1e-9)


@pytest.mark.parametrize("method", ["highs", "scip"])
def test_solvers_that_ignore_limits_never_return_an_answer_that_breaks_them(method):
    # The linear optimum of this feeder has a bus at 0.9378 p.u.; at 0.94 another answer is due.
    network = get_case("case33bw")
    band = network.replace(buses=network.buses.replace(v_min=0.94))
    result = reconfigure(band, method)
    assert not result.violations
    assert result.status is not Status.OPTIMAL
    assert result.bound == pytest.approx(reconfigure(network, "exact").objective, rel=1e-5)


def test_switch_constraints_that_exclude_every_tree():
    result = reconfigure(line_network(4), keep_open=[2])
    assert result.status is Status.INFEASIBLE
    assert "cut off by branches that must stay open" in result.reason
    assert result.open_branches == ()
    assert result.objective is None


@pytest.mark.parametrize("finish", ["exact", "highs", "scip"])
def test_a_finish_ends_a_chain(finish):
    best = reconfigure(get_case("case16ci"), "exact")
    result = reconfigure(get_case("case16ci"), f"mst+exchange+{finish}")
    assert result.status is Status.OPTIMAL
    assert result.objective == pytest.approx(best.objective, rel=1e-9)
    assert {"mst", "exchange", "ac", finish} <= set(result.seconds)


def test_counterexample_to_lemma_3_3():
    network = cycle_network((5.0, 2.0, -5.0, -2.0))
    with pytest.raises(UnservedNodesError, match="unserved nodes: ") as failure:
        reconfigure(network, "forward-literal", problem="balanced")
    assert {name for tree in failure.value.nodes for name in tree.split("+")} == {
        "0",
        "1",
        "2",
        "3",
    }
    solved = reconfigure(network, "forward-faithful", problem="balanced")
    assert len(solved.open_branches) == 1


def test_same_seed_same_answer():
    network = get_case("case136ma")
    answers = [reconfigure(network, "forward+ils", seed=5) for _ in range(2)]
    for answer in answers:
        answer.seconds.clear()
    assert answers[0].to_json() == answers[1].to_json()


def test_a_time_limit_returns_answer_and_bound():
    result = reconfigure(get_case("forward400"), "exact", problem="balanced", time_limit=1.0)
    assert result.status is Status.TIME_LIMIT
    assert 0 < result.bound < result.objective
    assert result.gap == pytest.approx(1 - result.bound / result.objective)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "genetic"}, "method: 'genetic' is none of forward"),
        ({"method": "exact+ils"}, "nothing can follow 'exact'"),
        ({"method": "scip+forward"}, "nothing can follow 'scip'"),
        ({"method": "forward+mst"}, "'mst' cannot follow"),
        ({"method": "forward+juniper"}, "'juniper' does not run on backend 'python'"),
        ({"time_limit": 0.0}, "time_limit: must be positive"),
        ({"method": "forward", "options": {"weight_rule": "eq9"}}, "weight_rule: 'eq9' is none of"),
        ({"method": "mst", "options": {"weight_rule": "eq2"}}, "'mst' has no option 'weight_rule'"),
        ({"method": "mst", "seed": 1}, "'mst' has no option 'seed'"),
        ({"method": "mst", "time_limit": 1.0}, "'mst' has no option 'time_limit'"),
        ({"time_limit": 1.0, "seed": 2, "options": {"weights": 1}}, "has no option 'weights'"),
    ],
)
def test_bad_options_name_themselves(options, message):
    with pytest.raises(InvalidOptionError, match=message):
        reconfigure(get_case("case16ci"), **options)


def test_unsound_data_are_refused():
    network = line_network(3, r=np.array([0.0, 0.1]), x=np.zeros(2))
    with pytest.raises(InvalidNetworkError, match="branch 1 r, x: the series impedance is zero"):
        reconfigure(network)
