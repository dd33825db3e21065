"""Start Julia inside this process, once, and call PyGridJL in it.

Julia starts at the first call, never at import. It lives as long as the process and cannot be
started twice. A forked child inherits Julia's memory but not its threads, so calls from there
are refused; processes that start afresh (spawn, loky) get a Julia of their own.

Julia runs one thread unless ``-X juliacall-threads``, ``PYTHON_JULIACALL_THREADS`` or
``JULIA_NUM_THREADS`` say otherwise. Calls may come from any thread of Python.
Where another package has started Julia before, that Julia is used if its project has PyGridJL.
With more than one, Julia has to handle signals itself, and Ctrl-C then ends the process instead
of raising ``KeyboardInterrupt``. With one thread, Ctrl-C takes effect when the running call
returns; the time limits of the solvers say when that is.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

from pygridjl.bridge.errors import (
    JuliaForkError,
    JuliaNotFoundError,
    JuliaPackageError,
    JuliaSolveError,
    JuliaSolverMissingError,
)
from pygridjl.bridge.locate import Place, julia_option, locate
from pygridjl.bridge.probe import Probe, compile_packages, probe
from pygridjl.core.errors import InvalidOptionError

__all__ = ["call", "is_started", "require", "start", "versions"]

_log = logging.getLogger(__name__)

REFUSED = "InvalidArgument: "
"""How PyGridJL begins what it says about an argument that cannot be used."""


@dataclass
class _Running:
    """Julia in this process."""

    pid: int
    module: Any
    error_type: type[Exception]
    found: Probe
    functions: dict[str, Callable[..., Any]] = field(default_factory=dict)
    solvers: set[str] = field(default_factory=set)


_running: _Running | None = None
_lock = threading.Lock()


def is_started() -> bool:
    """Whether Julia runs in this process."""
    return _running is not None and _running.pid == os.getpid()


def start() -> Probe:
    """Start Julia if it does not run yet.

    Returns
    -------
    Probe
        The Julia that runs and its packages.

    Raises
    ------
    JuliaNotFoundError
        If there is no Julia, or it does not answer in time.
    JuliaPackageError
        If a package is missing, has the wrong version or does not load.
    JuliaForkError
        If this process was forked from one where Julia ran.
    """
    return _ready().found


def _ready() -> _Running:
    global _running
    running = _running
    if running is None:
        with _lock:
            if _running is None:
                _running = _start()
            running = _running
    if running.pid != os.getpid():
        raise JuliaForkError(
            "this process was forked after Julia had started, and Julia cannot run in it; start "
            "worker processes with spawn, or with joblib's loky, which do not fork"
        )
    return running


def _start() -> _Running:
    found = _running_elsewhere() or _prepared()
    try:
        import juliacall
    except Exception as error:
        # juliacall raises bare exceptions (Exception, AssertionError) from its initialisation.
        raise JuliaNotFoundError(f"Julia at {found.exe} does not start ({error})") from error
    module = juliacall.newmodule("pygridjl")
    try:
        module.seval("using PyGridJL")
    except juliacall.JuliaError as error:
        reason, trace = _explain(error)
        raise JuliaPackageError(f"PyGridJL does not load: {reason}", trace) from None
    return _Running(os.getpid(), module.PyGridJL, juliacall.JuliaError, found)


def _prepared() -> Probe:
    """Find a Julia, compile its packages if need be, and say how juliacall shall start it."""
    place = locate()
    found = probe(place)
    found.assert_usable()
    if not found.compiled:
        _log.warning("compiling the Julia packages in %s; this takes minutes, once", place.project)
        compile_packages(place)
    _set_environment(place, found)
    return found


def _running_elsewhere() -> Probe | None:
    """Judge the Julia that another package has started in this process, if one has.

    Raises
    ------
    JuliaPackageError
        If its project lacks what is needed: one process has one Julia.
    """
    juliacall = sys.modules.get("juliacall")
    if juliacall is None or not getattr(juliacall, "CONFIG", {}).get("inited"):
        return None
    base = juliacall.Base
    project = str(Path(str(base.active_project())).parent)
    exe = str(base.joinpath(juliacall.Main.Sys.BINDIR, "julia"))
    found = probe(Place(exe, project, "running"))
    if found.problems:
        raise JuliaPackageError(
            f"Julia already runs with project {project}, started by another package, and "
            f"{'; '.join(found.problems)}: call pygridjl first, or add what is missing there"
        )
    wanted, running = _threads(), str(juliacall.Main.Threads.nthreads())
    if wanted not in ("auto", running):
        _log.warning("Julia already runs with %s threads, not with %s", running, wanted)
    return found


def _threads() -> str:
    """Return how many threads Julia is to have."""
    return julia_option("threads") or os.environ.get("JULIA_NUM_THREADS") or "1"


def _set_environment(place: Place, found: Probe) -> None:
    """Say how juliacall shall start Julia; what the user has set stays.

    Worker processes inherit the variables and so take the same Julia.
    """
    settings = {
        "PYTHON_JULIACALL_EXE": place.exe,
        "PYTHON_JULIACALL_PROJECT": place.project,
        "PYTHON_JULIACALL_LIB": found.libjulia,
        "PYTHON_JULIACALL_BINDIR": found.bindir,
        # More than one thread needs Julia's own handling of SIGSEGV, or collecting garbage crashes.
        "PYTHON_JULIACALL_HANDLE_SIGNALS": "no" if _threads() == "1" else "yes",
        "PYTHON_JULIACALL_STARTUP_FILE": "no",
        "PYTHON_JULIACALL_AUTOLOAD_IPYTHON_EXTENSION": "no",
    }
    for name, value in settings.items():
        os.environ.setdefault(name, value)


def _explain(error: Exception) -> tuple[str, str]:
    """First line of what Julia says went wrong, and all of it with the trace."""
    trace = str(error)
    lines = [line.strip() for line in trace.splitlines() if line.strip()]
    return (lines[0] if lines else "no reason given"), trace


def call(name: str, *arguments: Any) -> Any:
    """Call a function of PyGridJL, starting Julia if need be.

    Parameters
    ----------
    name : str
        Name in Julia; a trailing ``_b`` stands for ``!``, as in juliacall.
    *arguments
        Numbers, strings, numpy arrays, or values from earlier calls.

    Returns
    -------
    object
        What the function returns; arrays and tuples stay in Julia, seen from Python.

    Raises
    ------
    InvalidOptionError
        If PyGridJL refuses an argument.
    JuliaSolveError
        If Julia raises anything else; its trace is ``julia_trace`` of the error.
    JuliaNotFoundError, JuliaPackageError, JuliaForkError
        As in :func:`start`.
    """
    running = _ready()
    found = running.functions.get(name)
    if found is None:
        found = running.functions[name] = getattr(running.module, name)
    try:
        return found(*arguments)
    except running.error_type as error:
        reason, trace = _explain(error)
        if reason.startswith(REFUSED):
            raise InvalidOptionError(reason.removeprefix(REFUSED)) from None
        raise JuliaSolveError(f"{name}: {reason}", trace) from None


def require(solver: str) -> None:
    """Load a package with a solver.

    Parameters
    ----------
    solver : str
        Name of the package; those PyGridJL itself is built on need no loading.

    Raises
    ------
    JuliaSolverMissingError
        If the project does not have it.
    JuliaPackageError
        If it does not load.
    """
    running = _ready()
    if solver in running.solvers:
        return
    if not running.module.has_package(solver):
        found = running.found
        raise JuliaSolverMissingError(
            f"project {found.project} has no {solver}; this adds it: "
            f"{found.exe} --project={found.project} -e 'import Pkg; Pkg.add(\"{solver}\")'"
        )
    try:
        running.module.load_package(solver)
    except running.error_type as error:
        reason, trace = _explain(error)
        raise JuliaPackageError(f"{solver} does not load: {reason}", trace) from None
    running.solvers.add(solver)


def versions(*packages: str) -> dict[str, str]:
    """Versions behind a result: pygridjl, Julia, PyGridJL and the named Julia packages."""
    running = _ready()
    answer = {"pygridjl": metadata.version("pygridjl"), "julia": running.found.julia}
    for name in dict.fromkeys(("PyGridJL", *packages)):
        version = running.found.version_of(name) or str(running.module.package_version(name))
        if version:
            answer[name] = version
    return answer
