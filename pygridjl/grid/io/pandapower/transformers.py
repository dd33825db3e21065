"""Transformers of two and three windings of a pandapower net, as π-models."""

from __future__ import annotations

from functools import reduce
from typing import Any

import numpy as np

from pygridjl.core.errors import NetworkFormatError
from pygridjl.core.types import BoolArray, FloatArray
from pygridjl.grid.io.pandapower.lines import row_ids
from pygridjl.grid.io.pandapower.open_ends import Connected, connect
from pygridjl.grid.io.pandapower.places import Ends, Places, active_rows, column, flags, in_service
from pygridjl.grid.network import Branches

__all__ = ["read_three_windings", "read_two_windings"]

_WINDINGS = ("hv", "mv", "lv")


def read_two_windings(name: str, net: Any, places: Places, first: int) -> Branches:
    """Read transformers as ``trafo_model="pi"`` has them; iron is a shunt at both ends."""
    table = active_rows(net["trafo"], places, "hv_bus", "lv_bus")
    ends = (places.ends(net, "t", table, "hv_bus"), places.ends(net, "t", table, "lv_bus"))
    found = connect(places, "trafo", table, in_service(table), ends)
    rated_hv, rated_lv = column(table, "vn_hv_kv", np.nan), column(table, "vn_lv_kv", np.nan)
    shift = np.radians(column(table, "shift_degree", 0.0))
    for which in ("", "2"):
        factor, turn = _tap(name, "trafo", table, which, found.closed)
        at_hv, at_lv = _side(table, which, "hv"), _side(table, which, "lv")
        rated_hv = rated_hv * np.where(at_hv, factor, 1.0)
        rated_lv = rated_lv * np.where(at_lv, factor, 1.0)
        shift = shift + np.where(at_hv, turn, 0.0) - np.where(at_lv, turn, 0.0)
    r = column(table, "vkr_percent", np.nan) / 100.0
    z = column(table, "vk_percent", np.nan) / 100.0
    rated, parallel = column(table, "sn_mva", np.nan), column(table, "parallel", 1.0)
    rating = rated * parallel * column(table, "df", 1.0)
    return _windings(
        places,
        row_ids(net["trafo"], table, first - 1),
        found,
        r / rated / parallel,
        np.sign(z) * np.sqrt(np.maximum(z**2 - r**2, 0.0)) / rated / parallel,
        _magnetising(table, rated) * parallel,
        (rated_hv, rated_lv),
        shift,
        rating * column(table, "max_loading_percent", 100.0) / 100.0,
    )


def _magnetising(table: Any, rated: FloatArray) -> Any:
    """No-load power at rated voltage, MVA: iron, and what magnetises it."""
    iron = column(table, "pfe_kw", 0.0) / 1e3
    apparent = column(table, "i0_percent", 0.0) / 100.0 * rated
    return iron - 1j * np.sqrt(np.maximum(apparent**2 - iron**2, 0.0))


def _windings(
    places: Places,
    ids: Any,
    found: Connected,
    r: FloatArray,
    x: FloatArray,
    no_load: Any,
    rated_kv: tuple[FloatArray, FloatArray],
    shift: FloatArray,
    rating: FloatArray,
) -> Branches:
    """Two-winding units; r and x in p.u. on 1 MVA, no-load power and rating in MVA."""
    base = places.base_mva
    ratio_lv = rated_kv[1] / places.kv(found.to_bus)
    tap = rated_kv[0] / places.kv(found.from_bus) / ratio_lv
    half_iron = np.where(found.closed, no_load.real / base / ratio_lv**2 / 2.0, 0.0)
    places.shunt(found.from_bus, half_iron / tap**2, lost=True)
    places.shunt(found.to_bus, half_iron, lost=True)
    return Branches(
        ids,
        found.from_bus,
        found.to_bus,
        r * base * ratio_lv**2,
        x * base * ratio_lv**2,
        no_load.imag / base / ratio_lv**2,
        tap=tap,
        shift=shift,
        rating=rating / base,
        closed=found.closed,
        switchable=np.zeros(len(ids), dtype=np.bool_),
    )


def _side(table: Any, which: str, side: str) -> BoolArray:
    field = f"tap{which}_side"
    if field not in table.columns:
        return np.zeros(len(table), dtype=np.bool_)
    return np.asarray((table[field] == side).to_numpy(np.bool_))


def _tap(
    name: str, kind: str, table: Any, which: str, active: BoolArray
) -> tuple[FloatArray, FloatArray]:
    """Factor on the rated voltage of the tapped winding, and its turn in rad.

    A changer without type does nothing, as in pandapower since 3.0; where the column is missing,
    ``tap_phase_shifter`` decides.
    """
    none = (np.ones(len(table)), np.zeros(len(table)))
    if f"tap{which}_pos" not in table.columns:
        return none
    if which == "" and "tap_dependency_table" in table.columns:
        tabled = flags(table, "tap_dependency_table", default=False) & active
        if tabled.any():
            raise NetworkFormatError(
                name,
                kind,
                f"{table.index[tabled][0]}, field 'tap_dependency_table': characteristics are not "
                "read; set it to False and give vk_percent, vkr_percent and tap_step_percent of "
                "the present step",
            )
    steps = column(table, f"tap{which}_pos", np.nan) - column(table, f"tap{which}_neutral", np.nan)
    steps = np.nan_to_num(steps)
    percent = column(table, f"tap{which}_step_percent", 0.0) / 100.0
    degree = np.radians(column(table, f"tap{which}_step_degree", 0.0))
    if f"tap{which}_changer_type" in table.columns:
        changer = table[f"tap{which}_changer_type"]
        ideal = (changer == "Ideal").to_numpy(np.bool_)
        ratio = changer.isin(["Ratio", "Symmetrical"]).to_numpy(np.bool_)
    else:
        ideal = flags(table, f"tap{which}_phase_shifter", default=False)
        ratio = ~ideal
    factor = np.where(ratio, 1.0 + steps * percent * np.exp(1j * degree), 1.0)
    by_percent = 2.0 * np.arcsin(np.clip(steps * percent / 2.0, -1.0, 1.0))
    turn = np.where(degree != 0, steps * degree, by_percent)
    return np.abs(factor), np.where(ideal, turn, np.angle(factor))


def read_three_windings(name: str, net: Any, places: Places, first: int) -> Branches:
    """Three units of two windings around a star bus with the high voltage; iron at ``loss_side``.

    Ids: three a row of ``net.trafo3w``, in the order high, medium, low.
    """
    table = active_rows(net["trafo3w"], places, *(f"{w}_bus" for w in _WINDINGS))
    table = table[in_service(table)]
    count = len(table)
    row = row_ids(net["trafo3w"], table, 0)
    hv = places.of(table["hv_bus"])
    star = np.array(
        [
            places.inner_bus(f"trafo3w {index} star", places.base_kv[bus])
            for index, bus in zip(table.index, hv, strict=True)
        ],
        dtype=np.int64,
    )
    active = np.ones(count, dtype=np.bool_)
    inner = Ends(star, np.zeros(count, dtype=np.bool_), np.full(count, -1))
    factor, turn = _tap(name, "trafo3w", table, "", active)
    at_star = flags(table, "tap_at_star_point", default=False)
    loss_side = table["loss_side"] if "loss_side" in table.columns else ["hv"] * count
    r, x = _star_impedances(table)
    parts = []
    for k, winding in enumerate(_WINDINGS):
        outer = places.ends(net, "t3", table, f"{winding}_bus")
        # The unit of the high voltage looks at the star from outside, the others from inside.
        ends = (outer, inner) if winding == "hv" else (inner, outer)
        found = connect(places, f"trafo3w {winding}", table, active, ends)
        rated = column(table, f"vn_{winding}_kv", np.nan)
        at_high = column(table, "vn_hv_kv", np.nan)
        here = _side(table, "", winding)
        own = np.where(here & ~at_star, factor, 1.0)
        # A tap at the star point changes the other side of the winding, the other way round.
        across = np.where(here & at_star, 1.0 / factor, 1.0)
        sign = 1.0 if winding == "hv" else -1.0
        pair = (rated * own, at_high * across)
        shift = np.radians(column(table, f"shift_{winding}_degree", 0.0))
        loss = _magnetising(table, column(table, f"sn_{winding}_mva", np.nan))
        loss = np.where(np.asarray(loss_side) == winding, loss, 0.0)
        rating = column(table, f"sn_{winding}_mva", np.nan)
        parts.append(
            _windings(
                places,
                first + 3 * (row - 1) + k,
                found,
                r[k],
                x[k],
                loss,
                pair if winding == "hv" else pair[::-1],
                shift + sign * np.where(here, turn, 0.0),
                rating * column(table, "max_loading_percent", 100.0) / 100.0,
            )
        )
    return reduce(Branches.join, parts)


def _star_impedances(table: Any) -> tuple[list[FloatArray], list[FloatArray]]:
    """R and X of the windings high, medium, low from the short-circuit tests of the pairs.

    Each test is given on the smaller rating of its pair: ``vk_hv`` between high and medium,
    ``vk_mv`` between medium and low, ``vk_lv`` between high and low. All in p.u. on 1 MVA.
    """
    rated = {w: column(table, f"sn_{w}_mva", np.nan) for w in _WINDINGS}
    r, x = {}, {}
    for field, one, other in (("hv", "hv", "mv"), ("mv", "mv", "lv"), ("lv", "hv", "lv")):
        smaller = np.minimum(rated[one], rated[other])
        z = column(table, f"vk_{field}_percent", np.nan) / 100.0 / smaller
        r[one, other] = column(table, f"vkr_{field}_percent", np.nan) / 100.0 / smaller
        x[one, other] = np.sqrt(np.maximum(z**2 - r[one, other] ** 2, 0.0))
    stars = []
    for test in (r, x):
        hm, ml, hl = test["hv", "mv"], test["mv", "lv"], test["hv", "lv"]
        stars.append([(hm + hl - ml) / 2.0, (hm + ml - hl) / 2.0, (ml + hl - hm) / 2.0])
    return stars[0], stars[1]
