"""A thousand calls leave nothing behind: a service that answers all day must not grow."""

from __future__ import annotations

import gc
import threading
from pathlib import Path

import numpy as np
import pytest

import pygridjl
from pygridjl.balancing.files import load_paths

_STATUS = Path("/proc/self/status")
# What fragmentation may add after the first calls, and what no leak of a solver's model hides in.
_GROWTH_MB = 24.0


def _resident_mb() -> float:
    for line in _STATUS.read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return float(line.split()[1]) / 1024
    raise AssertionError("no resident size")


def _handles() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def _calls():
    network = pygridjl.load_network("case33bw")
    transmission = pygridjl.load_network("case14")
    loads = load_paths("example").deviations
    feeder = pygridjl.load_feeder("ieee13")
    scenarios = pygridjl.generate_scenarios(feeder.n_bus, 24, seed=1)
    problem = pygridjl.PlanningProblem(feeder, max_sites=2, line_limits=False)
    return (
        lambda k: pygridjl.reconfigure(network, "forward+exchange", certify=True).objective,
        lambda k: pygridjl.opf(transmission).objective,
        lambda k: pygridjl.relax(transmission, "soc").bound,
        lambda k: pygridjl.power_flow(network).loss_kw,
        lambda k: pygridjl.site(problem, scenarios, method="benders").objective,
        lambda k: pygridjl.balance(loads, circuits=4, cardinality=5, method="local").objective,
    )


@pytest.mark.slow
@pytest.mark.skipif(not _STATUS.exists(), reason="memory is read from /proc")
def test_a_thousand_calls_keep_memory_handles_threads_and_answers():
    calls = _calls()
    first = [call(0) for call in calls]
    for k in range(20 * len(calls)):
        calls[k % len(calls)](k)
    gc.collect()
    memory, handles, threads = _resident_mb(), _handles(), threading.active_count()
    for k in range(1000):
        answer = calls[k % len(calls)](k)
        assert np.isclose(answer, first[k % len(calls)], rtol=1e-9, atol=0)
    gc.collect()
    assert _handles() <= handles
    assert threading.active_count() <= threads
    assert _resident_mb() - memory < _GROWTH_MB
