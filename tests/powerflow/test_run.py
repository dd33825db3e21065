"""The one door to power flow: methods agree that share no code, variations touch no other."""

from __future__ import annotations

import json

import numpy as np
import pytest

import pygridjl
from pygridjl.core.errors import InvalidNetworkError, InvalidOptionError, PowerFlowError
from pygridjl.core.result import Status

# Losses of the base state, Baran and Wu (1989).
BARAN_WU_KW = 202.68


def test_newton_and_sweep_agree_on_everything():
    network = pygridjl.load_network("case33bw")
    one, two = pygridjl.power_flow(network), pygridjl.power_flow(network, "sweep")
    assert float(one.loss_kw) == pytest.approx(BARAN_WU_KW, abs=0.01)
    np.testing.assert_allclose(one.vm, two.vm, rtol=1e-8)
    np.testing.assert_allclose(one.p_from, two.p_from, atol=1e-8)
    assert float(one.loss_kw) == pytest.approx(float(two.loss_kw), rel=1e-7)
    lost = (one.p_from + one.p_to).sum() * network.base_mva * 1e3
    assert lost == pytest.approx(float(one.loss_kw), rel=1e-9)
    assert (one.p_from[~network.branches.closed] == 0).all()
    assert one.status is Status.FEASIBLE
    assert one.has_answer


def test_each_variation_is_what_it_is_alone_and_a_hopeless_one_touches_no_other():
    network = pygridjl.load_network("case33bw")
    many = pygridjl.power_flow(network, load_scale=[0.5, 99.0, 1.2])
    assert many.converged.tolist() == [True, False, True]
    assert many.status is Status.NOT_FOUND
    assert np.isnan(many.vm[1]).all()
    load = network.loads
    heavy = network.replace(loads=load.replace(p=1.2 * load.p, q=1.2 * load.q))
    alone = pygridjl.power_flow(heavy)
    np.testing.assert_allclose(many.vm[2], alone.vm, rtol=1e-12)
    assert many.loss_kw[2] == pytest.approx(float(alone.loss_kw))
    assert many.to_frame().loc[2].shape == (network.n_bus, 2)
    assert "2 of 3 solved" in many.summary()
    with pytest.raises(PowerFlowError, match="does not converge"):
        pygridjl.power_flow(
            network.replace(loads=load.replace(p=99 * load.p, q=99 * load.q)), "sweep"
        )


def test_a_feeder_in_one_call(tmp_path):
    feeder = pygridjl.load_feeder("ieee13")
    by_bus = np.ones((2, feeder.n_bus))
    by_bus[1] = 0.5
    result = pygridjl.power_flow(feeder, load_scale=by_bus)
    assert result.vm.shape == (2, feeder.n_bus, 3)
    assert (np.isnan(result.vm[0]) == ~feeder.buses.phases).all()
    # The balance leaves losses out: what the source sends is what the loads take.
    p, _ = feeder.injection()
    source = feeder.source_bus
    out = result.p_from[0][feeder.branches.from_bus == source].sum()
    out += result.p_to[0][feeder.branches.to_bus == source].sum()
    assert out == pytest.approx(-p.sum(), rel=1e-9)
    assert result.loss_kw[1] < result.loss_kw[0]
    drawn = result.plot(tmp_path / "v.png")
    assert drawn.read_bytes().startswith(b"\x89PNG")
    assert json.loads(result.to_json())["converged"] == [True, True]


def test_bad_input_is_named():
    network, feeder = pygridjl.load_network("case16ci"), pygridjl.load_feeder("ieee13")
    with pytest.raises(InvalidOptionError, match="'newton' is none of lindistflow, sweep, z-bus"):
        pygridjl.power_flow(feeder, "newton")
    for scale in (np.ones((2, 3)), 1.0, [float("nan")], ["much"]):
        with pytest.raises(InvalidOptionError, match="load_scale"):
            pygridjl.power_flow(network, load_scale=scale)
    broken = network.replace(branches=network.branches.replace(r=network.branches.r * np.nan))
    with pytest.raises(InvalidNetworkError):
        pygridjl.power_flow(broken)


def test_flows_and_loading_of_branches_as_a_table():
    """One line from a source: its current is the load's, its loading that over the ampacity."""
    network = pygridjl.load_network("case33bw")
    rating = np.where(network.branches.id == 1, 0.5, np.inf)
    network = network.replace(branches=network.branches.replace(rating=rating))
    result = pygridjl.power_flow(network)
    table = result.branch_frame(network)
    assert table.index.tolist() == network.branches.id.astype(str).tolist()
    assert table.loc["1", ["from_bus", "to_bus"]].tolist() == ["1", "2"]
    sent = np.hypot(table.loc["1", "p_from"], table.loc["1", "q_from"])
    assert table.loc["1", "loading"] == pytest.approx(sent / 0.5, rel=1e-9)
    assert (table["loading"].drop("1") == 0).all()
    assert table["p_from"].iloc[0] * 1e4 == pytest.approx(3715 + result.loss_kw, abs=1e-3)
    many = pygridjl.power_flow(network, load_scale=[0.5, 1])
    assert many.branch_frame(network).loc[(1, "1")].equals(table.loc["1"])
