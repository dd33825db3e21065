"""Takes from a process what reading a script needs none of: memory without end, changes to files.

What a script may ask for is decided before it runs; this is the wall behind that.
"""

from __future__ import annotations

import ctypes
import os
import struct
import sys

__all__ = ["MEMORY", "confine"]

MEMORY = 6 * 2**30
"""Bytes that the process may take."""

# Landlock of Linux: the same numbers on every architecture.
_CREATE, _RESTRICT = 444, 446
_VERSION_ONLY = 1
_NO_NEW_PRIVILEGES = 38
# Run a program, write to a file, remove and make (bits 4 to 12); later versions know more.
_ACTS = 1 << 0 | 1 << 1 | sum(1 << bit for bit in range(4, 13))
_LATER = {2: 1 << 13, 3: 1 << 14}


def confine() -> bool:
    """Limit this process for good.

    Returns
    -------
    bool
        Whether the kernel refuses changes to files and new programs. Elsewhere than on Linux, and
        on one before 5.13, only memory and the length of what is written are limited.
    """
    try:
        import resource
    except ImportError:  # Windows has no such limits
        return False
    for what, most in ((resource.RLIMIT_AS, MEMORY), (resource.RLIMIT_FSIZE, 0)):
        _, hard = resource.getrlimit(what)
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(what, (most, hard))
    return sys.platform == "linux" and _without_files()


def _without_files() -> bool:
    system = ctypes.CDLL(None, use_errno=True)
    version = system.syscall(_CREATE, None, 0, _VERSION_ONLY)
    if version < 1:
        return False
    acts = _ACTS | sum(bit for since, bit in _LATER.items() if version >= since)
    rules = struct.pack("Q", acts)
    handle = system.syscall(_CREATE, rules, len(rules), 0)
    if handle < 0:
        return False
    try:
        # Without this only an administrator may be confined.
        system.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
        return bool(system.syscall(_RESTRICT, handle, 0) == 0)
    finally:
        os.close(handle)
