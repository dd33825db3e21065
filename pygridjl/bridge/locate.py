"""Find the Julia to use: the environment first, then the remembered one, then juliapkg's."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pygridjl.bridge import config
from pygridjl.bridge.errors import JuliaNotFoundError

__all__ = ["Origin", "Place", "julia_option", "locate"]

Origin = Literal["environment", "remembered", "juliapkg", "given", "running"]


@dataclass(frozen=True)
class Place:
    """A Julia executable and the project folder that holds the packages.

    Attributes
    ----------
    exe, project : str
        Absolute paths.
    origin : {"environment", "remembered", "juliapkg", "given", "running"}
        Who named them; ``running`` is a Julia that another package has started.
    """

    exe: str
    project: str
    origin: Origin


def locate() -> Place:
    """Return the Julia to use; nothing is started, installed or downloaded.

    Raises
    ------
    JuliaNotFoundError
        If none is named, or what is named does not exist.
    """
    exe, project = julia_option("exe"), julia_option("project")
    if exe is not None and project is not None:
        return checked(exe, project, "environment")
    if exe is not None or project is not None:
        missing = "PYTHON_JULIACALL_PROJECT" if project is None else "PYTHON_JULIACALL_EXE"
        raise JuliaNotFoundError(
            f"PYTHON_JULIACALL_EXE and PYTHON_JULIACALL_PROJECT go together, but {missing} "
            "is not set"
        )
    remembered = config.recall()
    if remembered is not None:
        return checked(*remembered, "remembered")
    return _installed()


def checked(exe: str, project: str, origin: Origin) -> Place:
    """Return the place if the executable and the project folder exist.

    Raises
    ------
    JuliaNotFoundError
        If one of them does not.
    """
    found = shutil.which(exe)
    if found is None:
        raise JuliaNotFoundError(f"no executable file {exe!r} ({origin})")
    folder = Path(project).absolute()
    if not any((folder / name).is_file() for name in ("Project.toml", "JuliaProject.toml")):
        raise JuliaNotFoundError(f"folder {project!r} has no Project.toml ({origin})")
    return Place(str(Path(found).absolute()), str(folder), origin)


def julia_option(name: str) -> str | None:
    """Read an option of juliacall the way juliacall does: ``-X juliacall-NAME``, or a variable."""
    value = sys._xoptions.get(f"juliacall-{name.replace('_', '-')}")
    if isinstance(value, str):
        return value
    return os.environ.get(f"PYTHON_JULIACALL_{name.upper()}")


def _installed() -> Place:
    import juliapkg.deps
    from juliapkg.state import STATE

    # The check that juliapkg itself makes before it would download anything.
    try:
        meta = juliapkg.deps.can_skip_resolve()
    except (OSError, ValueError, KeyError) as error:
        raise JuliaNotFoundError(f"juliapkg's record cannot be read ({error!r})") from error
    if not meta:
        raise JuliaNotFoundError("no Julia has been installed for this Python, or named")
    return checked(str(meta["executable"]), str(STATE["project"]), "juliapkg")
