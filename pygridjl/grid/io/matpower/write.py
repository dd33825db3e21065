"""Writer of MATPOWER case files (.m, case format 2)."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from pygridjl.core.files import write_text
from pygridjl.core.types import BoolArray, FloatArray, IntArray
from pygridjl.grid.network import Network

__all__ = ["write_matpower"]

_HEADERS = {
    "bus": "bus_i type Pd Qd Gs Bs area Vm Va baseKV zone Vmax Vmin",
    "gen": "bus Pg Qg Qmax Qmin Vg mBase status Pmax Pmin",
    "branch": "fbus tbus r x b rateA rateB rateC ratio angle status angmin angmax",
    "gencost": "model startup shutdown n c2 c1 c0 (or P1 cost1 P2 cost2 ...)",
}


def write_matpower(network: Network, path: str | Path) -> None:
    """Write a network as a MATPOWER case in MW and per unit.

    Units that hold their voltage make their bus one of type 2; all others stand at buses of type 1
    and deliver P and Q. What the format cannot hold is left out: coordinates, apparent-power
    capacities of sources, ids of generators, loads and branches (rows are numbered). Which branches
    are switchable goes to ``mpc.switchable``, a table of ours. Loads of a bus are added up. If the
    bus ids are not positive whole numbers, buses are numbered in order and the ids go to
    ``mpc.bus_name``.

    Parameters
    ----------
    network : Network
        The network.
    path : str or Path
        The file; replaced if it exists.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    path = Path(path)
    numbers, named = _bus_numbers(network)
    name = re.sub(r"\W", "_", path.stem)
    name = name if re.match(r"[A-Za-z]", name) else f"case_{name}"
    lines = [f"function mpc = {name}"]
    comments = [f"{network.name}: {network.source}", *network.notes]
    lines += [f"%   {line}" for comment in comments for line in comment.splitlines()]
    lines += ["mpc.version = '2';", f"mpc.baseMVA = {_number(network.base_mva)};"]
    lines += _matrix("bus", _bus(network, numbers))
    lines += _matrix("gen", _gen(network, numbers))
    lines += _matrix("branch", _branch(network, numbers))
    if not network.branches.switchable.all():
        flags = " ".join("1" if flag else "0" for flag in network.branches.switchable)
        lines.append(f"mpc.switchable = [{flags}];")
    if network.generators.cost.any() or network.generators.n_cost_points.any():
        lines += _matrix("gencost", _gencost(network))
    if named:
        quoted = (
            "'" + re.sub(r"[\r\n]", " ", i).replace("'", "''") + "'" for i in network.buses.id
        )
        lines += ["mpc.bus_name = {", *(f"\t{text};" for text in quoted), "};"]
    write_text(path, "\n".join(lines) + "\n")


def _bus_numbers(network: Network) -> tuple[IntArray, bool]:
    """Bus numbers, and whether the ids had to be replaced by them."""
    ids = network.buses.id
    if all(re.fullmatch(r"[1-9]\d{0,8}", i) for i in ids):
        return ids.astype(np.int64), False
    return np.arange(1, network.n_bus + 1), True


def _bus(network: Network, numbers: IntArray) -> FloatArray:
    bus, base, n = network.buses, network.base_mva, network.n_bus
    gen = network.generators
    kind = np.ones(n)
    kind[gen.bus[gen.in_service & gen.holds_v]] = 2
    kind[network.slack_buses] = 3
    one = np.ones(n)
    demand = [network.load_p * base, network.load_q * base]
    shunt = [bus.gs * base, bus.bs * base]
    known = np.isfinite(bus.v_start) & np.isfinite(bus.angle_start)
    magnitude = np.where(known, bus.v_start, 1.0)
    angle = np.where(known, bus.angle_start, 0.0)
    slack = gen.slack & gen.in_service
    angle[gen.bus[slack]] = gen.angle_set[slack]
    state = [magnitude, np.degrees(angle)]
    columns = [numbers, kind, *demand, *shunt, one, *state, bus.base_kv, one]
    return np.column_stack([*columns, bus.v_max, bus.v_min])


def _gen(network: Network, numbers: IntArray) -> FloatArray:
    gen, base = network.generators, network.base_mva
    power = [v * base for v in (gen.p, gen.q, gen.q_max, gen.q_min)]
    limits = [gen.p_max * base, gen.p_min * base]
    machine = np.full(len(gen), base)
    return np.column_stack([numbers[gen.bus], *power, gen.v_set, machine, gen.in_service, *limits])


def _branch(network: Network, numbers: IntArray) -> FloatArray:
    branch = network.branches
    line = (branch.tap == 1.0) & (branch.shift == 0.0)
    rating = np.where(np.isinf(branch.rating), 0.0, branch.rating * network.base_mva)
    low = _degrees(branch.angle_min, branch.angle_min <= -np.pi, -360.0)
    high = _degrees(branch.angle_max, branch.angle_max >= np.pi, 360.0)
    ends = [numbers[branch.from_bus], numbers[branch.to_bus]]
    tap = np.where(line, 0.0, branch.tap)
    shift = np.degrees(branch.shift)
    zero = np.zeros(len(branch))
    impedance = [branch.r, branch.x, branch.b]
    switch = [tap, shift, branch.closed, low, high]
    return np.column_stack([*ends, *impedance, rating, zero, zero, *switch])


def _degrees(angle: FloatArray, free: BoolArray, written: float) -> FloatArray:
    # The format reads 0 as no limit: a limit of 0 becomes one as good as 0.
    almost_zero = np.copysign(1e-9, written)
    return np.where(free, written, np.where(angle == 0, almost_zero, np.degrees(angle)))


def _gencost(network: Network) -> FloatArray:
    base, gen = network.base_mva, network.generators
    rows, count = len(gen), gen.n_cost_points
    per_mw = gen.cost / base ** np.array([2.0, 1.0, 0.0])
    table = np.zeros((rows, 4 + max(3, 2 * int(count.max(initial=0)))))
    table[:, 0], table[:, 3], table[:, 4:7] = 2.0, 3.0, np.nan_to_num(per_mw)
    for row in np.flatnonzero(count):
        points = gen.cost_points[row, : count[row]] * (base, 1.0)
        table[row, 4:] = 0.0
        table[row, 0], table[row, 3], table[row, 4 : 4 + points.size] = (
            1.0,
            count[row],
            points.ravel(),
        )
    return table


def _matrix(name: str, rows: FloatArray) -> Iterable[str]:
    header = "\t".join(_HEADERS[name].split())
    body = ["\t" + "\t".join(map(_number, row)) + ";" for row in rows.tolist()]
    return [f"%\t{header}", f"mpc.{name} = [", *body, "];"]


def _number(value: float) -> str:
    """Shortest text that reads back as the same number."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Inf" if value > 0 else "-Inf"
    return repr(int(value)) if value == int(value) and abs(value) < 1e15 else repr(float(value))
