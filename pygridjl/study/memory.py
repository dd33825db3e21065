"""The most memory a piece of work had resident, where the system keeps that figure."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["peak_memory", "resident_memory", "restart_peak_memory"]

_PROCESS = Path("/proc/self")


def restart_peak_memory() -> None:
    """Let the peak begin anew at what is resident now; nothing happens where it cannot."""
    target = _PROCESS / "clear_refs"
    if not target.exists():
        return
    try:
        # 5 sets the mark of the largest resident set back (Linux, proc(5)).
        target.write_text("5")
    except PermissionError:
        # The peak then is that of the whole process: never too small.
        return


def peak_memory() -> float | None:
    """Return the largest resident set of this process since the last restart of the peak.

    Returns
    -------
    float or None
        MB of 2²⁰ bytes, with everything that was loaded before; None without Linux's ``/proc``.
    """
    source = _PROCESS / "status"
    if not source.exists():
        return None
    fields = dict(
        line.split(":", 1)
        for line in source.read_text(encoding="ascii", errors="replace").splitlines()
    )
    return float(fields["VmHWM"].split()[0]) / 1024


def resident_memory(pid: int) -> float | None:
    """Return the memory that a process has resident now.

    Returns
    -------
    float or None
        MB of 2²⁰ bytes; None without Linux's ``/proc`` or such a process.
    """
    try:
        fields = Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()
    except OSError:
        return None
    return int(fields[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
