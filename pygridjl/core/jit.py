"""One typed door to numba, so that compiled kernels keep their Python signatures."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar, cast

import numba

P = ParamSpec("P")
R = TypeVar("R")

__all__ = ["kernel"]


def kernel(function: Callable[P, R]) -> Callable[P, R]:
    """Compile ``function`` in nopython mode at its first call and cache the machine code.

    Parameters
    ----------
    function : callable
        A function of scalars and numpy arrays, within what numba compiles.

    Returns
    -------
    callable
        The same signature, compiled. The first call of each argument type compiles (seconds);
        later processes read the cache.
    """
    return cast("Callable[P, R]", numba.njit(cache=True)(function))
