"""``pygridjl julia``."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from click.testing import CliRunner

from pygridjl.bridge import config
from pygridjl.bridge.errors import FIXES, JuliaNotFoundError
from pygridjl.cli.julia import command


def test_status_without_julia_shows_the_fixes(no_julia) -> None:
    answer = CliRunner().invoke(command, ["status"])
    assert answer.exit_code == 1
    assert all(fix in answer.stdout for fix in FIXES)


def test_status_as_json(no_julia, fake_julia) -> None:
    exe, project = fake_julia()
    config.remember(exe, project)
    answer = CliRunner().invoke(command, ["status", "--json"])
    assert answer.exit_code == 0
    told = json.loads(answer.stdout)
    assert told["usable"] is True
    assert told["found"]["origin"] == "remembered"
    assert told["found"]["missing_optional"] == ["Juniper", "SCIP", "Pajarito"]


def test_use_then_status(no_julia, fake_julia) -> None:
    exe, project = fake_julia()
    answer = CliRunner().invoke(command, ["use", "--exe", exe, "--project", project])
    assert answer.exit_code == 0
    assert "PowerModelsDistribution" in answer.stdout
    assert CliRunner().invoke(command, ["status"]).exit_code == 0


def test_use_of_nothing_is_an_error_without_traceback(no_julia, tmp_path) -> None:
    answer = CliRunner().invoke(
        command, ["use", "--exe", str(tmp_path / "julia"), "--project", str(tmp_path)]
    )
    assert isinstance(answer.exception, JuliaNotFoundError)
    assert config.recall() is None


def test_a_command_without_julia_is_one_line_and_code_2(no_julia, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("PYTHON_JULIACALL_EXE", str(tmp_path / "julia"))
    monkeypatch.setenv("PYTHON_JULIACALL_PROJECT", str(tmp_path))
    command = [sys.executable, "-m", "pygridjl", "opf", "case9", "--backend", "julia"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("Error: no executable file")
    assert all(fix in done.stderr for fix in FIXES)
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("name", ["install", "status", "use"])
def test_help_has_an_example(name: str) -> None:
    assert f"Example: pygridjl julia {name}" in CliRunner().invoke(command, [name, "--help"]).stdout
