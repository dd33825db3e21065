"""Crossing from Python to Julia costs microseconds, and arrays cross without a copy."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import pytest

from pygridjl.bridge import runtime

pytestmark = pytest.mark.julia


def best(call: Callable[[], object], repeats: int) -> float:
    """Seconds of one call; the least of ten loops leaves out other work on the machine."""
    found = np.inf
    for _ in range(10):
        start = time.perf_counter()
        for _ in range(repeats):
            call()
        found = min(found, (time.perf_counter() - start) / repeats)
    return found


def test_a_call_costs_at_most_ten_microseconds_more_than_by_juliacall():
    runtime.start()
    from juliacall import Base

    identity = Base.identity
    bridge = best(lambda: runtime.call("identity", 1.0), 2000)
    assert bridge - best(lambda: identity(1.0), 2000) <= 10e-6


def test_a_million_floats_cross_without_a_copy():
    array, target = np.ones(1_000_000), np.empty(1_000_000)
    inside = runtime.call("zeros", array.size)
    copy = best(lambda: np.copyto(target, array), 20)
    assert best(lambda: runtime.call("length", array), 200) <= 0.1 * copy
    assert best(lambda: np.asarray(runtime.call("identity", inside)), 200) <= 0.1 * copy
    # What Julia writes is seen here, and the other way round: it is the same memory.
    runtime.call("fill_b", array, 7.0)
    assert (array == 7.0).all()
    seen = np.asarray(inside)
    seen[0] = 3.0
    assert runtime.call("first", inside) == 3.0
