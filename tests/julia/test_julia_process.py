"""Julia as a guest of the Python process: started once, refused after fork, safe with workers."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from pygridjl.bridge import runtime
from pygridjl.bridge.errors import JuliaSolveError, JuliaSolverMissingError

pytestmark = pytest.mark.julia


def test_results_do_not_share_memory_with_julia() -> None:
    from pygridjl.bridge.answer import floats

    vector = runtime.call("zeros", 3)
    mine = floats(vector)
    np.asarray(vector)[0] = 7.0
    assert mine[0] == 0.0


def test_starting_twice_is_starting_once() -> None:
    first = runtime.start()
    found = []
    threads = [threading.Thread(target=lambda: found.append(runtime.start())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(probe is first for probe in found)
    assert runtime.is_started()


def test_the_versions_are_those_of_the_packages() -> None:
    versions = runtime.versions("HiGHS", "JuMP")
    assert versions["julia"].startswith("1.")
    assert all(part.isdigit() for part in versions["HiGHS"].split("."))


def test_a_julia_exception_keeps_its_trace_aside() -> None:
    with pytest.raises(JuliaSolveError) as caught:
        runtime.call("sqrt", -1.0)
    assert "\n" not in str(caught.value)
    assert "Stacktrace" in str(caught.value.julia_trace)


def test_a_missing_solver_is_a_missing_package() -> None:
    with pytest.raises(JuliaSolverMissingError, match="Nowhere"):
        runtime.require("Nowhere")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_forked_child_is_refused_and_lives() -> None:
    code = (
        "import os, sys\n"
        "from pygridjl.bridge import runtime\n"
        "from pygridjl.bridge.errors import JuliaForkError\n"
        "runtime.call('identity', 1.0)\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    try:\n"
        "        runtime.call('identity', 1.0)\n"
        "    except JuliaForkError:\n"
        "        os._exit(0)\n"
        "    os._exit(1)\n"
        "sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=300)


def _in_worker(x: float) -> tuple[int, float]:
    from pygridjl.bridge import runtime
    from pygridjl.bridge.answer import floats

    return os.getpid(), float(floats(runtime.call("zeros", 3)).sum()) + x


def test_any_thread_of_python_may_call() -> None:
    """One thread of Julia's own would sleep in Python while a task waits for it."""
    want, found = _stage_values(False), []
    thread = threading.Thread(target=lambda: found.append(_stage_values(False)))
    thread.start()
    thread.join(timeout=120)
    assert not thread.is_alive()
    np.testing.assert_allclose(found[0], want, rtol=1e-8)


def test_a_pool_of_threads_may_call() -> None:
    from concurrent.futures import ThreadPoolExecutor

    want = _stage_values(True)
    with ThreadPoolExecutor(4) as pool:
        for values in pool.map(_stage_values, [True] * 8, timeout=300):
            np.testing.assert_allclose(values, want, rtol=1e-8)


def test_a_julia_that_was_there_before_is_used(monkeypatch) -> None:
    code = (
        "import juliacall\n"
        "from pygridjl.bridge import runtime\n"
        "assert runtime.call('identity', 2.0) == 2.0\n"
        "assert runtime.start().origin == 'running'\n"
    )
    found = runtime.start()
    for name, value in (
        ("PYTHON_JULIACALL_EXE", found.exe),
        ("PYTHON_JULIACALL_PROJECT", found.project),
    ):
        monkeypatch.setenv(name, value)
    subprocess.run([sys.executable, "-c", code], check=True, timeout=300)


@pytest.mark.slow
def test_loky_workers_have_a_julia_of_their_own() -> None:
    from joblib import Parallel, delayed

    runtime.start()
    answers = Parallel(n_jobs=2, backend="loky")(delayed(_in_worker)(x) for x in (1.0, 2.0))
    assert [value for _, value in answers] == [1.0, 2.0]
    assert os.getpid() not in {pid for pid, _ in answers}


def _stage_values(quadratic: bool) -> list[float]:
    from scipy.sparse import diags_array, random_array

    from pygridjl.bridge.problems.scenarios import JuliaSecondStage

    rng = np.random.default_rng(5)
    matrix = random_array((20, 35), density=0.4, rng=rng, data_sampler=rng.random).tocsr()
    stage = JuliaSecondStage(
        matrix,
        1 + rng.random(35),
        np.zeros(35),
        np.full(35, 5.0),
        np.zeros(20),
        np.full(20, np.inf),
        np.arange(20),
        diags_array(rng.random(35)) if quadratic else None,
    )
    demand = rng.random((24, 20))
    return stage.solve(demand, np.full_like(demand, np.inf)).objective.tolist()


@pytest.mark.slow
@pytest.mark.parametrize("quadratic", [False, True])
def test_two_threads_of_julia_give_the_answers_of_one(quadratic, monkeypatch) -> None:
    code = (
        "from test_julia_process import _stage_values\n"
        f"values = _stage_values({quadratic})\n"
        "import juliacall\n"
        "assert juliacall.Main.seval('Threads.nthreads()') == 2\n"
        "print(*map(repr, values))\n"
    )
    runtime.start()
    for name in ("PYTHON_JULIACALL_THREADS", "PYTHON_JULIACALL_HANDLE_SIGNALS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("JULIA_NUM_THREADS", "2")
    done = subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        timeout=300,
        capture_output=True,
        text=True,
        cwd=Path(__file__).parent,
    )
    values = [float(text) for text in done.stdout.split()]
    assert len(values) == 24
    np.testing.assert_allclose(values, _stage_values(quadratic), rtol=1e-8)
