"""Kernels: functions of scalars and arrays that run as plain Python until compiling them pays.

Compiling costs seconds where a small network costs milliseconds, so a kernel begins in its plain
form. It is compiled when the seconds it has spent, with those its next call must cost to pass
once over its arrays, reach what compiling costs: at worst the total is then about twice the
least possible. Both forms compute the same; which one runs is decided here only.
"""

from __future__ import annotations

import dis
import functools
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Generic, Literal, ParamSpec, TypeVar

import numpy as np

P = ParamSpec("P")
R = TypeVar("R")

__all__ = ["Kernel", "compile_seconds", "kernel", "kernels_run", "working_time"]

# Plain Python, seconds for each number in the arrays of a call; measured.
SECONDS_PER_NUMBER = 1e-5
# Compiling, seconds for a bytecode instruction of a kernel and of those it calls; measured between
# 0.003 and 0.007. Too low a price makes a small case wait for machine code it does not need.
PRICE = 0.004
# Loading machine code that an earlier process left on disk, and numba with it.
PRICE_OF_STORED = 0.15


class _State:
    """What all kernels share."""

    form: Literal["chosen", "plain", "compiled"] = "chosen"
    # Whether a plain kernel is running: what it calls is plain too and counts as its own.
    nested = False
    compiling = False
    seconds = 0.0


class Kernel(Generic[P, R]):
    """A function with a plain and a compiled form.

    Attributes
    ----------
    py_func : callable
        The plain form.
    """

    def __init__(self, function: Callable[P, R]) -> None:
        self.py_func = function
        self._spent = 0.0
        self._machine: Any = None
        functools.update_wrapper(self, function)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run the form that pays."""
        if self._machine is not None and not _State.nested and _State.form != "plain":
            result: R = self._machine(*args, **kwargs)
            return result
        if _State.nested:
            return self.py_func(*args, **kwargs)
        if self._pays(args):
            self._compile(args)
            return self(*args, **kwargs)
        _State.nested = True
        start = time.thread_time()
        try:
            return self.py_func(*args, **kwargs)
        finally:
            self._spent += time.thread_time() - start
            _State.nested = False

    @property
    def _numba_type_(self) -> Any:
        """Type by which numba knows this object inside another kernel."""
        return self._inner._numba_type_

    @functools.cached_property
    def _inner(self) -> Any:
        """Compiled form for kernels only, which needs no way in from Python."""
        return _numba().njit(no_cpython_wrapper=True, no_cfunc_wrapper=True)(self.py_func)

    def _pays(self, args: tuple[Any, ...]) -> bool:
        if _State.form != "chosen":
            return _State.form == "compiled"
        expected = self._spent + SECONDS_PER_NUMBER * _numbers(args)
        return expected >= PRICE_OF_STORED and expected >= self._price

    @functools.cached_property
    def _price(self) -> float:
        """Seconds that the compiled form costs."""
        return PRICE_OF_STORED if self._stored() else PRICE * _instructions(self, set())

    def _stored(self) -> bool:
        """Whether an earlier process left machine code of this kernel."""
        folder = Path(self._outer().stats.cache_path or "")
        code = self.py_func.__code__
        return any(folder.glob(f"*.{code.co_name}-{code.co_firstlineno}.*.nbi"))

    def _outer(self) -> Any:
        return _numba().njit(cache=True, no_cfunc_wrapper=True)(self.py_func)

    def _compile(self, args: tuple[Any, ...]) -> None:
        numba = _numba()
        if numba.config.DISABLE_JIT:
            self._machine = self.py_func
            return
        machine = self._outer()
        with _compile_phase():
            machine.compile(tuple(numba.typeof(argument) for argument in args))
        self._machine = machine


def kernel(function: Callable[P, R]) -> Kernel[P, R]:
    """Make a kernel of a function.

    Parameters
    ----------
    function : callable
        A function of scalars, arrays and named tuples of them, within what numba compiles, that
        gives the same when Python runs it. It may call other kernels.

    Returns
    -------
    Kernel
        The same signature. Machine code is kept on disk for later processes.
    """
    return Kernel(function)


@contextmanager
def kernels_run(form: Literal["plain", "compiled"]) -> Iterator[None]:
    """Take the choice of form away, for tests that compare them and for benchmarks.

    Parameters
    ----------
    form : {"plain", "compiled"}
        Form in which all kernels run inside the ``with`` block.
    """
    before, _State.form = _State.form, form
    try:
        yield
    finally:
        _State.form = before


def compile_seconds() -> float:
    """Seconds this process has spent on compiling kernels or loading them."""
    return _State.seconds


def working_time() -> float:
    """Clock in seconds, for differences, that stands still while a kernel is compiled."""
    return time.perf_counter() - _State.seconds


@contextmanager
def _compile_phase() -> Iterator[None]:
    if _State.compiling:
        yield
        return
    _State.compiling = True
    start = time.perf_counter()
    try:
        yield
    finally:
        _State.seconds += time.perf_counter() - start
        _State.compiling = False


@functools.cache
def _numba() -> Any:
    """Import numba and hear of what it compiles later, for arguments of other types."""
    with _compile_phase():
        import numba
        from numba.core import event

        class Listener(event.Listener):
            phase: Any = None

            def on_start(self, event: Any) -> None:
                if not _State.compiling:
                    self.phase = _compile_phase()
                    self.phase.__enter__()
                    self.first = event.data["dispatcher"]

            def on_end(self, event: Any) -> None:
                if self.phase is not None and event.data["dispatcher"] is self.first:
                    self.phase.__exit__(None, None, None)
                    self.phase = None

        event.register("numba:compile", Listener())  # type: ignore[no-untyped-call]
    return numba


def _numbers(arguments: tuple[Any, ...]) -> int:
    """Numbers in all arrays of the arguments."""
    total = 0
    for argument in arguments:
        if isinstance(argument, np.ndarray):
            total += argument.size
        elif isinstance(argument, tuple):
            total += _numbers(argument)
    return total


def _instructions(function: Kernel[..., Any], seen: set[str]) -> int:
    """Bytecode instructions of a kernel and, once each, of the kernels it calls."""
    code = function.py_func.__code__
    total = sum(1 for _ in dis.get_instructions(code))
    for name in code.co_names:
        callee = function.py_func.__globals__.get(name)
        if isinstance(callee, Kernel) and name not in seen:
            seen.add(name)
            total += _instructions(callee, seen)
    return total
