"""Methods beside each other over many problems: performance profiles (Dolan and Moré, 2002)."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pygridjl.core.result import relative_gap
from pygridjl.core.types import FloatArray
from pygridjl.study.capabilities import OF_THE_METHOD
from pygridjl.study.store import Record

__all__ = ["SAME", "Cell", "cells", "performance_profile"]

# A value this close to the best one found, relative, counts as the same.
SAME = 1e-3


@dataclass(frozen=True)
class Cell:
    """What one method did on one problem, over its seeds.

    Attributes
    ----------
    problem, method : str
        Labels: the problem with its options, the method with its.
    records : tuple of Record
        The runs, quickest first.
    value, seconds, gap : float or None
        Medians over the runs with an answer; None without any.
    middle : Record
        The run in the middle by its seconds: where the cell's numbers can be looked up.
    """

    problem: str
    method: str
    records: tuple[Record, ...]
    value: float | None
    seconds: float | None
    gap: float | None

    @property
    def middle(self) -> Record:
        """The run in the middle."""
        return self.records[(len(self.records) - 1) // 2]


def cells(records: Sequence[Record]) -> list[Cell]:
    """Group the rows of a study by problem and method.

    Parameters
    ----------
    records : sequence of Record
        Rows with ``capability, case, method, options``.

    Returns
    -------
    list of Cell
        In the order of the rows.
    """
    groups: dict[tuple[str, str], list[Record]] = {}
    for record in records:
        groups.setdefault(_labels(record.row), []).append(record)
    found = []
    for (problem, method), runs in groups.items():
        good = [r for r in runs if r.value is not None and not r.row["error"]]
        gaps = [g for g in (relative_gap(r.value, r.bound) for r in good) if g is not None]
        found.append(
            Cell(
                problem,
                method,
                tuple(sorted(runs, key=lambda r: r.seconds)),
                statistics.median(float(r.value or 0.0) for r in good) if good else None,
                statistics.median(r.seconds for r in good) if good else None,
                statistics.median(gaps) if gaps else None,
            )
        )
    return found


def _labels(row: Mapping[str, Any]) -> tuple[str, str]:
    options = row["options"]
    problem = {k: v for k, v in options.items() if k not in OF_THE_METHOD}
    method = {k: v for k, v in options.items() if k in OF_THE_METHOD}
    case = str(row["case"]).rsplit("/", 1)[-1]
    return (
        " ".join([row["capability"], case, *_said(problem)]),
        " ".join([row["method"] or "default", *_said(method)]),
    )


def _said(options: Mapping[str, Any]) -> list[str]:
    return [f"{name}={json.dumps(value)}" for name, value in options.items()]


def performance_profile(found: Sequence[Cell]) -> dict[str, FloatArray]:
    """Return how many times slower than the quickest each method is on the problems it solves.

    Parameters
    ----------
    found : sequence of Cell
        Problems and methods.

    Returns
    -------
    dict of str to ndarray, shape (n_problem,)
        By method the sorted ratios of its seconds to the least of all methods that solve the
        problem, infinite where it does not: its value is above the best one by more than
        :data:`SAME`, or it has none. The profile is ρ(τ) = share of ratios ≤ τ. Problems that no
        method solves count for all.
    """
    problems = list(dict.fromkeys(c.problem for c in found))
    methods = list(dict.fromkeys(c.method for c in found))
    at = {(c.problem, c.method): c for c in found}
    ratios = np.full((len(methods), len(problems)), np.inf)
    for p, problem in enumerate(problems):
        here = {m: at[problem, name] for m, name in enumerate(methods) if (problem, name) in at}
        values = [c.value for c in here.values() if c.value is not None]
        if not values:
            continue
        best = min(values)
        solved = {
            m: c.seconds
            for m, c in here.items()
            if c.value is not None
            and c.seconds is not None
            and c.value <= best + SAME * max(abs(best), 1e-12)
        }
        least = max(min(solved.values()), 1e-9)
        for m, seconds in solved.items():
            ratios[m, p] = max(seconds / least, 1.0)
    return {name: np.sort(ratios[m]) for m, name in enumerate(methods)}
