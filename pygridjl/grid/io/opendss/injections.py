"""Reads loads, capacitors and generators of a compiled OpenDSS circuit."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from pygridjl.grid.feeder_tables import voltage_terms
from pygridjl.grid.io.opendss.circuit import Circuit, Injection, count, some
from pygridjl.grid.io.opendss.common import SQRT3, bus_of, mask_of, phases_of, square
from pygridjl.grid.io.opendss.equivalents import parts_of, wye_equivalent
from pygridjl.grid.nominal import BALANCED

__all__ = ["read_injections"]

_SNAPSHOT = 0
# The model of a generator that keeps its P and its voltage.
_HOLDS_VOLTAGE = 3
_LOAD_MODELS = {
    1: "power",
    2: "impedance",
    3: "power-quadratic",
    4: "cvr",
    5: "current",
    6: "power-fixed-q",
    7: "power-fixed-x",
    8: "zip",
}


def read_injections(dss: Any, circuit: Circuit) -> None:
    """Read loads, capacitors, generators, PV systems and storage."""
    state = (
        "those of the converged OpenDSS solution"
        if circuit.solved
        else "as they stood when OpenDSS's own solution failed to converge"
    )
    taps = [p.ratio[p.phases] for p in circuit.pieces if p.kind == "regulator"]
    if taps:
        every = np.concatenate(taps)
        circuit.notes.append(
            f"regulators are fixed ratios, {every.min():.4f} to {every.max():.4f}: {state}"
        )
    _read_loads(dss, circuit)
    _read_capacitors(dss, circuit, state)
    _read_reactors(dss, circuit)
    _read_generators(dss, circuit)


def _place(dss: Any, circuit: Circuit, element: str, *, delta: bool, total: complex) -> Injection:
    nodes = phases_of(dss, circuit, element)
    parts = parts_of(nodes, int(dss.CktElement.NumPhases()), delta=delta)
    return Injection(
        id=element,
        bus=bus_of(dss.CktElement.BusNames()[0]),
        power=wye_equivalent(total, parts),
        total=total,
        phases=mask_of(nodes),
        parts=tuple(parts),
        connection="delta" if any(min(part) >= 0 for part in parts) else "wye",
    )


def _delivered(dss: Any) -> complex:
    """Power the active element delivers in the engine's solution, kW + j kvar."""
    powers = np.asarray(dss.CktElement.Powers(), dtype=np.float64)
    p, q = -powers[::2].sum(), -powers[1::2].sum()
    # Seven digits are what the solution is good for.
    size = max(abs(p), abs(q))
    digits = 7 - math.ceil(math.log10(size)) if size > 0 else 0
    return complex(round(p, digits), round(q, digits))


def _read_loads(dss: Any, circuit: Circuit) -> None:
    scale = float(dss.Solution.LoadMult())
    if scale != 1.0:
        circuit.notes.append(f"loads are scaled by the script's load multiplier {scale:g}")
    shaped = circuit.solved and int(dss.Solution.Mode()) != _SNAPSHOT
    if shaped:
        circuit.notes.append("loads are those of the hour at which the script's solution ends")
    cut: list[str] = []
    for _ in dss.Loads:
        element = f"load.{dss.Loads.Name().lower()}"
        # Fixed and exempt loads follow no multiplier.
        level = scale if int(dss.Loads.Status()) == 0 else 1.0
        total = complex(dss.Loads.kW(), dss.Loads.kvar()) * level
        if shaped:
            total = -_delivered(dss)
        load = _place(dss, circuit, element, delta=bool(dss.Loads.IsDelta()), total=total)
        across = int(dss.CktElement.NumPhases()) == 1 or bool(dss.Loads.IsDelta())
        load.rated = float(dss.Loads.kV()) / (1.0 if across else SQRT3)
        load.kind = _LOAD_MODELS.get(int(dss.Loads.Model()), "other")
        cvr = float(dss.Loads.CVRwatts()), float(dss.Loads.CVRvars())
        if load.kind == "cvr" and cvr != (1.0, 2.0):
            load.kind = f"cvr:{cvr[0]:g}:{cvr[1]:g}"
        if load.kind == "zip":
            # The seventh is the voltage below which the engine cuts it off.
            load.kind += "".join(f":{share:g}" for share in list(dss.Loads.ZipV())[:6])
        if circuit.solved and not shaped and load.parts and load.rated > 0:
            expected = _at_solution(circuit, load)
            cut += [element] * (abs(-_delivered(dss).real - expected) > 1e-3 * abs(total))
        circuit.loads.append(load)
    if cut:
        circuit.notes.append(
            f"{count(len(cut), 'load')} outside the voltage band (vminpu, vmaxpu) in which OpenDSS "
            f"keeps to the model; ours knows no band: {some(cut)}"
        )


def _at_solution(circuit: Circuit, load: Injection) -> float:
    """Return the active power that the model of a load draws at the engine's voltages, kW."""
    volts = {-1: 0j}
    for phase in {phase for part in load.parts for phase in part} - {-1}:
        volts[phase] = circuit.volts.get(f"{load.bus}.{phase + 1}", 0j)
    size = np.array([abs(volts[i] - volts[j]) for i, j in load.parts]) / load.rated
    terms = voltage_terms(load.kind)
    return float(load.total.real * np.mean(sum(term[0] * size ** term[2] for term in terms)))


def _shunt(
    element: str, bus: str, total: complex, nodes: list[int], n: int, *, delta: bool
) -> Injection:
    parts = parts_of(nodes, n, delta=delta)
    connection = "delta" if any(min(part) >= 0 for part in parts) else "wye"
    power = wye_equivalent(total, parts)
    return Injection(
        element, bus, power, total, mask_of(nodes), parts=tuple(parts), connection=connection
    )


def _read_capacitors(dss: Any, circuit: Circuit, state: str) -> None:
    off = []
    for _ in dss.Capacitors:
        element = f"capacitor.{dss.Capacitors.Name().lower()}"
        n = int(dss.CktElement.NumPhases())
        nodes = phases_of(dss, circuit, element)
        buses = [bus_of(b) for b in dss.CktElement.BusNames()]
        delta = bool(dss.Capacitors.IsDelta())
        if buses[0] != buses[-1] and max(nodes[n:], default=-1) >= 0:
            continue  # it is in series
        if not delta and max(nodes[n:], default=-1) >= 0:
            detail = (
                "joins phases of one bus (bus1, bus2): give it the connection (conn) delta, or "
                "leave bus2 out"
            )
            raise circuit.fail(element, detail)
        steps = list(dss.Capacitors.States())
        share = sum(s > 0 for s in steps) / len(steps)
        if share == 0:
            off.append(element)
            continue
        line_to_line = n > 1 or delta
        rated = float(dss.Capacitors.kV()) / (SQRT3 if line_to_line else 1.0)
        at_base = (circuit.buses[buses[0]].kv_ln / rated) ** 2
        total = 1j * float(dss.Capacitors.kvar()) * share * at_base
        live = nodes[: 2 if delta and n == 1 else n]
        circuit.shunts.append(_shunt(element, buses[0], total, live, n, delta=delta))
    if off:
        circuit.notes.append(
            f"{count(len(off), 'capacitor')} switched off ({', '.join(off[:6])}): {state}"
        )


def _read_reactors(dss: Any, circuit: Circuit) -> None:
    for _ in dss.Reactors:
        element = f"reactor.{dss.Reactors.Name().lower()}"
        n = int(dss.CktElement.NumPhases())
        nodes = phases_of(dss, circuit, element)
        buses = [bus_of(b) for b in dss.CktElement.BusNames()]
        grounds = max(nodes) < 0  # a neutral, which counts as ground
        if grounds or max(nodes[n:], default=-1) >= 0:
            continue
        # Given by kvar, by ohms or by a matrix: its admittances say it all.
        place = np.array(nodes)
        turned = circuit.buses[buses[0]].kv_ln * BALANCED[place]
        volts = np.where(place < 0, 0.0, turned)
        drawn = 1e3 * volts @ np.conj(square(dss.CktElement.YPrim(), place.size) @ volts)
        delta = bool(dss.Reactors.IsDelta())
        total = -complex(drawn)
        circuit.shunts.append(_shunt(element, buses[0], total, nodes[:n], n, delta=delta))


def _read_generators(dss: Any, circuit: Circuit) -> None:
    """Read what units deliver in the engine's solution; by their own data if it has none."""
    solved = circuit.solved
    for _ in dss.Generators:
        element = f"generator.{dss.Generators.Name().lower()}"
        total = complex(dss.Generators.kW(), dss.Generators.kvar())
        total = _delivered(dss) if solved else total
        delta = bool(dss.Generators.IsDelta())
        unit = _place(dss, circuit, element, delta=delta, total=total)
        unit.kind, unit.kva = "generator", float(dss.Generators.kVARated())
        if int(dss.Generators.Model()) == _HOLDS_VOLTAGE:
            unit.v_set = float(dss.Properties.Value("vpu"))
            limits = (dss.Properties.Value(name) for name in ("minkvar", "maxkvar"))
            unit.kvar = tuple(map(float, limits))  # type: ignore[assignment]
        circuit.generators.append(unit)
    for _ in dss.PVsystems:
        element = f"pvsystem.{dss.PVsystems.Name().lower()}"
        kva = float(dss.PVsystems.kVARated())
        kw = min(float(dss.PVsystems.Pmpp()) * float(dss.PVsystems.Irradiance()), kva)
        pf = float(dss.PVsystems.pf())
        kvar = math.copysign(kw * math.tan(math.acos(min(abs(pf), 1.0))), pf) if pf else 0.0
        total = _delivered(dss) if solved else complex(kw, kvar)
        unit = _place(dss, circuit, element, delta=False, total=total)
        unit.kind, unit.kva = "pv", kva
        circuit.generators.append(unit)
    idle = 0
    for _ in dss.Storages:
        element = f"storage.{dss.Storages.Name().lower()}"
        resting = str(dss.Properties.Value("state")).lower().startswith("i")
        total = _delivered(dss) if solved else 0j
        unit = _place(dss, circuit, element, delta=False, total=total)
        unit.kind, unit.kva = "storage", float(dss.Properties.Value("kva"))
        circuit.generators.append(unit)
        idle += resting
    if idle:
        circuit.notes.append(f"{count(idle, 'storage unit')} kept idle, drawing what that takes")
    pv = sum(unit.kind == "pv" for unit in circuit.generators)
    if pv:
        circuit.notes.append(f"{count(pv, 'PV system')} at the irradiance of the script")
