"""Scripts written here, read by us, and asked of the OpenDSS engine itself."""

from pathlib import Path

import numpy as np
import pytest

from pygridjl.core.errors import CaseNotFoundError, NetworkFormatError
from pygridjl.grid import load_feeder
from pygridjl.grid.io.opendss.engine import compiled_circuit
from pygridjl.grid.io.opendss.to_feeder import read_opendss
from pygridjl.powerflow.lindistflow import LinDistFlow3

HEAD = """clear
new circuit.small basekv=12.47 pu=1.02 bus1=s mvasc3=1e9 mvasc1=1e9
new linecode.three nphases=3 units=km
~ rmatrix=(0.30 | 0.10 0.31 | 0.09 0.11 0.32) xmatrix=(0.90 | 0.40 0.91 | 0.35 0.41 0.92)
~ cmatrix=(10 | -2 11 | -1 -3 12)
new linecode.two nphases=2 units=mi rmatrix=(1.3 | 0.2 1.4) xmatrix=(1.5 | 0.5 1.6)
~ cmatrix=(0 | 0 0)
new line.trunk bus1=s bus2=m linecode=three length=2500 units=m normamps=300
"""
TAIL = """set voltagebases=[12.47 0.48 0.208]
calcvoltagebases
"""


@pytest.fixture
def script(tmp_path):
    def write(body, head=HEAD, tail=TAIL):
        path = tmp_path / "small.dss"
        path.write_text(head + body + "\n" + tail)
        return path

    return write


def _branch(feeder, name):
    return int(np.flatnonzero(feeder.branches.id == name)[0])


def _nodes(feeder, bus):
    return feeder.node_of[feeder.buses.id.tolist().index(bus)]


def _admittance(engine, name):
    engine.Circuit.SetActiveElement(name)
    flat = np.asarray(engine.CktElement.YPrim())
    n = int(np.sqrt(flat.size / 2))
    return (flat[::2] + 1j * flat[1::2]).reshape(n, n)


def test_lines_are_linecode_times_length(script):
    path = script(
        "new line.spur bus1=m.3.1 bus2=e.3.1 linecode=two length=0.5 units=mi normamps=120\n"
        "new load.d bus1=e.3 phases=1 kv=7.2 kw=40 kvar=10"
    )
    feeder = load_feeder(path)
    z_base = (12.47**2 / 3) / 1.0
    trunk, spur = _branch(feeder, "line.trunk"), _branch(feeder, "line.spur")
    branch = feeder.branches
    r = np.array([[0.30, 0.10, 0.09], [0.10, 0.31, 0.11], [0.09, 0.11, 0.32]])
    np.testing.assert_allclose(branch.r[trunk], 2.5 * r / z_base, rtol=1e-12)
    # The script lists phase c first: 1.3 ohm/mi belongs to c, 1.4 to a, and b does not exist.
    r = 0.5 * np.array([[1.4, 0, 0.2], [0, 0, 0], [0.2, 0, 1.3]])
    x = 0.5 * np.array([[1.6, 0, 0.5], [0, 0, 0], [0.5, 0, 1.5]])
    np.testing.assert_allclose(branch.r[spur], r / z_base, rtol=1e-12)
    np.testing.assert_allclose(branch.x[spur], x / z_base, rtol=1e-12)
    assert branch.phases[spur].tolist() == [True, False, True]
    assert branch.length_km[[trunk, spur]].tolist() == pytest.approx([2.5, 0.8046720])
    i_base = 1e3 / (12.47 / 3**0.5)
    assert branch.rating[spur].tolist() == pytest.approx([120 / i_base, np.inf, 120 / i_base])
    assert feeder.buses.phases[_bus(feeder, "e")].tolist() == [True, False, True]
    with compiled_circuit(path) as (engine, _):
        y = _admittance(engine, "line.trunk")
    z = np.linalg.inv(-y[:3, 3:]) / z_base
    np.testing.assert_allclose(branch.r[trunk] + 1j * branch.x[trunk], z, rtol=1e-10)


RATED = """
new linecode.plain nphases=3 r1=0.3 x1=0.4
new linecode.rated nphases=3 r1=0.3 x1=0.4 normamps=400
new linecode.strong nphases=3 r1=0.3 x1=0.4 normamps=250
new wiredata.bare rac=0.3 gmrac=0.02 radius=0.5 radunits=cm gmrunits=cm runits=km
new wiredata.weak like=bare normamps=333
new linespacing.flat nconds=3 nphases=3 units=m x=[0 1 2] h=[10 10 10]
new linegeometry.weak nconds=3 nphases=3 spacing=flat wires=[weak weak weak]
new linegeometry.bare nconds=3 nphases=3 spacing=flat wires=[bare bare bare]
"""


@pytest.mark.parametrize(
    ("line", "amps"),
    [
        ("linecode=plain", np.inf),
        ("linecode=plain emergamps=500", np.inf),
        ("r1=0.1 x1=0.2", np.inf),
        ("switch=y", np.inf),
        ("spacing=flat wires=[bare bare bare]", np.inf),
        ("geometry=bare", np.inf),
        ("linecode=plain normamps=400", 400),
        ("linecode=plain length=2 normamps=400 emergamps=600", 400),
        ("linecode=plain normamps=180", 180),
        ("linecode=rated", 400),
        ("linecode=strong", 250),
        ("r1=0.1 x1=0.2 normamps=400", 400),
        ("switch=y normamps=400", 400),
        ("spacing=flat wires=[weak weak weak]", 333),
        ("geometry=weak", 333),
    ],
)
def test_only_a_stated_rating_is_a_limit(script, line, amps):
    """The engine answers 400 A where nothing was stated; that is no rating."""
    feeder = load_feeder(script(f"{RATED}new line.x bus1=m bus2=e phases=3 {line}"))
    i_base = 1e3 / (12.47 / 3**0.5)
    assert feeder.branches.rating[_branch(feeder, "line.x")] == pytest.approx([amps / i_base] * 3)
    unrated = [note for note in feeder.notes if "without a rating" in note]
    assert unrated == (
        ["1 branch without a rating in force in the script taken as unlimited: line.x"]
        if np.isinf(amps)
        else []
    )


@pytest.mark.parametrize(
    ("reactor", "amps"),
    [
        ("r=0.1 x=1", np.inf),
        ("r=0.1 x=1 normamps=400", 400),
        ("kv=12.47 kvar=900", 900 / (12.47 * 3**0.5)),
    ],
)
def test_a_series_reactor_has_the_rating_it_states(script, reactor, amps):
    feeder = load_feeder(script(f"new reactor.x bus1=m bus2=e phases=3 {reactor}"))
    i_base = 1e3 / (12.47 / 3**0.5)
    assert feeder.branches.rating[_branch(feeder, "reactor.x")] == pytest.approx(
        [amps / i_base] * 3
    )


def _bus(feeder, name):
    return feeder.buses.id.tolist().index(name)


def test_charging_is_what_the_engine_lets_an_open_line_inject(script):
    """An unloaded line behind a stiff source: its reactive power, phase by phase."""
    path = script("")
    feeder = load_feeder(path)
    with compiled_circuit(path) as (engine, _):
        engine.Solution.Solve()
        engine.Circuit.SetActiveElement("line.trunk")
        kvar = -np.asarray(engine.CktElement.Powers())[1:6:2]
    q = feeder.to_kw(feeder.branches.b[_branch(feeder, "line.trunk")]) * 1.02**2
    np.testing.assert_allclose(q, kvar, rtol=2e-3)  # the rise along the line is not in b


@pytest.mark.parametrize(
    ("nodes", "phases", "connection"),
    [
        ("1", 1, "wye"),
        ("2.3", 1, "delta"),
        ("3.1", 1, "delta"),
        ("1.2.3", 3, "delta"),
        ("1.2.3", 3, "wye"),
        ("1.2", 2, "wye"),
        ("2", 1, "delta"),
        ("1.2.3", 2, "delta"),
    ],
)
def test_loads_draw_from_each_phase_what_the_engine_says(script, nodes, phases, connection):
    """At balanced voltages (a stiff source) the wye equivalent is exact."""
    kv = 7.2 if connection == "wye" and phases == 1 else 12.47
    path = script(
        f"new load.d bus1=s.{nodes} phases={phases} conn={connection} kv={kv} kw=300 kvar=120 "
        "vminpu=0.1 vmaxpu=3"
    )
    feeder = load_feeder(path)
    with compiled_circuit(path) as (engine, _):
        engine.Solution.Solve()
        engine.Circuit.SetActiveElement("load.d")
        power = np.asarray(engine.CktElement.Powers())
        order = engine.CktElement.NodeOrder()
    expected = np.zeros(3, dtype=complex)
    for node, p, q in zip(order, power[::2], power[1::2], strict=True):
        if node:
            expected[node - 1] += complex(p, q)
    drawn = feeder.to_kw(feeder.loads.p[0]) + 1j * feeder.to_kw(feeder.loads.q[0])
    np.testing.assert_allclose(drawn, expected, atol=0.05)
    assert drawn.sum() == pytest.approx(300 + 120j)


def test_load_models_are_kept_on_record_and_reported(script):
    path = script(
        "new load.a bus1=m.1 phases=1 kv=7.2 kw=10 model=2\n"
        "new load.b bus1=m.1.2 phases=1 kv=12.47 conn=delta kw=10 model=5"
    )
    feeder = load_feeder(path)
    assert feeder.loads.model.tolist() == ["impedance", "current"]
    assert feeder.loads.connection.tolist() == ["wye", "delta"]
    notes = " ".join(feeder.notes)
    assert "1 delta load replaced by the wye equivalent" in notes
    assert "1 constant current, 1 constant impedance" in notes


def test_capacitors_count_at_the_base_voltage_and_when_closed(script):
    path = script(
        "new capacitor.wye bus1=m phases=3 kv=12.47 kvar=600\n"
        "new capacitor.one bus1=m.2 phases=1 kv=7.0 kvar=100\n"
        "new capacitor.off bus1=m phases=3 kv=12.47 kvar=900 states=[0]"
    )
    feeder = load_feeder(path)
    assert feeder.capacitors.id.tolist() == ["capacitor.wye", "capacitor.one"]
    kvar = feeder.to_kw(feeder.capacitors.q)
    single = 100 * (12.47 / 3**0.5 / 7.0) ** 2
    np.testing.assert_allclose(kvar, [[200, 200, 200], [0, single, 0]], rtol=1e-9)
    assert any("1 capacitor switched off (capacitor.off)" in note for note in feeder.notes)


@pytest.mark.parametrize("taps", [(1.0, 1.0), (1.0, 1.05), (0.975, 1.0)])
def test_transformer_impedance_and_ratio(script, taps):
    """Short-circuit impedance from Yprim, ratio from the unloaded engine."""
    path = script(
        "new transformer.t phases=3 windings=2 buses=[m low] conns=[wye wye] kvs=[12.47 0.48] "
        f"kvas=[500 500] xhl=5 %rs=[0.8 0.6] taps=[{taps[0]} {taps[1]}] ppm=0"
    )
    feeder = load_feeder(path)
    row = _branch(feeder, "transformer.t")
    assert feeder.branches.kind[row] == "transformer"
    z_base = 0.48**2 / 3
    with compiled_circuit(path) as (engine, _):
        y = _admittance(engine, "transformer.t")
        engine.Solution.Solve()
        engine.Circuit.SetActiveBus("low")
        low = engine.Bus.puVmagAngle()[::2]
        engine.Circuit.SetActiveBus("m")
        high = engine.Bus.puVmagAngle()[::2]
    z = np.linalg.inv(y[4:7, 4:7]) / z_base
    np.testing.assert_allclose(
        feeder.branches.r[row] + 1j * feeder.branches.x[row], z, rtol=1e-6, atol=1e-9
    )
    np.testing.assert_allclose(
        feeder.branches.ratio[row], np.asarray(low) / np.asarray(high), rtol=1e-5
    )
    assert feeder.branches.rating[row][0] == pytest.approx(0.5 / 3, rel=1e-12)


def test_single_phase_regulators_become_one_bank_at_the_solved_taps(script):
    body = "\n".join(
        f"new transformer.r{n} phases=1 windings=2 buses=[m.{n} r.{n}] conns=[wye wye] "
        f"kvs=[7.2 7.2] kvas=[2000 2000] xhl=0.01 %loadloss=0.001 ppm=0\n"
        f"new regcontrol.c{n} transformer=r{n} winding=2 vreg={vreg} band=1 ptratio=60\n"
        for n, vreg in ((1, 125), (2, 124), (3, 120))
    )
    path = script(body + "new load.d bus1=r phases=3 kv=12.47 kw=900")
    feeder = load_feeder(path)
    row = _branch(feeder, "transformer.r1+r2+r3")
    assert feeder.branches.kind[row] == "regulator"
    with compiled_circuit(path) as (engine, _):
        engine.Solution.Solve()
        taps = []
        for n in (1, 2, 3):
            engine.Transformers.Name(f"r{n}")
            engine.Transformers.Wdg(2)
            taps.append(engine.Transformers.Tap())
    assert len(set(taps)) > 1
    np.testing.assert_allclose(feeder.branches.ratio[row], taps, rtol=1e-12)


def test_open_delta_bank_about_the_centroid(script):
    """Ratios equal the unloaded engine's phase voltages with the zero sequence taken out."""
    path = script(
        "new transformer.ra phases=1 windings=2 buses=[m.1.2 r.1.2] conns=[delta delta] "
        "kvs=[12.47 12.47] kvas=[2000 2000] xhl=0.5 %loadloss=0.01 taps=[1 1.05]\n"
        "new transformer.rc phases=1 windings=2 buses=[m.3.2 r.3.2] conns=[delta delta] "
        "kvs=[12.47 12.47] kvas=[2000 2000] xhl=0.5 %loadloss=0.01 taps=[1 1.0125]\n"
        "new line.jumper phases=1 bus1=m.2 bus2=r.2 r1=1e-3 r0=1e-3 x1=0 x0=0 c1=0 c0=0\n"
        "new load.d bus1=r.1.2 phases=1 conn=delta kv=12.47 kw=0.001"
    )
    feeder = load_feeder(path)
    (row,) = np.flatnonzero(feeder.branches.to_bus == _bus(feeder, "r"))
    with compiled_circuit(path) as (engine, _):
        engine.Solution.Solve()
        magnitudes = []
        for bus in ("m", "r"):
            engine.Circuit.SetActiveBus(bus)
            flat = np.asarray(engine.Bus.Voltages())
            volts = flat[::2] + 1j * flat[1::2]
            magnitudes.append(np.abs(volts - volts.mean()))
    np.testing.assert_allclose(feeder.branches.ratio[row], magnitudes[1] / magnitudes[0], rtol=1e-4)
    assert feeder.branches.phases[row].all()
    assert any("open-delta bank" in note for note in feeder.notes)


SERVICE = (
    "new transformer.svc phases=1 windings=3 buses=[m.2 x.1.0 x.0.2] kvs=[7.2 0.12 0.12] "
    "kvas=[25 25 25] xhl=2 xht=2 xlt=1\n"
    "new line.drop phases=2 bus1=x.1.2 bus2=h.1.2 r1=0.1 x1=0.05 c1=0 c0=0 length=0.02\n"
    "new load.house bus1=h.1.2 phases=2 conn=wye kv=0.208 kw=8 kvar=2\n"
)


def test_service_transformers_are_kept(script):
    feeder = load_feeder(script(SERVICE))
    assert sorted(feeder.buses.id.tolist()) == ["h", "m", "s", "x"]
    (row,) = np.flatnonzero(feeder.branches.mixing)
    gain = feeder.branches.gain[row]
    np.testing.assert_allclose(gain[2], 0)
    np.testing.assert_allclose(gain[:2, [0, 2]], 0)
    np.testing.assert_allclose(gain[0, 1], -gain[1, 1])
    # 25 kVA at 240 V.
    at = feeder.branches.to_bus[row]
    amps = feeder.branches.rating[row] * feeder.i_base[at]
    np.testing.assert_allclose(amps[:2], 25 / 0.24)
    # The two wires are opposite, and the load of each is its own.
    wires = feeder.nominal[at, :2]
    np.testing.assert_allclose(wires[1], -wires[0])
    np.testing.assert_allclose(feeder.to_kw(feeder.loads.p), [[4, 4, 0]], atol=1e-9)


def test_service_transformers_are_lumped_onto_their_primary_phase(script):
    feeder = load_feeder(
        script(
            SERVICE
            + "new pvsystem.roof bus1=h.1.2 phases=2 kv=0.208 kva=6 pmpp=5 irradiance=0.8 pf=1\n"
            "new storage.box bus1=h.1.2 phases=2 kv=0.208 kva=4 kwhrated=10"
        ),
        lump_services=True,
    )
    assert sorted(feeder.buses.id.tolist()) == ["m", "s"]
    m = _bus(feeder, "m")
    assert feeder.loads.bus.tolist() == [m]
    np.testing.assert_allclose(feeder.to_kw(feeder.loads.p), [[0, 8, 0]], atol=1e-9)
    np.testing.assert_allclose(feeder.to_kw(feeder.loads.q), [[0, 2, 0]], atol=1e-9)
    assert feeder.generators.kind.tolist() == ["pv", "storage"]
    # Idling draws 1 % of the rated 25 kW, both defaults of the engine.
    made = feeder.to_kw(feeder.generators.p)
    np.testing.assert_allclose(made, [[0, 4, 0], [0, -0.25, 0]], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(feeder.to_kw(feeder.generators.s_max), [[0, 6, 0], [0, 4, 0]])
    notes = " ".join(feeder.notes)
    assert "1 branch with a gain and the 2 buses behind it" in notes
    assert "1 storage unit kept idle" in notes


def test_a_service_area_fed_twice_is_refused(script):
    other = SERVICE.replace("svc", "svc2").replace("m.2", "m.1")
    path = script(SERVICE + other.split("\n", 1)[0])
    with pytest.raises(NetworkFormatError, match=r"svc2.*fed from somewhere else too"):
        load_feeder(path)


def test_open_switches_and_dead_ends(script):
    feeder = load_feeder(
        script(
            "new line.tie phases=3 bus1=s bus2=m switch=y\nopen line.tie 1\n"
            "new line.gone phases=3 bus1=m bus2=dead switch=y\nopen line.gone 2\n"
            "new line.far phases=3 bus1=dead bus2=deader linecode=three length=1 units=km\n"
            "new load.dark bus1=deader.1 phases=1 kv=7.2 kw=5"
        )
    )
    assert sorted(feeder.buses.id.tolist()) == ["m", "s"]
    tie = _branch(feeder, "line.tie")
    assert not feeder.branches.closed[tie]
    assert feeder.branches.kind[tie] == "switch"
    notes = " ".join(feeder.notes)
    assert "2 elements without a closed path to the source left out" in notes
    assert "1 load on phases that nothing feeds left out: load.dark" in notes
    assert "1 open switch kept open: line.tie" in notes


def test_lindistflow_is_close_to_the_engine_at_light_load(script):
    """Losses vanish with the load, and with them all that LinDistFlow leaves out."""
    errors = []
    for kw in (400, 40):
        path = script(
            "new line.spur bus1=m.3.1 bus2=e.3.1 linecode=two length=2 units=mi\n"
            f"new load.d bus1=e.3 phases=1 kv=7.2 kw={kw} kvar={kw / 4} vminpu=0.5\n"
            f"new load.f bus1=m phases=3 kv=12.47 kw={3 * kw} kvar={kw} vminpu=0.5"
        )
        feeder = load_feeder(path)
        U = LinDistFlow3(feeder).voltages(*feeder.injection())
        with compiled_circuit(path) as (engine, _):
            engine.Solution.Solve()
            engine.Circuit.SetActiveBus("e")
            volts = dict(zip(engine.Bus.Nodes(), engine.Bus.puVmagAngle()[::2], strict=True))
        ours = np.sqrt(U[_nodes(feeder, "e")[[0, 2]]])
        errors.append(np.abs(ours - [volts[1], volts[3]]).max())
    assert errors[0] < 3e-3
    assert errors[1] < errors[0] / 50  # quadratic in the load


def test_bad_scripts(script, tmp_path):
    with pytest.raises(CaseNotFoundError, match=r"no OpenDSS script at .*gone\.dss"):
        read_opendss(tmp_path / "gone.dss")
    broken = script("new line.bad bus1=m bus2=k linecode=three colour=red")
    with pytest.raises(NetworkFormatError, match=r"small\.dss: OpenDSS: .*colour"):
        load_feeder(broken)
    with pytest.raises(NetworkFormatError, match="line 1: 'hello' is not a command"):
        load_feeder(script("", head="hello world\n", tail=""))
    with pytest.raises(NetworkFormatError, match="circuit: the script defines none"):
        load_feeder(script("", head="! nothing here\n", tail=""))


def test_bases_follow_from_source_and_transformers(script):
    """A script that never calculates them."""
    body = (
        "new transformer.t phases=3 windings=2 buses=[m low] conns=[delta wye] kvs=[12.47 0.48] "
        "kvas=[500 500]\nnew line.l bus1=low bus2=far phases=3 r1=0.01 x1=0.01\n"
        "new transformer.u phases=1 windings=2 buses=[m.1 one.1] kvs=[7.2 2.4] kvas=[50 50]"
    )
    feeder = load_feeder(script(body, tail="solve\n"))
    kv = dict(zip(feeder.buses.id.tolist(), (feeder.buses.kv_ln * 3**0.5).tolist(), strict=True))
    expected = {"s": 12.47, "m": 12.47, "low": 0.48, "far": 0.48, "one": 12.47 / 3}
    assert kv == pytest.approx(expected)
    assert any("voltage base" in note for note in feeder.notes)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("new line.x bus1=m.1.2.3 bus2=t.2.3.1 linecode=three", "line.x: does not join the same"),
        (
            "new line.x bus1=m.1.4 bus2=t.1.4 phases=2 linecode=two",
            "line.x: conductor 4 at bus m floats",
        ),
        ("new capacitor.x bus1=m bus2=m.2.3.1 kvar=100 kv=12.47", "capacitor.x: joins phases"),
        ("new vsource.x bus1=m basekv=12.47", "has one source, this circuit has 2"),
        (
            "new fault.x bus1=m.1 r=1",
            "fault.x: .*'disable fault.x' reads the rest",
        ),
        (
            "new transformer.x phases=3 windings=3 buses=[m t u] kvs=[12.47 0.48 0.48]",
            "transformer.x: has 3 windings",
        ),
        (
            "new transformer.x phases=1 windings=2 buses=[m.1 t.2] kvs=[7.2 7.2]\n"
            "new transformer.y phases=1 windings=2 buses=[m.3 t.2] kvs=[7.2 7.2]",
            "transformer.x: joins different phases",
        ),
        (
            "new transformer.x phases=1 windings=2 buses=[m.1 t.1.2] kvs=[7.2 4.16]\n"
            "new load.t bus1=t.1 phases=1 kv=2.4 kw=10",
            "transformer.x: joins different phases",
        ),
        (
            "new transformer.x phases=1 windings=2 buses=[m.1.2 t.1.2] kvs=[12.47 12.47]\n"
            "new line.jumper phases=1 bus1=m.2 bus2=t.2 r1=0.001 x1=0 c1=0",
            "transformer.x: joins different phases",
        ),
        (
            "new transformer.x phases=1 windings=2 buses=[t.2 m.1] kvs=[7.2 7.2]",
            "transformer.x: is fed from its second winding",
        ),
        (
            "new transformer.x phases=1 windings=2 buses=[m.1 t.1.2] kvs=[7.2 0.48]\n"
            "new reactor.g bus1=t.1 phases=1 r=0.001 x=0\n"
            "new load.t bus1=t.2 phases=1 kv=0.48 kw=10",
            "reactor.g: grounds what transformer.x leaves floating",
        ),
    ],
)
def test_what_a_feeder_cannot_hold_is_refused_by_name(script, body, message):
    with pytest.raises(NetworkFormatError, match=message):
        load_feeder(script(body))


def test_the_engine_leaves_no_trace(script, tmp_path, monkeypatch):
    """Working directory and the user's own circuit stay as they were, even after an error."""
    from opendssdirect import dss

    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    dss.Text.Command("clear")
    dss.Text.Command("new circuit.mine basekv=4.16")
    monkeypatch.chdir(elsewhere)
    (tmp_path / "part.dss").write_text("new load.d bus1=m.1 phases=1 kv=7.2 kw=10")
    feeder = load_feeder(script("redirect part.dss"))  # relative to the script
    assert feeder.to_kw(feeder.load_p.sum()) == pytest.approx(10)
    with pytest.raises(NetworkFormatError):
        load_feeder(script("new nonsense.d"))
    assert Path.cwd() == elsewhere
    assert dss.Circuit.Name() == "mine"
    dss.Text.Command("clear")


def test_a_script_whose_solution_diverges_still_gives_its_tables(script):
    """A load far beyond what the line can carry; taps are then those of the script."""
    path = script(
        "new transformer.r phases=1 windings=2 buses=[m.1 r.1] conns=[wye wye] kvs=[7.2 7.2] "
        "kvas=[2000 2000] xhl=0.01 taps=[1 1.025]\n"
        "new regcontrol.c transformer=r winding=2 vreg=125 band=1 ptratio=60\n"
        "new load.d bus1=m phases=3 kv=12.47 kw=90000 vminpu=0 vmaxpu=100"
    )
    feeder = load_feeder(path)
    assert any("OpenDSS's own solution failed to converge" in note for note in feeder.notes)
    assert feeder.to_kw(feeder.load_p.sum()) == pytest.approx(9e4)
