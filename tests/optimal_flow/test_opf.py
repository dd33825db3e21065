"""AC optimal power flow against MATPOWER's published optima and an independent check."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from pygridjl.cli.opf import command
from pygridjl.core.errors import InvalidNetworkError, InvalidOptionError
from pygridjl.core.result import Status
from pygridjl.grid.cases import get_case
from pygridjl.grid.load import load_network
from pygridjl.optimal_flow.check import largest_violation
from pygridjl.optimal_flow.solve import opf


# runopf of MATPOWER with its default solver, as its documentation and test suite print it.
@pytest.mark.parametrize(
    ("name", "cost"),
    [
        ("case9", 5296.686),
        ("case14", 8081.53),
        ("case30", 576.892),
        ("case57", 41737.8),
        ("case118", 129660.69),
    ],
)
def test_published_costs(name: str, cost: float) -> None:
    answer = opf(get_case(name))
    assert answer.status is Status.FEASIBLE
    assert answer.bound is None
    assert answer.violation < 1e-6
    assert answer.objective == pytest.approx(cost, rel=1e-6)


def test_losses_are_what_generation_exceeds_demand_and_shunts() -> None:
    network = get_case("case14")
    answer = opf(network)
    shunts = network.buses.gs @ answer.vm**2
    assert answer.loss == pytest.approx(answer.pg.sum() - network.load_p.sum() - shunts, abs=1e-6)


def test_the_check_finds_what_is_wrong() -> None:
    network = get_case("case9")
    answer = opf(network)
    point = (answer.vm, answer.va, answer.pg, answer.qg)
    assert largest_violation(network, *point) < 1e-6
    more = answer.pg.copy()
    more[0] += 0.25
    assert largest_violation(network, answer.vm, answer.va, more, answer.qg) >= 0.25 - 1e-6
    high = network.buses.v_max.max() - answer.vm + 0.1
    assert largest_violation(network, answer.vm + high, answer.va, *point[2:]) >= 0.1 - 1e-6
    slow = network.replace(branches=network.branches.replace(rating=0.1))
    assert largest_violation(slow, *point) > 0.5


def test_limits_bind_and_cost() -> None:
    network = get_case("case9")
    free = opf(network)
    unit = int(np.argmax(free.pg))
    s_max = np.full(len(network.generators), np.inf)
    s_max[unit] = 0.9 * np.hypot(free.pg[unit], free.qg[unit])
    tight = opf(network.replace(generators=network.generators.replace(s_max=s_max)))
    assert np.hypot(tight.pg[unit], tight.qg[unit]) <= s_max[unit] + 1e-6
    assert tight.objective > free.objective


def test_units_out_of_service_and_open_branches_carry_nothing() -> None:
    network = get_case("case30")
    serves = network.generators.in_service.copy()
    serves[-1] = False
    shrunk = network.replace(generators=network.generators.replace(in_service=serves))
    shrunk = shrunk.with_open([int(network.branches.id[-1])])
    answer = opf(shrunk)
    assert answer.status is Status.FEASIBLE
    assert answer.pg[-1] == answer.qg[-1] == 0
    assert answer.p_from[-1] == answer.p_to[-1] == 0
    assert answer.objective >= opf(network).objective - 1e-6


def test_too_much_demand_has_no_answer() -> None:
    network = get_case("case9")
    answer = opf(network.replace(loads=network.loads.replace(p=20 * network.loads.p)))
    assert answer.status is Status.NOT_FOUND
    assert answer.objective is None
    assert "Ipopt ended with" in answer.notes[0]


def test_bad_input() -> None:
    network = get_case("case9")
    with pytest.raises(InvalidNetworkError):
        opf(network.replace(branches=network.branches.replace(x=np.nan)))
    with pytest.raises(InvalidOptionError, match="'soc' does not run on .*'python', which has acp"):
        opf(network, "soc")
    with pytest.raises(InvalidOptionError, match="'ac' is none of acp, soc, qc, sdp, dc; did you"):
        opf(network, "ac")
    with pytest.raises(InvalidOptionError, match="ampacity: .* always limits"):
        opf(network, ampacity=False)
    with pytest.raises(InvalidOptionError, match="backend"):
        opf(network, backend="fortran")


def test_command() -> None:
    answer = CliRunner().invoke(command, ["case9", "--json"])
    assert answer.exit_code == 0
    assert json.loads(answer.stdout)["objective"] == pytest.approx(5296.686, rel=1e-6)
    assert "cost per hour" in CliRunner().invoke(command, ["case9"]).stdout


def test_command_for_a_feeder() -> None:
    arguments = ["ieee13", "--feeder", "--ignore-ampacity"]
    assert "lindist by HiGHS" in CliRunner().invoke(command, arguments).stdout


@pytest.mark.parametrize("name", ["dg_export", "two_parallel_trafos", "generator_m3_pv"])
def test_sources_without_a_highest_voltage_keep_their_set_point(name: str) -> None:
    """Nothing costs anything there and nothing bounds a voltage: the powers are those balanced."""
    network = load_network(Path(__file__).parents[1] / "data/field/networks" / f"{name}.dss")
    result = opf(network)
    assert result.status is Status.FEASIBLE
    assert result.violation < 1e-6
    assert "v_max is missing" in result.notes[0]
    unit = network.generators
    np.testing.assert_allclose(result.vm[unit.bus[unit.slack]], unit.v_set[unit.slack])


def test_no_answer_says_how_to_find_out_why() -> None:
    """No operating point keeps all limits of case70da, as a relaxation proves."""
    network = get_case("case70da")
    found = opf(network)
    assert found.status is Status.NOT_FOUND
    assert any("certify=True" in note for note in found.notes)
    proven = opf(network, certify=True)
    assert proven.status is Status.INFEASIBLE
    assert not any("certify=True" in note for note in proven.notes)
