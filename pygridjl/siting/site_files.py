"""Candidate sites from text: on the command line, or a CSV file."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pygridjl.core.errors import CaseNotFoundError, InvalidOptionError, InvalidPlanningError
from pygridjl.core.files import read_csv_text
from pygridjl.core.findings import Finding
from pygridjl.grid.feeder import Feeder
from pygridjl.siting.problem import PlanningProblem
from pygridjl.siting.reactive import angle_of
from pygridjl.siting.site_checks import REACTIVE

__all__ = ["problem_on_sites"]

_COLUMNS = ("bus", "phases", "max_units", "cost", "power_factor", "reactive", "profile")


def problem_on_sites(feeder: Feeder, sites: str | Path, **rest: Any) -> PlanningProblem:
    """Build a problem from named sites.

    Parameters
    ----------
    feeder : Feeder
        The feeder.
    sites : str or Path
        ``"bus"`` or ``"bus:phases"``, separated by commas, or a file ``.csv`` with the columns
        ``bus`` and, if wanted, ``phases``, ``max_units``, ``cost`` ($/kW), ``power_factor`` (as
        :func:`~pygridjl.siting.reactive.angle_of` takes it), ``reactive`` (``fixed`` or ``free``)
        and ``profile`` of the scenarios; empty phases are all those of the bus, an empty limit is
        none of the site's own, an empty profile ``pv``, and what else is empty is that of the
        other sites.
    **rest
        The other attributes of :class:`~pygridjl.siting.problem.PlanningProblem`.

    Raises
    ------
    CaseNotFoundError
        If the file does not exist or cannot be read.
    InvalidPlanningError
        If a bus is unknown, a phase is none, a cell is no number, or the file has other
        columns.
    """
    if str(sites).lower().endswith(".csv"):
        named, own_columns = _of_file(feeder, Path(sites))
        rest = {**rest, **own_columns}
    else:
        parts = [text.strip() for text in str(sites).split(",") if text.strip()]
        named = [_split(feeder, text) for text in parts]
    if not named:
        raise InvalidPlanningError(feeder.name, [Finding("sites", (), "bus", "there are none")])
    known = {str(name): k for k, name in enumerate(feeder.buses.id.tolist())}
    letters = []
    for bus, phases in named:
        there = feeder.buses.phases[known[bus]] if bus in known else [True] * 3
        own = "".join(p for p, has in zip("abc", there, strict=True) if has)
        letters.append(phases or own)
    return PlanningProblem.on_buses(feeder, [bus for bus, _ in named], phases=letters, **rest)


def _split(feeder: Feeder, text: str) -> tuple[str, str]:
    """Return bus and phases; a bus may have a colon in its own name."""
    if text in set(feeder.buses.id.tolist()):
        return text, ""
    bus, _, phases = text.rpartition(":")
    return (bus, phases.lower()) if bus else (text, "")


def _of_file(feeder: Feeder, path: Path) -> tuple[list[tuple[str, str]], dict[str, Any]]:
    """Return buses with phases, and the attributes that the other columns are."""
    try:
        table = pd.read_csv(
            io.StringIO(read_csv_text(path)),
            dtype=str,
            keep_default_na=False,
            skipinitialspace=True,
        )
    except (OSError, ValueError) as error:
        raise CaseNotFoundError(f"{path}: cannot be read as a table of sites: {error}") from None
    wrong = [name for name in table.columns if name not in _COLUMNS]
    if "bus" not in table.columns or wrong:
        text = (
            f"{path.name} must have the columns {', '.join(_COLUMNS)} (bus at least), "
            f"has {', '.join(table.columns)}"
        )
        raise InvalidPlanningError(feeder.name, [Finding("sites", (), "columns", text)])
    cells = {name: [str(v).strip() for v in table[name]] for name in table.columns}
    phases = cells.get("phases", [""] * len(table))
    named = [(bus, text.lower()) for bus, text in zip(cells["bus"], phases, strict=True)]
    own: dict[str, Any] = {}
    if "max_units" in cells:
        most = np.iinfo(np.int32).max
        own["site_max"] = [
            int(_number(feeder, bus, "max_units", text, whole=True)) if text else most
            for bus, text in zip(cells["bus"], cells["max_units"], strict=True)
        ]
    if "cost" in cells:
        own["site_cost"] = [
            _number(feeder, bus, "cost", text) if text else np.nan
            for bus, text in zip(cells["bus"], cells["cost"], strict=True)
        ]
    if "power_factor" in cells:
        own["site_angle"] = [
            _angle(feeder, bus, text) if text else np.nan
            for bus, text in zip(cells["bus"], cells["power_factor"], strict=True)
        ]
    if "reactive" in cells:
        for bus, text in zip(cells["bus"], cells["reactive"], strict=True):
            if text not in ("", *REACTIVE):
                finding = Finding("site", (bus,), "reactive", f"{text!r} is neither fixed nor free")
                raise InvalidPlanningError(feeder.name, [finding])
        own["site_reactive"] = cells["reactive"]
    if any(cells.get("profile", [])):
        own["site_profile"] = [text or "pv" for text in cells["profile"]]
    return named, own


def _number(feeder: Feeder, bus: str, column: str, text: str, *, whole: bool = False) -> float:
    try:
        number = float(text)
        right = text.isdecimal() if whole else 0 <= number < np.inf
    except ValueError:
        right = False
    if not right:
        kind = "a whole number" if whole else "a number of at least 0"
        finding = Finding("site", (bus,), column, f"must be {kind}, is {text}")
        raise InvalidPlanningError(feeder.name, [finding])
    return number


def _angle(feeder: Feeder, bus: str, text: str) -> float:
    try:
        return angle_of(float(text))
    except (ValueError, InvalidOptionError):
        message = f"must lie in 0…1 without 0, negative to absorb, is {text}"
        finding = Finding("site", (bus,), "power_factor", message)
        raise InvalidPlanningError(feeder.name, [finding]) from None
