"""What a validation finds: one fault of the data, as data."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Finding", "SoundOnce", "findings_of"]


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong.

    Attributes
    ----------
    component : str
        ``"bus"``, ``"branch"``, ``"generator"``, ``"load"`` or ``"network"``.
    ids : tuple of str
        Ids of the components concerned; empty when it concerns the whole network.
    field : str
        Name of the field.
    message : str
        What is wrong, in one clause.
    """

    component: str
    ids: tuple[str, ...]
    field: str
    message: str

    def __str__(self) -> str:
        shown = ", ".join(self.ids[:5]) + (", …" if len(self.ids) > 5 else "")
        return f"{self.component} {shown + ' ' if shown else ''}{self.field}: {self.message}"


def findings_of(
    component: str, ids: Iterable[object], mask: NDArray[np.bool_], field: str, message: str
) -> list[Finding]:
    """Return one finding for the rows of a mask, or none.

    Parameters
    ----------
    component, field, message : str
        As in :class:`Finding`.
    ids : iterable
        Ids of all rows.
    mask : ndarray of bool, shape (n, …)
        Where it is wrong; any entry of a row counts.
    """
    rows = np.asarray(mask.any(axis=tuple(range(1, mask.ndim))))
    if not rows.any():
        return []
    names = tuple(str(i) for i, bad in zip(ids, rows, strict=True) if bad)
    return [Finding(component, names, field, message)]


class SoundOnce:
    """Checks a frozen model once: an object found sound stays so, and copies are new objects."""

    def __init__(self) -> None:
        self._sound: weakref.WeakKeyDictionary[Any, set[str]] = weakref.WeakKeyDictionary()

    def check(self, model: object, check: Callable[[], None], use: str = "") -> None:
        """Run a check that raises where something is wrong, unless the model has passed it.

        Parameters
        ----------
        model : object
            Frozen; known by its identity.
        check : callable
            The check.
        use : str
            Which check it is, where a model has several.
        """
        passed = self._sound.setdefault(model, set())
        if use not in passed:
            check()
            passed.add(use)
