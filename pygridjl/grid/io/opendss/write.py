"""Writer of OpenDSS scripts: a feeder as it is, for another engine to solve."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from pygridjl.core.errors import InvalidNetworkError
from pygridjl.core.files import write_text
from pygridjl.core.findings import Finding
from pygridjl.core.types import FloatArray
from pygridjl.grid.feeder import Feeder
from pygridjl.grid.services import LUMPED

__all__ = ["feeder_commands", "opendss_names", "write_opendss"]

# Series impedance of what the feeder holds to be ideal, p.u.
IDEAL = 1e-6


def opendss_names(ids: Iterable[str]) -> list[str]:
    """Return names that OpenDSS takes, as near to the ids as it allows and all different.

    Parameters
    ----------
    ids : iterable of str
        Ids of buses or branches.
    """
    names: list[str] = []
    taken: set[str] = set()
    for text in ids:
        plain = base = re.sub(r"[^a-z0-9_-]", "_", text.lower()) or "_"
        count = 1
        while plain in taken:
            count += 1
            plain = f"{base}_{count}"
        taken.add(plain)
        names.append(plain)
    return names


def write_opendss(feeder: Feeder, path: str | Path) -> None:
    """Write a feeder as one OpenDSS script.

    Regulators stand at their ratios, loads draw constant power to ground, line charging and
    capacitors are capacitors, iron is the core of an idle transformer, generators inject what the
    feeder says. The impedance of the source is inside it, and the bus before it left out. Names
    become lower case and odd characters underscores.

    Parameters
    ----------
    feeder : Feeder
        The feeder; it may be meshed.
    path : str or Path
        The file; replaced if it exists.

    Raises
    ------
    OutputError
        If the file cannot be written.
    InvalidNetworkError
        If a branch with a gain is not made of units between two phases, or one and the ground, on
        its from side.
    """
    write_text(Path(path), "\n".join([*feeder_commands(feeder), "solve", ""]))


def feeder_commands(feeder: Feeder) -> list[str]:
    """Return the commands that define a feeder, all but the one that solves it.

    The load of node k is called ``load.d<k>``, and that of its shunts ``capacitor.c<k>``; branch k
    is ``line.l<k>`` (behind ``transformer.t<k>_<phase>`` where it has a ratio).

    Parameters
    ----------
    feeder : Feeder
        The feeder.
    """
    kv, bus = feeder.buses.kv_ln.tolist(), opendss_names(feeder.buses.id.tolist())
    own = _own_impedance(feeder)
    lines = [f"! {feeder.name}", "clear", *_source(feeder, bus, kv, own)]
    for k in np.flatnonzero(feeder.branches.closed).tolist():
        if k != own:
            lines += _branch(feeder, k, bus, kv)
    lines += _injections(feeder, bus, kv)
    bases = " ".join(repr(value * 3**0.5) for value in sorted(set(kv)))
    return [
        *lines,
        f"set voltagebases=[{bases}]",
        "calcvoltagebases",
        "set tolerance=1e-9 maxiterations=100 controlmode=off",
    ]


def _own_impedance(feeder: Feeder) -> int | None:
    """Return the branch that a source of the engine has inside, if there is one it can have."""
    branch, at = feeder.branches, feeder.source_bus
    leaving = np.flatnonzero(branch.closed & ((branch.from_bus == at) | (branch.to_bus == at)))
    if leaving.size != 1 or branch.kind[leaving[0]] != "source" or np.ptp(feeder.v_set) > 0:
        return None
    k = int(leaving[0])
    plain = branch.from_bus[k] == at and branch.phases[k].all() and (branch.ratio[k] == 1).all()
    z = branch.r[k] + 1j * branch.x[k]
    off = z[~np.eye(3, dtype=np.bool_)]
    even = max(np.ptp(part) for part in (z.diagonal().real, z.diagonal().imag, off.real, off.imag))
    return k if plain and even <= 1e-6 * np.abs(z).max() else None


def _source(feeder: Feeder, bus: list[str], kv: list[float], own: int | None) -> list[str]:
    at, base = bus[feeder.source_bus], kv[feeder.source_bus]
    first = f"circuit.{opendss_names([feeder.name])[0]}"
    same = set(feeder.v_set.tolist())
    if own is not None:
        branch, end = feeder.branches, int(feeder.branches.to_bus[own])
        z = (branch.r[own] + 1j * branch.x[own]) * kv[end] ** 2 / feeder.phase_mva
        itself, mutual = z.trace() / 3, (z.sum() - z.trace()) / 6
        one, zero = complex(itself - mutual), complex(itself + 2 * mutual)
        return [
            f"new {first} bus1={bus[end]} phases=3 basekv={base * 3**0.5!r} pu={same.pop()!r} "
            f"z1=({one.real!r} {one.imag!r}) z0=({zero.real!r} {zero.imag!r})"
        ]
    if len(same) == 1 and feeder.buses.phases[feeder.source_bus].all():
        return [
            f"new {first} bus1={at} phases=3 basekv={base * 3**0.5!r} pu={same.pop()!r} "
            "mvasc3=1e9 mvasc1=1e9"
        ]
    commands: list[str] = []
    for phase in np.flatnonzero(feeder.buses.phases[feeder.source_bus]).tolist():
        kind = f"vsource.source_{phase + 1}" if commands else first
        commands.append(
            f"new {kind} bus1={at}.{phase + 1} phases=1 basekv={base!r} "
            f"pu={float(feeder.v_set[phase])!r} angle={-120 * phase} z1=(0 1e-9) z0=(0 1e-9)"
        )
    return commands


def _branch(feeder: Feeder, k: int, bus: list[str], kv: list[float]) -> list[str]:
    branch = feeder.branches
    start, end = int(branch.from_bus[k]), int(branch.to_bus[k])
    phases = np.flatnonzero(branch.phases[k])
    ratio = branch.ratio[k].tolist()
    ohm = kv[end] ** 2 / feeder.phase_mva
    r, x = (ohm * z[k][np.ix_(phases, phases)] for z in (branch.r, branch.x))
    at, last, commands = bus[start], bus[end], []
    mixes = bool(branch.mixing[k])
    if mixes:
        commands += _units(feeder, k, at, kv)
    if mixes or kv[start] != kv[end] or any(ratio[phase] != 1.0 for phase in phases):
        for phase in phases.tolist() if not mixes else ():
            commands.append(
                f"new transformer.t{k}_{phase + 1} phases=1 windings=2 xhl=0.001 %rs=(0 0) "
                f"ppm_antifloat=0 buses=({at}.{phase + 1} behind{k}.{phase + 1}) "
                f"kvs=({kv[start]!r} {kv[end]!r}) kvas=(100000 100000) taps=(1 {ratio[phase]!r})"
            )
        at = f"behind{k}"
    if max(np.abs(r).max(), np.abs(x).max()) < IDEAL * ohm:
        x = x + IDEAL * ohm * np.eye(phases.size)
    dots = "".join(f".{phase + 1}" for phase in phases)
    amps = float(np.min(branch.rating[k][phases])) * 1e3 * feeder.phase_mva / kv[end]
    rated = f" normamps={amps!r}" if np.isfinite(amps) else ""
    commands.append(
        f"new line.l{k} phases={phases.size} bus1={at}{dots} bus2={last}{dots} length=1 "
        f"rmatrix={_matrix(r)} xmatrix={_matrix(x)} cmatrix={_matrix(0 * r)}{rated}"
    )
    return commands


def _units(feeder: Feeder, k: int, at: str, kv: list[float]) -> list[str]:
    """Ideal single-phase units that make the voltages behind a gain."""
    branch, commands = feeder.branches, []
    volts = " ".join(repr(kv[int(end[k])]) for end in (branch.from_bus, branch.to_bus))
    for phase in np.flatnonzero(branch.phases[k]).tolist():
        row = branch.gain[k][phase]
        plus, minus = np.flatnonzero(row > 0).tolist(), np.flatnonzero(row < 0).tolist()
        size = float(np.abs(row).max())
        alike = np.allclose(np.abs(row[row != 0]), size, rtol=1e-9)
        if len(plus) > 1 or len(minus) > 1 or not alike:
            text = (
                f"what stands at phase {'abc'[phase]} behind it comes from several windings, which "
                f"an OpenDSS script of ours does not write: save it as .json or CSV, or {LUMPED}"
            )
            finding = Finding("branch", (str(branch.id[k]),), "gain", text)
            raise InvalidNetworkError(feeder.name, [finding])
        ends = ".".join(str(side[0] + 1 if side else 0) for side in (plus, minus))
        commands.append(
            f"new transformer.t{k}_{phase + 1} phases=1 windings=2 xhl=0.001 %rs=(0 0) "
            f"ppm_antifloat=0 buses=({at}.{ends} behind{k}.{phase + 1}) kvs=({volts}) "
            f"kvas=(100000 100000) taps=(1 {size!r})"
        )
    return commands


def _injections(feeder: Feeder, bus: list[str], kv: list[float]) -> list[str]:
    kva, commands = 1e3 * feeder.phase_mva, []
    total = np.stack(
        [
            feeder.load_p,
            feeder.load_q,
            feeder.shunt_q,
            feeder.generation_p,
            feeder.generation_q,
        ],
        axis=1,
    )
    for node, (p, q, shunt, made_p, made_q) in enumerate((total * kva).tolist()):
        place, phase = int(feeder.node_bus[node]), int(feeder.node_phase[node]) + 1
        at = f"bus1={bus[place]}.{phase} phases=1 kv={kv[place]!r}"
        if p or q:
            commands.append(f"new load.d{node} {at} kw={p!r} kvar={q!r} vminpu=0.3 vmaxpu=2")
        if shunt:
            commands.append(f"new capacitor.c{node} {at} kvar={shunt!r}")
        if made_p or made_q:
            commands.append(
                f"new generator.g{node} {at} kw={made_p!r} kvar={made_q!r} model=1 "
                "vminpu=0.3 vmaxpu=2"
            )
    return commands + _conductances(feeder, bus, kv)


def _conductances(feeder: Feeder, bus: list[str], kv: list[float]) -> list[str]:
    """Iron as cores of idle transformers, which the engine counts as losses, the rest as ohms."""
    kva, commands = 1e3 * feeder.phase_mva, []
    iron = feeder.iron_p
    rest = -feeder.shunt_p - iron
    for node in np.flatnonzero((iron != 0) | (rest != 0)).tolist():
        place = int(feeder.node_bus[node])
        volts, dot = repr(kv[place]), int(feeder.node_phase[node]) + 1
        at = f"{bus[place]}.{dot}"
        if iron[node]:
            rated = 100 * kva * float(iron[node])
            commands.append(
                f"new transformer.iron{node} phases=1 windings=2 %noloadloss=1 %imag=0 xhl=0.01 "
                f"buses=({at} iron{node}.{dot}) kvs=({volts} {volts}) "
                f"kvas=({rated!r} {rated!r}) %rs=(0 0) ppm_antifloat=0"
            )
        if abs(rest[node]) > 1e-9 * abs(iron[node]):
            ohm = kv[place] ** 2 / (float(rest[node]) * feeder.phase_mva)
            commands.append(f"new reactor.g{node} bus1={at} phases=1 r={ohm!r} x=0")
    return commands


def _matrix(values: FloatArray) -> str:
    rows = (" ".join(map(repr, row)) for row in values.tolist())
    return f"({' | '.join(rows)})"
