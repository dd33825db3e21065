"""What computed a row: the code, the versions, the machine."""

from __future__ import annotations

import hashlib
import os
import platform
import sys
from functools import cache
from importlib import import_module, metadata
from pathlib import Path
from typing import Any

import pygridjl
from pygridjl.core.result import engine_versions

__all__ = ["code_version", "environment"]

# What these rooms hold shows rows or keeps them; what a row says is computed in the others.
_NOT_COMPUTING = {"cli", "experiments", "report", "study"}
_ENGINES = (
    "casadi",
    "clarabel",
    "highspy",
    "juliacall",
    "numba",
    "numpy",
    "pyscipopt",
    "scipy",
)


@cache
def code_version(module: str) -> str:
    """Return what identifies the code behind a task.

    Parameters
    ----------
    module : str
        Module of its function.

    Returns
    -------
    str
        Version of pygridjl and a digest of every source and data file that computes, and of the
        module itself.
    """
    source = getattr(import_module(module), "__file__", None)
    own = b"" if source is None else Path(source).read_bytes()
    digest = hashlib.sha256(_package_digest() + own).hexdigest()
    return f"{engine_versions()['pygridjl']}+{digest[:16]}"


@cache
def _package_digest() -> bytes:
    folder = Path(pygridjl.__file__).parent
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        if len(parts) < 2 or parts[0] in _NOT_COMPUTING or "__pycache__" in parts:
            continue
        if path.is_file():
            digest.update("/".join(parts).encode() + b"\0" + path.read_bytes())
    return digest.digest()


@cache
def environment() -> dict[str, Any]:
    """Return versions and machine of this process, in plain JSON values.

    Returns
    -------
    dict
        ``python, system, processor, cores, memory_mb, host, versions``; the latter has the
        engines that are installed.
    """
    versions = engine_versions()
    for name in _ENGINES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return {
        "python": platform.python_version(),
        "system": platform.platform(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_mb": _memory(),
        "host": platform.node(),
        "versions": versions,
    }


def _processor() -> str:
    source = Path("/proc/cpuinfo")
    if source.exists():
        for line in source.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _memory() -> int | None:
    if sys.platform == "win32" or "SC_PHYS_PAGES" not in os.sysconf_names:
        return None
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2**20
