"""Losses at nominal voltages against currents written out, and against OpenDSS."""

from __future__ import annotations

import numpy as np
import pytest
from feeder_builders import random_feeder
from hypothesis import given, settings, strategies as st

from pygridjl.grid import load_feeder
from pygridjl.powerflow.lindistflow import LinDistFlow3
from pygridjl.powerflow.losses import printed_losses, resistive_losses

SCRIPT = """
Clear
New Circuit.mutual bus1=a basekv=4.16 pu=1.0 MVAsc3=2000000 MVAsc1=2100000
New Linecode.lc nphases=3 units=km rmatrix=(0.3 | 0.15 0.3 | 0.15 0.15 0.3)
~ xmatrix=(0.9 | 0.4 0.9 | 0.4 0.4 0.9) cmatrix=(0 | 0 0 | 0 0 0)
New Line.ab bus1=a bus2=b linecode=lc length=1 units=km
New Load.b bus1=b phases=3 conn=wye kv=4.16 kw={kw} kvar={kvar} vminpu=0.8
Set voltagebases="4.16"
Calcvoltagebases
Solve
"""


def currents_by_hand(feeder, model, P, Q):
    """Σ over the branches of Re(Iᴴ R I) with complex currents, p.u."""
    lost = 0.0
    for bus in range(feeder.n_bus):
        branch = feeder.tree.branch[bus]
        if branch < 0:
            continue
        current = np.zeros(3, dtype=complex)
        for a in np.flatnonzero(feeder.buses.phases[bus]):
            node = feeder.node_of[bus, a]
            volt = np.exp(-2j * np.pi / 3 * a)
            current[a] = np.conj((P[node] + 1j * Q[node]) / volt)
        lost += float((current.conj() @ feeder.branches.r[branch] @ current).real)
    return lost


@given(st.integers(0, 10_000))
@settings(max_examples=40, deadline=None)
def test_loss_and_slope_are_those_of_the_currents(seed):
    rng = np.random.default_rng(seed)
    feeder = random_feeder(rng)
    model = LinDistFlow3(feeder)
    loss = resistive_losses(model)
    P, Q = rng.normal(size=(2, 3, feeder.n_node))
    found = loss.value(P, Q)
    for k in range(3):
        assert found[k] == pytest.approx(currents_by_hand(feeder, model, P[k], Q[k]), rel=1e-9)
    by_p, by_q = loss.gradient(P, Q)
    both = np.hstack([P, Q])
    np.testing.assert_allclose(
        np.hstack([by_p, by_q]), both @ loss.hessian(), rtol=1e-9, atol=1e-12
    )
    # Quadratic: the slope along the flows is twice the value.
    np.testing.assert_allclose((by_p * P + by_q * Q).sum(axis=1), 2 * found, rtol=1e-9)
    r = printed_losses(model).even.diagonal()
    np.testing.assert_allclose(printed_losses(model).value(P, Q), (P**2 + Q**2) @ r)


@pytest.mark.parametrize(("kw", "kvar"), [(300, 100), (1500, 600)])
def test_balanced_load_on_a_line_with_mutual_coupling(tmp_path, kw, kvar):
    """OpenDSS's line losses; at nominal voltage they are less by the square of the voltage."""
    dss = pytest.importorskip("opendssdirect")
    path = tmp_path / "mutual.dss"
    path.write_text(SCRIPT.format(kw=kw, kvar=kvar), encoding="utf-8")
    feeder = load_feeder(path)
    dss.Text.Command("clear")
    dss.Text.Command(f'redirect "{path}"')
    dss.Circuit.SetActiveElement("Line.ab")
    theirs = sum(dss.CktElement.Losses()[0:1]) / 1e3
    dss.Circuit.SetActiveBus("b")
    volts = np.array(dss.Bus.puVmagAngle()[::2])
    model = LinDistFlow3(feeder)
    flows = model.flows(*feeder.injection())
    ours = feeder.phase_mva * 1e3 * float(resistive_losses(model).value(*flows))
    printed = feeder.phase_mva * 1e3 * float(printed_losses(model).value(*flows))
    assert ours == pytest.approx(theirs * float((volts**2).mean()), rel=2e-3)
    # Self less mutual resistance is what carries a balanced load: half of it here.
    assert printed == pytest.approx(2 * ours, rel=1e-6)
