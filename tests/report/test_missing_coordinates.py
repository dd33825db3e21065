"""One bus without coordinates does not take them from all others."""

from __future__ import annotations

import numpy as np

from pygridjl import get_case
from pygridjl.report.layout import bus_positions


def placed(missing):
    network = get_case("case33bw")
    own = np.column_stack([np.arange(33.0) % 7, np.arange(33.0) // 7])
    x, y = own.T.copy()
    x[missing] = np.nan
    network = network.replace(buses=network.buses.replace(x=x, y=y))
    return network, own, bus_positions(network, network.branches.closed)


def test_known_places_stay_and_the_others_stand_amid_their_neighbours():
    network, own, found = placed([5])
    kept = np.arange(33) != 5
    np.testing.assert_array_equal(found[kept], own[kept])
    branch = network.branches
    ends = np.concatenate(
        [branch.to_bus[branch.from_bus == 5], branch.from_bus[branch.to_bus == 5]]
    )
    np.testing.assert_allclose(found[5], own[np.unique(ends)].mean(axis=0), atol=1e-4)


def test_runs_of_missing_places_are_spread_between_what_is_known():
    _, _, found = placed([8, 9, 10])
    assert np.isfinite(found).all()
    assert np.unique(found[[8, 9, 10]], axis=0).shape[0] == 3


def test_no_place_at_all_is_a_tidy_tree():
    _, own, found = placed(np.arange(33))
    assert np.isfinite(found).all()
    assert not np.array_equal(found, own)
