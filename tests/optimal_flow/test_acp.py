"""The AC program on networks of every shape, and solved again for other loads and costs."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
from opf_networks import random_network

from pygridjl import opf, save_network
from pygridjl.core.errors import InvalidNetworkError
from pygridjl.core.result import Status
from pygridjl.grid.cases import get_case, list_cases
from pygridjl.optimal_flow.forms.acp import FEASIBILITY_TOLERANCE, AcOpf, ac_opf


@pytest.mark.parametrize("name", [c.name for c in list_cases()])
def test_every_bundled_case_ends_with_a_status(name):
    network = get_case(name)
    if not network.slack_buses.size:
        with pytest.raises(InvalidNetworkError, match="reference bus"):
            ac_opf(network)
        return
    answer = ac_opf(network)
    assert answer.status in (Status.FEASIBLE, Status.NOT_FOUND)
    if answer.status is Status.FEASIBLE:
        assert answer.violation <= FEASIBILITY_TOLERANCE


@pytest.mark.parametrize(
    "shape",
    [
        {"units": 1},
        {"units": 1, "rated": False, "angles": False, "chords": 0},
        {"rated": False},
        {"angles": False},
        {"loaded": 0.0},
        {"units": 1, "loaded": 0.0, "rated": False, "angles": False},
        {"buses": 2, "chords": 0, "units": 1},
    ],
)
@pytest.mark.parametrize("seed", range(3))
def test_networks_without_one_thing_or_another(shape, seed):
    answer = ac_opf(random_network(seed, **shape))
    assert answer.status in (Status.FEASIBLE, Status.NOT_FOUND)
    assert (answer.objective is None) == (answer.violation > FEASIBILITY_TOLERANCE)


def test_solved_again_is_built_anew():
    network = get_case("case14")
    program = AcOpf(network)
    base = program.solve()
    loads = 1.1 * network.load_p, 1.05 * network.load_q
    costs = network.generators.cost * np.array([2.0, 1.5, 1.0])
    again = program.solve(loads, costs, start="previous")
    changed = network.replace(
        loads=network.loads.replace(p=1.1 * network.loads.p, q=1.05 * network.loads.q),
        generators=network.generators.replace(cost=costs),
    )
    assert again.status is Status.FEASIBLE
    assert again.objective == pytest.approx(ac_opf(changed).objective, rel=1e-7)
    assert program.solve().objective == pytest.approx(base.objective, rel=1e-9)


@pytest.mark.parametrize("name", ["case9", "case30", "case118"])
def test_every_start_finds_the_same_cost(name):
    program = AcOpf(get_case(name))
    costs = [program.solve(start=start).objective for start in ("flat", "dc", "previous")]
    assert costs == pytest.approx([costs[0]] * 3, rel=1e-6)


def test_missing_reference_and_cut_off_demand_are_named_before_a_solver_starts():
    network = get_case("case14")
    units = network.generators.replace(slack=False)
    with pytest.raises(InvalidNetworkError, match="reference bus"):
        AcOpf(network.replace(generators=units))
    # Bus 14 hangs on branches 17 and 20.
    with pytest.raises(InvalidNetworkError, match="demand but no unit"):
        AcOpf(network.with_open([17, 20]))


def test_nothing_left_to_choose_is_a_note_and_no_warning_of_a_library(tmp_path):
    # 28 balances, 14 voltages and one angle for 28 voltages and angles and 10 injections.
    network = get_case("case14")
    network = network.replace(buses=network.buses.replace(v_min=1.0, v_max=1.0))
    save_network(network, tmp_path / "fixed.json")
    words = [sys.executable, "-m", "pygridjl", "opf", "fixed.json", "--json"]
    run = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert run.returncode == 1
    answer = json.loads(run.stdout)
    assert answer["raw_status"] == "Infeasible_Problem_Detected"
    assert any("5 more than there are quantities" in note for note in answer["notes"])
    assert "CasADi" not in run.stderr
    assert "WARNING" not in run.stderr


def test_a_fixed_answer_is_still_found():
    # An AC optimum with all its voltages as limits: over-determined, but not infeasible.
    network = get_case("case9")
    found = opf(network)
    assert found.raw_status == "Solve_Succeeded"
    near = {"v_min": found.vm, "v_max": found.vm}
    again = opf(network.replace(buses=network.buses.replace(**near)))
    assert again.objective == pytest.approx(found.objective, rel=1e-5)
