"""Reads a compiled OpenDSS circuit, once and for whatever is made of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pygridjl.core.errors import NetworkFormatError
from pygridjl.grid.io.opendss.bases import read_buses, settle_bases
from pygridjl.grid.io.opendss.circuit import Circuit, count, some
from pygridjl.grid.io.opendss.common import grounded_neutrals
from pygridjl.grid.io.opendss.injections import read_injections
from pygridjl.grid.io.opendss.lines import read_lines, read_series
from pygridjl.grid.io.opendss.measure import read_solution
from pygridjl.grid.io.opendss.sources import read_sources
from pygridjl.grid.io.opendss.transformers import read_transformers

__all__ = ["read_circuit"]

# Classes whose elements carry power and are read; the others that carry power are refused.
_READ = {
    "line",
    "transformer",
    "reactor",
    "capacitor",
    "load",
    "generator",
    "pvsystem",
    "storage",
    "vsource",
}
# What acts through the taps and steps that the engine's solution leaves.
_CONTROLS = {"capcontrol", "invcontrol", "regcontrol", "storagecontroller", "expcontrol"}
_WITHOUT_EFFECT = {
    "energymeter",
    "espvlcontrol",
    "fmonitor",
    "fuse",
    "gendispatcher",
    "monitor",
    "recloser",
    "relay",
    "sensor",
    "swtcontrol",
    "upfccontrol",
}


def read_circuit(dss: Any, path: Path, notes: list[str]) -> Circuit:
    """Solve the circuit once and read it.

    Regulators, switched capacitors and units stay where that solution leaves them.

    Parameters
    ----------
    dss : OpenDSSDirect
        The engine, a script being compiled.
    path : Path
        The script, for messages.
    notes : list of str
        What was said already.

    Raises
    ------
    NetworkFormatError
        If an element in service cannot be held; it is named, with what can be done.
    """
    circuit = Circuit(path, name=str(dss.Circuit.Name()), notes=list(notes))
    _refuse_unknown(dss, circuit)
    converged = _solve(dss)
    circuit.grounded = grounded_neutrals(dss)
    read_buses(dss, circuit)
    read_sources(dss, circuit)
    read_lines(dss, circuit)
    read_series(dss, circuit)
    settle_bases(circuit)
    if converged:
        read_solution(dss, circuit)
    read_transformers(dss, circuit)
    read_injections(dss, circuit)
    return circuit


def _refuse_unknown(dss: Any, circuit: Circuit) -> None:
    idle = []
    for element in dss.Circuit.AllElementNames():
        kind = element.split(".", 1)[0].lower()
        if kind in _READ | _CONTROLS:
            continue
        dss.Circuit.SetActiveElement(element)
        if kind not in _WITHOUT_EFFECT and _carries_power(dss, kind):
            detail = (
                f"elements of class {kind} are not supported; 'disable {element.lower()}' reads "
                "the rest without it"
            )
            raise NetworkFormatError(circuit.path, element.lower(), detail)
        idle.append(element.lower())
    if idle:
        circuit.notes.append(
            f"{count(len(idle), 'element')} without effect on a snapshot ignored: {some(idle)}"
        )


def _carries_power(dss: Any, kind: str) -> bool:
    if not dss.CktElement.Enabled():
        return False
    if kind == "isource":
        return float(dss.Properties.Value("amps")) != 0.0
    if kind == "fault":
        n = int(dss.CktElement.NumPhases())
        return not all(dss.CktElement.IsOpen(1, k + 1) for k in range(n))
    return True


def _solve(dss: Any) -> bool:
    """Solve from a flat start; whether the engine calls it converged."""
    from opendssdirect import DSSException

    try:
        # The engine's own limits (15 and 10) stop short of what large feeders need.
        dss.Solution.MaxIterations(100)
        dss.Solution.MaxControlIterations(100)
        # What units deliver is read from the solution; its own tolerance leaves 1e-4 in it.
        dss.Solution.Convergence(min(float(dss.Solution.Convergence()), 1e-7))
        if int(dss.Solution.Mode()) == 0:
            dss.Solution.InitSnap()
            dss.Solution.Solve()
        else:  # the hour at which the script's own solution ended
            dss.Solution.SolveSnap()
    except DSSException:
        return False
    return bool(dss.Solution.Converged())
