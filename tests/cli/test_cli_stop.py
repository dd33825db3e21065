"""Ctrl-C and SIGTERM end every command within two seconds, with what has been found so far."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from scipy.sparse import csc_array

import pygridjl
from pygridjl import cli
from pygridjl.cli import interruption
from pygridjl.core import stopping
from pygridjl.core.errors import SolverError
from pygridjl.scenarios.files import save_scenarios
from pygridjl.scenarios.generate import generate_scenarios
from pygridjl.solvers import conic

# The promise, and what a busy machine may add to it.
PROMISED, SLACK = 2.0, 1.5

# Says when the solver is about to run, so that the signal meets it at work.
_SCRIPT = """
import sys, threading
from pygridjl.cli import interruption, main
interruption._TO_ANSWER = {to_answer}
from {module} import {name} as model
plain = model.{method}
def announced(self, *given, **named):
    threading.Timer({delay}, lambda: (sys.stderr.write("at work\\n"), sys.stderr.flush())).start()
    return plain(self, *given, **named)
model.{method} = announced
sys.argv[0] = "pygridjl"
main()
"""
_HIGHS = {"module": "pygridjl.solvers.highs", "name": "HighsModel", "method": "_run"}
_SCIP = {"module": "pygridjl.solvers.scip", "name": "ScipModel", "method": "solve"}
_CLARABEL = {"module": "pygridjl.solvers.conic", "name": "ConicSolver", "method": "solve"}


def _stopped(where, arguments, number, to_answer=1.4):
    """Start a command, send a signal while it works; return code, seconds, output."""
    process = subprocess.Popen(
        [sys.executable, "-c", _SCRIPT.format(**where, delay=0.5, to_answer=to_answer), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert "at work" in iter(process.stderr.readline, "").__next__()
        began = time.perf_counter()
        os.kill(process.pid, number)
        out, err = process.communicate(timeout=30)
        return process.returncode, time.perf_counter() - began, out, err
    finally:
        process.kill()


_PROVING = ["reconfigure", "case136ma", "--time-limit", "inf", "--json", "--method"]
_BALANCING = [
    "balance",
    "example",
    "--circuits",
    "4",
    "--cap",
    "5",
    "--time-limit",
    "inf",
    "--json",
]
_BALANCING += ["--method"]
_SITING = ["site", "ieee123", "--scenarios", "192", "--time-limit", "inf", "--method", "extensive"]


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(
    ("where", "arguments"),
    [
        (_HIGHS, [*_PROVING, "highs"]),
        (_SCIP, [*_PROVING, "scip-ac"]),
        (_SCIP, [*_BALANCING, "scip"]),
    ],
)
def test_a_proof_that_is_stopped_prints_answer_and_bound(where, arguments, number):
    # A busy machine gets the time it needs.
    code, _, out, err = _stopped(where, arguments, number, to_answer=25.0)
    assert code == 130
    answer = json.loads(out)
    assert answer["status"] in ("time_limit", "optimal")
    assert 0 < answer["bound"] <= answer["objective"] * (1 + 1e-6)
    assert "stopped: this is the best so far" in err
    assert "Traceback" not in err


# Its AC value, as published with MATPOWER's case.
_AC_118 = 129660.69
_TIGHTENING = "sdp+lnc+currents+minors+obbt"
_RELAXING = ["relax", "case118", "--method", _TIGHTENING, "--json", "--tolerance", "1e-9"]
_CERTIFYING = ["opf", "case118", "--certify", "--time-limit", "inf", "--json"]
_LINEARIZING = ["linearize", "case57", "--point", "order2"]
_RESTORING = ["restore", "case118zh", "--fault", "1", "--time-limit", "inf", "--json"]


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("arguments", [_RELAXING, _CERTIFYING])
def test_a_relaxation_that_is_stopped_prints_its_best_bound(arguments, number):
    code, _, out, err = _stopped(_CLARABEL, arguments, number, to_answer=25.0)
    assert code == 130
    bound = json.loads(out)["bound"]
    assert 0.98 * _AC_118 < bound < _AC_118 * (1 + 1e-6)
    assert "stopped: this is the best so far" in err
    assert "Traceback" not in err


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.parametrize(
    ("where", "arguments"),
    [
        (_HIGHS, [*_PROVING, "highs"]),
        (_SCIP, [*_PROVING, "scip-ac"]),
        (_HIGHS, _SITING),
        (_CLARABEL, _RELAXING),
        (_CLARABEL, _CERTIFYING),
        (_CLARABEL, _LINEARIZING),
        (_HIGHS, _RESTORING),
    ],
)
def test_a_command_ends_in_time_whether_it_can_answer_or_not(where, arguments):
    code, seconds, _, err = _stopped(where, arguments, signal.SIGINT)
    assert code == 130
    assert seconds < PROMISED + SLACK
    assert "Traceback" not in err


def test_ctrl_c_inside_compiled_code_is_no_defect(monkeypatch, capsys):
    """Numba makes a SystemError of what a signal raises inside its code."""

    def compiled(**_):
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt as stopped:
            raise SystemError("returned a result with an exception set") from stopped

    monkeypatch.setattr(cli.cli, "main", compiled)
    assert cli._run(interruption.Interruption()) == 130
    assert capsys.readouterr().err == "interrupted before there was an answer\n"


@pytest.mark.parametrize("kind", [RuntimeError, SolverError])
def test_what_native_code_makes_of_ctrl_c_is_no_defect(kind, monkeypatch, capsys):
    """A compiler that swallows it fails later, over what it did not make; so may a solver."""
    stopping.forget()
    watching = interruption.Interruption()

    def swallowed(**_):
        with pytest.raises(KeyboardInterrupt):
            watching._heard(signal.SIGINT, None)
        raise kind("no compiled object yet")

    monkeypatch.setattr(cli.cli, "main", swallowed)
    assert cli._run(watching) == 130
    assert "defect" not in capsys.readouterr().err


def test_a_large_process_keeps_seconds_for_giving_its_memory_back(monkeypatch):
    waited = []

    class Over:
        def is_set(self):
            return False

        def wait(self, seconds):
            waited.append(seconds)
            return True

    for gigabytes in (0.1, 5, 1000):
        watching = interruption.Interruption()
        watching._over = Over()
        watching._reading, writing = os.pipe()
        os.write(writing, bytes([signal.SIGTERM]))
        monkeypatch.setattr(interruption, "resident_memory", lambda _, g=gigabytes: 1024 * g)
        with stopping.answering():
            watching._watch()
        stopping.forget()
        for end in (watching._reading, writing):
            os.close(end)
    small, large, huge = waited[::2]
    assert interruption._TO_ANSWER >= small > large > huge > 0


def test_what_hits_a_destructor_leaves_no_trace(capsys):
    class Model:
        def __del__(self):
            raise KeyboardInterrupt

    with interruption.Interruption():
        Model()
    assert capsys.readouterr().err == ""


def test_a_conic_program_is_cancelled_as_a_search_is():
    """A long chain of cones: the request comes before the first iteration, and one is done."""
    n = 400
    model = conic.ConicModel(
        cost=np.ones(n),
        matrix=csc_array(-np.eye(n)),
        rhs=np.zeros(n),
        cones=[conic.Cone("nonnegative", n)],
    )
    with stopping.answering():
        stopping.request()
        answer = conic.solve_conic(model)
    stopping.forget()
    assert answer.status.value == "time_limit"
    assert answer.iterations <= 1


def test_what_is_known_is_said_once_when_a_run_is_broken_off(monkeypatch, capsys):
    def broken_off(**_):
        with stopping.answering():
            stopping.hold(objective=2.5, bound=1.0, open_branches=[3, 7], value=None)
            stopping.hold(bound=2.0)
            raise KeyboardInterrupt

    monkeypatch.setattr(cli.cli, "main", broken_off)
    for arguments in (["pygridjl"], ["pygridjl", "--json"]):
        monkeypatch.setattr("sys.argv", arguments)
        with interruption.Interruption() as watching:
            assert cli._run(watching) == 130
            interruption.last_words()
        out, err = capsys.readouterr()
        assert err == "stopped: this is the best so far, not checked\n"
        if "--json" in arguments:
            known = json.loads(out)
            assert (known["objective"], known["bound"]) == (2.5, 2.0)
            assert known["status"] == "time_limit"
        else:
            said = ["objective: 2.5", "bound: 2", "open branches: 3, 7", "value: not known yet"]
            assert out.splitlines() == said


def test_a_run_that_has_its_answer_is_left_to_print_it():
    with interruption.Interruption():
        assert not stopping.request()
        with stopping.answering():
            stopping.hold(bound=1.0)
        assert stopping.held() == {}
        assert stopping.request()
    with interruption.Interruption():
        assert not stopping.request()


# Holds the main thread where no signal reaches it, as a native solver may.
_STUCK = """
import ctypes, sys
from pygridjl.cli import main
from pygridjl.reconfiguration import solve
def stuck(run, finish):
    sys.stderr.write("at work\\n"); sys.stderr.flush()
    libc, mutex = ctypes.CDLL(None), ctypes.create_string_buffer(64)
    libc.pthread_mutex_lock(mutex)
    libc.pthread_mutex_lock(mutex)
solve._certify = stuck
sys.argv[0] = "pygridjl"
main()
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a lock of the C library")
def test_what_is_known_is_said_even_if_the_solver_never_returns():
    process = subprocess.Popen(
        [sys.executable, "-c", _STUCK, "reconfigure", "case33bw", "--certify", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert "at work" in iter(process.stderr.readline, "").__next__()
        began = time.perf_counter()
        process.terminate()
        out, err = process.communicate(timeout=30)
        seconds = time.perf_counter() - began
    finally:
        process.kill()
    assert process.returncode == 130
    assert seconds < PROMISED + SLACK
    known = json.loads(out)
    assert 0 < known["bound"] <= known["objective"]
    assert len(known["open_branches"]) == 5
    assert "not checked" in err


# Sends itself the signal where a method is called.
_SELF = """
import os, signal, sys
from pygridjl.cli import interruption, main
interruption._TO_ANSWER = 25.0
from {module} import {name} as model
plain = model.{method}
def stopped(self, *given, **named):
    model.{method} = plain
    os.kill(os.getpid(), signal.SIGTERM)
    return plain(self, *given, **named)
model.{method} = stopped
sys.argv[0] = "pygridjl"
main()
"""


def _stopped_at(where, arguments):
    """Run a command that is stopped at a method; return code, output."""
    script = _SELF.format(**where)
    run = subprocess.run(
        [sys.executable, "-c", script, *arguments], capture_output=True, text=True, timeout=120
    )
    assert "Traceback" not in run.stderr
    return run.returncode, run.stdout, run.stderr


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_a_schedule_of_a_year_that_is_stopped_is_the_best_configuration(tmp_path):
    network = pygridjl.load_network("case33bw")
    year = generate_scenarios(network.n_bus, 8760, seed=1)
    save_scenarios(year, tmp_path / "year", network.buses.id)
    ask = ["schedule", "case33bw", "--states", str(tmp_path / "year"), "--json"]
    ask += ["--periods", "12", "--operation-cost", "10", "--time-limit", "inf"]
    where = {"module": "pygridjl.reconfiguration.schedule.stage", "name": "Stage"}
    code, out, err = _stopped_at({**where, "method": "begin"}, ask)
    assert code == 130
    assert "stopped: this is the best so far" in err
    found = json.loads(out)
    assert found["status"] == "time_limit"
    assert found["objective"] == pytest.approx(found["one_configuration"])
    assert 0 <= found["bound"] <= found["objective"]
    code, out, err = _stopped_at({**where, "method": "__init__"}, ask)
    assert code == 130
    assert json.loads(out)["status"] == "not_found"
    assert "time ended before the first schedule" in json.loads(out)["reason"]


# After its first decision.
_SLOPES = {"module": "pygridjl.siting.methods.spar", "name": "driver", "method": "update_slopes"}
_FULL = {
    "module": "pygridjl.siting.second_stage.full",
    "name": "FullSecondStage",
    "method": "evaluate_scenarios",
}
_ALONE = {
    "module": "pygridjl.siting.hosting.limits",
    "name": "HostingLimits",
    "method": "alone",
}
_MANY = ["--scenarios", "1200", "--time-limit", "inf", "--json"]
_SPAR = ["site", "ieee123", *_MANY, "--method", "spar", "--max-iterations", "1000000"]
_EXACT = ["site", "ieee123", *_MANY, "--method", "benders", "--gap", "1e-6", "--engine", "full"]


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.parametrize(
    ("where", "arguments", "known"),
    [
        (_SLOPES, _SPAR, "placements"),
        (_FULL, _EXACT, None),
        (_HIGHS, ["site", "ieee123", *_MANY, "--method", "extensive"], "status"),
        (_ALONE, ["hosting", "ieee123", *_MANY], "per_site"),
    ],
)
def test_siting_on_many_scenarios_ends_in_time(where, arguments, known):
    code, seconds, out, err = _stopped(where, arguments, signal.SIGTERM)
    assert code == 130
    assert seconds < PROMISED + SLACK
    assert "Traceback" not in err
    assert "Error" not in err
    if known is not None:
        assert json.loads(out)[known]
