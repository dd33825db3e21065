"""Transformers side by side: what stands for them is what they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pygridjl import check_configuration, load_network, reconfigure
from pygridjl.grid.parallels import merge_parallels
from pygridjl.powerflow.newton import newton_power_flow

FIELD = Path(__file__).parents[1] / "data" / "field" / "networks"


def unequal():
    """The second of two fixed lines has other values, written from the other end."""
    network = load_network(str(FIELD / "parallel_noswitch.m"))
    branch = network.branches
    ends = (branch.from_bus.copy(), branch.to_bus.copy())
    ends[0][1], ends[1][1] = branch.to_bus[1], branch.from_bus[1]
    r, x, b, rating = (getattr(branch, n).copy() for n in ("r", "x", "b", "rating"))
    r[1], x[1], b[:2], rating[:2] = 0.013, 0.05, (0.01, 0.02), (0.2, 0.15)
    fixed = np.isin(branch.id, [1, 2])
    changed = branch.replace(
        from_bus=ends[0],
        to_bus=ends[1],
        r=r,
        x=x,
        b=b,
        rating=rating,
        switchable=~fixed,
        tap=np.ones(len(r)),
    )
    return network.replace(branches=changed), fixed


def test_one_branch_stands_for_two_exactly():
    network, fixed = unequal()
    joined, kept = merge_parallels(network, fixed)
    assert joined.branches.id.tolist() == [1, 3, 4]
    assert kept.tolist() == [0, 2, 3]
    assert "1+2" in joined.notes[-1]
    apart, together = newton_power_flow(network), newton_power_flow(joined)
    np.testing.assert_allclose(together.v, apart.v, atol=1e-12)
    assert together.loss_kw == pytest.approx(apart.loss_kw, abs=1e-8)


def test_the_rating_is_reached_with_the_first_of_them():
    network, fixed = unequal()
    joined, _ = merge_parallels(network, fixed)
    branch = network.branches
    z = branch.r[:2] + 1j * branch.x[:2]
    share = (1 / z) / (1 / z).sum()
    current = joined.branches.rating[0] * np.abs(share)
    assert (current <= branch.rating[:2] * (1 + 1e-12)).all()
    assert np.isclose(current, branch.rating[:2]).any()


def test_ratios_that_differ_stay_apart():
    network, fixed = unequal()
    tap = network.branches.tap.copy()
    tap[1] = 1.01
    changed = network.replace(branches=network.branches.replace(tap=tap))
    assert merge_parallels(changed, fixed)[0] is changed


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("parallel_noswitch.m", {"switchable": (3, 4)}),
        pytest.param("pp_parallel_trafos.json", {}, marks=pytest.mark.validation),
        ("two_parallel_trafos.dss", {"keep_open": (4,)}),
    ],
)
def test_two_transformers_are_no_cycle(name, options):
    if name.endswith(".json"):
        pytest.importorskip("pandapower")
    network = load_network(str(FIELD / name))
    result = reconfigure(network, certify=True, limits=(), **options)
    assert result.status == "optimal"
    # The independent power flow sees both transformers.
    assert result.loss_kw == pytest.approx(
        newton_power_flow(network.with_open(result.open_branches)).loss_kw, abs=1e-6
    )


def test_the_check_knows_them_too():
    network, _ = unequal()
    result = reconfigure(network, limits=())
    report = check_configuration(network, result.open_branches)
    assert report.findings == ()
    assert report.objective == pytest.approx(result.objective, rel=1e-9)
    assert report.loss_kw == pytest.approx(result.loss_kw, rel=1e-9)


def test_any_branch_may_be_kept_open():
    network, _ = unequal()
    result = reconfigure(network, keep_open=[1], limits=())
    assert 1 in result.open_branches
    assert 2 not in result.open_branches
