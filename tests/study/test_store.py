"""Finished rows survive, other questions are other rows, foreign files stay as they are."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys

import pytest
from study_tasks import fails, square

from pygridjl.core.errors import InvalidOptionError, OutputError
from pygridjl.study import store as store_module
from pygridjl.study.owner import Owner
from pygridjl.study.runner import run_here
from pygridjl.study.store import STORE_NAME, Store, task_key
from pygridjl.study.task import Outcome, Plan, Task


def outcome(value=1.0, error=""):
    return Outcome({"value": value}, error, 0.5, {"python": "3"})


@pytest.fixture
def path(tmp_path):
    return tmp_path / "out" / STORE_NAME


def filled(path, study="s", n=3):
    store = Store(path, study)
    for k in range(n):
        store.finish(Task({"n": k}, square), outcome(k))
    store.close()
    return store


def test_nothing_is_made_before_the_first_row(path):
    store = Store(path, "s")
    assert store.finished() == set()
    assert store.row(Task({"n": 1}, square)) is None
    assert not path.parent.exists()
    store.finish(Task({"n": 1}, square), outcome())
    assert path.is_file()
    # Only the store and its own journal: no leftovers of its making.
    assert {p.name.removeprefix(STORE_NAME) for p in path.parent.iterdir()} <= {"", "-wal", "-shm"}


def test_a_row_is_what_was_asked_and_answered(path):
    store = Store(path, "s")
    task = Task({"n": 2, "case": "a"}, square)
    store.finish(task, outcome(4.0))
    assert store.row(task) == {"n": 2, "case": "a", "value": 4.0, "error": ""}
    # The order of what is asked means nothing.
    assert store.row(Task({"case": "a", "n": 2}, square)) == store.row(task)
    assert store.row(Task({"n": 2, "case": "b"}, square)) is None
    assert store.row(Task({"n": 2, "case": "a"}, fails)) is None


def test_the_first_row_of_a_task_stays(path):
    store = Store(path, "s")
    task = Task({"n": 2}, square)
    store.finish(task, outcome(4.0))
    store.finish(task, outcome(5.0))
    assert store.row(task)["value"] == 4.0


def test_other_code_is_another_row_and_the_newest_is_shown(path, monkeypatch):
    store = Store(path, "s")
    task = Task({"n": 2}, square)
    store.finish(task, outcome(4.0))
    old = task_key(task)
    monkeypatch.setattr(store_module, "code_version", lambda _: "0.0+another")
    assert task_key(task)[0] == old[0]
    assert task_key(task)[1] != old[1]
    assert store.row(task) is None
    assert [r.value for r in store.records([task])] == [4.0]
    store.finish(task, outcome(4.5))
    assert [(r.value, r.code) for r in store.records([task])] == [(4.5, "0.0+another")]


def test_a_store_of_another_study_is_refused(path):
    filled(path)
    before = path.read_bytes()
    for restart in (False, True):
        with pytest.raises(InvalidOptionError, match="holds rows of 's', not of 't'"):
            Store(path, "t", restart=restart)
    assert path.read_bytes() == before
    assert len(Store(path, "s").finished()) == 3


def test_only_restart_empties(path):
    filled(path)
    assert len(Store(path, "s").finished()) == 3
    store = Store(path, "s")
    owner = Owner()
    assert store.claim("x", owner) == "ours"
    with pytest.raises(InvalidOptionError, match="another process is working on it"):
        Store(path, "s", restart=True)
    store.release(owner)
    assert Store(path, "s", restart=True).finished() == set()


def damage(path, how):
    if how == "text":
        path.write_text("not a database, but long enough to look at" * 10)
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "cut":
        path.write_bytes(path.read_bytes()[: 3 * 4096 - 100])
    elif how == "overwritten":
        data = bytearray(path.read_bytes())
        data[4096 : 3 * 4096] = os.urandom(2 * 4096)
        path.write_bytes(bytes(data))
    elif how == "foreign":
        path.unlink()
        with sqlite3.connect(path) as connection:
            connection.execute("CREATE TABLE mine (a)")
            connection.execute("INSERT INTO mine VALUES (1)")
        connection.close()
    elif how == "future":
        data = bytearray(path.read_bytes())
        data[60:64] = (99).to_bytes(4, "big")
        path.write_bytes(bytes(data))


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("text", "file is not a database"),
        ("empty", "file is not a database"),
        ("cut", "is damaged"),
        ("overwritten", "is damaged"),
        ("foreign", "is a database, but not one of ours"),
        ("future", "has a format that this version does not know"),
    ],
)
def test_a_damaged_or_foreign_file_is_refused_and_untouched(path, how, words):
    filled(path, n=200)
    damage(path, how)
    before = path.read_bytes()
    for restart in (False, True):
        with pytest.raises(InvalidOptionError, match=words) as refused:
            Store(path, "s", restart=restart)
        assert "\n" not in str(refused.value)
        assert len(str(refused.value)) < 300 + len(str(path))
    with pytest.raises(InvalidOptionError, match=words):
        Store.existing(path.parent)
    assert path.read_bytes() == before


def test_a_strangers_folder_is_refused(tmp_path):
    (tmp_path / "thesis.tex").write_text("x")
    with pytest.raises(InvalidOptionError, match=r"holds files and no finished\.sqlite"):
        Store(tmp_path / STORE_NAME, "s")
    with pytest.raises(InvalidOptionError, match="is not a folder"):
        Store(tmp_path / "thesis.tex" / STORE_NAME, "s")
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.tex"]


def test_claims_keep_two_owners_apart(path):
    store, one, other = Store(path, "s"), Owner(), Owner()
    task = Task({"n": 1}, square)
    key = task_key(task)[1]
    assert store.claim(key, one) == "ours"
    assert store.claim(key, other) == "taken"
    assert store.running() == 1
    store.release(one)
    assert store.claim(key, other) == "ours"
    store.finish(task, outcome())
    assert store.claim(key, one) == "finished"
    assert store.running() == 0


def test_the_claims_of_an_ended_process_count_for_nothing(path):
    store = Store(path, "s")
    code = (
        "import sys; from pygridjl.study.store import Store; from pygridjl.study.owner import "
        "Owner; print(Store(sys.argv[1], 's').claim('k', Owner()))"
    )
    said = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True
    )
    assert said.stdout.strip() == "ours"
    assert store.claim("k", Owner()) == "ours"


def test_a_lease_that_ran_out_counts_for_nothing(path, monkeypatch):
    store, one = Store(path, "s"), Owner()
    monkeypatch.setattr(Owner, "until", staticmethod(lambda: 0.0))
    assert store.claim("k", one) == "ours"
    monkeypatch.undo()
    assert store.claim("k", Owner()) == "ours"


def test_errors_raised_on_purpose_are_rows_and_others_are_not(path):
    store = Store(path, "s")
    plan = Plan({"a": [Task({"how": "purpose"}, fails), Task({"n": 3}, square)]})
    rows = run_here(store, plan)["a"]
    assert rows[0] == {"how": "purpose", "error": "SolverError: no licence"}
    assert rows[1]["value"] == 9.0
    with pytest.raises(ZeroDivisionError):
        run_here(store, Plan({"a": [Task({"how": "defect"}, fails)]}))
    assert len(store.finished()) == 2
    assert store.running() == 0
    assert store.forget_failures(plan) == 1


def test_a_plan_is_prepared_only_when_something_is_left_to_run(path):
    calls = []
    tasks = [Task({"n": k}, square) for k in range(3)]
    plan = Plan({"a": tasks, "b": tasks[:1]}, lambda: calls.append(1))
    store = Store(path, "s")
    first = run_here(store, plan)
    assert calls == [1]
    assert run_here(store, plan) == first
    assert calls == [1]
    assert first["b"] == first["a"][:1]
    assert len(plan) == 4


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no device without room")  # noqa: PTH110
def test_a_folder_that_cannot_be_written_is_one_message(tmp_path):
    with pytest.raises(OutputError):
        Store("/proc/none/finished.sqlite", "s").finish(Task({"n": 1}, square), outcome())


def test_a_store_can_be_moved(path, tmp_path):
    filled(path)
    shutil.copytree(path.parent, tmp_path / "copy")
    assert len(Store.existing(tmp_path / "copy").finished()) == 3
