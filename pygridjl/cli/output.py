"""Standard output belongs to the commands, whatever native libraries print."""

from __future__ import annotations

import io
import os
import sys

from pygridjl.core.descriptors import STANDARD_OUTPUT, dropped
from pygridjl.core.errors import OutputError

__all__ = ["claim_standard_output", "one_line"]


class _Output(io.TextIOWrapper):
    """Our end of standard output; a device that takes no more is an error of ours."""

    def write(self, text: str) -> int:
        try:
            return super().write(text)
        except OSError as error:
            raise self._failure(error) from error

    def flush(self) -> None:
        try:
            super().flush()
        except OSError as error:
            raise self._failure(error) from error

    def _failure(self, error: OSError) -> Exception:
        # The interpreter flushes once more at its end: what is left goes where it cannot fail.
        os.close(dropped(self.fileno()))
        if isinstance(error, BrokenPipeError):
            return error
        return OutputError("to standard output", error.strerror or str(error))


def claim_standard_output() -> None:
    """Keep for Python what the process was given as standard output, and leave natives a sink.

    Native libraries print to file descriptor 1 by the C library (HiGHS 1.16 a banner before any
    option can stop it), buffered up to the end of the process. Descriptor 1 is therefore a sink
    until the process ends, and ``sys.stdout`` writes to a copy of what it was. What they print to
    standard error stays. Without a standard output of the process (in a test) nothing is done.
    """
    current = sys.stdout
    try:
        if current is None or current.fileno() != STANDARD_OUTPUT:
            return
    except (OSError, ValueError, AttributeError):
        return
    current.flush()
    own = os.fdopen(dropped(STANDARD_OUTPUT), "wb")
    sys.stdout = _Output(
        own,
        encoding=current.encoding,
        # A name with a lone surrogate is shown as its escape.
        errors="backslashreplace",
        line_buffering=own.isatty(),
    )


def one_line(text: str, longest: int) -> str:
    """Return a message as one line of at most so many characters."""
    line = " ".join(text.split())
    return line if len(line) <= longest else f"{line[: longest - 1]}…"
