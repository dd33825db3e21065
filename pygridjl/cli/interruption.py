"""Ctrl-C and SIGTERM: the best answer so far if there is one, and the end within two seconds."""

from __future__ import annotations

import atexit
import json
import os
import signal
import sys
import threading
from types import FrameType, TracebackType
from typing import Any

import click

from pygridjl.core import stopping
from pygridjl.study.memory import resident_memory

__all__ = ["STOPPED", "Interruption", "last_words"]

STOPPED = 130
"""Exit code of a command that was stopped."""

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
# Seconds for the run to answer, then for it to clean up.
_TO_ANSWER = 1.4
_TO_CLEAN_UP = 0.4
# Of the first, what the system needs to take back a GB of memory, with room for a busy machine;
# but for so many seconds.
_TO_GIVE_BACK, _AT_LEAST = 0.15, 0.5

_spoken = threading.Lock()


class Interruption:
    """Watches for signals while a command runs; does nothing outside the main thread.

    Python runs its signal handlers between two of its own steps, which a native solver may put off
    for minutes. The operating system's handler also writes to a pipe, and a thread that reads it
    cancels the solver. A run that heeds requests (:func:`pygridjl.core.stopping.answering`) gets
    a second to answer; any other gets KeyboardInterrupt at once, and the process ends if that does
    not help.
    """

    def __init__(self) -> None:
        self._here = threading.current_thread() is threading.main_thread()
        self._over = threading.Event()
        self._signals = 0
        self.raised = False
        """Whether a KeyboardInterrupt was raised, whatever became of it since."""

    def __enter__(self) -> Interruption:
        if not self._here:
            return self
        stopping.forget()
        if _spoken.locked():
            _spoken.release()
        self._reading, self._writing = os.pipe()
        os.set_blocking(self._writing, False)
        self._before: dict[int, Any] = {s: signal.signal(s, self._heard) for s in _SIGNALS}
        self._wakeup = signal.set_wakeup_fd(self._writing, warn_on_full_buffer=False)
        self._unraisable, sys.unraisablehook = sys.unraisablehook, self._dropped
        threading.Thread(target=self._watch, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if not self._here or self._signals:
            return
        self._over.set()
        signal.set_wakeup_fd(self._wakeup)
        sys.unraisablehook = self._unraisable
        for number, handler in self._before.items():
            signal.signal(number, handler)
        os.write(self._writing, b"\0")

    def leave(self, code: int) -> None:
        """End the process after a signal, without the interpreter's own leisurely end."""
        if self._here and self._signals:
            for stream in (sys.stdout, sys.stderr):
                if stream is not None:
                    stream.flush()
            atexit._run_exitfuncs()
            os._exit(code)

    def _heard(self, _number: int, _frame: FrameType | None) -> None:
        """Run by Python in the main thread, sooner or later."""
        self._signals += 1
        if self._signals > 1 or not stopping.request():
            self.raised = True
            raise KeyboardInterrupt

    def _dropped(self, what: sys.UnraisableHookArgs) -> None:
        """Say nothing of what a KeyboardInterrupt does to destructors: the end comes anyway."""
        if not (self._signals or issubclass(what.exc_type, KeyboardInterrupt)):
            self._unraisable(what)

    def _watch(self) -> None:
        """Wait for the first signal, then see to it that the process ends."""
        first = os.read(self._reading, 1)
        if first == b"\0" or self._over.is_set():
            os.close(self._reading)
            os.close(self._writing)
            return
        memory = resident_memory(os.getpid()) or 0.0
        given_back = _TO_GIVE_BACK * memory / 1024
        to_answer = max(_TO_ANSWER - given_back, min(_AT_LEAST, _TO_ANSWER))
        if stopping.request() and not self._over.wait(to_answer):
            self._signals += 1
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        if not self._over.wait(_TO_CLEAN_UP):
            # Whoever takes no output must not keep the process.
            ending = threading.Timer(_TO_CLEAN_UP, os._exit, (STOPPED,))
            ending.daemon = True
            ending.start()
            last_words()
            os._exit(STOPPED)


def last_words() -> None:
    """Say what a run knew that was broken off, once: its answer has not been checked."""
    if not _spoken.acquire(blocking=False):
        return
    known = stopping.held()
    if not known:
        click.echo("interrupted before there was an answer", err=True)
    elif "--json" in sys.argv:
        reason = "stopped before this was checked"
        click.echo(json.dumps({"status": "time_limit", **known, "reason": reason}, indent=2))
    else:
        for name, value in known.items():
            click.echo(f"{name.replace('_', ' ')}: {_shown(value)}")
    if known:
        click.echo("stopped: this is the best so far, not checked", err=True)
    if sys.stdout is not None:
        sys.stdout.flush()


def _shown(value: Any) -> str:
    if value is None:
        return "not known yet"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, dict):
        return ", ".join(f"{name} {_shown(one)}" for name, one in value.items())
    return ", ".join(map(_shown, value)) if isinstance(value, list) else str(value)
