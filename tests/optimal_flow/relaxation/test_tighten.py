"""Bound tightening: proofs on small cases, safe at any time limit, and certificates."""

from __future__ import annotations

import json
import time

import numpy as np
import pytest
from click.testing import CliRunner
from opf_networks import random_network

from pygridjl.cli.opf import command
from pygridjl.core.errors import InvalidOptionError
from pygridjl.core.result import Status
from pygridjl.grid.cases import get_case
from pygridjl.optimal_flow.forms.acp import AcOpf
from pygridjl.optimal_flow.relaxation.solve import relax
from pygridjl.optimal_flow.relaxation.tighten import rounds
from pygridjl.optimal_flow.solve import opf


def lmbd():
    """Three buses with a congested line: Lesieutre, Molzahn, Borden, DeMarco 2011, the case of
    the first duality gap. Data as in PGLib's pglib_opf_case3_lmbd (CC BY 4.0)."""
    from pygridjl.grid.network import Branches, Buses, Generators, Loads, Network

    turn = np.radians(30.0)
    return Network(
        "lmbd",
        100.0,
        Buses(["1", "2", "3"], v_min=np.full(3, 0.9), v_max=np.full(3, 1.1)),
        Branches(
            [1, 2, 3],
            [0, 2, 0],
            [2, 1, 1],
            [0.065, 0.025, 0.042],
            [0.62, 0.75, 0.9],
            [0.45, 0.7, 0.3],
            rating=[90.0, 0.5, 90.0],
            angle_min=np.full(3, -turn),
            angle_max=np.full(3, turn),
        ),
        Generators(
            ["1", "2", "3"],
            [0, 1, 2],
            p_min=np.zeros(3),
            p_max=[20.0, 20.0, 0.0],
            q_min=np.full(3, -10.0),
            q_max=np.full(3, 10.0),
            slack=[True, False, False],
            cost=[[1100.0, 500.0, 0.0], [850.0, 120.0, 0.0], [0.0, 0.0, 0.0]],
        ),
        Loads(["1", "2", "3"], [0, 1, 2], [1.1, 1.1, 0.95], [0.4, 0.4, 0.5]),
    )


def test_the_duality_gap_of_three_buses_closes():
    network = lmbd()
    # PGLib's BASELINE: AC 5812.6, SOC gap 1.32 %.
    soc = relax(network, "soc")
    assert soc.ac_objective == pytest.approx(5812.64, abs=0.01)
    assert 100 * soc.gap == pytest.approx(1.32, abs=0.01)
    answer = relax(network, "sdp+lnc+minors+obbt")
    assert answer.proven
    assert answer.bound <= answer.ac_objective
    bounds = [entry.bound for entry in answer.rounds]
    assert bounds == sorted(bounds)
    assert len(answer.to_frame()) == len(answer.rounds)
    assert answer.plot().axes


def test_tightening_keeps_every_cheaper_point():
    """With a cut-off above the optimum, the optimum stays inside."""
    network = lmbd()
    point = AcOpf(network).solve()
    answer = relax(network, "sdp+lnc+obbt", ac_objective=1.02 * point.objective)
    assert answer.bound <= point.objective * (1 + 1e-6)
    assert answer.bound > relax(network, "sdp+lnc").bound


@pytest.mark.parametrize("seed", range(6))
def test_no_bound_above_a_known_point(seed):
    network = random_network(seed, buses=4, chords=2, negative=seed % 3 == 0)
    point = AcOpf(network).solve()
    answer = relax(network, "sdp+lnc+minors+obbt", options={"max_rounds": 3})
    if point.status is Status.FEASIBLE:
        assert answer.status is not Status.INFEASIBLE
        assert answer.bound <= point.objective + 1e-6 * abs(point.objective)


def test_a_time_limit_returns_the_best_bound():
    network = get_case("case30")
    answer = relax(network, "sdp+lnc+minors+obbt", ac_objective=600.0, time_limit=2.0)
    assert answer.bound is not None
    assert answer.bound <= 576.9


def test_cones_stand_in_where_time_is_up_before_the_first_solve(monkeypatch):
    """An interrupted semidefinite program proves next to nothing."""
    from pygridjl.optimal_flow.relaxation import solve

    network = get_case("case30")
    cones = relax(network, "soc")
    whole = solve.solve_root

    def interrupted(compiled, box, *, deadline, **own):
        late = any(cone.kind == "psd_triangle" for cone in compiled.cones)
        return whole(compiled, box, deadline=0.0 if late else np.inf, **own)

    monkeypatch.setattr(solve, "solve_root", interrupted)
    answer = relax(network, "sdp", time_limit=60.0)
    assert answer.status is Status.TIME_LIMIT
    assert answer.bound == pytest.approx(cones.bound, rel=1e-6)
    assert answer.rounds[0].name == "soc"


def test_a_request_to_stop_ends_tightening(monkeypatch):
    """Ctrl-C: the rounds end with what is proven, as at a time limit."""
    from pygridjl.core import stopping
    from pygridjl.optimal_flow.relaxation.tighten import rounds

    swept = rounds._sweep

    def asked(*arguments):
        found = swept(*arguments)
        stopping.request()
        return found

    monkeypatch.setattr(rounds, "_sweep", asked)
    try:
        with stopping.answering():
            answer = relax(get_case("case30"), "soc+obbt", ac_objective=580.0)
    finally:
        stopping.forget()
    assert answer.status is Status.TIME_LIMIT
    assert 570.0 < answer.bound <= 576.9


def test_processes_find_what_one_finds(monkeypatch):
    from pygridjl.optimal_flow.relaxation.tighten import rounds

    monkeypatch.setattr(rounds, "PROCESS_SECONDS", 0.0)
    network = lmbd()
    answer = relax(network, "sdp+lnc+minors+obbt", options={"n_jobs": 2})
    assert answer.proven


def test_certified_optimal_power_flow():
    answer = opf(lmbd(), certify=True)
    assert answer.status is Status.OPTIMAL
    assert answer.bound <= answer.objective
    assert "proven gap" in answer.summary()
    heavy = get_case("case9")
    heavy = heavy.replace(loads=heavy.loads.replace(p=20 * heavy.loads.p))
    answer = opf(heavy, certify=True)
    assert answer.status is Status.INFEASIBLE
    with pytest.raises(InvalidOptionError, match="certify"):
        opf(get_case("case9"), "soc", backend="julia", certify=True)


def test_certifying_command():
    found = CliRunner().invoke(command, ["case9", "--certify", "--json"])
    assert found.exit_code == 0
    assert json.loads(found.stdout)["status"] == "optimal"


def test_a_process_that_starts_late_ends_no_later(monkeypatch):
    now = time.time()
    asked = []
    monkeypatch.setattr(rounds.signal, "signal", lambda *_: None)
    monkeypatch.setattr(rounds, "tighten", lambda *given: asked.append(given[-1]))
    monkeypatch.setattr(rounds, "working_time", lambda: 100.0)
    monkeypatch.setattr(rounds.time, "time", lambda: now)
    rounds._in_process(None, None, [], now + 5.0)
    monkeypatch.setattr(rounds.time, "time", lambda: now + 4.0)
    rounds._in_process(None, None, [], now + 5.0)
    assert asked == pytest.approx([105.0, 101.0])
