"""Lines, transformers and switches of a pandapower net."""

from __future__ import annotations

from typing import Any

import numpy as np

from pygridjl.core.errors import NetworkFormatError
from pygridjl.core.types import BoolArray, ComplexArray, FloatArray, IntArray
from pygridjl.grid.io.pandapower.units import column, in_service, placed
from pygridjl.grid.network import Branches

__all__ = ["read_branches"]

# A tie without an impedance of its own, p.u.: losses through it vanish.
TIE_R = 1e-6


def read_branches(
    name: str,
    net: Any,
    position: dict[int, int],
    base_kv: FloatArray,
    base_mva: float,
    notes: list[str],
) -> tuple[Branches, ComplexArray]:
    """Read all branches, and what they add to the shunts of the buses (p.u., shape (n,))."""
    shunt = np.zeros(len(base_kv), dtype=np.complex128)
    parts = [
        _lines(name, net, position, base_kv, base_mva, notes),
        _transformers(name, net, position, base_kv, base_mva, shunt),
        _switches(net, position, base_kv, base_mva, notes),
        _impedances(name, net, position, base_mva),
    ]
    joined = {
        key: np.concatenate([getattr(part, key) for part in parts]) for key, _ in parts[0].columns()
    }
    return Branches(**joined), shunt


def _ids(table: Any, kept: Any, offset: int) -> IntArray:
    """1-based rows of the whole table for the rows kept of it."""
    row = {index: k for k, index in enumerate(table.index, start=1 + offset)}
    return np.array([row[index] for index in kept.index], dtype=np.int64)


def _ends(kept: Any, position: dict[int, int], *names: str) -> list[IntArray]:
    return [np.array([position[i] for i in kept[name]], dtype=np.int64) for name in names]


def _switched(net: Any, kind: str, kept: Any) -> tuple[BoolArray, BoolArray]:
    """Whether an element has a switch, and whether one of them is open."""
    switch = net["switch"][(net["switch"]["et"] == kind).to_numpy(np.bool_)]
    closed = switch["closed"].to_numpy(np.bool_)
    has = kept.index.isin(switch["element"])
    return has, kept.index.isin(switch["element"][~closed])


def _lines(
    name: str,
    net: Any,
    position: dict[int, int],
    base_kv: FloatArray,
    base_mva: float,
    notes: list[str],
) -> Branches:
    table = placed(net["line"], position, "from_bus", "to_bus")
    leaky = column(table, "g_us_per_km", 0.0) != 0
    if leaky.any():
        detail = f"{table.index[leaky][0]}, field 'g_us_per_km': a conductance to ground"
        raise NetworkFormatError(name, "line", f"{detail} cannot be represented")
    from_bus, to_bus = _ends(table, position, "from_bus", "to_bus")
    kv = base_kv[from_bus]
    z_base = kv**2 / base_mva
    length, parallel = column(table, "length_km", np.nan), column(table, "parallel", 1.0)
    per_km = length / parallel / z_base
    farad = column(table, "c_nf_per_km", 0.0) * 1e-9 * length * parallel
    amps = column(table, "max_i_ka", np.inf) * column(table, "df", 1.0) * parallel
    amps = amps * column(table, "max_loading_percent", 100.0) / 100.0
    has, opened = _switched(net, "l", table)
    active = in_service(table)
    if len(table) and not has.any() and active.all():
        notes.append("no line has a switch: every line is read as switchable")
    return Branches(
        _ids(net["line"], table, 0),
        from_bus,
        to_bus,
        column(table, "r_ohm_per_km", np.nan) * per_km,
        column(table, "x_ohm_per_km", np.nan) * per_km,
        2.0 * np.pi * float(net["f_hz"]) * farad * z_base,
        rating=np.sqrt(3.0) * kv * amps / base_mva,
        closed=active & ~opened,
        switchable=has | ~active if has.any() else np.ones(len(table), dtype=np.bool_),
    )


def _transformers(
    name: str,
    net: Any,
    position: dict[int, int],
    base_kv: FloatArray,
    base_mva: float,
    shunt: ComplexArray,
) -> Branches:
    """Two-winding transformers in pandapower's π-model; iron losses go to ``shunt``."""
    table = placed(net["trafo"], position, "hv_bus", "lv_bus")
    hv, lv = _ends(table, position, "hv_bus", "lv_bus")
    rated_hv, rated_lv = _tapped(name, table)
    _, opened = _switched(net, "t", table)
    closed = in_service(table) & ~opened
    rated, parallel = column(table, "sn_mva", np.nan), column(table, "parallel", 1.0)
    on_base = base_mva / rated / parallel * (rated_lv / base_kv[lv]) ** 2
    r = column(table, "vkr_percent", np.nan) / 100.0
    z = column(table, "vk_percent", np.nan) / 100.0
    x = np.sqrt(np.maximum(z**2 - r**2, 0.0))
    iron = column(table, "pfe_kw", 0.0) / 1e3 / rated
    no_load = column(table, "i0_percent", 0.0) / 100.0
    b = -np.sqrt(np.maximum(no_load**2 - iron**2, 0.0))
    tap = (rated_hv / base_kv[hv]) / (rated_lv / base_kv[lv])
    half_iron = np.where(closed, iron / on_base / 2.0, 0.0)
    np.add.at(shunt, hv, half_iron / tap**2)
    np.add.at(shunt, lv, half_iron)
    rating = rated * parallel * column(table, "df", 1.0) / base_mva
    rating = rating * column(table, "max_loading_percent", 100.0) / 100.0
    return Branches(
        _ids(net["trafo"], table, len(net["line"])),
        hv,
        lv,
        r * on_base,
        x * on_base,
        b / on_base,
        tap=tap,
        shift=np.radians(column(table, "shift_degree", 0.0)),
        rating=rating,
        closed=closed,
        switchable=np.zeros(len(table), dtype=np.bool_),
    )


def _tapped(name: str, table: Any) -> tuple[FloatArray, FloatArray]:
    """Rated voltages of both sides at the present tap, kV."""
    steps = column(table, "tap_pos", 0.0) - column(table, "tap_neutral", 0.0)
    turned = (steps != 0) & (column(table, "tap_step_degree", 0.0) != 0)
    if "tap_dependency_table" in table.columns:
        turned |= table["tap_dependency_table"].fillna(False).to_numpy(np.bool_)
    if "tap_changer_type" in table.columns:
        kind = table["tap_changer_type"]
        turned |= (kind.notna() & (kind != "Ratio")).to_numpy(np.bool_) & (steps != 0)
    if turned.any():
        detail = f"{table.index[turned][0]}: only ratio tap changers can be represented"
        raise NetworkFormatError(name, "trafo", detail)
    factor = 1.0 + steps * column(table, "tap_step_percent", 0.0) / 100.0
    side = table["tap_side"] if "tap_side" in table.columns else None
    at_hv = np.zeros(len(table), dtype=np.bool_) if side is None else (side == "hv").to_numpy(bool)
    at_lv = np.zeros(len(table), dtype=np.bool_) if side is None else (side == "lv").to_numpy(bool)
    return (
        column(table, "vn_hv_kv", np.nan) * np.where(at_hv, factor, 1.0),
        column(table, "vn_lv_kv", np.nan) * np.where(at_lv, factor, 1.0),
    )


def _switches(
    net: Any, position: dict[int, int], base_kv: FloatArray, base_mva: float, notes: list[str]
) -> Branches:
    """Bus-bus switches that have a resistance, or are open and could close."""
    table = net["switch"][(net["switch"]["et"] == "b").to_numpy(np.bool_)]
    table = placed(table, position, "bus", "element")
    closed = table["closed"].to_numpy(np.bool_)
    apart = np.array(
        [position[a] != position[b] for a, b in zip(table["bus"], table["element"], strict=True)],
        dtype=np.bool_,
    )
    ohm = column(table, "z_ohm", 0.0)
    table = table[((ohm > 0) | ~closed) & apart]
    from_bus, to_bus = _ends(table, position, "bus", "element")
    first = len(net["line"]) + len(net["trafo"]) + 1
    ohm = column(table, "z_ohm", 0.0)
    if (ohm == 0).any():
        notes.append(
            f"{int((ohm == 0).sum())} open bus-bus switches without impedance are ties of "
            f"{TIE_R:g} p.u."
        )
    return Branches(
        np.arange(first, first + len(table)),
        from_bus,
        to_bus,
        np.where(ohm > 0, ohm / (base_kv[from_bus] ** 2 / base_mva), TIE_R),
        closed=table["closed"].to_numpy(np.bool_),
    )


def _impedances(name: str, net: Any, position: dict[int, int], base_mva: float) -> Branches:
    """Impedances that are the same seen from both ends."""
    first = len(net["line"]) + len(net["trafo"]) + len(net["switch"]) + 1
    if "impedance" not in net or not len(net["impedance"]):
        none = np.zeros(0)
        whole = none.astype(np.int64)
        return Branches(whole, whole, whole, none)
    table = placed(net["impedance"], position, "from_bus", "to_bus")
    r, x = column(table, "rft_pu", np.nan), column(table, "xft_pu", np.nan)
    active = in_service(table)
    for one, other in (("rft_pu", "rtf_pu"), ("xft_pu", "xtf_pu")):
        differ = active & (column(table, one, 0.0) != column(table, other, 0.0))
        if differ.any():
            detail = f"{table.index[differ][0]}, field {other!r}: differs from {one!r}"
            raise NetworkFormatError(name, "impedance", detail)
    for field in ("gf_pu", "bf_pu", "gt_pu", "bt_pu"):
        leaky = active & (column(table, field, 0.0) != 0)
        if leaky.any():
            detail = f"{table.index[leaky][0]}, field {field!r}: cannot be represented"
            raise NetworkFormatError(name, "impedance", detail)
    scale = base_mva / column(table, "sn_mva", np.nan)
    from_bus, to_bus = _ends(table, position, "from_bus", "to_bus")
    return Branches(
        np.arange(first, first + len(table)),
        from_bus,
        to_bus,
        r * scale,
        x * scale,
        closed=active,
        switchable=np.zeros(len(table), dtype=np.bool_),
    )
