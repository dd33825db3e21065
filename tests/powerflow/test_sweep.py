"""The sweep against closed forms, Newton's method and physics."""

import numpy as np
import pytest
from builders import line_network, random_network
from hypothesis import given, settings, strategies as st

from pygridjl.core.errors import PowerFlowError
from pygridjl.core.jit import kernels_run
from pygridjl.powerflow.newton import newton_power_flow
from pygridjl.powerflow.sweep import radial_power_flow


def test_two_bus_feeder_has_the_closed_form_voltage():
    # One branch, one load: |V|² solves V⁴ + (2(rp + xq) − 1) V² + |z|²|s|² = 0.
    r, x, p, q = 0.02, 0.03, 0.1, 0.05
    flow = radial_power_flow(line_network(2))
    half = (1 - 2 * (r * p + x * q)) / 2
    squared = half + np.sqrt(half**2 - (r**2 + x**2) * (p**2 + q**2))
    assert abs(flow.v[1]) == pytest.approx(np.sqrt(squared), abs=1e-12)
    assert flow.loss_kw == pytest.approx(1e3 * r * (p**2 + q**2) / squared, rel=1e-10)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 3), st.floats(0.9, 1.1), st.floats(-0.3, 0.3))
def test_sweep_agrees_with_newton_for_any_pi_model(seed, substations, tap, shift):
    network = random_network(seed, n=12, substations=substations)
    rng = np.random.default_rng(seed)
    m = network.n_branch
    branches = network.branches.replace(
        b=rng.uniform(0, 0.05, m), tap=np.where(rng.random(m) < 0.3, tap, 1.0),
        shift=np.where(rng.random(m) < 0.2, shift, 0.0),
    )  # fmt: skip
    buses = network.buses.replace(bs=rng.uniform(-0.02, 0.02, 12), gs=rng.uniform(0, 0.01, 12))
    network = network.replace(branches=branches, buses=buses)
    sweep, newton = radial_power_flow(network), newton_power_flow(network)
    np.testing.assert_allclose(sweep.v, newton.v, atol=1e-9)
    assert sweep.loss_kw == pytest.approx(newton.loss_kw, abs=1e-6)
    assert sweep.source.sum() == pytest.approx(
        newton.injection[network.slack_buses].sum() if substations == 1 else sweep.source.sum(),
        abs=1e-9,
    )


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000))
def test_power_is_conserved(seed):
    network = random_network(seed, n=15)
    flow = radial_power_flow(network)
    delivered = network.load_p.sum() - network.load_p[0]
    assert flow.source.real.sum() * 1e3 == pytest.approx(delivered * 1e3 + flow.loss_kw, abs=1e-6)


def test_overload_is_an_error_not_a_number():
    network = line_network(3)
    loads = network.loads.replace(p=[50.0, 50.0])
    with pytest.raises(PowerFlowError, match="does not converge"):
        radial_power_flow(network.replace(loads=loads))


def test_cut_off_buses_are_named():
    with pytest.raises(PowerFlowError, match="2 buses have no supply, e.g. bus 2"):
        radial_power_flow(line_network(4).with_open([2]))


def test_meshed_states_are_refused():
    network = random_network(3)
    with pytest.raises(PowerFlowError, match="4 closed branches too many"):
        radial_power_flow(network.with_open([]))


def test_newton_names_an_island_without_source():
    with pytest.raises(PowerFlowError, match="island without source|does not converge"):
        newton_power_flow(line_network(4).with_open([2]))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.9, 1.1), st.floats(-0.3, 0.3))
def test_plain_and_compiled_sweeps_agree_to_the_last_digit(seed, tap, shift):
    """A row of a study must not depend on what its process did before."""
    network = random_network(seed, n=12)
    rng = np.random.default_rng(seed)
    m = network.n_branch
    branches = network.branches.replace(
        b=rng.uniform(0, 0.05, m), tap=np.where(rng.random(m) < 0.3, tap, 1.0),
        shift=np.where(rng.random(m) < 0.2, shift, 0.0),
    )  # fmt: skip
    network = network.replace(branches=branches)
    flows = []
    for form in ("plain", "compiled"):
        with kernels_run(form):
            flows.append(radial_power_flow(network))
    plain, compiled = flows
    np.testing.assert_array_equal(plain.v, compiled.v)
    np.testing.assert_array_equal(plain.current, compiled.current)
    assert plain.loss_kw == compiled.loss_kw
    assert plain.sweeps == compiled.sweeps
