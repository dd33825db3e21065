"""Commands that need Julia, without one: one message, the three ways to mend it, exit code 2."""

from __future__ import annotations

import sys

import pytest

from pygridjl.bridge import runtime
from pygridjl.cli import main


@pytest.fixture
def no_julia(monkeypatch, tmp_path):
    monkeypatch.setattr(runtime, "_running", None)
    monkeypatch.setenv("PYTHON_JULIACALL_EXE", str(tmp_path / "no" / "julia"))
    monkeypatch.setenv("PYTHON_JULIACALL_PROJECT", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize(
    "arguments",
    [
        ["reconfigure", "case16ci", "--backend", "julia", "--method", "forward+juniper"],
        ["benchmark", "julia", "--out", "results"],
    ],
)
def test_a_missing_julia_names_the_fixes(capsys, monkeypatch, no_julia, arguments):
    monkeypatch.chdir(no_julia)
    monkeypatch.setattr(sys, "argv", ["pygridjl", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    captured = capsys.readouterr()
    assert ended.value.code == 2
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    for fix in ("pygridjl julia install", "pygridjl julia use", "PYTHON_JULIACALL_EXE"):
        assert fix in captured.err
    assert not list(no_julia.iterdir())


def test_a_python_method_names_the_solvers_in_julia(capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["pygridjl", "reconfigure", "case16ci", "--backend", "julia"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert "as in 'maxflow+ils+highs'" in capsys.readouterr().err
