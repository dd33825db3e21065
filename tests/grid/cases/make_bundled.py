"""Writes the bundled feeder tables from EPRI's OpenDSS test feeders.

Beside them, for the four small feeders, the voltages of the engine's own solution of the script
(loads with their voltage dependence, transformer connections, losses): what LinDistFlow is held
against in ``tests/validation``.

Usage: ``python tests/grid/cases/make_bundled.py <folder>``, where the folder holds the
sub-folders ``13Bus``, ``34Bus``, ``37Bus``, ``123Bus``, ``8500-Node`` (of
``IEEETestCases`` in the OpenDSS distribution) and ``ieee9500dss``. Run it inside ``ieee9500dss``:
the engine looks there for the list of identifiers that script reads.
"""

import sys
import tempfile
from pathlib import Path

from pygridjl.grid import Feeder, assert_valid_feeder, save_feeder
from pygridjl.grid.io.opendss.engine import compiled_circuit
from pygridjl.grid.io.opendss.to_feeder import read_opendss

CREDIT = "EPRI OpenDSS (BSD-3-Clause); test feeder of the IEEE PES Test Feeder Working Group"
# The script, and the file of coordinates where the script does not read one itself.
SCRIPTS = {
    "ieee13": ("13Bus/IEEE13Nodeckt.dss", ""),
    "ieee34": ("34Bus/ieee34Mod1.dss", "34Bus/IEEE34_BusXY.csv"),
    "ieee37": ("37Bus/ieee37.dss", "37Bus/IEEE37_BusXY.csv"),
    "ieee123": ("123Bus/IEEE123Master.dss", "123Bus/BusCoords.dat"),
    "ieee8500": ("8500-Node/Master.dss", ""),
    "ieee9500": ("ieee9500dss/ieee9500_base.dss", ""),
}


VOLTAGES = Path(__file__).parents[2] / "data" / "feeders"


def write_voltages(script: Path, feeder: Feeder, target: Path) -> None:
    """Line-to-ground voltages of the solved script, p.u., one row a bus and phase."""
    lines = ["bus,phase,re,im"]
    with compiled_circuit(script) as (dss, _):
        dss.Solution.Solve()
        assert dss.Solution.Converged()
        for bus, kv in zip(feeder.buses.id, feeder.buses.kv_ln, strict=True):
            dss.Circuit.SetActiveBus(str(bus))
            flat = dss.Bus.Voltages()
            for node, re, im in zip(dss.Bus.Nodes(), flat[::2], flat[1::2], strict=True):
                lines.append(f"{bus},{'abc'[node - 1]},{re / kv / 1e3:.7f},{im / kv / 1e3:.7f}")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text("\n".join(lines) + "\n")


def main(folder: Path) -> None:
    import pygridjl

    target = Path(pygridjl.__file__).parent / "grid" / "cases" / "feeders"
    for name, (script, coordinates) in SCRIPTS.items():
        with tempfile.TemporaryDirectory() as scratch:
            both = Path(scratch) / "both.dss"
            both.write_text(f'redirect "{folder / script}"\n')
            if coordinates:
                both.write_text(both.read_text() + f'buscoords "{folder / coordinates}"\n')
            feeder = read_opendss(both, name=name)
            if feeder.n_bus < 1000:
                write_voltages(both, feeder, VOLTAGES / f"{name}_volts.csv")
        feeder = feeder.replace(source=f"{script}, {CREDIT}")
        assert_valid_feeder(feeder)
        print(feeder, "->", save_feeder(feeder, target / name))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
