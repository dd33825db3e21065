"""OpenDSS scripts, against OpenDSS's own power flow."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from small_power_flow import power_flow

from pygridjl.core.errors import NetworkFormatError
from pygridjl.grid.io.opendss.to_network import read_opendss

BALANCED = Path(__file__).parents[3] / "data" / "balanced_three_phase.dss"

SINGLE_PHASE = """Clear
new circuit.small basekv=0.4 phases=1 bus1=a.1 enabled=n
new linecode.one nphases=1 units=m rmatrix=[0.2] xmatrix=[0.3]
new linecode.two nphases=1 units=m rmatrix=[0.4] xmatrix=[0.5]
new load.b bus1=b.1 phases=1 conn=POWER kw=600 kvar=300
new line.ab phases=1 bus1=a.1 bus2=b.1 switch=y linecode=one
new line.bc phases=1 bus1=b.1 bus2=c.1 switch=y enabled=n linecode=two
new line.ac phases=1 bus1=a.1 bus2=c.1 switch=y linecode=two
new generator.c phases=1 bus1=c.1 kw=600 kvar=300
set voltagebases=[0.4]
calcvoltagebases
"""


def write(tmp_path, text):
    path = tmp_path / "script.dss"
    path.write_text(text)
    return path


def test_positive_sequence_equals_a_balanced_three_phase_solution():
    """Lines, charging, Δ–Y, off-nominal taps, a bank of regulators, a capacitor."""
    from opendssdirect import dss

    network = read_opendss(BALANCED)
    v, loss = power_flow(network)
    engine = dss.NewContext()
    engine.Basic.AllowChangeDir(False)
    engine.Text.Command(f'compile "{BALANCED}"')
    for row, bus in enumerate(network.buses.id):
        engine.Circuit.SetActiveBus(bus)
        positive = engine.Bus.SeqVoltages()[1] / 1e3 * 3**0.5 / network.buses.base_kv[row]
        assert abs(v[row]) == pytest.approx(positive, abs=1e-6), bus
        angle = np.degrees(np.angle(v[row]))
        assert angle == pytest.approx(engine.Bus.puVmagAngle()[1], abs=1e-4), bus
    assert loss == pytest.approx(engine.Circuit.Losses()[0] / 1e3, rel=1e-5)


def test_switches_and_ratings_of_a_three_phase_circuit():
    network = read_opendss(BALANCED)
    assert network.open_branches == (3, 4)  # a disabled switch and an opened line
    assert network.branches.switchable.tolist() == [False, False, True, True] + [False] * 3
    assert network.branches.rating[0] == pytest.approx(3**0.5 * 12.47 * 0.3)
    assert np.isinf(network.branches.rating[1])


def test_single_phase_circuit_with_generators_as_sources(tmp_path):
    network = read_opendss(write(tmp_path, SINGLE_PHASE))
    z_base = 0.4**2
    assert network.buses.id.tolist() == ["a", "b", "c"]
    np.testing.assert_allclose(network.branches.r * z_base, [0.2, 0.4, 0.4])
    np.testing.assert_allclose(network.branches.x * z_base, [0.3, 0.5, 0.5])
    assert network.branches.closed.tolist() == [True, False, True]
    assert network.load_p.tolist() == [0, 0.6, 0]
    assert network.generators.p.tolist() == [0.6]
    assert not network.generators.slack.any()
    assert any("Conn=POWER" in note for note in network.notes)
    assert any("line code" in note for note in network.notes)


THREE_PHASE = """Clear
new circuit.c basekv=12.47 phases=3 bus1=a
new line.l1 phases=3 bus1=a bus2=b r1=0.1 x1=0.2 length=1
"""


def test_a_script_need_not_solve(tmp_path):
    network = read_opendss(write(tmp_path, THREE_PHASE + "makebuslist\nsetbusxy bus=b x=3 y=4"))
    assert network.buses.id.tolist() == ["a", "b", "a_source"]
    assert network.buses.base_kv.tolist() == [12.47] * 3
    assert network.slack_buses.tolist() == [2]
    assert network.buses.x.tolist()[1] == 3.0


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("new line.l2 phases=1 bus1=b.1 bus2=c.1", "1 of 2 do not have three phases.*l2.*feeder"),
        ("new vsource.v bus1=b.1 phases=1 basekv=7.2", "vsource.v: has one phase"),
        ("new indmach012.m bus1=b kv=12.47 kw=100", "indmach012.m: .*'disable indmach012.m'"),
        ("new transformer.t phases=1 buses=[b.1 c.1] kvs=[7.2 7.2]", "transformer.t: has 1 of"),
        ("new transformer.t phases=3 windings=3 buses=[b c d]", "3 windings"),
        ("new capacitor.s bus1=b bus2=b.2.3.1 phases=3 kvar=10 kv=12.47", "joins phases"),
        ("new line.l2 phases=3 bus1=b bus2=c rmatrix=oops", "OpenDSS"),
        ("new transformer.t phases=3 buses=[a b] kvs=[12.47 4.16]", "voltage levels do not match"),
        ("redirect missing.dss", "line 4: redirect missing.dss: there is no such file"),
    ],
)
def test_what_has_no_single_phase_equivalent_is_refused(tmp_path, more, message):
    with pytest.raises(NetworkFormatError, match=message):
        read_opendss(write(tmp_path, THREE_PHASE + more))


@pytest.mark.parametrize("text", ["! nothing\n", "Clear\n", "not a command\n", "new line.x\n"])
def test_scripts_without_a_circuit(tmp_path, text):
    with pytest.raises(NetworkFormatError, match="OpenDSS|circuit"):
        read_opendss(write(tmp_path, text))


def test_the_process_and_the_engine_of_the_user_stay_as_they_were(tmp_path):
    import opendssdirect

    opendssdirect.Text.Command("new circuit.mine basekv=10")
    before = Path.cwd()
    read_opendss(write(tmp_path, SINGLE_PHASE))
    with pytest.raises(NetworkFormatError):
        read_opendss(write(tmp_path, "oops\n"))
    assert Path.cwd() == before == Path(os.curdir).resolve()
    assert opendssdirect.Circuit.Name() == "mine"
    opendssdirect.Basic.ClearAll()
