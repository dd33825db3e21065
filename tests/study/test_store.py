"""Finished rows survive, failures stay visible, other questions are other rows."""

import sqlite3

import pytest

from pygridjl.core.errors import InvalidOptionError, SolverError
from pygridjl.study.store import TaskStore
from pygridjl.study.task import Task


def _counting(calls, value=1.5):
    def compute(_):
        calls.append(1)
        return {"value": value}

    return compute


def test_a_resumed_store_computes_nothing_twice(tmp_path):
    calls = []
    first = TaskStore(tmp_path / "s.sqlite", resume=False)
    row = first.run(Task({"case": "a", "seed": 0}, _counting(calls)))
    again = TaskStore(tmp_path / "s.sqlite", resume=True).run(
        Task({"seed": 0, "case": "a"}, _counting(calls, 99.0))
    )
    assert row == again == {"case": "a", "seed": 0, "value": 1.5, "error": ""}
    assert len(calls) == 1


def test_without_resume_everything_is_computed_anew(tmp_path):
    calls = []
    for _ in range(2):
        TaskStore(tmp_path / "s.sqlite", resume=False).run(Task({"case": "a"}, _counting(calls)))
    assert len(calls) == 2


def test_other_tasks_and_other_versions_are_other_rows(tmp_path, monkeypatch):
    calls = []
    store = TaskStore(tmp_path / "s.sqlite", resume=True)
    store.run(Task({"case": "a"}, _counting(calls)))
    store.run(Task({"case": "b"}, _counting(calls)))
    monkeypatch.setattr(
        "pygridjl.study.store.engine_versions", lambda: {"pygridjl": "another version"}
    )
    store.run(Task({"case": "a"}, _counting(calls)))
    assert len(calls) == 3


def test_errors_raised_on_purpose_become_rows(tmp_path):
    def fail(_):
        raise SolverError("no licence")

    row = TaskStore(tmp_path / "s.sqlite", resume=False).run(Task({"case": "a"}, fail))
    assert row == {"case": "a", "error": "SolverError: no licence"}


def test_an_interruption_loses_no_finished_row(tmp_path):
    store = TaskStore(tmp_path / "s.sqlite", resume=False)
    store.run(Task({"case": "a"}, lambda _: {"value": 1}))

    def interrupted(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.run(Task({"case": "b"}, interrupted))
    with sqlite3.connect(tmp_path / "s.sqlite") as connection:
        assert connection.execute("SELECT COUNT(*) FROM task").fetchone() == (1,)


def test_a_file_that_is_no_store_is_refused(tmp_path):
    (tmp_path / "s.sqlite").write_text("not a database, but long enough to look at" * 10)
    with pytest.raises(InvalidOptionError, match="store .*s.sqlite: file is not a database"):
        TaskStore(tmp_path / "s.sqlite", resume=True)
