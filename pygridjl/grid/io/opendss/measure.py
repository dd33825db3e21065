"""How far the linear model of a feeder is from the engine's own solution of its script."""

from __future__ import annotations

from typing import Any

import numpy as np

from pygridjl.core.types import FloatArray
from pygridjl.grid.feeder import Feeder
from pygridjl.grid.io.opendss.circuit import Circuit
from pygridjl.grid.io.opendss.common import bus_of
from pygridjl.grid.nominal import linear_gain

__all__ = ["linear_voltages", "measured", "read_solution"]

# Beyond this many p.u. no solution is one.
_HIGHEST = 3.0


def read_solution(dss: Any, circuit: Circuit) -> None:
    """Keep voltages and losses of the engine's solution, if they can be believed."""
    flat = np.asarray(dss.Circuit.AllBusVolts()) / 1e3
    names = [name.lower() for name in dss.Circuit.AllNodeNames()]
    volts = flat[::2] + 1j * flat[1::2]
    kv = np.array([circuit.buses[name.split(".", 1)[0]].kv_ln for name in names])
    most = np.max(np.abs(volts) / kv, initial=0.0)
    # A diverging solve may call itself converged at 1e20 p.u., one without a source at none.
    if not (np.isfinite(volts).all() and 0 < most < _HIGHEST):
        return
    circuit.solved, circuit.volts = True, dict(zip(names, volts.tolist(), strict=True))
    for name in dss.Circuit.AllElementNames():
        if name.split(".", 1)[0].lower() in ("line", "transformer", "reactor"):
            dss.Circuit.SetActiveElement(name)
            at = {bus_of(bus) for bus in dss.CktElement.BusNames()}
            # The engine takes what lies between a bus and the ground for no loss, and so do we.
            if dss.CktElement.Enabled() and len(at) > 1:
                circuit.losses[name.lower()] = float(dss.CktElement.Losses()[0]) / 1e3


def measured(circuit: Circuit, feeder: Feeder, *, radial: bool) -> list[str]:
    """Say what the engine's solution loses, and how far LinDistFlow is from its voltages.

    Parameters
    ----------
    circuit : Circuit
        With the engine's solution; without one nothing is said.
    feeder : Feeder
        What was made of it.
    radial : bool
        Whether LinDistFlow can take it.
    """
    if not circuit.volts:
        return []
    loss = sum(circuit.losses.values())
    text = f"OpenDSS's own solution of the script loses {loss:.4g} kW"
    if not radial:
        return [f"{text}; LinDistFlow cannot take the loops of this feeder"]
    theirs = np.full((feeder.n_bus, 3), np.nan)
    for row, bus in enumerate(feeder.buses.id.tolist()):
        for phase in range(3):
            value = circuit.volts.get(f"{bus}.{phase + 1}")
            if value is not None and bus not in circuit.floating:
                theirs[row, phase] = abs(value) / feeder.buses.kv_ln[row]
    squared = linear_voltages(feeder)
    apart = np.abs(np.sqrt(np.where(squared > 0, squared, np.nan)) - theirs)
    if not np.isfinite(apart).any():
        return [text]
    row, phase = divmod(int(np.nanargmax(np.round(apart, 9))), 3)
    return [
        f"{text}; LinDistFlow's voltages differ from it by {apart[row, phase]:.4f} p.u. at most "
        f"({feeder.buses.id[row]}.{'abc'[phase]}) and {np.nanmean(apart):.4f} on average"
    ]


def linear_voltages(feeder: Feeder) -> FloatArray:
    """Squared voltages of LinDistFlow in the base state, p.u., NaN on absent phases.

    The model is that of :mod:`pygridjl.powerflow.lindistflow`, which stands above this room and
    is held against this by a test.

    Parameters
    ----------
    feeder : Feeder
        A radial feeder.

    Returns
    -------
    ndarray, shape (n_bus, 3)
        Squared magnitudes.
    """
    tree, branch = feeder.tree, feeder.branches
    nominal, mixing = feeder.nominal, branch.mixing
    flow = np.zeros((feeder.n_bus, 3), dtype=np.complex128)
    p, q = feeder.injection()
    flow[feeder.node_bus, feeder.node_phase] = -(p + 1j * q)
    for bus in tree.order[:0:-1].tolist():
        row, up = int(tree.branch[bus]), int(tree.parent[bus])
        powers = linear_gain(branch.gain[row], nominal[up])[0] if mixing[row] else np.eye(3)
        flow[up] += powers @ flow[bus]
    squared = np.full((feeder.n_bus, 3), np.nan)
    squared[feeder.source_bus] = feeder.v_set**2
    for bus in tree.order[1:].tolist():
        row, up = int(tree.branch[bus]), squared[tree.parent[bus]]
        # What the flow takes off: 2 Re(Γ ∘ (R − jX) (P + jQ)) of each phase.
        there = nominal[bus] != 0
        turn = np.divide.outer(nominal[bus], np.where(there, nominal[bus], np.inf))
        drop = 2 * ((turn * (branch.r[row] - 1j * branch.x[row])) @ flow[bus]).real
        if mixing[row]:
            squares = linear_gain(branch.gain[row], nominal[tree.parent[bus]])[1]
            squared[bus] = squares @ np.where(np.isnan(up), 0.0, up) - drop
            continue
        ratio = branch.ratio[row] ** 2
        squared[bus] = (up - drop) / ratio if tree.reversed[bus] else ratio * up - drop
    return np.where(feeder.buses.phases, squared, np.nan)
