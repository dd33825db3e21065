"""Bundled cases: sizes, base and best losses as published, optima of the FORWARD instances."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from small_power_flow import power_flow

from pygridjl import validate
from pygridjl.core.errors import CaseNotFoundError
from pygridjl.experiments.forward.printed import BEST_KNOWN
from pygridjl.grid.cases import describe, get_case, list_cases
from pygridjl.grid.load import load_network

# name: buses, branches, open branches, sources (of the publications and their data files).
SIZES = {
    "case16ci": (16, 16, 3, 3),
    "case33bw": (33, 37, 5, 1),
    "case69": (69, 73, 5, 1),
    "case70da": (70, 76, 8, 2),
    "case94tpc": (94, 96, 13, 11),
    "case118zh": (118, 132, 15, 1),
    "case136ma": (136, 156, 21, 1),
    "forward11": (11, 12, 0, 2),
    "forward18": (18, 18, 0, 2),
    "forward33": (33, 37, 0, 3),
    "forward120": (140, 280, 0, 20),
    "forward240": (255, 510, 0, 15),
    "forward400": (420, 840, 0, 20),
    "case5pjm": (5, 6, 0, 5),
    "case9": (9, 9, 0, 3),
    "case14": (14, 20, 0, 5),
    "case30": (30, 41, 0, 6),
    "case57": (57, 80, 0, 7),
    "case118": (118, 186, 0, 54),
}
FORWARD = [name for name in SIZES if name.startswith("forward")]


def test_the_catalogue_is_complete_and_credited():
    cases = {case.name: case for case in list_cases()}
    assert set(cases) == set(SIZES)
    for name, case in cases.items():
        assert (case.buses, case.branches, case.open_branches, case.sources) == SIZES[name]
        assert case.problem == describe(get_case(name), case.problem).problem
        assert case.problem in {"balanced", "substations", "transmission"}
        assert len(case.source) > 30, name
    names = [case.name for case in list_cases()]
    assert names.index("forward33") < names.index("forward120")


@pytest.mark.parametrize("name", SIZES)
def test_bundled_cases_are_sound(name):
    network = get_case(name)
    assert network.name == name
    assert validate(network) == ()
    assert network.branches.id.tolist() == list(range(1, network.n_branch + 1))


@pytest.mark.parametrize("name", BEST_KNOWN)
def test_losses_and_numbering_agree_with_the_literature(name):
    known = BEST_KNOWN[name]
    base, best, opened = known.base_kw, known.loss_kw, known.open_branches
    network = get_case(name)
    assert power_flow(network)[1] == pytest.approx(base, abs=0.01)
    assert power_flow(network.with_open(opened))[1] == pytest.approx(best, abs=0.01)
    closed = network.n_branch - len(opened)
    assert closed == network.n_bus - len(network.slack_buses)


@pytest.mark.parametrize("name", FORWARD)
def test_generation_equals_demand_and_the_scaling_is_stated(name):
    network = get_case(name)
    assert network.generators.p.sum() == pytest.approx(network.loads.p.sum(), rel=1e-12)
    assert any("generation" in note for note in network.notes)
    assert not network.generators.slack.any()


def tree_cost(network, opened):
    """Σ r p² of one spanning tree by peeling leaves, None if it is none."""
    branch = network.branches
    p = -network.load_p
    np.add.at(p, network.generators.bus, network.generators.p)
    edges = {
        k: (int(branch.from_bus[k]), int(branch.to_bus[k]))
        for k in range(network.n_branch)
        if k + 1 not in opened
    }
    degree = np.zeros(network.n_bus, dtype=int)
    for ends in edges.values():
        for bus in ends:
            degree[bus] += 1
    cost = 0.0
    while edges:
        leaves = [(k, a, b) for k, (a, b) in edges.items() if 1 in (degree[a], degree[b])]
        if not leaves:
            return None
        k, a, b = leaves[0]
        leaf, other = (a, b) if degree[a] == 1 else (b, a)
        cost += branch.r[k] * p[leaf] ** 2
        p[other] += p[leaf]
        degree[[a, b]] -= 1
        del edges[k]
    return cost


@pytest.mark.parametrize(("name", "optimum"), [("forward11", 2.196), ("forward18", 2.02644)])
def test_forward_instances_have_their_known_optima(name, optimum):
    """Complete enumeration; Ω·MW², which the bases make per unit."""
    network = get_case(name)
    spare = network.n_branch - network.n_bus + 1
    sets = itertools.combinations(range(1, network.n_branch + 1), spare)
    costs = [cost for opened in sets if (cost := tree_cost(network, opened)) is not None]
    assert min(costs) == pytest.approx(optimum, abs=5e-6)


def test_forward33_reaches_its_known_optimum():
    assert tree_cost(get_case("forward33"), {3, 9, 15, 26, 33}) == pytest.approx(2.141051, abs=5e-7)


def test_unknown_names_get_suggestions():
    with pytest.raises(CaseNotFoundError, match="did you mean case33bw"):
        get_case("case33")
    with pytest.raises(CaseNotFoundError, match="did you mean case118zh"):
        load_network("case118hz")
    with pytest.raises(CaseNotFoundError, match="'ieee13' is a bundled feeder: load_feeder"):
        load_network("ieee13")
    with pytest.raises(CaseNotFoundError, match="pygridjl cases"):
        load_network("a_city_nobody_knows")


def test_a_bundled_name_wins_over_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "case9").mkdir()
    assert load_network("case9").n_bus == 9
    with pytest.raises(Exception, match="params.json"):
        load_network("./case9")
