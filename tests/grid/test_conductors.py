from __future__ import annotations

import numpy as np
import pytest

from pygridjl.grid import load_feeder, with_standard_ratings
from pygridjl.grid.conductors import standard_ampacity


@pytest.mark.parametrize(
    ("feeder", "line", "amps"),
    [
        # Conductors as the IEEE test feeder documents name them.
        ("ieee13", "line.650632", 730.0),  # 601: 556.5 kcmil 26/7
        ("ieee13", "line.632633", 340.0),  # 602: 4/0 6/1
        ("ieee13", "line.632645", 230.0),  # 603: 1/0
        ("ieee34", "line.l1", 230.0),  # 300: 1/0
        ("ieee34", "line.l4", 140.0),  # 303: #4 6/1, one phase
        ("ieee123", "line.l3", 530.0),  # 1: 336.4 kcmil 26/7
        ("ieee123", "line.l1", 230.0),  # 10: 1/0, one phase
    ],
)
def test_lines_of_the_test_feeders_get_the_conductor_of_their_documents(feeder, line, amps):
    rated = with_standard_ratings(load_feeder(feeder))
    branch = rated.branches
    k = branch.id.tolist().index(line)
    found = branch.rating[k][branch.phases[k]] * rated.i_base[branch.to_bus[k]]
    assert found == pytest.approx(amps)
    assert np.isinf(branch.rating[k][~branch.phases[k]]).all()


def test_stated_ratings_and_what_is_no_line_stay():
    feeder = load_feeder("ieee123")
    before, after = feeder.branches, with_standard_ratings(feeder).branches
    stated = np.isfinite(before.rating)
    assert (after.rating[stated] == before.rating[stated]).all()
    other = before.kind != "line"
    assert np.array_equal(after.rating[other], before.rating[other])
    # Nothing is known of lines without length.
    feeder = load_feeder("ieee37")
    assert with_standard_ratings(feeder) is feeder


def test_no_conductor_is_made_up_for_another_resistance():
    mile = 1.609344
    assert standard_ampacity(np.array([0.306, 0.33, 12.0, 0.05, 0.0]) / mile).tolist() == [
        530.0, 530.0, np.inf, np.inf, np.inf,
    ]  # fmt: skip
