"""Bundled feeders with tie switches, for reconfiguration: the published ones have none to close."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np

from pygridjl.grid.cases.catalogue import bundled, feeder_names
from pygridjl.grid.feeder import Feeder
from pygridjl.grid.feeder_tables import FeederBranches
from pygridjl.grid.io import read_feeder

__all__ = ["SUFFIX", "switches_of", "tied_feeder", "with_ties"]

SUFFIX = "-ties"
"""What a feeder's name gains with its ties, as in ``ieee123-ties``."""


def tied_feeder(name: str) -> Feeder | None:
    """Return the bundled feeder of a name such as ``ieee123-ties``, or None if there is none."""
    plain = name.removesuffix(SUFFIX)
    if plain == name or plain not in feeder_names():
        return None
    folder = bundled("feeder", plain)
    ties = folder / "ties.json"
    return with_ties(read_feeder(folder), ties) if ties.is_file() else None


def with_ties(feeder: Feeder, path: Path) -> Feeder:
    """Return a copy with the tie switches of a ``ties.json``, open in the base state.

    A tie is ``like`` a branch that is there, per length where it has one; the branches in
    ``switches`` are switches from then on.

    Parameters
    ----------
    feeder : Feeder
        The published feeder.
    path : Path
        The file.
    """
    data = json.loads(path.read_text(encoding="utf-8"))
    branch = feeder.branches
    row = {name: k for k, name in enumerate(branch.id.tolist())}
    kind = np.where(np.isin(branch.id, data["switches"]), "switch", branch.kind)
    ties = _rows(feeder, data["ties"], row)
    columns = {
        column.name: np.concatenate(
            [getattr(branch.replace(kind=kind), column.name), getattr(ties, column.name)]
        )
        for column in dataclasses.fields(branch)
    }
    return feeder.replace(
        name=feeder.name + SUFFIX,
        branches=FeederBranches(**columns),
        notes=(*feeder.notes, *data["notes"]),
    )


def _rows(feeder: Feeder, ties: list[dict[str, Any]], row: dict[str, int]) -> FeederBranches:
    """Return the ties as branches."""
    bus = {name: k for k, name in enumerate(feeder.buses.id.tolist())}
    model = feeder.branches.take(np.array([row[tie["like"]] for tie in ties]))
    length = np.array([tie.get("length_km", 0.0) for tie in ties])
    factor = np.where(length > 0, length / np.where(length > 0, model.length_km, 1.0), 1.0)
    return model.replace(
        id=np.array([tie["id"] for tie in ties]),
        from_bus=np.array([bus[tie["from_bus"]] for tie in ties]),
        to_bus=np.array([bus[tie["to_bus"]] for tie in ties]),
        r=model.r * factor[:, None, None],
        x=model.x * factor[:, None, None],
        # Charging of an open line would have to move with its state.
        b=np.zeros_like(model.b),
        kind=np.full(len(ties), "switch"),
        length_km=length,
        closed=np.zeros(len(ties), dtype=np.bool_),
    )


def switches_of(feeder: Feeder) -> tuple[str, ...]:
    """Ids of the branches of a feeder that may be switched: its switches, and what is open."""
    may = (feeder.branches.kind == "switch") | ~feeder.branches.closed
    return tuple(map(str, feeder.branches.id[may]))
