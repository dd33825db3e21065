"""Runs tasks in processes of their own, which can be killed when a task takes too much."""

from __future__ import annotations

import atexit
import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import Any

from pygridjl.core.errors import InvalidOptionError, PyGridJLError
from pygridjl.study.memory import resident_memory
from pygridjl.study.task import Outcome

__all__ = ["Limits", "Processes", "of_this_process"]

# Characters of a log that are kept, from its end.
LOG_LENGTH = 65_536
# Seconds between two looks at the memory of a task.
LOOK = 0.05
# Seconds a new process may take to say that it is there.
START = 120.0
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(frozen=True)
class Limits:
    """What one task may take.

    Attributes
    ----------
    seconds : float or None
        Time on the clock; the process of a task that takes longer is killed.
    memory_mb : float or None
        Resident memory of its process, MB of 2²⁰ bytes, with the libraries it loaded.

    Raises
    ------
    InvalidOptionError
        If one is not positive, or memory cannot be watched on this system.
    """

    seconds: float | None = None
    memory_mb: float | None = None

    def __post_init__(self) -> None:
        for name, value in (("seconds", self.seconds), ("memory_mb", self.memory_mb)):
            number = isinstance(value, int | float) and not isinstance(value, bool)
            if value is not None and not (number and value > 0):
                raise InvalidOptionError(f"limits: {name} must be positive, is {value!r}")
        if self.memory_mb is not None and resident_memory(os.getpid()) is None:
            raise InvalidOptionError("limits: memory_mb needs a system with /proc")


class _EndedError(Exception):
    """The process ended in the middle of a task."""


class _Child:
    """One process and its two pipes."""

    def __init__(self) -> None:
        self._log = tempfile.TemporaryFile()  # noqa: SIM115
        # The same arithmetic whatever runs beside it; who sets another number gets it.
        threads = {name: os.environ.get(name, "1") for name in _THREADS}
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "pygridjl.study.child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env={**os.environ, **threads, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            # Ctrl-C belongs to whoever supervises.
            start_new_session=True,
        )
        self._answers: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        threading.Thread(target=self._listen, daemon=True).start()
        try:
            self.environment: Mapping[str, Any] = self._receive(Limits(START))["environment"]
        except BaseException:
            self.end()
            raise

    def _listen(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                self._answers.put(line)
        self._answers.put(b"")

    def _send(self, message: Mapping[str, Any]) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(dict(message)).encode() + b"\n")
            self._process.stdin.flush()
        except OSError as error:
            raise _EndedError from error

    def _receive(self, limits: Limits) -> dict[str, Any]:
        began = time.perf_counter()
        while True:
            left = None
            if limits.seconds is not None:
                left = limits.seconds - (time.perf_counter() - began)
                if left <= 0:
                    raise TimeoutError(f"took more than {limits.seconds:g} s")
            wait = left
            if limits.memory_mb is not None:
                used = resident_memory(self._process.pid)
                if used is not None and used > limits.memory_mb:
                    raise MemoryError(f"took more than {limits.memory_mb:g} MB")
                wait = LOOK if left is None else min(left, LOOK)
            with suppress(queue.Empty):
                line = self._answers.get(timeout=wait)
                if not line:
                    raise _EndedError
                answer: dict[str, Any] = json.loads(line)
                return answer

    def compute(self, function: str, asked: Mapping[str, Any], limits: Limits) -> Outcome:
        self._log.truncate(0)
        self._log.seek(0)
        began = time.perf_counter()
        try:
            self._send({"function": function, "asked": dict(asked)})
            answer = self._receive(limits)
        except (TimeoutError, MemoryError, _EndedError) as failure:
            self.kill()
            if isinstance(failure, _EndedError):
                error = f"the process ended by itself ({_end(self._process.returncode)})"
            else:
                kind = "time" if isinstance(failure, TimeoutError) else "memory"
                error = f"{kind} limit: {failure}"
            seconds = time.perf_counter() - began
            return Outcome({}, error, seconds, self.environment, self._said())
        return Outcome(
            answer["answer"], answer["error"], answer["seconds"], self.environment, self._said()
        )

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def kill(self) -> None:
        """End the process and those that it started."""
        with suppress(OSError):
            if os.name == "posix":
                os.killpg(self._process.pid, signal.SIGKILL)
            else:
                self._process.kill()
        self._process.wait()
        assert self._process.stdin is not None
        with suppress(OSError):
            self._process.stdin.close()

    def end(self) -> None:
        """End the process for good: nobody reads its log any more."""
        self.kill()
        self._log.close()

    def _said(self) -> str:
        size = self._log.seek(0, os.SEEK_END)
        self._log.seek(max(0, size - LOG_LENGTH))
        return self._log.read().decode("utf-8", "replace")


class Processes:
    """Processes that wait for tasks; as many are started as are asked for at the same time."""

    def __init__(self) -> None:
        self._idle: list[_Child] = []
        self._all: list[_Child] = []
        self._lock = threading.Lock()
        self._closed = False

    def compute(self, function: str, asked: Mapping[str, Any], limits: Limits) -> Outcome:
        """Compute a task in a process that waits, or in a new one.

        Parameters
        ----------
        function : str
            ``"module:name"``.
        asked : mapping
            What it is called with.
        limits : Limits
            What it may take.

        Returns
        -------
        Outcome
            A task that fails, takes too much or ends its process has an error.

        Raises
        ------
        PyGridJLError
            If no process can be started.
        """
        with self._lock:
            child = self._idle.pop() if self._idle else None
        if child is None:
            child = self._started()
        outcome = child.compute(function, asked, limits)
        with self._lock:
            kept = child.alive and not self._closed
            if kept:
                self._idle.append(child)
            elif child in self._all:
                self._all.remove(child)
        if not kept:
            child.end()
        return outcome

    def _started(self) -> _Child:
        try:
            child = _Child()
        except (OSError, _EndedError, TimeoutError) as error:
            raise PyGridJLError(f"study: cannot start a process: {error}") from error
        with self._lock:
            self._all.append(child)
            closed = self._closed
        if closed:
            # Whoever wanted it finds it dead.
            child.kill()
        return child

    def close(self) -> None:
        """End all processes; those that compute, too."""
        with self._lock:
            self._closed = True
            children, idle = self._all, self._idle
            self._all, self._idle = [], []
        for child in children:
            # The log of one that computes is read once more by its thread.
            if child in idle:
                child.end()
            else:
                child.kill()


@cache
def of_this_process() -> Processes:
    """Return the processes that belong to this one until it ends."""
    processes = Processes()
    atexit.register(processes.close)
    return processes


def _end(code: int | None) -> str:
    if code is not None and code < 0:
        with suppress(ValueError):
            return signal.Signals(-code).name
    return f"exit code {code}"
