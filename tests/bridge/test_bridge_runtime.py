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
    JuliaSolverMissingError,
)
from pygridjl.bridge.locate import Place
from pygridjl.bridge.probe import compile_packages, probe
from pygridjl.core.errors import InvalidOptionError


@pytest.fixture
def not_running(monkeypatch: pytest.MonkeyPatch) -> None:
    """No Julia in this process, though other tests may have started one."""
    monkeypatch.setattr(runtime, "_running", None)
    monkeypatch.delitem(sys.modules, "juliacall", raising=False)


class _JuliaError(Exception):
    pass


def _stand_in(fake_julia, pid: int, **functions: object) -> runtime._Running:
    return runtime._Running(
        pid=pid,
        module=SimpleNamespace(**functions),
        error_type=_JuliaError,
        found=probe(Place(*fake_julia(), "given")),
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


def test_what_pygridjl_refuses_is_an_invalid_option(fake_julia, monkeypatch) -> None:
    def refuse() -> None:
        raise _JuliaError("InvalidArgument: start: no spanning tree\nStacktrace:\n [1] refuse")

    monkeypatch.setattr(runtime, "_running", _stand_in(fake_julia, os.getpid(), f=refuse))
    with pytest.raises(InvalidOptionError) as caught:
        runtime.call("f")
    assert str(caught.value) == "start: no spanning tree"


def test_a_missing_solver_is_one_line_with_the_command_that_adds_it(
    fake_julia, monkeypatch
) -> None:
    running = _stand_in(fake_julia, os.getpid(), has_package=lambda name: False)
    monkeypatch.setattr(runtime, "_running", running)
    with pytest.raises(JuliaSolverMissingError) as caught:
        runtime.require("Gurobi")
    assert isinstance(caught.value, JuliaPackageError)
    message = str(caught.value)
    assert "\n" not in message
    assert "has no Gurobi" in message
    assert f"{running.found.exe} --project={running.found.project}" in message
    assert 'Pkg.add("Gurobi")' in message
    # Another Julia would not mend it.
    assert "pygridjl julia install" not in message


def test_the_line_that_says_error_is_the_reason(fake_julia) -> None:
    body = (
        "import sys\n"
        "sys.stderr.write('Precompiling project...\\n┌ Warning: slow\\n"
        "ERROR: LoadError: no PyGridJL\\nStacktrace:\\n [1] top\\n')\n"
        "sys.exit(1)"
    )
    with pytest.raises(JuliaPackageError, match="fails: ERROR: LoadError: no PyGridJL"):
        compile_packages(Place(*fake_julia(body=body), "given"))


class _Base:
    """Julia's Base as another package left it."""

    project = "/another/Project.toml"

    @classmethod
    def active_project(cls):
        return cls.project

    @staticmethod
    def joinpath(*parts):
        return "/".join(parts)


def _juliacall_running(monkeypatch, exe: str, threads: int = 1) -> None:
    folder, _, name = exe.rpartition("/")
    assert name == "julia"
    main = SimpleNamespace(
        Sys=SimpleNamespace(BINDIR=folder),
        Threads=SimpleNamespace(nthreads=lambda: threads),
    )
    stand_in = SimpleNamespace(CONFIG={"inited": True}, Base=_Base, Main=main)
    monkeypatch.setitem(sys.modules, "juliacall", stand_in)


def test_a_julia_that_lacks_pygridjl_is_named(fake_julia, not_running, monkeypatch) -> None:
    exe, project = fake_julia(packages=("PythonCall",))
    _juliacall_running(monkeypatch, exe)
    monkeypatch.setattr(_Base, "project", f"{project}/Project.toml")
    with pytest.raises(JuliaPackageError, match=f"Julia already runs with project {project}"):
        runtime.call("anything")


def test_a_julia_that_has_it_is_used_as_it_is(fake_julia, monkeypatch, caplog) -> None:
    exe, project = fake_julia()
    _juliacall_running(monkeypatch, exe, threads=4)
    monkeypatch.setattr(_Base, "project", f"{project}/Project.toml")
    monkeypatch.setenv("JULIA_NUM_THREADS", "2")
    found = runtime._running_elsewhere()
    assert found is not None
    assert found.project == project
    assert found.origin == "running"
    assert "runs with 4 threads, not with 2" in caplog.text


def test_threads_are_read_where_juliacall_reads_them(monkeypatch) -> None:
    for name in ("PYTHON_JULIACALL_THREADS", "JULIA_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    assert runtime._threads() == "1"
    monkeypatch.setenv("JULIA_NUM_THREADS", "3")
    assert runtime._threads() == "3"
    monkeypatch.setenv("PYTHON_JULIACALL_THREADS", "4")
    assert runtime._threads() == "4"
    monkeypatch.setattr(sys, "_xoptions", {"juliacall-threads": "5"})
    assert runtime._threads() == "5"


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
    loaded = {"Gurobi": "1.7.0"}
    running = _stand_in(fake_julia, os.getpid(), package_version=lambda name: loaded.get(name, ""))
    monkeypatch.setattr(runtime, "_running", running)
    named = runtime.versions("HiGHS", "SCIP", "Gurobi")
    assert list(named) == ["pygridjl", "julia", "PyGridJL", "HiGHS", "Gurobi"]
    assert named["julia"] == "1.10.4"
    assert named["Gurobi"] == "1.7.0"
