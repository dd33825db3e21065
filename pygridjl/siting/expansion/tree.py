"""Stages of growth as nodes of a scenario tree."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pygridjl.core.errors import InvalidOptionError, NetworkFormatError
from pygridjl.core.types import FloatArray
from pygridjl.scenarios.profile import number_column, read_csv_table

__all__ = ["Stage", "StageTree", "read_stages"]

# Probabilities of the stages after one may miss one by this much.
TOLERANCE = 1e-9
# Numbers beyond this are a slip of the pen; squares of the largest floats overflow.
LARGEST = 1e9
_NUMBERS = {"load": 1.0, "budget": 0.0, "probability": 1.0, "years": 1.0}


@dataclass(frozen=True)
class Stage:
    """A stretch of years with one level of load.

    Attributes
    ----------
    name : str
        Unique.
    load : float
        What multiplies the load of every scenario.
    budget : float
        Money that comes in at its beginning, k$; what is left of earlier stages stays.
    parent : str
        Stage before it; empty for the first.
    probability : float
        Given the stage before it. Those after one stage sum to one.
    years : float
        How long it lasts; the objective is the mean over all years.
    """

    name: str
    load: float = 1.0
    budget: float = 0.0
    parent: str = ""
    probability: float = 1.0
    years: float = 1.0


class StageTree:
    """Stages in order, checked once.

    Parameters
    ----------
    stages : sequence of Stage
        The first one is now; each other stands below its parent.

    Attributes
    ----------
    stages : tuple of Stage
        As given.
    parent : tuple of int
        Position of the stage before each; −1 for the first.
    weight : ndarray, shape (T,)
        Share of each in the objective; they sum to one.
    money : ndarray, shape (T,)
        All that has come in on the way to each, k$.

    Raises
    ------
    InvalidOptionError
        With the stage and the field that is wrong.
    """

    def __init__(self, stages: Sequence[Stage]) -> None:
        if not stages:
            raise InvalidOptionError("stages: there are none")
        self.stages = tuple(stages)
        at: dict[str, int] = {}
        parent: list[int] = []
        after: dict[int, float] = {}
        chance, money = np.ones(len(stages)), np.zeros(len(stages))
        for k, stage in enumerate(self.stages):
            _assert_numbers(stage)
            if not stage.name or stage.name in at:
                raise InvalidOptionError(f"stages: name {stage.name!r} is empty or used twice")
            if (k == 0) != (not stage.parent):
                text = "needs a parent" if k else "is the first and can have no parent"
                raise InvalidOptionError(f"stage {stage.name}: {text}")
            if k and stage.parent not in at:
                text = f"parent: no stage above it is called {stage.parent!r}"
                raise InvalidOptionError(f"stage {stage.name}: {text}")
            before = at[stage.parent] if k else -1
            parent.append(before)
            after[before] = after.get(before, 0.0) + stage.probability
            chance[k] = stage.probability * (chance[before] if k else 1.0)
            money[k] = stage.budget + (money[before] if k else 0.0)
            at[stage.name] = k
        for before, total in after.items():
            if abs(total - 1.0) > TOLERANCE:
                which = "of the first stage" if before < 0 else f"after {stages[before].name}"
                raise InvalidOptionError(f"stages: probabilities {which} sum to {total:g}, not 1")
        years = chance * [stage.years for stage in self.stages]
        self.parent, self.money = tuple(parent), money
        self.weight: FloatArray = years / years.sum()

    def __len__(self) -> int:
        return len(self.stages)


def _assert_numbers(stage: Stage) -> None:
    for name in _NUMBERS:
        value = getattr(stage, name)
        least = "above 0" if name in ("years", "probability") else "at least 0"
        right = value > 0 if name in ("years", "probability") else value >= 0
        if not (math.isfinite(value) and right):
            text = f"stage {stage.name}: {name} must be a number {least}, is {value}"
            raise InvalidOptionError(text)
        if value > LARGEST:
            text = f"stage {stage.name}: {name} must be at most {LARGEST:g}, is {value:g}"
            raise InvalidOptionError(text)


def read_stages(path: str | Path) -> tuple[Stage, ...]:
    """Read stages from CSV with the columns of :class:`Stage`.

    Parameters
    ----------
    path : str or Path
        The file; only ``name`` and, from the second row on, ``parent`` are needed.

    Returns
    -------
    tuple of Stage
        Not yet checked.

    Raises
    ------
    NetworkFormatError
        If the file or a column is missing, a column is unknown or a cell no number.
    """
    table = read_csv_table(path)
    known = ("name", "parent", *_NUMBERS)
    for column in table.columns:
        if column not in known:
            text = f"column {column!r} is none of {', '.join(known)}"
            raise NetworkFormatError(path, "header", text)
    if "name" not in table.columns:
        raise NetworkFormatError(path, "header", "column 'name' is missing")
    texts = {
        column: [str(cell).strip() for cell in table[column]]
        for column in ("name", "parent")
        if column in table.columns
    }
    numbers = {}
    for column, usual in _NUMBERS.items():
        if column in table.columns:
            cells = number_column(path, table, column)
            numbers[column] = np.where(np.isnan(cells), usual, cells).tolist()
    columns = {**texts, **numbers}
    return tuple(
        Stage(**{name: values[k] for name, values in columns.items()}) for k in range(len(table))
    )
