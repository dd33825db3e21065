"""Install a Julia with juliapkg, take up a prepared one, or say what is there."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass

from pygridjl.bridge import config
from pygridjl.bridge.errors import (
    FIXES,
    JuliaBridgeError,
    JuliaNotFoundError,
    JuliaPackageError,
)
from pygridjl.bridge.locate import Place, checked, locate
from pygridjl.bridge.probe import Probe, compile_packages, probe
from pygridjl.core.result import Result

__all__ = ["JuliaStatus", "install", "status", "use"]


@dataclass(frozen=True)
class JuliaStatus(Result):
    """Whether Julia can be used, and why not.

    Attributes
    ----------
    usable : bool
        Whether a call would find all it needs.
    found : Probe or None
        The Julia and its packages, where there is one.
    problems : tuple of str
        What stands in the way.
    fixes : tuple of str
        The ways to mend it; empty if there is nothing to mend.
    """

    usable: bool
    found: Probe | None
    problems: tuple[str, ...]
    fixes: tuple[str, ...]


def status() -> JuliaStatus:
    """Look for Julia and its packages without starting it in this process."""
    try:
        found = probe(locate())
    except JuliaBridgeError as error:
        return JuliaStatus(False, None, (error.detail,), FIXES)
    usable = not found.problems
    return JuliaStatus(usable, found, found.problems, () if usable else FIXES)


def use(exe: str, project: str) -> Probe:
    """Check a prepared Julia, compile its packages, and remember it.

    Parameters
    ----------
    exe : str
        Julia executable.
    project : str
        Folder with the Project.toml that has PythonCall and PyGridJL.

    Returns
    -------
    Probe
        What is there.

    Raises
    ------
    JuliaNotFoundError, JuliaPackageError
        If it cannot be used; then nothing is remembered.
    """
    place = checked(exe, project, "given")
    found = _prepared(place)
    config.remember(place.exe, place.project)
    return found


def install() -> Probe:
    """Install Julia and the packages with juliapkg, which shows its progress.

    A Julia remembered before is forgotten, so that the installed one is used.

    Returns
    -------
    Probe
        What is there now.

    Raises
    ------
    JuliaNotFoundError
        If nothing can be downloaded.
    JuliaPackageError
        If the packages cannot be installed.
    """
    import juliapkg

    try:
        juliapkg.resolve()
        place = checked(juliapkg.executable(), juliapkg.project(), "juliapkg")
    except OSError as error:
        raise JuliaNotFoundError(f"Julia cannot be downloaded ({error})") from error
    except subprocess.CalledProcessError as error:
        raise JuliaPackageError(
            f"the Julia packages cannot be installed (exit code {error.returncode})"
        ) from error
    except Exception as error:
        # juliapkg raises bare exceptions for everything else, e.g. no version that fits.
        raise JuliaPackageError(f"juliapkg: {error}") from error
    found = _prepared(place)
    config.forget()
    return found


def _prepared(place: Place) -> Probe:
    found = probe(place)
    found.assert_usable()
    if not found.compiled:
        compile_packages(place)
        found = probe(place)
    return found
