"""Gaps between a value and what bounds it."""

import math

import pytest

from pygridjl.core.result import relative_gap


@pytest.mark.parametrize(
    ("objective", "bound", "gap"),
    [
        (100.0, 99.0, 0.01),
        (-100.0, -101.0, 0.01),
        (100.0, 101.0, -0.01),
        (100.0, 100.0 - 1e-9, 0.0),
        (None, 1.0, None),
        (1.0, None, None),
        (math.inf, math.inf, 0.0),
        # Nothing is relative to nothing.
        (0.0, 0.0, 0.0),
        (0.0, -1e-8, 0.0),
        (0.0, -1.0, math.inf),
        (0.0, 1.0, -math.inf),
    ],
)
def test_gap_of(objective, bound, gap):
    assert relative_gap(objective, bound) == (gap if gap is None else pytest.approx(gap))
