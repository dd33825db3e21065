"""Loads rated at another voltage than the nominal one of their bus."""

from __future__ import annotations

import numpy as np

from pygridjl.core.types import ComplexArray
from pygridjl.grid.feeder_tables import voltage_terms
from pygridjl.grid.io.opendss.circuit import Circuit
from pygridjl.grid.nominal import BALANCED

__all__ = ["at_rated_voltages"]


def at_rated_voltages(circuit: Circuit, nominal: dict[str, ComplexArray]) -> None:
    """Turn the powers of loads at their rated voltage into those at the nominal one.

    A load that goes with its voltage draws its nominal power at its own rated voltage, 240 V where
    its bus is at 208/√3 V, say.

    Parameters
    ----------
    circuit : Circuit
        Its loads change.
    nominal : dict of str to ndarray
        Nominal voltages by bus, p.u.; balanced where it has none.
    """
    for load in circuit.loads:
        terms = np.array(voltage_terms(load.kind))
        if not load.rated or not load.parts or not terms[:, 2:].any():
            continue
        volts = np.append(nominal.get(load.bus, BALANCED), 0.0)  # the last is ground
        across = np.mean([abs(volts[i] - volts[j]) for i, j in load.parts])
        size = across * circuit.buses[load.bus].kv_ln / load.rated
        shares = terms[:, :2] * size ** terms[:, 2:]
        drawn = shares.sum(axis=0)
        load.power = load.power.real * drawn[0] + 1j * load.power.imag * drawn[1]
        if len(terms) > 1 and drawn.all():
            numbers = (shares / drawn).T.ravel()
            load.kind = "zip" + "".join(f":{number:.9g}" for number in numbers)
