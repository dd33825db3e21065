"""Kernels: two forms, one answer, one rule."""

from __future__ import annotations

import subprocess
import sys
import time

import numpy as np
import pytest

from pygridjl.core import jit
from pygridjl.core.jit import compile_seconds, kernel, kernels_run, working_time
from pygridjl.core.result import Stopwatch


def _double(x):
    return 2.0 * x


def _sum_of_doubles(values):
    total = 0.0
    for v in values:
        total += doubled(v)
    return total


doubled = kernel(_double)


def test_a_kernel_calls_kernels_in_both_forms():
    values = np.linspace(0.0, 1.0, 7)
    answers = []
    for form in ("plain", "compiled"):
        with kernels_run(form):
            answers.append(kernel(_sum_of_doubles)(values))
    assert answers[0] == answers[1] == pytest.approx(2.0 * values.sum())


def test_small_work_stays_plain_and_hot_or_large_work_is_compiled(monkeypatch):
    summed = kernel(_sum_of_doubles)
    summed(np.ones(5))
    assert summed._machine is None
    summed(np.ones(100_000))
    assert summed._machine is not None
    hot = kernel(_sum_of_doubles)
    monkeypatch.setattr(jit, "PRICE", 0.0)
    monkeypatch.setattr(jit, "PRICE_OF_STORED", 0.0)
    hot(np.ones(5))
    assert hot._machine is not None


def test_compiling_is_a_phase_of_its_own_and_stops_the_clock():
    watch = Stopwatch()
    before, clock, wall = compile_seconds(), working_time(), time.perf_counter()
    with watch.phase("search"), kernels_run("compiled"):
        kernel(_sum_of_doubles)(np.ones(3))
    compiled = compile_seconds() - before
    assert compiled > 0
    assert watch.seconds["compile"] == pytest.approx(compiled)
    passed = time.perf_counter() - wall
    assert working_time() - clock == pytest.approx(passed - compiled, abs=0.05)
    assert watch.seconds["search"] <= passed - compiled + 1e-6


def test_a_small_network_needs_no_numba():
    code = (
        "import sys, pygridjl; "
        "pygridjl.reconfigure(pygridjl.load_network('case33bw'), 'forward+exchange', certify=True);"
        "sys.exit('numba' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
