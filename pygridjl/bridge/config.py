"""The Julia a user asked pygridjl to remember."""

from __future__ import annotations

import json
import os
from pathlib import Path

from pygridjl.bridge.errors import JuliaNotFoundError
from pygridjl.core.errors import OutputError
from pygridjl.core.files import write_text

__all__ = ["CONFIG_VARIABLE", "config_file", "forget", "recall", "remember"]

CONFIG_VARIABLE = "PYGRIDJL_CONFIG_DIR"


def config_file() -> Path:
    """Return the file that remembers a prepared Julia.

    It lies in the user's configuration folder, or in the folder that the environment variable
    ``PYGRIDJL_CONFIG_DIR`` names.
    """
    folder = os.environ.get(CONFIG_VARIABLE)
    if folder is None:
        import platformdirs

        folder = platformdirs.user_config_dir("pygridjl", appauthor=False)
    return Path(folder) / "julia.json"


def remember(exe: str, project: str) -> Path:
    """Write the executable and the project folder to :func:`config_file`, all or nothing.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    path = config_file()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(path.parent, error.strerror or str(error)) from error
    write_text(path, json.dumps({"exe": exe, "project": project}, indent=2) + "\n")
    return path


def recall() -> tuple[str, str] | None:
    """Return the remembered executable and project folder, or None.

    Raises
    ------
    JuliaNotFoundError
        If the file is there but cannot be read.
    """
    path = config_file()
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        return str(data["exe"]), str(data["project"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise JuliaNotFoundError(f"{path} does not name a Julia ({error!r})") from error


def forget() -> bool:
    """Delete the memory; return whether there was one."""
    try:
        config_file().unlink()
    except FileNotFoundError:
        return False
    return True
