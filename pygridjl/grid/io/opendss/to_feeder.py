"""Feeders from OpenDSS scripts, read by the OpenDSS engine itself (OpenDSSDirect.py)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from pygridjl.core.errors import CaseNotFoundError, NetworkFormatError
from pygridjl.grid.feeder import Feeder
from pygridjl.grid.io.opendss.branches import read_branches
from pygridjl.grid.io.opendss.engine import compiled_circuit
from pygridjl.grid.io.opendss.injections import read_injections
from pygridjl.grid.io.opendss.process import read_apart
from pygridjl.grid.io.opendss.simplify import Builder

__all__ = ["feeder_of_script", "read_opendss"]

# Classes whose elements carry power and that this reader understands; the others that carry
# power are refused, and controls, meters and data classes are of no concern.
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
_CARRIES_NO_POWER = {
    "capcontrol",
    "energymeter",
    "expcontrol",
    "espvlcontrol",
    "fmonitor",
    "fuse",
    "gendispatcher",
    "invcontrol",
    "monitor",
    "recloser",
    "regcontrol",
    "relay",
    "sensor",
    "storagecontroller",
    "swtcontrol",
    "upfccontrol",
}


def read_opendss(
    path: str | Path,
    *,
    name: str | None = None,
    phase_mva: float = 1.0,
    root: str | Path | None = None,
    strict: bool = True,
) -> Feeder:
    """Read an OpenDSS script as a feeder of fixed ratios and constant powers.

    The engine compiles the script and solves it once; regulators and switched capacitors stay
    where that solution leaves them. What the per-phase model cannot hold is simplified, and every
    simplification is listed in :attr:`Feeder.notes`.

    Parameters
    ----------
    path : str or Path
        The script that defines the circuit.
    name : str, optional
        Name of the feeder; that of the circuit unless given.
    phase_mva : float
        Power base of one phase, MVA.
    root : str or Path, optional
        Folder below which all files the script reads must lie; its own unless given.
    strict : bool
        Whether a command that the engine refuses ends the reading; if not it becomes a note.

    Returns
    -------
    Feeder
        Primary network with service transformers lumped; not yet validated.

    Raises
    ------
    CaseNotFoundError
        If there is no such file.
    NetworkFormatError
        If the engine refuses the script, or the circuit holds what a feeder cannot.
    """
    path = Path(path).resolve()
    if not path.is_file():
        raise CaseNotFoundError(f"no OpenDSS script at {path}")
    folder = None if root is None else Path(root).resolve()
    feeder = read_apart("feeder", path, root=folder, strict=strict, name=name, phase_mva=phase_mva)
    assert isinstance(feeder, Feeder)
    return feeder


def feeder_of_script(
    path: Path, *, root: Path | None, strict: bool, name: str | None, phase_mva: float
) -> Feeder:
    """Do in the engine's process what :func:`read_opendss` promises."""
    with compiled_circuit(path, root=root, strict=strict) as (dss, notes):
        _refuse_unknown(dss, path)
        solved = _solve(dss)
        build = Builder(path, phase_mva)
        build.notes.extend(notes)
        read_branches(dss, build)
        read_injections(dss, build, solved=solved)
        return build.feeder(name or str(dss.Circuit.Name()))


def _refuse_unknown(dss: Any, path: Path) -> None:
    for element in dss.Circuit.AllElementNames():
        kind = element.split(".", 1)[0].lower()
        if kind in _READ | _CARRIES_NO_POWER:
            continue
        dss.Circuit.SetActiveElement(element)
        off = not dss.CktElement.Enabled()
        if kind == "isource":
            off = off or float(dss.Properties.Value("amps")) == 0.0
        elif kind == "fault":
            off = off or all(
                dss.CktElement.IsOpen(1, k + 1) for k in range(dss.CktElement.NumPhases())
            )
        if not off:
            detail = "this class of element is not supported; disable it to read the rest"
            raise NetworkFormatError(path, element.lower(), detail)


def _solve(dss: Any) -> bool:
    """Solve from a flat start; whether the voltages that come out can be believed."""
    from opendssdirect import DSSException

    try:
        # The engine's own limits (15 and 10) stop short of what large feeders need.
        dss.Solution.MaxIterations(100)
        dss.Solution.MaxControlIterations(100)
        if int(dss.Solution.Mode()) == 0:
            dss.Solution.InitSnap()
            dss.Solution.Solve()
        else:  # the hour at which the script's own solution ended
            dss.Solution.SolveSnap()
    except DSSException:
        return False
    volts = np.asarray(dss.Circuit.AllBusMagPu())
    # A diverging solve may call itself converged at 1e20 p.u.
    return bool(dss.Solution.Converged() and np.isfinite(volts).all() and volts.max() < 3.0)
