"""A circuit solved again and again with other loads, sun and units, its controls live."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from pygridjl.core.errors import NetworkFormatError
from pygridjl.grid.io.opendss.engine import compiled_circuit

__all__ = ["replay_script"]


def replay_script(
    path: Path,
    *,
    root: Path | None,
    strict: bool,
    buses: list[str],
    nodes: list[str],
    node_kv: list[float],
    branches: list[str],
    units: list[dict[str, Any]],
    load: list[list[float]],
    sun: list[list[float]],
    injected: list[list[list[float]]],
) -> dict[str, Any]:
    """Solve the snapshot of a script for each of some scenarios; runs in the engine's process.

    Parameters
    ----------
    path, root, strict
        As :func:`pygridjl.grid.io.opendss.engine.compiled_circuit` has them.
    buses : list of str
        Engine's names of the buses that ``load`` and ``sun`` count.
    nodes, branches : list of str
        What is read: nodes such as ``"632.1"``, lines such as ``"line.l1"``.
    node_kv : list of float
        Voltage base of the nodes, kV line to neutral; that of the engine may be missing.
    units : list of dict
        Where power is injected: ``bus``, ``phase`` (1, 2, 3) and ``kv`` (line to neutral).
    load, sun : list, shape (S, n_bus)
        Multipliers of the loads and of the irradiance of existing PV.
    injected : list, shape (S, n_unit, 2)
        kW and kvar of each unit.

    Returns
    -------
    dict
        ``voltage`` (S, n_node), p.u.; ``current`` (S, n_branch), largest of the phases, A;
        ``loss`` (S,), kW; ``converged`` (S,); ``unknown``, nodes and branches that the circuit
        does not have, read as NaN.
    """
    with compiled_circuit(path, root=root, strict=strict) as (engine, _):
        place = {name.lower(): k for k, name in enumerate(buses)}
        base = _loads(engine, place)
        roofs = _pv(engine, place)
        for k, unit in enumerate(units):
            engine.Text.Command(
                f"new generator.pygridjl_unit_{k} bus1={unit['bus']}.{unit['phase']} phases=1 "
                f"kv={unit['kv']!r} kw=0 kvar=0 model=1 vminpu=0.3 vmaxpu=2"
            )
        engine.Text.Command("set mode=snapshot maxcontroliter=200 maxiterations=100")
        voltage, current, loss, converged = [], [], [], []
        index: Any = None
        known: list[bool] = []
        for row, sunny, powers in zip(load, sun, injected, strict=True):
            _set_loads(engine, base, row)
            for name, irradiance, bus in roofs:
                engine.PVsystems.Name(name)
                engine.PVsystems.Irradiance(irradiance * (sunny[bus] if bus >= 0 else 1.0))
            for k, (kw, kvar) in enumerate(powers):
                engine.Generators.Name(f"pygridjl_unit_{k}")
                engine.Generators.kW(kw)
                engine.Generators.kvar(kvar)
            converged.append(_solve(engine))
            if index is None:
                names = [name.lower() for name in engine.Circuit.AllNodeNames()]
                where = {name: k for k, name in enumerate(names)}
                index = np.array([where.get(node.lower(), -1) for node in nodes], dtype=np.int64)
                known = [engine.Circuit.SetActiveElement(name) > 0 for name in branches]
            magnitude = np.append(np.array(engine.Circuit.AllBusVMag()) / 1e3, np.nan)
            voltage.append((magnitude[index] / np.array(node_kv)).tolist())
            current.append(
                [
                    _current(engine, name) if there else float("nan")
                    for name, there in zip(branches, known, strict=True)
                ]
            )
            loss.append(float(engine.Circuit.Losses()[0]) / 1e3)
    if index is None:
        raise NetworkFormatError(path, "OpenDSS", "there is no scenario to solve")
    unknown = [node for node, at in zip(nodes, index.tolist(), strict=True) if at < 0]
    unknown += [name for name, there in zip(branches, known, strict=True) if not there]
    return {
        "voltage": voltage,
        "current": current,
        "loss": loss,
        "converged": converged,
        "unknown": unknown,
    }


def _bus(engine: Any, place: dict[str, int]) -> int:
    """Position of the bus of the active element, −1 if it is not counted."""
    name = str(engine.CktElement.BusNames()[0]).split(".")[0].lower()
    return place.get(name, -1)


def _loads(engine: Any, place: dict[str, int]) -> list[tuple[str, float, float, int]]:
    rows = []
    found = engine.Loads.First()
    while found:
        kw, kvar = float(engine.Loads.kW()), float(engine.Loads.kvar())
        rows.append((str(engine.Loads.Name()), kw, kvar, _bus(engine, place)))
        found = engine.Loads.Next()
    return rows


def _set_loads(engine: Any, base: list[tuple[str, float, float, int]], row: list[float]) -> None:
    for name, kw, kvar, bus in base:
        factor = row[bus] if bus >= 0 else 1.0
        engine.Loads.Name(name)
        engine.Loads.kW(kw * factor)
        engine.Loads.kvar(kvar * factor)


def _pv(engine: Any, place: dict[str, int]) -> list[tuple[str, float, int]]:
    rows = []
    found = engine.PVsystems.First()
    while found:
        irradiance = float(engine.PVsystems.Irradiance())
        rows.append((str(engine.PVsystems.Name()), irradiance, _bus(engine, place)))
        found = engine.PVsystems.Next()
    return rows


def _current(engine: Any, name: str) -> float:
    """Largest current of an element at its first terminal, A."""
    engine.Circuit.SetActiveElement(name)
    values = np.array(engine.CktElement.CurrentsMagAng()).reshape(-1, 2)[:, 0]
    return float(values[: engine.CktElement.NumConductors()].max())


def _solve(engine: Any) -> bool:
    from opendssdirect import DSSException

    try:
        engine.Solution.Solve()
    except DSSException:
        return False
    return bool(engine.Solution.Converged())
