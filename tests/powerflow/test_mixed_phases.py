"""Branches with a gain: LinDistFlow is the derivative of the AC power flow, and keeps its laws."""

import numpy as np
import pytest
from feeder_builders import GAINS, random_feeder, two_bus_feeder, with_services
from hypothesis import given, settings, strategies as st

import pygridjl
from pygridjl.core.errors import InvalidNetworkError
from pygridjl.grid import validate_feeder
from pygridjl.powerflow.lindistflow import LinDistFlow3
from pygridjl.powerflow.losses import resistive_losses
from pygridjl.powerflow.zbus import feeder_power_flow
from pygridjl.siting.regulators import with_neutral_regulators

seeds = st.integers(0, 2**32 - 1)
STEP = 1e-4


def still_feeder(seed, *, kinds=tuple(GAINS), n=8):
    """Nothing but loads to ground at nominal voltage: what the linear model is exact about."""
    rng = np.random.default_rng(seed)
    feeder = random_feeder(rng, n, regulators=False, reverse=False)
    feeder = with_services(feeder, rng, kinds).replace(v_set=1.0)
    none = np.zeros(0, dtype=np.int64)
    return feeder.replace(
        branches=feeder.branches.replace(b=0.0),
        loads=feeder.loads.replace(connection="wye", model="power"),
        capacitors=feeder.capacitors.take(none),
        generators=feeder.generators.take(none),
    )


def slope(feeder, value):
    """Derivative at no load of something of the AC power flow."""
    ends = [value(feeder_power_flow(feeder, np.full((1, feeder.n_bus), k))) for k in (-STEP, STEP)]
    return (ends[1] - ends[0]) / (2 * STEP)


@settings(max_examples=25, deadline=None)
@given(seeds)
def test_flows_are_the_derivative_of_the_ac_flows(seed):
    feeder = still_feeder(seed)
    model = LinDistFlow3(feeder)
    P, Q = model.flows(*feeder.injection())
    fed = np.flatnonzero(model.branch >= 0)
    into = slope(feeder, lambda found: -found.s_to[0])[model.branch[fed], feeder.node_phase[fed]]
    np.testing.assert_allclose(P[fed] + 1j * Q[fed], into, atol=1e-6)


@settings(max_examples=25, deadline=None)
@given(seeds, st.sampled_from(list(GAINS)))
def test_voltages_are_the_derivative_where_nothing_drops_before_a_gain(seed, kind):
    """Angles that turn before units between phases are what the linear model leaves out."""
    rng = np.random.default_rng(seed)
    feeder = with_services(two_bus_feeder(), rng, [kind])
    ends = feeder.branches.from_bus.copy()
    ends[feeder.branches.mixing] = feeder.source_bus
    feeder = feeder.replace(branches=feeder.branches.replace(from_bus=ends))
    model = LinDistFlow3(feeder)
    none = np.zeros(feeder.n_node)
    change = model.voltages(*feeder.injection()) - model.voltages(none, none)
    found = slope(feeder, lambda found: np.abs(found.v[0]) ** 2)
    np.testing.assert_allclose(change, found, atol=1e-6)


@settings(max_examples=25, deadline=None)
@given(seeds)
def test_losses_are_the_second_derivative_of_the_ac_losses(seed):
    feeder = still_feeder(seed)
    model = LinDistFlow3(feeder)
    value = float(resistive_losses(model).value(*model.flows(*feeder.injection())))
    found = feeder_power_flow(feeder, np.full((1, feeder.n_bus), STEP)).loss[0]
    assert found / STEP**2 == pytest.approx(value, rel=1e-3)


@settings(max_examples=25, deadline=None)
@given(seeds)
def test_the_model_is_its_equations_and_the_adjoint_its_transpose(seed):
    rng = np.random.default_rng(seed)
    feeder = with_services(random_feeder(rng, 8, reverse=False), rng)
    model, n = LinDistFlow3(feeder), feeder.n_node
    p, q = rng.normal(size=(2, 3, n))
    P, Q = model.flows(p, q)
    U = model.voltages(p, q)
    of = model.equations()
    np.testing.assert_allclose((of.balance @ P.T + of.cross @ Q.T).T, -p, atol=1e-9)
    np.testing.assert_allclose((of.balance @ Q.T - of.cross @ P.T).T, -q, atol=1e-9)
    dropped = (of.voltage @ U.T + of.mp @ P.T + of.mq @ Q.T).T
    np.testing.assert_allclose(dropped, np.tile(of.u_source, (3, 1)), atol=1e-9)
    # What leaves the source is what is drawn: nothing is lost, and a gain neither makes nor takes.
    source = feeder.node_of[feeder.source_bus]
    np.testing.assert_allclose(P[:, source].sum(axis=1), -p.sum(axis=1), atol=1e-9)
    by = rng.normal(size=(3, n))
    dp, dq = model.adjoint(*(row[None] for row in by))
    none = np.zeros(n)
    moved = [model.voltages(p[0], q[0]) - model.voltages(none, none), P[0], Q[0]]
    total = sum(float(row @ change) for row, change in zip(by, moved, strict=True))
    # U at the source stays, whatever it is worth.
    assert float(dp[0] @ p[0] + dq[0] @ q[0]) == pytest.approx(total, rel=1e-8, abs=1e-8)
    node, tan = int(rng.integers(n)), 0.3
    one = np.eye(n)[node]
    change = model.voltages(one, tan * one) - model.voltages(none, none)
    np.testing.assert_allclose(model.sensitivity([node], tan)[:, 0], change, atol=1e-9)


@settings(max_examples=25, deadline=None)
@given(seeds)
def test_units_to_ground_keep_the_sweeps(seed):
    """Phases change their names there, and nothing mixes: the sweeps solve the equations."""
    rng = np.random.default_rng(seed)
    feeder = with_services(random_feeder(rng, 8, reverse=False), rng, ["pole", "tapped"])
    model = LinDistFlow3(feeder)
    assert model.mixed == ()
    p, q = rng.normal(size=(2, feeder.n_node))
    P, Q = model.flows(p, q)
    of = model.equations()
    assert of.cross is None
    np.testing.assert_allclose(of.balance @ P, -p, atol=1e-9)
    dropped = of.voltage @ model.voltages(p, q) + of.mp @ P + of.mq @ Q
    np.testing.assert_allclose(dropped, of.u_source, atol=1e-9)


def test_a_gain_fed_from_behind_is_refused_by_the_linear_model_alone():
    rng = np.random.default_rng(0)
    feeder = with_services(two_bus_feeder(), rng, ["tapped"])
    branch = feeder.branches
    turned = feeder.replace(
        branches=branch.replace(
            from_bus=np.where(branch.mixing, branch.to_bus, branch.from_bus),
            to_bus=np.where(branch.mixing, branch.from_bus, branch.to_bus),
            gain=branch.gain.transpose(0, 2, 1) / 2,
            phases=np.where(branch.mixing[:, None], branch.from_phases, branch.phases),
            r=np.where(branch.mixing[:, None, None], 0.02 * np.diag([0, 0, 1]), branch.r),
            x=np.where(branch.mixing[:, None, None], 0.02 * np.diag([0, 0, 1]), branch.x),
        )
    )
    with pytest.raises(InvalidNetworkError, match=r"unit0 gain: is fed from its to side"):
        LinDistFlow3(turned)


def test_the_gain_of_a_regulator_is_the_ac_power_flows_alone():
    """Open delta: line voltages a-b and c-b raised by 5 and 2 %."""
    gain = np.array([[1.05, -0.05, 0], [0, 1, 0], [0, -0.02, 1.02]])
    plain = two_bus_feeder(kind=["regulator"], ratio=[[1.04, 1.02, 1.03]])
    bank = two_bus_feeder(kind=["regulator"], ratio=[[1.04, 1.02, 1.03]], gain=gain[None])
    assert validate_feeder(bank) == ()
    assert not bank.branches.mixing.any()
    for method in ("lindistflow", "sweep"):
        one, two = (pygridjl.power_flow(feeder, method) for feeder in (plain, bank))
        np.testing.assert_array_equal(one.vm, two.vm)
    light = bank.replace(loads=bank.loads.replace(p=1e-9, q=0.0))
    found = feeder_power_flow(light, np.ones((1, 2))).v[0].reshape(2, 3)
    before, behind = ([v[0] - v[1], v[2] - v[1]] for v in found)
    np.testing.assert_allclose(np.divide(behind, before), [1.05, 1.02], atol=1e-7)
    assert not with_neutral_regulators(bank).branches.gain.any()


def test_the_sweep_refuses_a_gain_by_name():
    feeder = with_services(two_bus_feeder(), np.random.default_rng(0), ["between"])
    with pytest.raises(InvalidNetworkError, match=r"unit0 gain: .*'z-bus'"):
        pygridjl.power_flow(feeder, "sweep")
