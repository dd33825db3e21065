"""The AC certificate against enumeration with AC power flows, with and without limits."""

import numpy as np
import pytest
from builders import random_network
from hypothesis import given, settings, strategies as st
from reconfiguration.certificates.small_problems import enumerate_trees

from pygridjl.core.errors import InvalidOptionError
from pygridjl.core.result import Status
from pygridjl.grid.cases import get_case
from pygridjl.powerflow.sweep import radial_power_flow
from pygridjl.reconfiguration.build import build_problem
from pygridjl.reconfiguration.certificates import scip_branch_flow
from pygridjl.reconfiguration.certificates.branch_flow import BranchFlow


def ac_losses(problem):
    """(closed, power flow) of every tree."""
    for closed, _ in enumerate_trees(problem):
        yield closed, radial_power_flow(problem.network, problem.branch_states(closed))


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 2))
def test_proves_the_enumerated_optimum(seed, substations):
    problem = build_problem(random_network(seed, n=6, extra=3, substations=substations), limits=())
    best = min(flow.loss_kw for _, flow in ac_losses(problem))
    answer = scip_branch_flow(problem)
    assert answer.model == "ac"
    assert answer.bound <= best * (1 + 1e-9)
    assert answer.bound == pytest.approx(best, rel=5e-6)
    assert answer.objective == pytest.approx(best, rel=5e-6)


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 2**32), st.floats(0.05, 0.6))
def test_voltage_limits_against_enumeration(seed, quantile):
    network = random_network(seed, n=6, extra=3)
    flows = list(ac_losses(build_problem(network, limits=())))
    lowest = np.array([abs(flow.v).min() for _, flow in flows])
    # Between two configurations, so that neither touches the limit.
    ordered = np.unique(lowest.round(12))
    k = int(quantile * (ordered.size - 1))
    limit = float(ordered[k : k + 2].mean())
    if (abs(ordered - limit) < 1e-5).any():
        return
    buses = network.buses.replace(v_min=np.full(network.n_bus, limit))
    problem = build_problem(network.replace(buses=buses), limits=("voltage",))
    allowed = [flow.loss_kw for (_, flow), v in zip(flows, lowest, strict=True) if v >= limit]
    answer = scip_branch_flow(problem)
    assert answer.bound <= min(allowed) * (1 + 1e-9)
    assert answer.objective == pytest.approx(min(allowed), rel=5e-6)


def test_limits_that_nothing_keeps():
    network = random_network(4, n=6, extra=3)
    buses = network.buses.replace(v_min=np.full(network.n_bus, 1.01), v_max=np.full(6, 1.1))
    answer = scip_branch_flow(build_problem(network.replace(buses=buses), limits=("voltage",)))
    assert answer.status is Status.INFEASIBLE
    assert answer.incumbent is None
    assert answer.bound == np.inf


@pytest.mark.parametrize("limit", ["ampacity", "capacity"])
def test_other_limits_that_nothing_keeps(limit):
    network = random_network(4, n=6, extra=3)
    demand = float(network.loads.p.sum())
    if limit == "ampacity":
        changed = network.replace(branches=network.branches.replace(rating=0.1 * demand))
    else:
        changed = network.replace(generators=network.generators.replace(s_max=0.5 * demand))
    answer = scip_branch_flow(build_problem(changed, limits=(limit,)))
    assert answer.status is Status.INFEASIBLE


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 2))
def test_every_ac_power_flow_is_inside_the_relaxation(seed, substations):
    network = random_network(seed, n=7, extra=4, substations=substations)
    problem = build_problem(network, limits=())
    trees = list(ac_losses(problem))
    closed, flow = trees[seed % len(trees)]
    # With its own loss as ceiling, the bounds are as tight as they get for this tree.
    relaxation = BranchFlow(problem, trees[0][0], flow.loss_kw)
    scip = relaxation.model.model
    point = scip.createSol()
    for column, value in zip(relaxation.model.columns, relaxation.start(closed), strict=True):
        scip.setSolVal(point, column, float(value))
    assert scip.checkSol(point)
    assert scip.getSolObjVal(point) == pytest.approx(flow.loss_kw, rel=1e-9)


def test_stopped_by_the_clock():
    problem = build_problem(get_case("case33bw"), limits=())
    answer = scip_branch_flow(problem, time_limit=2.0)
    assert answer.status is Status.TIME_LIMIT
    assert answer.seconds < 20
    # Proven optimum of the literature's 33-bus case.
    assert 0 <= answer.bound <= 139.552
    assert answer.objective >= 139.551


def test_what_is_not_modelled_is_refused():
    network = random_network(1, n=6, extra=3)
    charged = network.branches.replace(b=np.full(network.n_branch, 0.01))
    with pytest.raises(InvalidOptionError, match="branch 1: .* b is 0.01"):
        scip_branch_flow(build_problem(network.replace(branches=charged), limits=()))
    balanced = build_problem(random_network(1, balanced=True), "balanced")
    with pytest.raises(InvalidOptionError, match="substations"):
        scip_branch_flow(balanced)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("case", "opened", "loss"),
    [("case16ci", [7, 8, 16], 466.13), ("case33bw", [7, 9, 14, 32, 37], 139.551)],
)
def test_proves_published_optima(case, opened, loss):
    network = get_case(case)
    problem = build_problem(network, limits=())
    answer = scip_branch_flow(
        problem, problem.edge_states(network.with_open(opened).branches.closed), time_limit=400
    )
    assert answer.status is Status.OPTIMAL
    assert answer.objective == pytest.approx(loss, abs=0.01)
    assert problem.open_branches(answer.incumbent) == tuple(opened)
