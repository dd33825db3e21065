"""Ctrl-C and SIGTERM: the best answer so far if there is one, and the end within two seconds."""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
from types import FrameType, TracebackType
from typing import Any

from pygridjl.core import stopping

__all__ = ["STOPPED", "Interruption"]

STOPPED = 130
"""Exit code of a command that was stopped."""

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
# Seconds for the run to answer, then for it to clean up.
_TO_ANSWER = 1.4
_TO_CLEAN_UP = 0.4


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

    def __enter__(self) -> Interruption:
        if not self._here:
            return self
        stopping.forget()
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
            raise KeyboardInterrupt

    def _dropped(self, what: sys.UnraisableHookArgs) -> None:
        """Say nothing of a KeyboardInterrupt that hits a destructor: the end comes all the same."""
        if not issubclass(what.exc_type, KeyboardInterrupt):
            self._unraisable(what)

    def _watch(self) -> None:
        """Wait for the first signal, then see to it that the process ends."""
        first = os.read(self._reading, 1)
        if first == b"\0" or self._over.is_set():
            os.close(self._reading)
            os.close(self._writing)
            return
        if stopping.request() and not self._over.wait(_TO_ANSWER):
            self._signals += 1
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        if not self._over.wait(_TO_CLEAN_UP):
            os.write(2, b"interrupted\n")
            os._exit(STOPPED)
