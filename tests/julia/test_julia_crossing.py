"""Arrays cross between Python and Julia without a copy; ``pygridjl benchmark julia`` times it."""

from __future__ import annotations

import numpy as np
import pytest

from pygridjl.bridge import runtime
from pygridjl.bridge.errors import JuliaSolveError

pytestmark = pytest.mark.julia


def address(array: object) -> int:
    """Where Julia sees the first entry."""
    return int(runtime.call("UInt", runtime.call("pointer", array)))


def test_an_array_of_python_is_the_same_memory_in_julia():
    array = np.ones(1_000_000)
    assert address(array) == array.ctypes.data
    runtime.call("fill_b", array, 7.0)
    assert (array == 7.0).all()


@pytest.mark.parametrize("order", ["C", "F"])
def test_tables_cross_without_a_copy_in_either_order(order):
    table = np.ones((300, 7), order=order)
    assert address(table) == table.ctypes.data
    assert tuple(runtime.call("size", table)) == table.shape


def test_an_array_of_julia_is_the_same_memory_in_python():
    inside = runtime.call("zeros", 1_000_000)
    seen = np.asarray(inside)
    assert seen.ctypes.data == address(inside)
    seen[0] = 3.0
    assert runtime.call("first", inside) == 3.0


def test_a_write_protected_array_cannot_be_written_in_julia():
    array = np.zeros(3)
    array.setflags(write=False)
    with pytest.raises(JuliaSolveError):
        runtime.call("fill_b", array, 7.0)
    assert (array == 0.0).all()
