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
from pygridjl.core.types import FloatArray, IntArray
from pygridjl.grid.io.pandapower.branches import read_branches
from pygridjl.grid.io.pandapower.generators import read_generators
from pygridjl.grid.io.pandapower.places import Places, column, in_service
from pygridjl.grid.io.pandapower.units import active, read_loads, read_shunts
from pygridjl.grid.io.supply import leave_out_unsupplied
from pygridjl.grid.io.text import read_text
from pygridjl.grid.network import Buses, Network

__all__ = ["from_pandapower", "read_pandapower_json"]

# Tables whose elements in service cannot be represented, and what can stand in for them.
_REFUSED = {
    "b2b_vsc": "two generators at its ends",
    "bi_vsc": "two generators at its ends",
    "line_dc": "a dcline",
    "load_dc": "loads at the converters",
    "source_dc": "generators at the converters",
    "ssc": "a generator that holds the voltage",
    "svc": "a generator that holds the voltage, or a shunt",
    "tcsc": "an impedance",
    "vsc": "a generator",
    "vsc_stacked": "two generators",
}


def from_pandapower(net: Any) -> Network:
    """Convert a pandapower net.

    Parameters
    ----------
    net : pandapowerNet
        The net; it is not changed, and power-flow results in it are not used.

    Returns
    -------
    Network
        Not validated. Branch ids number the rows of ``net.line``, ``net.trafo``, ``net.switch``,
        ``net.impedance``, ``net.trafo3w`` (three each: high, medium, low voltage) and
        ``net.xward``, in this order; rows that are no branch have no id. Bus ids are pandapower's
        indices; the star of a transformer, a dead end and what stands behind an extended ward
        have ids in words.

    Raises
    ------
    NetworkFormatError
        If the net holds something in service that cannot be represented, such as converters; the
        message names table, index and field.

    Notes
    -----
    Transformers follow pandapower's ``trafo_model="pi"`` at their present tap; their iron, and what
    leaks from lines, are shunts at both ends. Three windings meet in a star.

    Lines out of service, or open at both ends, are open branches. A line or transformer open at one
    end stays under voltage from the other, as in pandapower: it ends at an inner bus, and a line's
    open switch is a tie from there. If any line has a switch, only those and the lines out of
    service are switchable, else every line is. Closed bus-bus switches without impedance merge
    their buses; open ones are ties of 1e-6 p.u.

    External grids, and generators with ``slack``, are slacks; other generators and both ends of DC
    lines hold their voltage; static generators deliver P and Q. What is not ``controllable`` has
    its schedule for limits. Loads, motors, storages and wards are constant power, wards also a
    shunt; of asymmetric loads the sum counts. Limits follow ``max_loading_percent``. Costs of
    reactive power become NaN, which only an optimal power flow minds.

    Examples
    --------
    >>> import pandapower.networks  # doctest: +SKIP
    >>> pygridjl.from_pandapower(pandapower.networks.case9()).n_bus  # doctest: +SKIP
    9
    """
    name = str(net.get("name") or "pandapower net")
    _refuse(name, net)
    notes: list[str] = []
    position, rows = _merged_buses(net, notes)
    bus = net["bus"].loc[rows]
    places = Places(
        position,
        [str(index) for index in bus.index],
        bus["vn_kv"].to_numpy(np.float64).tolist(),
        float(net["sn_mva"]),
    )
    wards = _extended_wards(net, places)
    branches = read_branches(name, net, places, wards, notes)
    read_shunts(net, places)
    generators = read_generators(name, net, places, wards, notes)
    loads = read_loads(net, places, notes)
    costs = {kind: net[kind]["et"] for kind in ("poly_cost", "pwl_cost") if kind in net}
    if any((~et.isin(["ext_grid", "gen", "sgen"])).any() for et in costs.values()):
        notes.append("costs of what is not a generator are left out: its power is given")
    shunt, lost = places.shunts()
    inner = np.full(len(places.ids) - len(bus), np.nan)
    x, y = _coordinates(bus)
    free = np.zeros(inner.size)
    network = Network(
        name,
        places.base_mva,
        Buses(
            np.array(places.ids, dtype=np.str_),
            np.array(places.base_kv),
            np.concatenate([column(bus, "min_vm_pu", 0.0), free]),
            np.concatenate([column(bus, "max_vm_pu", np.inf), free + np.inf]),
            shunt.real,
            shunt.imag,
            np.concatenate([x, inner]),
            np.concatenate([y, inner]),
            lost,
        ),
        branches,
        generators,
        loads,
        source="pandapower net",
        notes=tuple(notes),
    )
    return leave_out_unsupplied(network)


def _extended_wards(net: Any, places: Places) -> tuple[Any, IntArray]:
    """Return the extended wards in service, and the buses behind their impedances."""
    table = active(net, "xward", places)
    kv = places.kv(places.of(table["bus"]))
    behind = [
        places.inner_bus(f"xward {i} source", v) for i, v in zip(table.index, kv, strict=True)
    ]
    return table, np.array(behind, dtype=np.int64)


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
    for table, instead in _REFUSED.items():
        if table in net and len(net[table]):
            active_rows = in_service(net[table])
            if active_rows.any():
                index = net[table].index[active_rows][0]
                raise NetworkFormatError(
                    name,
                    table,
                    f"{index}, field 'in_service': this element cannot be represented; set it to "
                    f"False and put {instead} in its place",
                )


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
