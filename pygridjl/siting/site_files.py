"""Candidate sites from text: on the command line, or a CSV file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pygridjl.core.errors import CaseNotFoundError, InvalidPlanningError
from pygridjl.core.findings import Finding
from pygridjl.grid.feeder import Feeder
from pygridjl.siting.problem import PlanningProblem

__all__ = ["problem_on_sites"]


def problem_on_sites(feeder: Feeder, sites: str | Path, **rest: Any) -> PlanningProblem:
    """Build a problem from named sites.

    Parameters
    ----------
    feeder : Feeder
        The feeder.
    sites : str or Path
        ``"bus"`` or ``"bus:phases"``, separated by commas, or a file ``.csv`` with the columns
        ``bus`` and, if wanted, ``phases`` and ``max_units``; empty phases are all those of the
        bus, an empty number is no limit of the site's own.
    **rest
        The other attributes of :class:`~pygridjl.siting.problem.PlanningProblem`.

    Raises
    ------
    CaseNotFoundError
        If the file does not exist or cannot be read.
    InvalidPlanningError
        If a bus is unknown, a phase is none, or the file has other columns.
    """
    if str(sites).lower().endswith(".csv"):
        named, most = _of_file(feeder, Path(sites))
        if most is not None:
            rest = {**rest, "site_max": most}
    else:
        parts = [text.strip() for text in str(sites).split(",") if text.strip()]
        named = [_split(feeder, text) for text in parts]
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


def _of_file(feeder: Feeder, path: Path) -> tuple[list[tuple[str, str]], list[int] | None]:
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, skipinitialspace=True)
    except (OSError, ValueError) as error:
        raise CaseNotFoundError(f"{path}: cannot be read as a table of sites: {error}") from None
    wrong = [name for name in table.columns if name not in ("bus", "phases", "max_units")]
    if "bus" not in table.columns or wrong:
        text = (
            f"{path.name} must have the columns bus, phases and max_units (bus at least), "
            f"has {', '.join(table.columns)}"
        )
        raise InvalidPlanningError(feeder.name, [Finding("sites", (), "columns", text)])
    phases = table["phases"] if "phases" in table.columns else [""] * len(table)
    pairs = zip(table["bus"], phases, strict=True)
    named = [(str(bus).strip(), str(text).strip().lower()) for bus, text in pairs]
    if "max_units" not in table.columns:
        return named, None
    most = []
    for (bus, _), text in zip(named, table["max_units"], strict=True):
        number = str(text).strip()
        if number and not number.isdecimal():
            finding = Finding("site", (bus,), "max_units", f"must be a whole number, is {number}")
            raise InvalidPlanningError(feeder.name, [finding])
        most.append(int(number) if number else np.iinfo(np.int32).max)
    return named, most
