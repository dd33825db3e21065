"""The reader's own LinDistFlow is that of the power flow."""

import numpy as np
import pytest
from feeder_builders import random_feeder

from pygridjl.grid import load_feeder
from pygridjl.grid.io.opendss.measure import linear_voltages
from pygridjl.powerflow.lindistflow import LinDistFlow3


@pytest.mark.parametrize("seed", range(5))
def test_the_same_voltages(seed):
    feeder = random_feeder(np.random.default_rng(seed), 15)
    ours = linear_voltages(feeder)[feeder.node_bus, feeder.node_phase]
    np.testing.assert_allclose(ours, LinDistFlow3(feeder).voltages(*feeder.injection()), rtol=1e-12)


def test_the_note_says_what_was_measured(tmp_path):
    """One line of 0.2 + j0.4 ohm: the engine drops by V₀ − V, LinDistFlow by R P + X Q."""
    path = tmp_path / "one.dss"
    path.write_text(
        "clear\nnew circuit.t basekv=12.47 bus1=s mvasc3=1e9 mvasc1=1e9\n"
        "new line.l bus1=s bus2=e r1=0.2 x1=0.4 r0=0.2 x0=0.4 c1=0 c0=0\n"
        "new load.d bus1=e phases=3 kv=12.47 kw=6000 kvar=3000 vminpu=0.5\n"
    )
    feeder = load_feeder(path)
    z, s = (0.2 + 0.4j) / 12.47**2, 6 + 3j
    linear = 1 - 2 * (z.conjugate() * s).real
    # |V|⁴ − linear |V|² + |z s|² = 0
    exact = (linear + (linear**2 - 4 * abs(z * s) ** 2) ** 0.5) / 2
    apart = linear**0.5 - exact**0.5
    loss = z.real * abs(s) ** 2 / exact * 1e3
    assert feeder.notes[-1] == (
        f"OpenDSS's own solution of the script loses {loss:.4g} kW; LinDistFlow's voltages differ "
        f"from it by {apart:.4f} p.u. at most (e.a) and {apart / 2:.4f} on average"
    )


def test_a_shunt_reactor_takes_power_that_is_no_loss(tmp_path):
    head = "clear\nnew circuit.t basekv=12.47 bus1=s mvasc3=1e9 mvasc1=1e9\n"
    head += "new line.l bus1=s bus2=e r1=0.2 x1=0.4 r0=0.2 x0=0.4 c1=0 c0=0\n"
    path = tmp_path / "one.dss"
    path.write_text(head + "new reactor.r bus1=e phases=3 r=20 x=40\n")
    # In series with the line, so the same current: 1 % of the resistance, 1 % of the loss.
    current = 12.47e3 / 3**0.5 / abs(20.2 + 40.4j)
    assert f"script loses {3 * 0.2 * current**2 / 1e3:.4g} kW" in load_feeder(path).notes[-1]
