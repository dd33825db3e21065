"""PowerModels against our own AC-OPF and against published optima."""

from __future__ import annotations

import numpy as np
import pytest

from pygridjl.core.errors import InvalidOptionError
from pygridjl.core.result import Status
from pygridjl.grid.cases import get_case
from pygridjl.optimal_flow.solve import opf

pytestmark = pytest.mark.julia


@pytest.mark.parametrize("name", ["case9", "case14", "case30", "case57", "case118"])
def test_both_engines_find_the_same_dispatch(name: str) -> None:
    network = get_case(name)
    ours, theirs = opf(network), opf(network, backend="julia")
    assert theirs.status is Status.FEASIBLE
    assert theirs.bound is None
    assert theirs.violation < 1e-5
    assert theirs.objective == pytest.approx(ours.objective, rel=1e-6)
    np.testing.assert_allclose(theirs.vm, ours.vm, atol=1e-4)


# PowerModels' own test suite: case14 by each formulation.
@pytest.mark.parametrize(
    ("formulation", "cost"),
    [("acp", 8081.5247), ("soc", 8075.12), ("qc", 8075.12), ("sdp", 8081.5247), ("dc", 7642.59)],
)
def test_published_costs_of_case14(formulation: str, cost: float) -> None:
    answer = opf(get_case("case14"), formulation, backend="julia")
    assert answer.objective == pytest.approx(cost, rel=1e-5)
    assert "julia" in answer.versions
    assert "PowerModels" in answer.versions
    assert answer.solver in answer.versions


@pytest.mark.parametrize("name", ["case14", "case30", "case57"])
def test_relaxations_bound_the_cost_and_only_they_claim_to(name: str) -> None:
    network = get_case(name)
    ac = opf(network).objective
    for formulation in ("soc", "sdp"):
        answer = opf(network, formulation, backend="julia")
        # How accurately an interior-point method ends depends on the machine: a bound comes with
        # an optimum only, and the value of a point that is nearly feasible is near below the cost.
        assert answer.status in (Status.OPTIMAL, Status.FEASIBLE)
        assert (answer.bound is None) == (answer.status is Status.FEASIBLE)
        assert answer.bound is None or answer.bound <= ac * (1 + 1e-6)
        assert answer.objective <= ac * (1 + 1e-4)
        assert answer.violation is None
        if answer.bound is None:
            assert any("no certificate" in note for note in answer.notes)
    for formulation in ("acp", "qc", "dc"):
        assert opf(network, formulation, backend="julia").bound is None


@pytest.mark.slow
@pytest.mark.parametrize("name", ["case118"])
def test_no_status_is_not_found_with_an_objective(name: str) -> None:
    answer = opf(get_case(name), "sdp", backend="julia", time_limit=120)
    assert (answer.objective is None) == (answer.status is Status.NOT_FOUND)


def test_another_solver_and_its_claims() -> None:
    network = get_case("case14")
    by_ipopt = opf(network, "dc", backend="julia", solver="Ipopt")
    assert by_ipopt.solver == "Ipopt"
    # A local solver proves nothing, even of a convex program.
    assert by_ipopt.status is Status.FEASIBLE
    assert by_ipopt.raw_status == "LOCALLY_SOLVED"
    default = opf(network, "dc", backend="julia")
    assert by_ipopt.objective == pytest.approx(default.objective, rel=1e-6)
    assert default.raw_status == "OPTIMAL"


def test_the_program_and_the_solution_as_powermodels_has_them(tmp_path) -> None:
    path = tmp_path / "case9.mof.json"
    answer = opf(get_case("case9"), backend="julia", write_model=path, solution=True)
    assert path.stat().st_size > 1000
    assert answer.solution["bus"]["1"]["vm"] == pytest.approx(answer.vm[0])


def test_an_apparent_power_limit_is_kept() -> None:
    network = get_case("case9")
    free = opf(network, backend="julia")
    limit = np.full(len(network.generators), np.inf)
    limit[0] = 0.8 * float(np.hypot(free.pg[0], free.qg[0]))
    tight = network.replace(generators=network.generators.replace(s_max=limit))
    theirs, ours = opf(tight, backend="julia"), opf(tight)
    assert np.hypot(theirs.pg[0], theirs.qg[0]) <= limit[0] + 1e-6
    assert theirs.objective == pytest.approx(ours.objective, rel=1e-6)
    assert theirs.objective > free.objective


def test_an_impossible_demand_is_a_status_not_an_exception() -> None:
    network = get_case("case9")
    heavy = network.replace(loads=network.loads.replace(p=10 * network.loads.p))
    assert opf(heavy, backend="julia").status is Status.NOT_FOUND
    proven = opf(heavy, "soc", backend="julia")
    assert proven.status is Status.INFEASIBLE
    assert proven.objective is None


def test_time_limit_is_a_status() -> None:
    answer = opf(get_case("case118"), backend="julia", time_limit=1e-3)
    assert answer.status is Status.TIME_LIMIT


def test_unknown_formulation() -> None:
    with pytest.raises(InvalidOptionError, match="acp, soc, qc, sdp, dc"):
        opf(get_case("case9"), "ac", backend="julia")
