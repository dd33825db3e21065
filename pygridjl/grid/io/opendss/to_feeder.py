"""Feeders from OpenDSS scripts, read by the OpenDSS engine itself (OpenDSSDirect.py)."""

from __future__ import annotations

from pathlib import Path

from pygridjl.core.errors import CaseNotFoundError
from pygridjl.grid.feeder import Feeder
from pygridjl.grid.io.opendss.assemble import feeder_of
from pygridjl.grid.io.opendss.engine import compiled_circuit
from pygridjl.grid.io.opendss.process import read_apart
from pygridjl.grid.io.opendss.read import read_circuit

__all__ = ["feeder_of_script", "read_opendss"]


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
        Not yet validated.

    Raises
    ------
    CaseNotFoundError
        If there is no such file.
    NetworkFormatError
        If the engine refuses the script, or the circuit holds what a feeder cannot.
    """
    path = Path(path).resolve()
    if not path.exists():
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
        circuit = read_circuit(dss, path, notes)
    return feeder_of(circuit, name, phase_mva)
