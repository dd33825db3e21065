"""Reader of pandapower nets."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from pygridjl.core.errors import NetworkFormatError
from pygridjl.core.types import FloatArray
from pygridjl.grid.io.pandapower.branches import read_branches
from pygridjl.grid.io.pandapower.units import (
    column,
    in_service,
    read_generators,
    read_loads,
    read_shunts,
)
from pygridjl.grid.io.text import read_text
from pygridjl.grid.network import Buses, Network

__all__ = ["from_pandapower", "read_pandapower_json"]

# Tables whose elements in service cannot be represented.
_REFUSED = (
    "asymmetric_load",
    "asymmetric_sgen",
    "b2b_vsc",
    "bi_vsc",
    "dcline",
    "line_dc",
    "load_dc",
    "motor",
    "source_dc",
    "ssc",
    "svc",
    "tcsc",
    "trafo3w",
    "vsc",
    "vsc_stacked",
    "xward",
)


def from_pandapower(net: Any) -> Network:
    """Convert a pandapower net.

    Parameters
    ----------
    net : pandapowerNet
        The net; it is not changed, and power-flow results in it are not used.

    Returns
    -------
    Network
        Not validated. Branch ids number the rows of ``net.line``, then ``net.trafo``, then the
        bus-bus switches that have an impedance or are open, then the impedances. Bus ids
        are pandapower's indices.

    Raises
    ------
    NetworkFormatError
        If the net holds something in service that cannot be represented, such as three-winding
        transformers or DC lines; the message names table and index.

    Notes
    -----
    Lines and transformers out of service or with an open switch are open branches (without the
    charging current that pandapower lets flow into a line open at one end). If any line has a
    switch, only those and the lines out of service are switchable, else every line is. Closed
    bus-bus switches without impedance merge their buses; open ones are ties of 1e-6 p.u.
    Transformers follow pandapower's ``trafo_model="pi"`` and keep their tap position; their iron is
    a shunt at both ends. Generators hold their voltage, static ones deliver P and Q. Loads and
    storages are constant power, wards also a shunt. Limits follow ``max_loading_percent``.

    Examples
    --------
    >>> import pandapower.networks  # doctest: +SKIP
    >>> pygridjl.from_pandapower(pandapower.networks.case9()).n_bus  # doctest: +SKIP
    9
    """
    name = str(net.get("name") or "pandapower net")
    _refuse(name, net)
    base_mva = float(net["sn_mva"])
    notes: list[str] = []
    position, rows = _merged_buses(net, notes)
    bus = net["bus"].loc[rows]
    base_kv: FloatArray = bus["vn_kv"].to_numpy(np.float64)
    branches, magnetising = read_branches(name, net, position, base_kv, base_mva, notes)
    shunt = read_shunts(net, position, base_kv, base_mva) + magnetising
    x, y = _coordinates(bus)
    return Network(
        name,
        base_mva,
        Buses(
            np.array([str(index) for index in bus.index], dtype=np.str_),
            base_kv,
            column(bus, "min_vm_pu", 0.0),
            column(bus, "max_vm_pu", np.inf),
            shunt.real,
            shunt.imag,
            x,
            y,
            magnetising.real,
        ),
        branches,
        read_generators(name, net, position, base_mva),
        read_loads(net, position, base_mva, notes),
        source="pandapower net",
        notes=tuple(notes),
    )


def read_pandapower_json(path: Path) -> Network:
    """Read a net that pandapower wrote as JSON; needs pandapower.

    Raises
    ------
    NetworkFormatError
        If pandapower is not installed or cannot read the file.
    """
    try:
        import pandapower
    except ImportError:
        detail = "this is a file of pandapower, which is not installed (pip install pandapower)"
        raise NetworkFormatError(path, "pandapower", detail) from None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            net = pandapower.from_json_string(read_text(path))
        network = from_pandapower(net)
    except NetworkFormatError as error:
        raise NetworkFormatError(path, error.component, error.detail) from None
    # What a damaged file makes pandapower, or its tables, stumble over.
    except (
        ArithmeticError,
        AttributeError,
        LookupError,
        TypeError,
        UserWarning,
        ValueError,
    ) as error:
        detail = " ".join(f"cannot be read: {error!r}".split())
        raise NetworkFormatError(path, "pandapower", detail) from None
    return network.replace(name=path.stem, source=f"pandapower net {path.name}")


def _refuse(name: str, net: Any) -> None:
    for table in _REFUSED:
        if table in net and len(net[table]):
            active = in_service(net[table])
            if active.any():
                index = net[table].index[active][0]
                raise NetworkFormatError(
                    name,
                    table,
                    f"{index}, field 'in_service': this element cannot be represented; set it to "
                    "False, or replace the element by loads, lines or transformers",
                )
    if "pwl_cost" in net and len(net["pwl_cost"]):
        raise NetworkFormatError(name, "pwl_cost", "piecewise-linear costs cannot be represented")


def _merged_buses(net: Any, notes: list[str]) -> tuple[dict[int, int], list[int]]:
    """Position of each bus in service, and the index of the first bus of each position."""
    indices = net["bus"].index[in_service(net["bus"])]
    row = {index: k for k, index in enumerate(indices)}
    switch = net["switch"]
    couplers = switch[(switch["et"] == "b").to_numpy(np.bool_)]
    couplers = couplers[couplers["bus"].isin(indices) & couplers["element"].isin(indices)]
    ideal = column(couplers, "z_ohm", 0.0) == 0.0
    closed = couplers["closed"].to_numpy(np.bool_)
    joined = couplers[ideal & closed]
    if len(joined):
        notes.append(f"{len(joined)} closed bus-bus switches: their buses are merged")
    ends = ([row[i] for i in joined["bus"]], [row[i] for i in joined["element"]])
    graph = coo_array((np.ones(len(joined)), ends), shape=(len(row), len(row)))
    _, group = connected_components(graph, directed=False)
    first: dict[int, int] = {}
    rows: list[int] = []
    for index, label in zip(indices, group, strict=True):
        if label not in first:
            first[label] = len(rows)
            rows.append(index)
    return {index: first[label] for index, label in zip(indices, group, strict=True)}, rows


def _coordinates(bus: Any) -> tuple[FloatArray, FloatArray]:
    """Coordinates of points given as GeoJSON; NaN elsewhere."""
    xy = np.full((len(bus), 2), np.nan)
    if "geo" in bus.columns:
        for row, geo in enumerate(bus["geo"]):
            if isinstance(geo, str) and geo:
                try:
                    xy[row] = json.loads(geo)["coordinates"][:2]
                except (KeyError, TypeError, ValueError):
                    continue  # a drawing is no reason to refuse a net
    return xy[:, 0], xy[:, 1]
