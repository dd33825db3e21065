"""Reader of REDS files (.pos): the REpository of Distribution Systems by Kavasseri and Ababei."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import numpy as np

from pygridjl.core.errors import NetworkFormatError
from pygridjl.core.types import FloatArray
from pygridjl.grid.io.text import read_text, shown
from pygridjl.grid.network import Branches, Buses, Generators, Loads, Network

__all__ = ["read_reds"]

_Number = TypeVar("_Number", int, float)
_FEEDERS = (".feeder_node_ids", ".feder_node_ids")  # the second spelling is in bus_135_1.pos
_SWITCH = {"S": True, "NS": False}


class _File:
    """The lines of a file, sorted into header, branches, ties and coordinates."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.header: dict[str, tuple[int, list[str]]] = {}
        self.sections: dict[str, list[tuple[int, list[str]]]] = {
            ".branch": [],
            ".tie": [],
            ".node": [],
        }
        section = ""
        for number, line in enumerate(read_text(path).splitlines(), start=1):
            words = line.split()
            if not words:
                continue
            key = words[0].lower()
            if key in self.sections:
                section = key
            elif key.startswith("."):
                self.header[key] = (number, words[1:])
            elif section:
                self.sections[section].append((number, words))
            else:
                raise NetworkFormatError(path, f"line {number}", f"unexpected {shown(words[0])}")

    def number(
        self, line: int, words: list[str], at: int, name: str, kind: Callable[[str], _Number]
    ) -> _Number:
        """Read one cell as int or float."""
        if at >= len(words):
            raise NetworkFormatError(self.path, f"line {line}", f"{name} is missing")
        try:
            return kind(words[at])
        except ValueError:
            what = "a whole number" if kind is int else "a number"
            detail = f"{name}: {shown(words[at])} is not {what}"
            raise NetworkFormatError(self.path, f"line {line}", detail) from None

    def setting(self, key: str, kind: Callable[[str], _Number]) -> _Number:
        """Read a header line of one number."""
        if key.lower() not in self.header:
            raise NetworkFormatError(self.path, "header", f"{key} is missing")
        line, words = self.header[key.lower()]
        return self.number(line, words, 0, key, kind)

    def feeders(self) -> list[int]:
        """Nodes that are substations."""
        for key in _FEEDERS:
            if key in self.header:
                line, words = self.header[key]
                return [self.number(line, words, k, key, int) for k in range(len(words))]
        raise NetworkFormatError(self.path, "header", ".Feeder_node_ids is missing")

    def coordinates(self, n: int) -> Iterator[tuple[int, float, float]]:
        """Yield ``(node, x, y)`` of the drawing."""
        for line, words in self.sections[".node"]:
            node = self.number(line, words, 0, "node", int)
            if not 0 <= node < n:
                raise NetworkFormatError(self.path, f"line {line}", f"unknown node {node}")
            yield (
                node,
                self.number(line, words, 1, "x_coord", float),
                self.number(line, words, 2, "y_coord", float),
            )


def read_reds(path: str | Path, base_kv: float | None = None) -> Network:
    """Read a REDS file.

    Parameters
    ----------
    path : str or Path
        The file.
    base_kv : float, optional
        Line-to-line voltage in kV for a file without ``.V_base`` (bus_135_1.pos is one: 13.8).

    Returns
    -------
    Network
        Not validated. Branch ids are 1-based and run through the branches, then the ties; ties
        are open. Every feeder node is a substation of its own. Bus ids are the node numbers,
        coordinates those of the drawing. Branches flagged ``NS`` are not switchable.

    Raises
    ------
    NetworkFormatError
        If the file cannot be read.

    Notes
    -----
    With ``.PU 0`` impedances are ohms and loads kW and kvar; with ``.PU 1`` both are per unit on
    ``.V_base`` and ``.S_base``, whatever the column names say. (bus_13_3.pos claims ``.PU 0``, but
    its impedances are per unit on 100 MVA and its loads MW: use the bundled case16ci instead. The
    impedances of bus_29_1.pos look like per unit on 100 MVA too, not on its ``.S_base``.)
    """
    path = Path(path)
    file = _File(path)
    per_unit = file.setting(".PU", int) == 1
    base_mva = file.setting(".S_base", float) if per_unit or ".s_base" in file.header else 1.0
    if base_kv is None:
        if ".v_base" not in file.header:
            detail = ".V_base is missing (add it, or call read_reds with base_kv)"
            raise NetworkFormatError(path, "header", detail)
        base_kv = file.setting(".V_base", float)
    if not (base_kv > 0 and base_mva > 0):
        raise NetworkFormatError(path, "header", ".V_base and .S_base must be positive")

    n = file.setting(".Nodes", int)
    for key, section in ((".Sectionalizing_count", ".branch"), (".Tie_count", ".tie")):
        stated, found = file.setting(key, int), len(file.sections[section])
        if stated != found:
            raise NetworkFormatError(path, "header", f"{key} is {stated}, the file has {found}")
    x, y = np.full(n, np.nan), np.full(n, np.nan)
    for node, node_x, node_y in file.coordinates(n):
        x[node], y[node] = node_x, node_y
    z_base = 1.0 if per_unit else base_kv**2 / base_mva
    branches, demand = _branches(file, n, z_base)
    feeders = np.array(file.feeders(), dtype=np.int64)
    for feeder in feeders:
        if not 0 <= feeder < n:
            raise NetworkFormatError(path, "header", f".Feeder_node_ids: unknown node {feeder}")
    loaded = np.flatnonzero(demand.any(axis=1))
    power = demand[loaded] / (1.0 if per_unit else 1e3 * base_mva)
    return Network(
        path.stem,
        base_mva,
        Buses(np.arange(n).astype(np.str_), np.full(n, base_kv), x=x, y=y),
        branches,
        Generators(feeders.astype(np.str_), feeders, slack=np.ones(len(feeders), dtype=np.bool_)),
        Loads(loaded.astype(np.str_), loaded, power[:, 0], power[:, 1]),
        source=f"REDS file {path.name}",
    )


def _branches(file: _File, n: int, z_base: float) -> tuple[Branches, FloatArray]:
    """Branches then ties, and the demand at the receiving nodes in kW and kvar, shape (n, 2)."""
    ends, impedance, switchable = [], [], []
    demand = np.zeros((n, 2))
    rows = [*file.sections[".branch"], *file.sections[".tie"]]
    n_sectionalizing = len(file.sections[".branch"])
    for row, (line, words) in enumerate(rows):
        pair = [file.number(line, words, k, name, int) for k, name in ((1, "Src"), (2, "Rec"))]
        for node in pair:
            if not 0 <= node < n:
                raise NetworkFormatError(file.path, f"line {line}", f"unknown node {node}")
        ends.append(pair)
        impedance.append([file.number(line, words, k, "RX"[k - 3], float) for k in (3, 4)])
        if row >= n_sectionalizing:
            switchable.append(True)
            continue
        demand[pair[1], 0] += file.number(line, words, 5, "PL_kw", float)
        demand[pair[1], 1] += file.number(line, words, 6, "QL_kvar", float)
        flag = words[7] if len(words) > 7 else ""
        if flag not in _SWITCH:
            detail = f"S_NS: {flag!r} is neither S nor NS"
            raise NetworkFormatError(file.path, f"line {line}", detail)
        switchable.append(_SWITCH[flag])
    pairs = np.array(ends, dtype=np.int64).reshape(-1, 2)
    z = np.array(impedance, dtype=np.float64).reshape(-1, 2) / z_base
    table = Branches(
        np.arange(1, len(rows) + 1),
        pairs[:, 0],
        pairs[:, 1],
        z[:, 0],
        z[:, 1],
        closed=np.arange(len(rows)) < n_sectionalizing,
        switchable=np.array(switchable, dtype=np.bool_),
    )
    return table, demand
