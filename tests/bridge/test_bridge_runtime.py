"""What the running bridge promises and can be shown without a Julia."""

from __future__ import annotations

import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

from pygridjl.bridge import runtime
from pygridjl.bridge.errors import (
    JuliaForkError,
    JuliaNotFoundError,
    JuliaPackageError,
    JuliaSolveError,
)
from pygridjl.bridge.locate import Place
from pygridjl.bridge.probe import probe


@pytest.fixture
def not_running(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime, "_running", None)


class _JuliaError(Exception):
    pass


def _stand_in(fake_julia, pid: int, **functions: object) -> runtime._Running:
    return runtime._Running(
        pid=pid,
        module=SimpleNamespace(**functions),
        error_type=_JuliaError,
        found=probe(Place(*fake_julia(), "given")),
        functions={},
        solvers=set(),
    )


def test_import_is_light_and_never_touches_julia() -> None:
    code = (
        "import pygridjl, pygridjl.bridge, pygridjl.cli, sys\n"
        "heavy = {'juliacall', 'juliapkg', 'casadi', 'numba', 'matplotlib', 'opendssdirect'}\n"
        "assert not heavy & sys.modules.keys(), heavy & sys.modules.keys()\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_call_without_julia_names_the_fixes(no_julia, not_running) -> None:
    with pytest.raises(JuliaNotFoundError, match="pygridjl julia use"):
        runtime.call("anything")
    assert not runtime.is_started()


def test_a_forked_process_is_refused(fake_julia, monkeypatch) -> None:
    monkeypatch.setattr(runtime, "_running", _stand_in(fake_julia, os.getpid() + 1))
    with pytest.raises(JuliaForkError, match="spawn"):
        runtime.call("anything")
    assert not runtime.is_started()


def test_julia_exceptions_are_translated(fake_julia, monkeypatch) -> None:
    def fail(_: float) -> None:
        raise _JuliaError("DomainError with -1.0:\nsqrt was called\nStacktrace:\n  [1] sqrt")

    monkeypatch.setattr(runtime, "_running", _stand_in(fake_julia, os.getpid(), root=fail))
    with pytest.raises(JuliaSolveError) as caught:
        runtime.call("root", -1.0)
    assert str(caught.value) == "root: DomainError with -1.0:"
    assert "[1] sqrt" in str(caught.value.julia_trace)
    assert caught.value.__cause__ is None


def test_a_missing_solver_is_named(fake_julia, monkeypatch) -> None:
    monkeypatch.setattr(runtime, "_running", _stand_in(fake_julia, os.getpid()))
    with pytest.raises(JuliaPackageError, match="has no SCIP"):
        runtime.require("SCIP")


def test_the_environment_of_the_user_stays(fake_julia, monkeypatch) -> None:
    for name in list(os.environ):
        if name.startswith("PYTHON_JULIACALL_") or name == "JULIA_NUM_THREADS":
            monkeypatch.delenv(name)
    # Undone at the end of the test, with what _set_environment adds.
    monkeypatch.setattr(os, "environ", dict(os.environ))
    os.environ["PYTHON_JULIACALL_STARTUP_FILE"] = "yes"
    os.environ["JULIA_NUM_THREADS"] = "4"
    exe, project = fake_julia()
    place = Place(exe, project, "given")
    runtime._set_environment(place, probe(place))
    assert os.environ["PYTHON_JULIACALL_STARTUP_FILE"] == "yes"
    assert os.environ["PYTHON_JULIACALL_HANDLE_SIGNALS"] == "yes"
    assert os.environ["PYTHON_JULIACALL_EXE"] == exe


def test_versions_name_julia_and_the_packages_asked_for(fake_julia, monkeypatch) -> None:
    monkeypatch.setattr(runtime, "_running", _stand_in(fake_julia, os.getpid()))
    named = runtime.versions("HiGHS", "SCIP")
    assert list(named) == ["pygridjl", "julia", "PyGridJL", "HiGHS"]
    assert named["julia"] == "1.10.4"
