"""The bundled cases and feeders: one folder of our tables each."""

from __future__ import annotations

import difflib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from pygridjl.core.errors import CaseNotFoundError
from pygridjl.core.result import Result
from pygridjl.grid.feeder import Feeder
from pygridjl.grid.io import read_feeder, read_network
from pygridjl.grid.network import Network

__all__ = [
    "CaseInfo",
    "FeederInfo",
    "bundled",
    "case_names",
    "describe",
    "describe_feeder",
    "feeder_names",
    "get_case",
    "list_cases",
    "list_feeders",
    "look_alikes",
]

_FOLDERS = {"case": Path(__file__).parent / "data", "feeder": Path(__file__).parent / "feeders"}


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


@dataclass(frozen=True)
class FeederInfo(Result):
    """One line of the catalogue of feeders.

    Attributes
    ----------
    name : str
        What :func:`load_feeder` takes.
    buses, nodes, branches, open_branches : int
        Sizes; ``nodes`` counts the phases that exist, ``open_branches`` the open switches.
    load_mw : float
        Total active demand, MW.
    kv : float
        Highest line-to-line voltage base, kV.
    source : str
        Where the data come from.
    notes : tuple of str
        What was simplified.
    """

    name: str
    buses: int
    nodes: int
    branches: int
    open_branches: int
    load_mw: float
    kv: float
    source: str
    notes: tuple[str, ...]


def bundled(what: str, name: str) -> Path:
    """Return the folder of a bundled ``"case"`` or ``"feeder"``."""
    return _FOLDERS[what] / name


@cache
def _names(what: str) -> tuple[str, ...]:
    folders = _FOLDERS[what].iterdir()
    names = (folder.name for folder in folders if (folder / "params.json").is_file())
    return tuple(sorted(names, key=_by_size))


def case_names() -> tuple[str, ...]:
    """Names of the bundled cases, by kind of name, then by size."""
    return _names("case")


def feeder_names() -> tuple[str, ...]:
    """Names of the bundled feeders, smallest first."""
    return _names("feeder")


def _by_size(name: str) -> tuple[str, int, str]:
    """Sort key that puts forward120 after forward33."""
    stem = name.rstrip("abcdefghijklmnopqrstuvwxyz")
    letters = stem.rstrip("0123456789")
    return letters, int(stem[len(letters) :] or 0), name


def look_alikes(name: str, names: Sequence[str]) -> str:
    """Return the question which of the names that look alike was meant."""
    close = difflib.get_close_matches(name, names, n=3, cutoff=0.6)
    return f"did you mean {' or '.join(close)}?" if close else "'pygridjl cases' lists them"


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
    if name not in case_names():
        hint = look_alikes(name, case_names())
        raise CaseNotFoundError(f"there is no bundled case {name!r}; {hint}")
    return read_network(bundled("case", name))


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
    return tuple(_info(name) for name in case_names())


def _info(name: str) -> CaseInfo:
    params = json.loads((bundled("case", name) / "params.json").read_text(encoding="utf-8"))
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


def list_feeders() -> tuple[FeederInfo, ...]:
    """Describe all bundled feeders.

    Returns
    -------
    tuple of FeederInfo
        Smallest first.

    Examples
    --------
    >>> from pygridjl import list_feeders
    >>> {feeder.name: feeder.buses for feeder in list_feeders()}["ieee9500"]
    2744
    """
    return tuple(describe_feeder(read_feeder(bundled("feeder", name))) for name in feeder_names())


def describe_feeder(feeder: Feeder) -> FeederInfo:
    """Return the line of the catalogue a feeder would have.

    Parameters
    ----------
    feeder : Feeder
        Any feeder.
    """
    return FeederInfo(
        feeder.name,
        feeder.n_bus,
        feeder.n_node,
        feeder.n_branch,
        int((~feeder.branches.closed).sum()),
        float(feeder.to_kw(feeder.load_p.sum())) / 1e3,
        round(float(feeder.buses.kv_ln.max()) * float(np.sqrt(3.0)), 6),
        feeder.source,
        feeder.notes,
    )
