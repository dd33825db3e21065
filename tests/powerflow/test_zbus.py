"""AC power flow of feeders against OpenDSS, which solves what we write."""

import numpy as np
import pytest
from feeder_builders import LINE_R, LINE_X, random_feeder, two_bus_feeder
from hypothesis import given, settings, strategies as st

import pygridjl
from pygridjl.core.errors import InvalidNetworkError, PowerFlowError
from pygridjl.grid import FeederBranches
from pygridjl.grid.io.opendss.write import feeder_commands, opendss_names


def engine_solution(commands):
    """Voltages by node name, p.u., and losses without the source's, kW."""
    from opendssdirect import dss

    engine = dss.NewContext()
    for command in [*commands, "solve"]:
        engine.Text.Command(command)
    assert engine.Solution.Converged()
    names = [name.lower() for name in engine.Circuit.AllNodeNames()]
    return dict(zip(names, engine.Circuit.AllBusMagPu(), strict=True)), engine.Circuit.Losses()[0]


def with_loop(feeder):
    """The feeder and one more line, from its source to the last bus with all phases."""
    level = feeder.buses.kv_ln == feeder.buses.kv_ln[feeder.source_bus]
    end = np.flatnonzero(feeder.buses.phases.all(axis=1) & level)[-1]
    if end == feeder.source_bus:
        return feeder
    branch, ends = feeder.branches, ([feeder.source_bus], [end])
    one = FeederBranches(["loop"], *ends, r=LINE_R[None], x=LINE_X[None])
    columns = {
        name: np.concatenate([values, more])
        for (name, values), (_, more) in zip(branch.columns(), one.columns(), strict=True)
    }
    return feeder.replace(branches=FeederBranches(**columns))


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(3, 25), loop=st.booleans())
def test_voltages_and_losses_are_the_engines(seed, n, loop):
    feeder = random_feeder(np.random.default_rng(seed), n)
    # As they are written: constant power to ground.
    feeder = feeder.replace(loads=feeder.loads.replace(connection="wye", model="power"))
    if loop:
        feeder = with_loop(feeder)
    result = pygridjl.power_flow(feeder, "z-bus")
    volts, watts = engine_solution(feeder_commands(feeder))
    names = opendss_names(feeder.buses.id.tolist())
    engine = [
        volts[f"{names[bus]}.{phase + 1}"]
        for bus, phase in zip(feeder.node_bus, feeder.node_phase, strict=True)
    ]
    ours = result.vm[feeder.node_bus, feeder.node_phase]
    np.testing.assert_allclose(ours, engine, atol=2e-5)  # ideal branches are written as 1e-6 p.u.
    assert result.loss_kw == pytest.approx(watts / 1e3, rel=2e-3, abs=1e-3)


def test_power_balances_and_variations_stand_alone():
    feeder = pygridjl.load_feeder("ieee13")
    scale = np.array([0.5, 1.0, 50.0])
    many = pygridjl.power_flow(feeder, "z-bus", load_scale=scale)
    assert many.converged.tolist() == [True, True, False]
    one = pygridjl.power_flow(feeder, "z-bus")
    np.testing.assert_allclose(many.vm[1], one.vm, atol=1e-12)
    assert np.isnan(many.loss_kw[2])
    # What enters at the source is what the branches lose and all that stands at the buses.
    into = np.zeros((feeder.n_bus, 3))
    for end, power in ((feeder.branches.from_bus, one.p_from), (feeder.branches.to_bus, one.p_to)):
        np.add.at(into, end, power)
    imported = feeder.to_kw(into[feeder.source_bus].sum())
    taken = -feeder.to_kw(np.delete(into, feeder.source_bus, axis=0).sum())
    assert imported - taken == pytest.approx(float(one.loss_kw), rel=1e-9)
    with pytest.raises(PowerFlowError, match="did not converge"):
        pygridjl.power_flow(
            feeder.replace(loads=feeder.loads.replace(p=50 * feeder.loads.p)), "z-bus"
        )


def test_ideal_switches_carry_current_and_loops_of_them_are_refused():
    ideal = two_bus_feeder(r=LINE_R[None] * 0, x=LINE_X[None] * 0, kind=["switch"])
    result = pygridjl.power_flow(ideal, "z-bus")
    np.testing.assert_allclose(result.vm[1], result.vm[0])
    assert result.p_from.sum() == pytest.approx(ideal.load_p.sum())
    twice = ideal.replace(
        branches=ideal.branches.take([0, 0]).replace(
            id=["one", "two"], from_bus=[0, 1], to_bus=[1, 0]
        )
    )
    with pytest.raises(PowerFlowError, match="without impedance form a loop"):
        pygridjl.power_flow(twice, "z-bus")


def test_a_meshed_feeder_is_for_the_z_bus_method():
    feeder = two_bus_feeder()
    meshed = feeder.replace(branches=feeder.branches.take([0, 0]).replace(id=["one", "two"]))
    alone = pygridjl.power_flow(feeder, "z-bus").loss_kw
    assert pygridjl.power_flow(meshed, "z-bus").loss_kw == pytest.approx(alone / 2, rel=0.05)
    with pytest.raises(InvalidNetworkError, match=r"two closed: closes a loop.*'z-bus'"):
        pygridjl.power_flow(meshed)
