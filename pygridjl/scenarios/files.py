"""A scenario set as a folder of CSV tables."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pygridjl.core.errors import NetworkFormatError
from pygridjl.core.files import read_text, replacing_folder, write_text
from pygridjl.core.types import FloatArray
from pygridjl.scenarios.model import ScenarioSet
from pygridjl.scenarios.profile import number_column, read_csv_table

__all__ = ["read_scenarios", "save_scenarios"]

FORMAT = "pygridjl-scenarios-1"
_MARKER = "scenarios.json"
_PRICES = "prices.csv"


def save_scenarios(
    scenarios: ScenarioSet, folder: str | Path, bus_ids: Sequence[str] | np.ndarray
) -> Path:
    """Write scenarios as a folder, all of it or nothing; reading gives the same numbers.

    ``scenarios.json`` holds name, seed, provenance and the names of other profiles and of prices;
    ``load.csv``, ``pv.csv`` and ``profile-NAME.csv`` have a row a scenario: its id, its
    probability and one column for each bus. ``prices.csv``, if there are any, has one column for
    each price instead.

    Parameters
    ----------
    scenarios : ScenarioSet
        The set.
    folder : str or Path
        Where to; scenarios that are there already are replaced.
    bus_ids : sequence of str
        Ids of the buses, in feeder order.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    NetworkFormatError
        If the folder cannot be written or holds something else.
    """
    buses = [str(b) for b in bus_ids]
    if len(buses) != scenarios.n_bus:
        raise ValueError(f"{len(buses)} bus ids for {scenarios.n_bus} buses")
    about = {
        "format": FORMAT,
        "name": scenarios.name,
        "seed": scenarios.seed,
        "provenance": scenarios.provenance,
        **({"others": list(scenarios.others)} if scenarios.others else {}),
        **({"prices": list(scenarios.prices)} if scenarios.prices else {}),
    }
    texts = {_MARKER: json.dumps(about, indent=1, ensure_ascii=False) + "\n"}
    for name, values in {"load": scenarios.load, **scenarios.outputs}.items():
        texts[_table(name)] = _text(scenarios, pd.DataFrame(values, columns=pd.Index(buses)))
    if scenarios.prices:
        texts[_PRICES] = _text(scenarios, pd.DataFrame(dict(scenarios.prices)))
    with replacing_folder(Path(folder), _MARKER) as fresh:
        for name, text in texts.items():
            write_text(fresh / name, text)
    return Path(folder)


def read_scenarios(folder: str | Path, bus_ids: Sequence[str] | np.ndarray) -> ScenarioSet:
    """Read scenarios that :func:`save_scenarios` (or a person) wrote.

    Parameters
    ----------
    folder : str or Path
        The folder.
    bus_ids : sequence of str
        Ids of the buses, in feeder order; the columns may come in any order.

    Returns
    -------
    ScenarioSet
        Not yet validated: empty cells are NaN.

    Raises
    ------
    NetworkFormatError
        If a file, a bus or a cell is missing or the two tables name different scenarios.
    """
    folder = Path(folder)
    about = _about(folder / _MARKER)
    buses = [str(b) for b in bus_ids]
    tables = {
        quantity: _frame(folder / _table(quantity), buses)
        for quantity in ("load", "pv", *about["others"])
    }
    path, load = folder / "load.csv", tables["load"]
    for quantity, frame in tables.items():
        _assert_same(folder / _table(quantity), frame, load)
    prices = {}
    if about["prices"]:
        frame = _frame(folder / _PRICES, about["prices"])
        _assert_same(folder / _PRICES, frame, load)
        prices = {name: number_column(folder / _PRICES, frame, name) for name in about["prices"]}
    outputs = {
        quantity: _by_bus(folder / _table(quantity), frame, buses)
        for quantity, frame in tables.items()
        if quantity != "load"
    }
    return ScenarioSet(
        number_column(path, load, "probability"),
        _by_bus(path, load, buses),
        outputs.pop("pv"),
        id=load["scenario"].to_numpy(dtype=np.str_),
        name=about["name"],
        seed=about["seed"],
        provenance=about["provenance"],
        others=outputs,
        prices=prices,
    )


def _table(name: str) -> str:
    return f"{name}.csv" if name in ("load", "pv") else f"profile-{name}.csv"


def _frame(path: Path, columns: Sequence[str]) -> pd.DataFrame:
    frame = read_csv_table(path)
    for column in ("scenario", "probability", *columns):
        if column not in frame.columns:
            raise NetworkFormatError(path, "header", f"column {column!r} is missing")
    return frame


def _assert_same(path: Path, frame: pd.DataFrame, load: pd.DataFrame) -> None:
    for column in ("scenario", "probability"):
        if load[column].tolist() != frame[column].tolist():
            raise NetworkFormatError(path, column, "differs from load.csv")


def _text(scenarios: ScenarioSet, frame: pd.DataFrame) -> str:
    frame.insert(0, "scenario", scenarios.id, allow_duplicates=True)
    frame.insert(1, "probability", scenarios.probability, allow_duplicates=True)
    return frame.to_csv(index=False, lineterminator="\n")


def _by_bus(path: Path, frame: pd.DataFrame, buses: Sequence[str]) -> FloatArray:
    return np.column_stack([number_column(path, frame, bus) for bus in buses])


def _about(path: Path) -> dict[str, Any]:
    try:
        about = json.loads(read_text(path))
    except FileNotFoundError:
        raise NetworkFormatError(path, "file", "is missing") from None
    except (OSError, ValueError) as error:
        raise NetworkFormatError(path, "file", f"is not readable JSON: {error}") from None
    if not isinstance(about, dict) or about.get("format") != FORMAT:
        raise NetworkFormatError(path, "format", f"must be {FORMAT!r}")
    about = {"name": path.parent.name, "seed": None, "provenance": "", **about}
    about = {"others": [], "prices": [], **about}
    for field, kinds in (("name", str), ("seed", int | None), ("provenance", str)):
        if not isinstance(about[field], kinds):
            raise NetworkFormatError(path, field, f"cannot be {about[field]!r}")
    for field in ("others", "prices"):
        names = about[field]
        # A name is part of a file's, and must not lead elsewhere.
        if not isinstance(names, list) or any(Path(str(name)).name != name for name in names):
            raise NetworkFormatError(path, field, f"cannot be {names!r}")
    return about
