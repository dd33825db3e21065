"""Who holds a claim, told so that others can see whether it still lives."""

from __future__ import annotations

import os
import platform
import time
import uuid
from functools import cached_property
from pathlib import Path

__all__ = ["LEASE", "Owner"]

# Seconds for which a claim counts unless it is renewed; matters only between machines.
LEASE = 60.0


class Owner:
    """A runner of this process."""

    @cached_property
    def name(self) -> str:
        """Host, process and its start, and a mark of its own."""
        pid = os.getpid()
        return f"{platform.node()} {pid} {_start(pid)} {uuid.uuid4().hex}"

    @staticmethod
    def until() -> float:
        """Return the end of a lease that begins now."""
        return time.time() + LEASE

    @staticmethod
    def ended(name: str) -> bool:
        """Whether the process of an owner is known to have ended."""
        host, pid, start, _ = name.rsplit(" ", 3)
        if host != platform.node() or os.name == "nt":
            return False
        try:
            os.kill(int(pid), 0)
        except ProcessLookupError:
            return True
        except OSError:
            return False
        # The number may belong to another process by now.
        return _start(int(pid)) != start


def _start(pid: int) -> str:
    """When a process began, in the clock ticks of the system; ``-`` where that is not told."""
    try:
        line = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return "-"
    # The name of the program stands in parentheses and may hold anything.
    state, *fields = line.rpartition(")")[2].split()
    # A zombie waits for its parent only.
    return "ended" if state == "Z" else fields[18]
