"""The bundled cases: one folder of our CSV each, its source and problem in params.json."""

from __future__ import annotations

import difflib
import json
import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from pygridjl.core.errors import CaseNotFoundError
from pygridjl.core.result import Result
from pygridjl.grid.io import read_network
from pygridjl.grid.io.ours_csv import read_csv
from pygridjl.grid.network import Network

__all__ = ["CaseInfo", "describe", "get_case", "list_cases", "load_network"]

_DATA = Path(__file__).parent / "data"


@dataclass(frozen=True)
class CaseInfo(Result):
    """One line of the catalogue.

    Attributes
    ----------
    name : str
        What :func:`get_case` takes.
    problem : str
        What the case is meant for: ``"substations"`` and ``"balanced"`` (reconfiguration) or
        ``"transmission"``; empty if not known.
    buses, branches, open_branches, sources : int
        Sizes; ``open_branches`` counts the branches open in the base state, ``sources`` the
        generators and substations in service.
    load_mw : float
        Total active demand, MW.
    source : str
        Where the data come from.
    notes : tuple of str
        What was changed or has to be known.
    """

    name: str
    problem: str
    buses: int
    branches: int
    open_branches: int
    sources: int
    load_mw: float
    source: str
    notes: tuple[str, ...]


@cache
def _names() -> tuple[str, ...]:
    names = (folder.name for folder in _DATA.iterdir() if (folder / "params.json").is_file())
    return tuple(sorted(names, key=_by_size))


def _by_size(name: str) -> tuple[str, int, str]:
    """Sort key that puts forward120 after forward33."""
    stem = name.rstrip("abcdefghijklmnopqrstuvwxyz")
    letters = stem.rstrip("0123456789")
    return letters, int(stem[len(letters) :] or 0), name


def get_case(name: str) -> Network:
    """Return a bundled case.

    Parameters
    ----------
    name : str
        A name :func:`list_cases` knows, such as ``"case33bw"``.

    Returns
    -------
    Network
        Sound: bundled cases pass :func:`pygridjl.validate`.

    Raises
    ------
    CaseNotFoundError
        If there is no such case; the message suggests names that look alike.

    Examples
    --------
    >>> get_case("case33bw").n_branch
    37
    """
    if name not in _names():
        raise CaseNotFoundError(f"there is no bundled case {name!r}{_suggestion(name)}")
    return read_csv(_DATA / name)


def list_cases() -> tuple[CaseInfo, ...]:
    """Describe all bundled cases.

    Returns
    -------
    tuple of CaseInfo
        By kind of name, then by size.

    Examples
    --------
    >>> from pygridjl import list_cases
    >>> {case.name: case.buses for case in list_cases()}["case33bw"]
    33
    """
    return tuple(_info(name) for name in _names())


def _info(name: str) -> CaseInfo:
    params = json.loads((_DATA / name / "params.json").read_text(encoding="utf-8"))
    return describe(get_case(name), params["problem"])


def describe(network: Network, problem: str = "") -> CaseInfo:
    """Return the line of the catalogue a network would have.

    Parameters
    ----------
    network : Network
        Any network.
    problem : str
        What it is meant for; empty if not known.
    """
    return CaseInfo(
        network.name,
        problem,
        network.n_bus,
        network.n_branch,
        len(network.open_branches),
        int(network.generators.in_service.sum()),
        float(network.loads.p.sum()) * network.base_mva,
        network.source,
        network.notes,
    )


def load_network(name_or_path: str | os.PathLike[str]) -> Network:
    """Return a bundled case, or read a network file.

    Parameters
    ----------
    name_or_path : str or path-like
        Name of a bundled case, or the path of a ``.m`` (MATPOWER), ``.pos`` (REDS), ``.dss``
        (OpenDSS) or ``.json`` (ours, or pandapower's) file or of a folder of our CSV. A bundled
        name wins over a file of that name; write ``./case9`` for the file.

    Returns
    -------
    Network
        Not validated: every solve validates first, and :func:`pygridjl.validate` can be called.

    Raises
    ------
    CaseNotFoundError
        If it is neither a case nor a file.
    NetworkFormatError
        If the file cannot be read.

    Examples
    --------
    >>> load_network("case33bw").open_branches
    (33, 34, 35, 36, 37)
    """
    text = os.fspath(name_or_path)
    if text in _names():
        return get_case(text)
    # Anything that looks like a path is reported as one.
    looks_like_path = isinstance(name_or_path, os.PathLike) or Path(text).suffix or "/" in text
    if not looks_like_path and not os.path.lexists(text):
        detail = "is neither a bundled case nor a file"
        raise CaseNotFoundError(f"{text!r} {detail}{_suggestion(text)}")
    return read_network(text)


def _suggestion(name: str) -> str:
    close = difflib.get_close_matches(name, _names(), n=3, cutoff=0.6)
    return f"; did you mean {' or '.join(close)}?" if close else "; 'pygridjl cases' lists them"
