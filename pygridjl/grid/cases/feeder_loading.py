"""One door to feeders: bundled tables, OpenDSS scripts and folders of CSV tables."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from pygridjl.core.errors import CaseNotFoundError
from pygridjl.grid.feeder import Feeder
from pygridjl.grid.feeder_checks import assert_valid_feeder
from pygridjl.grid.io.feeder_folder_read import read_feeder

__all__ = ["list_feeders", "load_feeder"]


def _bundled() -> Path:
    return Path(str(files("pygridjl"))) / "grid" / "cases" / "feeders"


def list_feeders() -> tuple[str, ...]:
    """Names of the bundled feeders, smallest first.

    Examples
    --------
    >>> from pygridjl import list_feeders
    >>> "ieee123" in list_feeders()
    True
    """
    return ("ieee13", "ieee34", "ieee37", "ieee123", "ieee8500", "ieee9500")


def load_feeder(
    name_or_path: str | Path, *, root: str | Path | None = None, strict: bool = True
) -> Feeder:
    """Load a three-phase feeder.

    Parameters
    ----------
    name_or_path : str or Path
        The name of a bundled feeder (:func:`list_feeders`), an OpenDSS script (``.dss``), or a
        folder of CSV tables as :func:`pygridjl.grid.save_feeder` writes it.
    root : str or Path, optional
        Folder below which all files an OpenDSS script reads must lie; its own unless given.
    strict : bool
        Whether a command of a script that OpenDSS refuses ends the reading; if not it is a note.

    Returns
    -------
    Feeder
        The feeder, validated. :attr:`Feeder.notes` lists what was simplified.

    Raises
    ------
    CaseNotFoundError
        If it is neither a bundled name nor an existing path.
    NetworkFormatError
        If the file cannot be read.
    InvalidNetworkError
        If the data contradict themselves.

    Examples
    --------
    >>> feeder = load_feeder("ieee13")
    >>> round(float(feeder.to_kw(feeder.load_p.sum())))
    3466
    """
    if str(name_or_path) in list_feeders():
        feeder = read_feeder(_bundled() / str(name_or_path))
    else:
        path = Path(name_or_path)
        if path.is_dir():
            feeder = read_feeder(path)
        elif path.is_file() and path.suffix.lower() == ".dss":
            from pygridjl.grid.io.opendss.to_feeder import read_opendss

            feeder = read_opendss(path, root=root, strict=strict)
        else:
            raise CaseNotFoundError(
                f"{str(name_or_path)!r} is neither a bundled feeder ({', '.join(list_feeders())}) "
                "nor an OpenDSS script or folder of feeder tables"
            )
    assert_valid_feeder(feeder)
    return feeder
