"""One call of the command line inside the test's own process."""

from __future__ import annotations

import contextlib
import io
import signal
import time

import pytest

from pygridjl.cli import _run
from pygridjl.cli.interruption import Interruption

__all__ = ["called"]


def called(words, folder):
    """Run one command in a folder; return its code, output, error text and seconds."""
    out, err = io.StringIO(), io.StringIO()

    def too_long(_number, _frame):
        raise AssertionError(f"{words} did not end")

    before = signal.signal(signal.SIGALRM, too_long)
    signal.alarm(60)
    began = time.process_time()
    try:
        with (
            contextlib.chdir(folder),
            pytest.MonkeyPatch.context() as patch,
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            patch.setattr("sys.argv", ["pygridjl", *words])
            code = _run(Interruption())
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
    return code, out.getvalue(), err.getvalue(), time.process_time() - began
