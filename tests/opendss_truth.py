"""What the OpenDSS engine itself answers to a script, for tests that hold ours against it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np


@dataclass
class Truth:
    """Snapshot of the engine: kV to ground by node, totals in kW + j kvar, losses in kW."""

    volts: dict[str, complex]
    load: complex
    generation: complex
    capacitors: float
    losses: float
    iron_and_copper: float
    imported: complex


def solved(path: Path) -> Truth:
    """Compile a script with the engine and solve it as it stands."""
    from opendssdirect import DSSException, dss

    engine = dss.NewContext()
    engine.Basic.AllowChangeDir(False)
    try:
        engine.Text.Command(f'compile "{path}"')
    except DSSException as error:
        if "warning" not in str(error).lower():  # which ends a compile of the wrapper
            raise
    engine.Text.Command("set maxiterations=100")
    engine.Text.Command("set maxcontroliter=100")
    engine.Text.Command("set tolerance=1e-8")
    engine.Solution.Solve()
    assert engine.Solution.Converged()
    flat = np.asarray(engine.Circuit.AllBusVolts()) / 1e3
    names = [name.lower() for name in engine.Circuit.AllNodeNames()]

    def total(*kinds: str) -> complex:
        found = 0j
        for name in engine.Circuit.AllElementNames():
            if name.split(".", 1)[0].lower() in kinds:
                engine.Circuit.SetActiveElement(name)
                if engine.CktElement.Enabled():
                    powers = np.asarray(engine.CktElement.Powers())
                    found += complex(powers[::2].sum(), powers[1::2].sum())
        return found

    def in_transformers() -> float:
        found = 0.0
        for _ in engine.Transformers:
            found += engine.CktElement.Losses()[0] / 1e3
        return found

    imported = complex(*engine.Circuit.TotalPower())
    return Truth(
        volts=dict(zip(names, flat[::2] + 1j * flat[1::2], strict=True)),
        load=total("load"),
        generation=-total("generator", "pvsystem", "storage"),
        capacitors=-total("capacitor").imag,
        losses=engine.Circuit.Losses()[0] / 1e3,
        iron_and_copper=in_transformers(),
        imported=-imported,
    )
