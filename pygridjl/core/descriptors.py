"""What native libraries print to standard output, below Python's own streams."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

__all__ = ["STANDARD_OUTPUT", "dropped", "natives_silenced"]

STANDARD_OUTPUT = 1


def dropped(descriptor: int) -> int:
    """Point a descriptor at the null device.

    Parameters
    ----------
    descriptor : int
        An open descriptor.

    Returns
    -------
    int
        A copy of what it was.

    Raises
    ------
    OSError
        If it is not open.
    """
    copy = os.dup(descriptor)
    sink = os.open(os.devnull, os.O_WRONLY)
    os.dup2(sink, descriptor)
    os.close(sink)
    return copy


@contextmanager
def natives_silenced() -> Iterator[None]:
    """Drop what is printed to standard output inside, except what Python holds in its buffers.

    A process without standard output is left alone.
    """
    with suppress(OSError, ValueError, AttributeError):
        sys.stdout.flush()
    _flush_natives()
    try:
        copy = dropped(STANDARD_OUTPUT)
    except OSError:
        yield
        return
    try:
        yield
    finally:
        _flush_natives()
        os.dup2(copy, STANDARD_OUTPUT)
        os.close(copy)


def _flush_natives() -> None:
    """Empty the buffers of the C library, which otherwise wait for the end of the process."""
    # Without a C library by that name its buffers wait, and nothing worse happens.
    with suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).fflush(None)
