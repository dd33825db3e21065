"""``benchmark all`` and ``reproduce all``, and what happens to folders, with small experiments."""

from __future__ import annotations

import dataclasses
import json

import pytest
from click.testing import CliRunner
from study_tasks import square

from pygridjl.bridge.errors import JuliaNotFoundError
from pygridjl.cli import experiments as commands
from pygridjl.core.options import option
from pygridjl.experiments.registry import Experiment, Page, experiments
from pygridjl.study.task import Plan, Task


@dataclasses.dataclass(frozen=True)
class Options:
    full: bool = option(False, "More.")
    least: float | None = option(None, "A number.", least=0.5)
    seed: int = option(0, "Seed.", least=0)


def plan(options):
    n = 5 if options.full else 3
    return Plan({"squares": [Task({"n": k, "seed": options.seed}, square) for k in range(n)]})


def plan_with_julia(options):
    def prepare():
        raise JuliaNotFoundError("no Julia here")

    return Plan({"squares": [Task({"n": -1}, square)]}, prepare)


def page(rows, options, folder):
    values = [row["value"] for row in rows["squares"]]
    return Page(f"squares: {values}", {"values": values}, {"squares": rows["squares"]}, report=True)


HERE = __name__


@pytest.fixture
def group(monkeypatch):
    found = {
        name: Experiment(name, "benchmark", f"Text of {name}.", f"{HERE}:{made}", f"{HERE}:page",
                         Options)
        for name, made in (("one", "plan"), ("two", "plan_with_julia"))
    }  # fmt: skip
    monkeypatch.setattr(commands, "experiments", lambda _: found)
    return commands.experiment_group("benchmark", "Text.")


def call(group, *arguments, code=0):
    result = CliRunner().invoke(group, [str(a) for a in arguments])
    assert result.exit_code == code, result.output + repr(result.exception)
    return result


def test_all_is_one_study_and_what_needs_julia_is_left_out(group, tmp_path):
    result = call(group, "all", "--out", tmp_path / "a", "--json")
    found = json.loads(result.stdout)
    assert found["one"] == {"values": [0.0, 1.0, 4.0]}
    assert "no Julia here" in found["two"]["not_run"]
    assert "two: not run" in result.stderr
    assert (tmp_path / "a" / "one" / "squares.csv").is_file()
    assert "squares: [0.0" in (tmp_path / "a" / "one" / "report.md").read_text()
    text = (tmp_path / "a" / "report.html").read_text()
    assert "benchmark all" in text
    assert text.count("<tr id=") == 3 + 1  # three rows and their machine
    full = json.loads(call(group, "all", "--out", tmp_path / "a", "--full", "--json").stdout)
    assert full["one"]["values"] == [0.0, 1.0, 4.0, 9.0, 16.0]


def test_forgetting_to_resume_deletes_nothing(group, tmp_path):
    call(group, "one", "--out", tmp_path / "a", "--full")
    store = tmp_path / "a" / "finished.sqlite"
    before = store.stat().st_ino
    call(group, "one", "--out", tmp_path / "a")
    assert store.stat().st_ino == before
    from pygridjl.study.store import Store

    assert len(Store.existing(tmp_path / "a").finished()) == 5
    call(group, "one", "--out", tmp_path / "a", "--restart")
    assert len(Store.existing(tmp_path / "a").finished()) == 3


def test_other_folders_are_refused_and_stay_as_they_are(group, tmp_path):
    (tmp_path / "text.tex").write_text("x")
    refused = CliRunner().invoke(group, ["one", "--out", str(tmp_path)])
    assert "holds files and no finished.sqlite" in str(refused.exception)
    assert [p.name for p in tmp_path.iterdir()] == ["text.tex"]
    call(group, "one", "--out", tmp_path / "a")
    refused = CliRunner().invoke(group, ["all", "--out", str(tmp_path / "a")])
    assert "holds rows of 'benchmark one', not of 'benchmark all'" in str(refused.exception)


@pytest.mark.parametrize("value", ["nan", "inf", "0.4", "x"])
def test_numbers_keep_their_limits(group, tmp_path, value):
    assert "--least" in call(group, "one", "--least", value, code=2).stderr


def test_every_registered_experiment_declares_itself():
    found = {kind: experiments(kind) for kind in ("benchmark", "reproduce")}
    assert {"reconfiguration", "stochastic", "julia"} <= set(found["benchmark"])
    assert {"forward", "spar"} <= set(found["reproduce"])
    for kind, of_kind in found.items():
        for name, experiment in of_kind.items():
            assert (experiment.kind, experiment.name) == (kind, name)
            made = experiment.make_plan(experiment.options())
            assert len(made) == sum(1 for _ in made) > 0
            # What a process of its own, or another machine, can be asked to do.
            assert all("<" not in task.function for task in made)
            json.dumps([dict(task.asked) for task in made])
