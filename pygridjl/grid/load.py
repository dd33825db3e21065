"""One door to grids: bundled cases and feeders by name, files by their path."""

from __future__ import annotations

import os
from pathlib import Path

from pygridjl.core.errors import CaseNotFoundError
from pygridjl.grid.cases.catalogue import bundled, case_names, feeder_names, look_alikes
from pygridjl.grid.cases.ties import tied_feeder
from pygridjl.grid.feeder import Feeder
from pygridjl.grid.feeder_checks import assert_valid_feeder
from pygridjl.grid.io import read_feeder, read_network
from pygridjl.grid.network import Network
from pygridjl.grid.network_checks import assert_valid
from pygridjl.grid.services import lump_services as without_services

__all__ = ["load_feeder", "load_network"]


def load_network(
    name_or_path: str | os.PathLike[str],
    *,
    root: str | os.PathLike[str] | None = None,
    strict: bool = True,
) -> Network:
    """Return a bundled case, or read a network file.

    Parameters
    ----------
    name_or_path : str or path-like
        Name of a bundled case (:func:`list_cases`), or the path of a ``.m`` (MATPOWER), ``.pos``
        (REDS), ``.dss`` (OpenDSS) or ``.json`` (ours, or pandapower's) file or of a folder of our
        CSV. A bundled name wins over a file of that name; write ``./case9`` for the file.
    root : str or path-like, optional
        Folder below which all files an OpenDSS script reads must lie; its own unless given.
    strict : bool
        Whether a command of a script that OpenDSS refuses ends the reading; if not it is a note.

    Returns
    -------
    Network
        The network, validated. :attr:`Network.notes` lists what the reader changed or assumed.

    Raises
    ------
    CaseNotFoundError
        If it is neither a case nor a file.
    NetworkFormatError
        If the file cannot be read.
    InvalidNetworkError
        If the data contradict themselves; :func:`pygridjl.grid.io.read_network` returns them all
        the same.
    InvalidOptionError
        If ``root`` or ``strict`` is given for anything but a script.

    Examples
    --------
    >>> load_network("case33bw").open_branches
    (33, 34, 35, 36, 37)
    """
    network = read_network(_meant(name_or_path, "case"), root, strict=strict)
    assert_valid(network, "file")
    return network


def load_feeder(
    name_or_path: str | os.PathLike[str],
    *,
    root: str | os.PathLike[str] | None = None,
    strict: bool = True,
    lump_services: bool = False,
) -> Feeder:
    """Return a bundled three-phase feeder, or read one from a file.

    Parameters
    ----------
    name_or_path : str or path-like
        Name of a bundled feeder (:func:`list_feeders`), or the path of an OpenDSS script
        (``.dss``), of a ``.json`` file or of a folder of tables as :func:`save_feeder` writes
        them. A bundled name wins over a file of that name. ``"ieee13-ties"``, ``"ieee34-ties"``
        and ``"ieee123-ties"`` are bundled feeders with tie switches to reconfigure; their notes
        say which.
    root : str or path-like, optional
        Folder below which all files an OpenDSS script reads must lie; its own unless given.
    strict : bool
        Whether a command of a script that OpenDSS refuses ends the reading; if not it is a note.
    lump_services : bool
        Whether to move what hangs behind service transformers and banks with a gain
        (:attr:`FeederBranches.gain`) to the phases that feed them, without what they lose.

    Returns
    -------
    Feeder
        The feeder, validated. :attr:`Feeder.notes` lists what was simplified.

    Raises
    ------
    CaseNotFoundError
        If it is neither a feeder nor a file.
    NetworkFormatError
        If the file cannot be read.
    InvalidNetworkError
        If the data contradict themselves; :func:`pygridjl.grid.io.read_feeder` returns them all
        the same.
    InvalidOptionError
        If ``root`` or ``strict`` is given for anything but a script.

    Examples
    --------
    >>> feeder = load_feeder("ieee13")
    >>> round(float(feeder.to_kw(feeder.load_p.sum())))
    3466
    """
    feeder = tied_feeder(os.fspath(name_or_path))
    if feeder is None:
        feeder = read_feeder(_meant(name_or_path, "feeder"), root, strict=strict)
    assert_valid_feeder(feeder)
    return without_services(feeder) if lump_services else feeder


def _meant(name: str | os.PathLike[str], what: str) -> Path:
    """Return the path that is meant; what cannot be one is taken for a misspelt name."""
    names = {"case": case_names(), "feeder": feeder_names()}
    text = os.fspath(name)
    # Anything that looks like a path is reported as one.
    looks_like_path = isinstance(name, os.PathLike) or Path(text).suffix or "/" in text
    if not looks_like_path:
        if text in names[what]:
            return bundled(what, text)
        for other, door in (("case", "load_network"), ("feeder", "load_feeder")):
            if text in names[other]:
                raise CaseNotFoundError(f"{text!r} is a bundled {other}: {door} has it")
        if not os.path.lexists(text):
            detail = f"{text!r} is neither a bundled {what} nor a file"
            raise CaseNotFoundError(f"{detail}; {look_alikes(text, names[what])}")
    return Path(text)
