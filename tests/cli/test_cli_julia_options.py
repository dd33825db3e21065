"""Options of commands that solve in Julia: what is refused before Julia is looked for."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from pygridjl.cli.opf import command as opf
from pygridjl.cli.reconfigure import command as reconfigure
from pygridjl.core.errors import InvalidOptionError


@pytest.mark.parametrize(
    ("command", "arguments", "message"),
    [
        (opf, ["case9", "--solver", "Ipopt"], "solver: needs backend='julia'"),
        (opf, ["case9", "--verbose"], "verbose: needs backend='julia'"),
        (opf, ["case9", "--write-model", "m.lp"], "write_model: needs backend='julia'"),
        (reconfigure, ["case33bw", "--solver-option", "a=1"], "solver_options: needs backend="),
        (reconfigure, ["ieee13-ties"], "does not run on backend 'python'"),
        (
            reconfigure,
            ["ieee13-ties", "--backend", "julia", "--certify"],
            "certify: reconfiguration of a feeder has no such option",
        ),
        (
            reconfigure,
            ["ieee13-ties", "--backend", "julia", "--limit", "capacity"],
            "limits: of a feeder they are",
        ),
        (
            reconfigure,
            ["case33bw", "--backend", "julia", "--method", "scip", "--solver", "Gurobi"],
            "is a solver already",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused(command, arguments, message):
    done = CliRunner().invoke(command, arguments)
    assert isinstance(done.exception, InvalidOptionError)
    assert message in str(done.exception)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["case33bw", "--solver-option", "gap"], "'gap' is not NAME=VALUE"),
        (["case33bw", "--switch", "7"], "--switch is of a feeder"),
    ],
)
def test_usage(arguments, message):
    done = CliRunner().invoke(reconfigure, arguments)
    assert done.exit_code == 2
    assert message in done.output


def test_values_are_what_they_look_like(monkeypatch):
    asked = {}

    def door(_grid, _formulation, **options):
        asked.update(options)
        raise InvalidOptionError("enough")

    monkeypatch.setattr("pygridjl.optimal_flow.solve.opf", door)
    options = ["a=1", "b=1.5", "c=true", "limits/d=x=y"]
    arguments = [word for text in options for word in ("--solver-option", text)]
    CliRunner().invoke(opf, ["case9", "--backend", "julia", *arguments])
    assert asked["solver_options"] == {"a": 1, "b": 1.5, "c": True, "limits/d": "x=y"}
