"""Writer of OpenDSS scripts of single-phase networks: three balanced phases, for its engine."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from pygridjl.core.errors import NetworkFormatError
from pygridjl.core.files import write_text
from pygridjl.grid.io.opendss.write import IDEAL, opendss_names
from pygridjl.grid.network import Network

__all__ = ["network_commands", "write_opendss_network"]

SQRT3 = 3**0.5
HERTZ = 60.0
# The shift of a transformer whose windings are delta and wye, rad.
CLOCK = math.pi / 6
# Impedance of a source that holds its voltage, p.u., and what is no shift, rad.
STIFF, ROUNDING = 1e-11, 1e-9
# Step towards the voltages that units hold; at the engine's own, 0.1, meshed networks oscillate.
STEP = 0.03
# Loads keep their power at any voltage that a power flow meets.
ANY_VOLTAGE = "vminpu=0.1 vmaxpu=3"


def write_opendss_network(network: Network, path: str | Path) -> None:
    """Write a network as one OpenDSS script of three balanced phases.

    Line-to-line bases and three-phase powers are those of the network. Lines whose switches are
    open are disabled, an open transformer ends in a disabled line; if not all lines are switchable,
    those that are say ``switch=yes``. Slacks are stiff sources, units that hold their voltage
    generators of model 3, others of model 1; iron is the core of an idle transformer, other shunt
    conductance a resistor. What a snapshot does not need is left out: voltage bands, costs, limits
    of active power. Names become lower case and odd characters underscores; branch 7 is ``line.b7``
    or ``transformer.b7``. The engine does not find the voltages that units hold in every meshed
    network; MATPOWER's format is the one for those.

    Parameters
    ----------
    network : Network
        The network.
    path : str or Path
        The file; replaced if it exists.

    Raises
    ------
    NetworkFormatError
        If a transformer shifts by other than 0 or 30 degrees, which no winding does, or there is no
        source.
    OutputError
        If the file cannot be written.
    """
    path = Path(path)
    lines = [f"! {network.name}: {network.source}".replace("\n", " ")]
    write_text(path, "\n".join([*lines, *network_commands(network, path), "solve", ""]))


def network_commands(network: Network, path: Path) -> list[str]:
    """Return the commands that define a network, all but the one that solves it.

    Parameters
    ----------
    network : Network
        The network.
    path : Path
        What errors name.
    """
    bus = opendss_names(network.buses.id.tolist())
    kv = network.buses.base_kv.tolist()
    # Charging is given as capacitances, which an engine set to 50 Hz would take for less.
    hertz = f"set defaultbasefrequency={HERTZ:g}"
    commands = ["clear", hertz, *_sources(network, bus, kv, path)]
    for k in range(network.n_branch):
        commands += _branch(network, k, bus, kv, path)
    commands += _shunts(network, bus, kv)
    commands += _loads(network, bus, kv)
    commands += _units(network, bus, kv)
    bases = " ".join(map(repr, sorted(set(kv))))
    places = zip(bus, network.buses.x.tolist(), network.buses.y.tolist(), strict=True)
    return [
        *commands,
        f"set voltagebases=[{bases}]",
        "calcvoltagebases",
        *(f"setbusxy bus={name} x={x!r} y={y!r}" for name, x, y in places if np.isfinite(x + y)),
        "set tolerance=1e-11 maxiterations=1000 controlmode=off",
    ]


def _sources(network: Network, bus: list[str], kv: list[float], path: Path) -> list[str]:
    gen = network.generators
    commands: list[str] = []
    slacks = np.flatnonzero(gen.slack & gen.in_service)
    _, first = np.unique(gen.bus[slacks], return_index=True)
    for k in slacks[np.sort(first)].tolist():
        at = int(gen.bus[k])
        name = opendss_names([network.name])[0]
        kind = f"vsource.s{k + 1}" if commands else f"circuit.{name}"
        angle = math.degrees(float(gen.angle_set[k]))
        ohm = STIFF * kv[at] ** 2 / network.base_mva
        commands.append(
            f"new {kind} bus1={bus[at]} phases=3 basekv={kv[at]!r} pu={float(gen.v_set[k])!r} "
            f"angle={angle!r} z1=(0 {ohm!r}) z0=(0 {ohm!r})"
        )
    if not commands:
        raise NetworkFormatError(path, "generator", "no slack is in service, a circuit needs one")
    return commands


def _branch(network: Network, k: int, bus: list[str], kv: list[float], path: Path) -> list[str]:
    branch = network.branches
    start, end = int(branch.from_bus[k]), int(branch.to_bus[k])
    if branch.tap[k] != 1.0 or branch.shift[k] != 0.0 or kv[start] != kv[end]:
        return _transformer(network, k, bus, kv, path)
    ohm = kv[end] ** 2 / network.base_mva
    r, x = float(branch.r[k]) * ohm, float(branch.x[k]) * ohm
    if max(abs(r), abs(x)) < IDEAL * ohm:
        x = IDEAL * ohm
    nanofarad = 1e9 * float(branch.b[k]) / ohm / (2 * math.pi * HERTZ)
    some = not branch.switchable.all()
    return [
        f"new line.b{branch.id[k]} phases=3 bus1={bus[start]} bus2={bus[end]} "
        f"{'switch=yes ' if some and branch.switchable[k] else ''}length=1 "
        f"r1={r!r} x1={x!r} r0={r!r} x0={x!r} c1={nanofarad!r} c0={nanofarad!r}"
        f"{_amps(network, k, kv[end])}{'' if branch.closed[k] else ' enabled=no'}"
    ]


def _amps(network: Network, k: int, kv: float) -> str:
    rating = float(network.branches.rating[k])
    if not np.isfinite(rating):
        return ""
    return f" normamps={rating * network.base_mva * 1e3 / (SQRT3 * kv)!r}"


def _transformer(
    network: Network, k: int, bus: list[str], kv: list[float], path: Path
) -> list[str]:
    branch, name = network.branches, f"b{network.branches.id[k]}"
    start, end = int(branch.from_bus[k]), int(branch.to_bus[k])
    turns = float(branch.shift[k]) / CLOCK
    if min(abs(turns - step) for step in (-1, 0, 1)) > ROUNDING:
        detail = (
            f"shifts by {math.degrees(float(branch.shift[k])):g} degrees; windings of OpenDSS "
            "shift by 0 or 30: set it to 0 if the network is radial, where only angles depend on it"
        )
        raise NetworkFormatError(path, f"branch {branch.id[k]} (shift)", detail)
    kva = network.base_mva * 1e3
    r, x = float(branch.r[k]), float(branch.x[k])
    # The engine wants a positive reactance of its own: what there is too little follows as a line.
    own = x if x > IDEAL and r >= 0 else max(abs(r), abs(x), IDEAL)
    closed = bool(branch.closed[k])
    whole = own == x and closed
    last = bus[end] if whole else f"{name}_behind"
    wound = (
        "" if round(turns) == 0 else f" conns=(delta wye) leadlag={'lag' if turns > 0 else 'lead'}"
    )
    commands = [
        f"new transformer.{name} phases=3 windings=2 buses=({bus[start]} {last}){wound} "
        f"kvs=({kv[start]!r} {kv[end]!r}) kvas=({kva!r} {kva!r}) "
        f"taps=({float(branch.tap[k])!r} 1) xhl={100 * own!r} "
        f"%rs=(0 {100 * r if whole else 0.0!r}) %noloadloss=0 %imag=0 ppm_antifloat=0"
    ]
    rating = float(branch.rating[k])
    if np.isfinite(rating):
        commands[0] += f" normhkva={rating * kva!r}"
    ohm = kv[end] ** 2 / network.base_mva
    if not whole:
        # An open one ends in an open switch: the engine's own transformers have none.
        rest = (x - own) * ohm if closed else IDEAL * ohm
        commands.append(
            f"new line.{name} phases=3 bus1={last} bus2={bus[end]} length=1 r1={r * ohm!r} "
            f"x1={rest!r} r0={r * ohm!r} x0={rest!r} c1=0 c0=0{'' if closed else ' enabled=no'}"
        )
    if branch.b[k] and closed:
        # Half of the charging lies before the ratio, half behind.
        kvar = float(branch.b[k]) / 2 * kva
        ratio = float(branch.tap[k]) ** 2
        commands += [
            _susceptance(f"{name}_1", bus[start], kv[start], kvar / ratio),
            _susceptance(f"{name}_2", bus[end], kv[end], kvar),
        ]
    return commands


def _susceptance(name: str, bus: str, kv: float, kvar: float) -> str:
    kind = "capacitor" if kvar > 0 else "reactor"
    return f"new {kind}.{name} bus1={bus} phases=3 kv={kv!r} kvar={abs(kvar)!r}"


def _shunts(network: Network, bus: list[str], kv: list[float]) -> list[str]:
    kva, commands = network.base_mva * 1e3, []
    for k, name in enumerate(bus):
        b, iron = float(network.buses.bs[k]), float(network.buses.iron[k])
        if b:
            commands.append(_susceptance(f"n{k + 1}", name, kv[k], b * kva))
        if iron:
            # The engine counts as a loss what a core takes, not what a resistor does.
            commands.append(
                f"new transformer.iron{k + 1} phases=3 windings=2 buses=({name} iron{k + 1}) "
                f"kvs=({kv[k]!r} {kv[k]!r}) kvas=({100 * iron * kva!r} {100 * iron * kva!r}) "
                "xhl=0.01 %rs=(0 0) %noloadloss=1 %imag=0 ppm_antifloat=0"
            )
        rest = float(network.buses.gs[k]) - iron
        if abs(rest) > ROUNDING * abs(iron):
            ohm = kv[k] ** 2 / (rest * network.base_mva)
            commands.append(f"new reactor.g{k + 1} bus1={name} phases=3 r={ohm!r} x=0")
    return commands


def _loads(network: Network, bus: list[str], kv: list[float]) -> list[str]:
    loads, kva = network.loads, network.base_mva * 1e3
    names = opendss_names(f"d_{name}" for name in loads.id.tolist())
    return [
        f"new load.{name} bus1={bus[at]} phases=3 kv={kv[at]!r} kw={p * kva!r} kvar={q * kva!r} "
        f"{ANY_VOLTAGE}"
        for name, at, p, q in zip(
            names, loads.bus.tolist(), loads.p.tolist(), loads.q.tolist(), strict=True
        )
        if p or q
    ]


def _units(network: Network, bus: list[str], kv: list[float]) -> list[str]:
    gen, kva = network.generators, network.base_mva * 1e3
    held = np.isin(gen.bus, network.slack_buses)
    names = opendss_names(f"g_{name}" for name in gen.id.tolist())
    commands = []
    for k in np.flatnonzero(gen.in_service & ~held).tolist():
        at, p, q = int(gen.bus[k]), float(gen.p[k]) * kva, float(gen.q[k]) * kva
        text = f"new generator.{names[k]} bus1={bus[at]} phases=3 kv={kv[at]!r} kw={p!r} "
        if gen.holds_v[k]:
            low, high = (
                kva * float(np.clip(limit, -1e3, 1e3)) for limit in (gen.q_min[k], gen.q_max[k])
            )
            text += f"model=3 vpu={float(gen.v_set[k])!r} pvfactor={STEP} "
            text += f"maxkvar={high!r} minkvar={low!r} "
        else:
            text += f"kvar={q!r} model=1 "
        commands.append(text + ANY_VOLTAGE)
    return commands
