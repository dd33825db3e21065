"""Writer of GeoJSON, for maps: buses are points, branches lines."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np

from pygridjl.core.files import write_text
from pygridjl.grid.network import Network

__all__ = ["write_geojson"]


def write_geojson(network: Network, path: str | Path) -> None:
    """Write a network as one collection of features.

    Parameters
    ----------
    network : Network
        The network, in the state to be shown (:meth:`Network.with_open`). Its coordinates are
        written as they are: a map expects longitude and latitude.
    path : str or Path
        The file; replaced if it exists. Buses without coordinates, and the branches that end
        there, have no geometry.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    bus, branch, base = network.buses, network.branches, network.base_mva
    where = np.column_stack([bus.x, bus.y])
    kw = np.column_stack([network.load_p, network.load_q]) * base * 1e3
    substation = np.isin(np.arange(network.n_bus), network.slack_buses)
    features = [
        _feature(
            "Point",
            where[[k]],
            {
                "kind": "bus",
                "id": str(bus.id[k]),
                "base_kv": float(bus.base_kv[k]),
                "load_kw": float(kw[k, 0]),
                "load_kvar": float(kw[k, 1]),
                "substation": bool(substation[k]),
            },
        )
        for k in range(network.n_bus)
    ]
    for k in range(network.n_branch):
        ends = [int(branch.from_bus[k]), int(branch.to_bus[k])]
        rating = float(branch.rating[k]) * base
        about = {
            "kind": "branch",
            "id": int(branch.id[k]),
            "from_bus": str(bus.id[ends[0]]),
            "to_bus": str(bus.id[ends[1]]),
            "closed": bool(branch.closed[k]),
            "switchable": bool(branch.switchable[k]),
            "rating_mva": rating if math.isfinite(rating) else None,
        }
        features.append(_feature("LineString", where[ends], about))
    content = {"type": "FeatureCollection", "name": network.name, "features": features}
    text = json.dumps(content, ensure_ascii=False, allow_nan=False, indent=1)
    write_text(Path(path), text + "\n")


def _feature(kind: str, points: Any, properties: dict[str, Any]) -> dict[str, Any]:
    geometry = None
    if np.isfinite(points).all():
        places = points.tolist()
        geometry = {"type": kind, "coordinates": places[0] if kind == "Point" else places}
    return {"type": "Feature", "geometry": geometry, "properties": properties}
