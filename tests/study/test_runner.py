"""What kills and crowds do to a study: nothing. And what one task may take."""

from __future__ import annotations

import os
import random
import signal
import statistics
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import pytest
import study_tasks

from pygridjl.core.errors import InvalidOptionError, OutputError
from pygridjl.study.runner import run_tasks
from pygridjl.study.store import STORE_NAME, Store
from pygridjl.study.supervisor import Limits
from pygridjl.study.task import Task

RUNNER = """
import sys
sys.path.insert(0, sys.argv[1])
import study_tasks
from pygridjl.study.runner import run_tasks
from pygridjl.study.store import Store
from pygridjl.study.task import Task

def main():
    tasks = [Task({"n": n, "seconds": 0.002}, study_tasks.slow_square) for n in range(240)]
    run_tasks(Store(sys.argv[2], "s"), tasks, n_jobs=2)

main()
"""
HERE = str(Path(study_tasks.__file__).parent)
MANY = [Task({"n": n, "seconds": 0.002}, study_tasks.slow_square) for n in range(240)]


def started(path):
    return subprocess.Popen([sys.executable, "-c", RUNNER, HERE, str(path)])


def rows(path, tasks):
    """Everything of the rows but the clock's share."""
    found = Store(path, "s").records(tasks)
    return [(r.key, r.row, r.status, r.value, r.bound, r.code) for r in found]


def count(path):
    return len(Store(path, "s").finished()) if path.exists() else 0


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    path = tmp_path_factory.mktemp("undisturbed") / STORE_NAME
    run_tasks(Store(path, "s"), MANY, n_jobs=2)
    found = rows(path, MANY)
    assert [r[3] for r in found] == [float(n) ** 2 for n in range(240)]
    return found


@pytest.mark.parametrize("kills", [5, pytest.param(20, marks=pytest.mark.slow)])
def test_a_study_killed_many_times_has_the_rows_of_an_undisturbed_one(tmp_path, undisturbed, kills):
    path = tmp_path / STORE_NAME
    draw = random.Random(7)
    kept = []
    share = 200 // kills
    for wave in range(kills):
        runner = started(path)
        # Killed somewhere in its share of the study; all of it comes to 240 tasks.
        wanted = share * wave + draw.randint(1, share - 1)
        while count(path) < wanted and runner.poll() is None:
            time.sleep(0.005)
        assert runner.poll() is None, "ended before it could be killed"
        runner.send_signal(signal.SIGKILL)
        runner.wait()
        kept.append(count(path))
    assert kept == sorted(kept)
    assert kept[-1] < len(MANY)
    run_tasks(Store(path, "s"), MANY, n_jobs=1)
    assert rows(path, MANY) == undisturbed
    assert len(Store(path, "s").finished()) == len(MANY)


def test_two_runners_at_once_share_the_work(tmp_path, undisturbed):
    path = tmp_path / STORE_NAME
    both = [started(path) for _ in range(2)]
    assert [runner.wait(timeout=300) for runner in both] == [0, 0]
    assert rows(path, MANY) == undisturbed
    assert Store(path, "s").running() == 0


def test_no_task_is_run_twice_by_two_runners(tmp_path):
    path, ran = tmp_path / STORE_NAME, tmp_path / "ran.txt"
    code = RUNNER.replace(
        '{"n": n, "seconds": 0.002}, study_tasks.slow_square',
        '{"n": n, "seconds": 0.01, "file": sys.argv[3]}, study_tasks.logged_sleep',
    ).replace("240", "30")
    arguments = [sys.executable, "-c", code, HERE, str(path), str(ran)]
    both = [subprocess.Popen(arguments) for _ in range(2)]
    assert [runner.wait(timeout=300) for runner in both] == [0, 0]
    assert sorted(ran.read_text().split(), key=int) == [str(n) for n in range(30)]


def test_one_process_two_and_one_after_the_other_give_the_same_digits(tmp_path):
    tasks = [Task({"n": n}, study_tasks.arithmetic) for n in range(12)]
    found = []
    for k, n_jobs in enumerate((1, 2)):
        run_tasks(Store(tmp_path / str(k) / STORE_NAME, "s"), tasks, n_jobs=n_jobs)
        found.append(rows(tmp_path / str(k) / STORE_NAME, tasks))
    assert found[0] == found[1]


@pytest.mark.slow
def test_a_dask_cluster_gives_the_same_digits(tmp_path):
    pytest.importorskip("distributed")
    tasks = [Task({"n": n}, study_tasks.arithmetic) for n in range(12)]
    run_tasks(Store(tmp_path / "here" / STORE_NAME, "s"), tasks)
    run_tasks(Store(tmp_path / "dask" / STORE_NAME, "s"), tasks, n_jobs=2, scheduler="local")
    here, dask = (rows(tmp_path / name / STORE_NAME, tasks) for name in ("here", "dask"))
    assert here == dask


@pytest.mark.slow
def test_failures_and_limits_on_a_dask_cluster_are_rows(tmp_path):
    distributed = pytest.importorskip("distributed")
    tasks = [Task({"how": "crash"}, study_tasks.fails), Task({"seconds": 60}, study_tasks.sleeps)]
    path = tmp_path / STORE_NAME
    with distributed.LocalCluster(n_workers=1, dashboard_address=None) as cluster:
        run_tasks(
            Store(path, "s"), tasks, scheduler=cluster.scheduler_address, limits=Limits(seconds=2.0)
        )
    errors = [r.row["error"] for r in Store(path, "s").records(tasks)]
    assert errors == ["the process ended by itself (SIGABRT)", "time limit: took more than 2 s"]


def test_each_kind_of_failure_is_a_row_and_the_others_run(tmp_path):
    path = tmp_path / STORE_NAME
    hows = ("purpose", "defect", "crash", "not JSON")
    tasks = [Task({"how": how}, study_tasks.fails) for how in hows]
    tasks.append(Task({"n": 3}, study_tasks.square))
    run_tasks(Store(path, "s"), tasks, n_jobs=2)
    purpose, defect, crash, plain, good = Store(path, "s").records(tasks)
    assert purpose.row["error"] == "SolverError: no licence"
    assert defect.row["error"] == "ZeroDivisionError: of the program"
    assert crash.row["error"] == "the process ended by itself (SIGABRT)"
    assert plain.row["error"].startswith("TypeError: Object of type object")
    assert (good.row["error"], good.value, good.status) == ("", 9.0, "optimal")
    log = (tmp_path / "logs" / f"{defect.key}.log").read_text()
    assert "trying" in log
    assert "Traceback" in log
    # A failure is not tried again unless that is asked for.
    before = {r.key: r.time for r in Store(path, "s").records(tasks)}
    run_tasks(Store(path, "s"), tasks)
    assert {r.key: r.time for r in Store(path, "s").records(tasks)} == before
    run_tasks(Store(path, "s"), tasks, retry=True)
    after = {r.key: r.time for r in Store(path, "s").records(tasks)}
    assert {key for key in before if before[key] != after[key]} == {
        r.key for r in (purpose, defect, crash, plain)
    }


def test_a_task_that_takes_too_long_or_too_much_is_ended_alone(tmp_path):
    path = tmp_path / STORE_NAME
    tasks = [
        Task({"seconds": 60.0}, study_tasks.sleeps),
        Task({"mb": 700}, study_tasks.eats),
        Task({"n": 3}, study_tasks.square),
    ]
    began = time.perf_counter()
    run_tasks(Store(path, "s"), tasks, limits=Limits(seconds=15.0, memory_mb=600.0))
    assert time.perf_counter() - began < 60.0
    long, large, good = Store(path, "s").records(tasks)
    assert long.row["error"] == "time limit: took more than 15 s"
    assert large.row["error"] == "memory limit: took more than 600 MB"
    assert good.value == 9.0


def test_what_a_task_prints_is_its_log(tmp_path):
    path = tmp_path / STORE_NAME
    tasks = [Task({"n": 1}, study_tasks.prints), Task({"n": 1}, study_tasks.square)]
    run_tasks(Store(path, "s"), tasks)
    printing, silent = Store(path, "s").records(tasks)
    log = (tmp_path / "logs" / f"{printing.key}.log").read_text()
    for line in ("native output", "python output", "a line of progress"):
        assert line in log
    assert not (tmp_path / "logs" / f"{silent.key}.log").exists()


def test_a_process_serves_many_tasks(tmp_path):
    """What a process loaded once, such as Julia, serves all tasks of a job."""
    path = tmp_path / STORE_NAME
    tasks = [Task({"seconds": 0.0, "n": n}, study_tasks.sleeps) for n in range(20)]
    run_tasks(Store(path, "s"), tasks, n_jobs=1)
    assert len({r.row["pid"] for r in Store(path, "s").records(tasks)}) == 1


def test_a_task_may_do_with_standard_input_what_it_likes(tmp_path):
    path = tmp_path / STORE_NAME
    tasks = [Task({"seconds": 0.1, "n": n}, study_tasks.takes_standard_input) for n in range(3)]
    run_tasks(Store(path, "s"), tasks, n_jobs=1)
    rows = Store(path, "s").records(tasks)
    assert [r.row["error"] for r in rows] == [""] * 3
    assert [r.row["value"] for r in rows] == [0.0] * 3


def test_a_task_costs_at_most_5_ms_beyond_its_work(tmp_path):
    path = tmp_path / STORE_NAME
    tasks = [Task({"n": n, "seconds": 0.02}, study_tasks.slow_square) for n in range(150)]
    times = []

    class Clock:
        def start(self, task):
            pass

        def finish(self, task):
            times.append((time.process_time(), time.perf_counter()))

    run_tasks(Store(path, "s"), tasks, n_jobs=1, progress=Clock())
    # Processor time of the runner: a machine that does other things at the same time adds none.
    spent = [1e3 * (b[0] - a[0]) for a, b in pairwise(times[10:])]
    assert statistics.mean(spent) <= 5.0
    # On the clock, where the machine was not busy with other things: one row is written to the
    # disk while the next task runs.
    work = statistics.median(1e3 * r.seconds for r in Store(path, "s").records(tasks))
    clock = statistics.quantiles((1e3 * (b[1] - a[1]) for a, b in pairwise(times[10:])), n=4)
    assert clock[0] - work <= 5.0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device without room")
def test_a_full_disk_ends_the_run_and_keeps_the_rows(tmp_path, monkeypatch):
    path = tmp_path / STORE_NAME
    tasks = [Task({"n": n}, study_tasks.square) for n in range(4)]
    run_tasks(Store(path, "s"), tasks[:2])
    full = Store(path, "s")
    full.finished()
    pages = full._connection.execute("PRAGMA page_count").fetchone()[0]
    full._connection.execute(f"PRAGMA max_page_count = {pages}")
    many = [Task({"n": n, "text": "x" * 4000}, study_tasks.square) for n in range(50)]
    with pytest.raises(OutputError, match="full"):
        run_tasks(full, many)
    full.close()
    kept = Store(path, "s").records([*tasks, *many])
    assert [r.value for r in kept[:2]] == [0.0, 1.0]
    run_tasks(Store(path, "s"), [*tasks, *many])
    assert len(Store(path, "s").records([*tasks, *many])) == 54


def test_what_cannot_run_is_refused(tmp_path):
    store = Store(tmp_path / STORE_NAME, "s")
    with pytest.raises(InvalidOptionError, match="not a function of a module"):
        run_tasks(store, [Task({"n": 1}, lambda _: {})])
    with pytest.raises(InvalidOptionError, match="n_jobs"):
        run_tasks(store, [Task({"n": 1}, study_tasks.square)], n_jobs=0)
    with pytest.raises(InvalidOptionError, match="seconds must be positive"):
        Limits(seconds=0.0)
    assert not list(tmp_path.iterdir())


def test_a_killed_runner_leaves_no_process_behind(tmp_path):
    path = tmp_path / STORE_NAME
    code = RUNNER.replace("0.002}, study_tasks.slow_square", "300.0}, study_tasks.marked_sleep")
    mark = tmp_path / "pids.txt"
    environment = {**os.environ, "STUDY_MARK": str(mark)}
    runner = subprocess.Popen([sys.executable, "-c", code, HERE, str(path)], env=environment)
    while not mark.exists() or len(mark.read_text().split()) < 2:
        time.sleep(0.05)
        assert runner.poll() is None
    runner.kill()
    runner.wait()
    deadline = time.monotonic() + 30.0
    pids = [int(pid) for pid in mark.read_text().split()]
    while any(alive(pid) for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(alive(pid) for pid in pids)


def alive(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"
