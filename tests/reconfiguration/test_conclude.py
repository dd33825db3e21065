"""What an answer says about what could not be shown."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import pygridjl
from pygridjl.core.errors import PowerFlowError

FIELD = Path(__file__).parents[1] / "data" / "field" / "networks"


def field(name):
    return pygridjl.load_network(str(FIELD / name))


def test_a_skipped_check_is_said_and_never_optimal(monkeypatch):
    network = pygridjl.load_network("case16ci")
    assert pygridjl.reconfigure(network, certify=True).status == "optimal"

    def fails(*_arguments, **_options):
        raise PowerFlowError("Newton gave up")

    monkeypatch.setattr("pygridjl.reconfiguration.check.newton_power_flow", fails)
    monkeypatch.setattr("pygridjl.reconfiguration.base_state.newton_power_flow", fails)
    result = pygridjl.reconfigure(network, certify=True)
    assert result.status == "feasible"
    assert result.notes[-1].startswith("the independent check of the AC losses was skipped: ")
    assert "Newton gave up" in result.notes[-1]
    assert "skipped" in result.summary()


def test_no_solution_is_said_in_words():
    result = pygridjl.reconfigure(field("collapse_9.m"))
    assert "nan" not in result.summary()
    assert "the power flow has no solution" in str(result.violations[0])


def test_limits_that_the_base_state_breaks_too_are_named_with_the_way_out():
    network = pygridjl.load_network("case33bw")
    narrow = network.buses.replace(v_min=np.full(33, 0.99))
    network = network.replace(buses=narrow)
    result = pygridjl.reconfigure(network, "maxflow")
    assert result.status == "not_found"
    assert "the base state breaks voltage limits too" in result.reason
    assert "--limit ampacity --limit capacity leaves them out" in result.reason
    assert pygridjl.reconfigure(network, "maxflow", limits=["ampacity", "capacity"]).has_answer


def test_a_bound_above_the_objective_is_a_note():
    """Voltages exclude the tree of least loss: what is reported breaks them, the bound does not."""
    network = pygridjl.load_network("case33bw")
    best = pygridjl.reconfigure(network, "maxflow+exchange", limits=())
    for floor in (0.94, 0.945, 0.95):
        tight = network.replace(buses=network.buses.replace(v_min=np.full(33, floor)))
        result = pygridjl.reconfigure(tight, certify=True, time_limit=10)
        if result.bound is not None and result.objective is not None:
            assert result.bound <= result.objective * (1 + 1e-6)
    assert best.bound <= best.objective


@pytest.mark.parametrize("size", [1e-3, 1e-6, 1e-8])
def test_branches_of_next_to_no_impedance_are_checked_and_have_base_losses(size):
    """Joined, the two buses are one: the loss is that of three buses, to the branch's own size."""
    network = field("tiny_1e-06.m")
    branch = network.branches
    tiny = branch.id == 2
    z = {name: np.where(tiny, size, getattr(branch, name)) for name in ("r", "x")}
    result = pygridjl.reconfigure(network.replace(branches=branch.replace(**z)), certify=True)
    assert result.base_loss_kw is not None
    assert not any("skipped" in note for note in result.notes)
    assert result.base_loss_kw == pytest.approx(106.540, rel=0.02 if size > 1e-4 else 1e-4)
    assert result.status == "optimal"


@pytest.mark.parametrize("scale", [0.0, 1e-12])
def test_no_resistance_has_the_bound_of_no_loss(scale):
    network = pygridjl.load_network("case16ci")
    branch = network.branches
    result = pygridjl.reconfigure(
        network.replace(branches=branch.replace(r=branch.r * scale)), certify=True
    )
    assert result.objective == pytest.approx(0.0, abs=1e-3)
    assert result.bound is None or result.bound <= result.objective * (1 + 1e-9) + 1e-9


def test_a_dummy_branch_of_a_huge_impedance_does_not_disturb_the_check():
    network = pygridjl.load_network("case33bw")
    branch = network.branches
    # The floor of weights was a fraction of the largest: above what the first branch has.
    r = np.where(branch.id == 35, 9e4, np.where(branch.id == 2, 1e-7, branch.r))
    result = pygridjl.reconfigure(network.replace(branches=branch.replace(r=r)), certify=True)
    assert 35 in result.open_branches
    assert result.status in ("optimal", "feasible")
