"""A network or feeder as plain values, between the process of the engine and ours."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from pygridjl.grid.feeder import Feeder
from pygridjl.grid.network import Network

__all__ = ["pack", "unpack"]

_MODELS: dict[str, type[Network] | type[Feeder]] = {"network": Network, "feeder": Feeder}


def pack(model: Network | Feeder) -> dict[str, Any]:
    """Return the model as lists, numbers and texts; floats keep every digit."""
    packed: dict[str, Any] = {"model": type(model).__name__.lower()}
    for field in dataclasses.fields(model):
        value = getattr(model, field.name)
        if dataclasses.is_dataclass(value):
            value = {
                column.name: getattr(value, column.name).tolist()
                for column in dataclasses.fields(value)
            }
        elif isinstance(value, np.ndarray):
            value = value.tolist()
        packed[field.name] = value
    return packed


def unpack(packed: dict[str, Any]) -> Network | Feeder:
    """Return the model that :func:`pack` took apart."""
    import importlib

    model = _MODELS[packed["model"]]
    hints = {field.name: str(field.type) for field in dataclasses.fields(model)}
    module = importlib.import_module(model.__module__)
    values: dict[str, Any] = {}
    for name, value in packed.items():
        if name == "model":
            continue
        table = getattr(module, hints[name], None) if isinstance(value, dict) else None
        values[name] = value if table is None else _table(table, value)
    return model(**values)


def _table(table: Any, columns: dict[str, Any]) -> Any:
    rows = len(columns["id"])
    arrays = {}
    for field in dataclasses.fields(table):
        values = np.array(columns[field.name], dtype=field.metadata["dtype"])
        by_phase = getattr(table, "_by_phase", ()), getattr(table, "_matrices", ())
        if field.name in by_phase[0]:
            values = values.reshape(rows, 3)
        elif field.name in by_phase[1]:
            values = values.reshape(rows, 3, 3)
        elif field.name == "cost":
            values = values.reshape(rows, 3)
        elif field.name == "cost_points":
            values = values.reshape(rows, -1, 2) if values.size else np.zeros((rows, 0, 2))
        arrays[field.name] = values
    return table(**arrays)
