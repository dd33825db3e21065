"""A request to stop, for the whole process: every deadline has then passed.

A run that is to end early ends as its time limit ends it: with the best answer and bound so far.
Whoever waits in a native solver registers how to cancel it.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from pygridjl.core.jit import working_time

__all__ = [
    "TimeIsUp",
    "answering",
    "cancelling",
    "forget",
    "held",
    "held_as",
    "hold",
    "is_answering",
    "is_over",
    "request",
    "requested",
    "seconds_left",
    "signals_deferred",
    "time_allowed",
    "within",
]

_lock = threading.RLock()
_stop = threading.Event()
_cancels: list[Callable[[], object]] = []
_answering = threading.Event()
_answered = threading.Event()
_held: dict[str, Any] = {}
_meanings: list[Callable[[dict[str, Any]], dict[str, Any]]] = []
_deadlines: list[float] = []


class TimeIsUp(Exception):  # noqa: N818
    """The deadline of :func:`within` passed, or the end was asked for, before an answer."""


def request() -> bool:
    """Ask the run under way to end; False if nothing is running that would heed it.

    One that has its answer is left to print it.
    """
    if not (is_answering() or _answered.is_set()):
        return False
    with _lock:
        _stop.set()
        for cancel in _cancels:
            cancel()
    return True


def requested() -> bool:
    """Whether the end was asked for."""
    return _stop.is_set()


def is_answering() -> bool:
    """Whether the run under way heeds requests, so that nothing else needs to watch for signals."""
    return _answering.is_set()


def forget() -> None:
    """Forget a request, and what an earlier run knew."""
    _stop.clear()
    _answered.clear()
    _held.clear()


def hold(**known: Any) -> None:
    """Keep what is known so far, for the case that the run is stopped before it can answer.

    Parameters
    ----------
    **known
        Plain values under the names that the result has for them; each takes the place of the last
        of its name.
    """
    if is_answering():
        with _lock:
            for meaning in reversed(_meanings):
                known = meaning(known)
            _held.update(known)


@contextmanager
def held_as(meaning: Callable[[dict[str, Any]], dict[str, Any]]) -> Iterator[None]:
    """Say what is held inside, where another problem is solved, means for the run.

    Parameters
    ----------
    meaning : callable
        Called with what is held; returns what the run knows by that, perhaps nothing.
    """
    _meanings.append(meaning)
    try:
        yield
    finally:
        _meanings.pop()


def held() -> dict[str, Any]:
    """Return what is known of the run under way or, if it was broken off, of the last one."""
    with _lock:
        return dict(_held)


def is_over(deadline: float | None) -> bool:
    """Whether a value of ``working_time()`` has passed, or the end was asked for."""
    return _stop.is_set() or (deadline is not None and working_time() >= deadline)


def seconds_left(deadline: float) -> float:
    """Return the seconds until a value of ``working_time()``, never negative."""
    return 0.0 if _stop.is_set() else max(deadline - working_time(), 0.0)


@contextmanager
def within(deadline: float) -> Iterator[None]:
    """Give solvers inside that have no time limit of their own a deadline.

    Parameters
    ----------
    deadline : float
        Value of ``working_time()``; infinity for none but the end that is asked for.

    Raises
    ------
    TimeIsUp
        From a solver inside that has no answer by then.
    """
    _deadlines.append(deadline)
    try:
        yield
    finally:
        _deadlines.pop()


def time_allowed() -> float | None:
    """Return the deadline of the innermost :func:`within`; None if there is none."""
    return _deadlines[-1] if _deadlines else None


@contextmanager
def answering() -> Iterator[None]:
    """Say that the run inside heeds requests and will answer with what it has."""
    _answered.clear()
    _held.clear()
    _answering.set()
    try:
        yield
    finally:
        _answering.clear()
    _held.clear()
    _answered.set()


@contextmanager
def cancelling(cancel: Callable[[], object]) -> Iterator[None]:
    """Cancel what runs inside when the end is asked for, from another thread.

    Parameters
    ----------
    cancel : callable
        Called at most once a request, perhaps just before the run begins.
    """
    with _lock:
        _cancels.append(cancel)
        if _stop.is_set():
            cancel()
    try:
        yield
    finally:
        with _lock:
            _cancels.remove(cancel)


@contextmanager
def signals_deferred(cancel: Callable[[], object]) -> Iterator[None]:
    """Hold Python's handlers of Ctrl-C and SIGTERM back until what runs inside has ended.

    A native solver that calls back into Python takes the KeyboardInterrupt of a handler for a
    failure of its own and forgets it.

    Parameters
    ----------
    cancel : callable
        Called when a signal comes.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    heard: list[tuple[int, FrameType | None]] = []

    def hear(number: int, frame: FrameType | None) -> None:
        heard.append((number, frame))
        cancel()

    handlers: dict[int, Any] = {}
    try:
        watched: tuple[int, ...] = (signal.SIGINT, signal.SIGTERM)
        for number in watched:
            if callable(handler := signal.getsignal(number)):
                handlers[number] = handler
                signal.signal(number, hear)
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        for caught, frame in heard:
            handlers[caught](caught, frame)
