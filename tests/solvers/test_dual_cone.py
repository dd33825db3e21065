"""Multipliers moved into dual cones."""

import numpy as np
import pytest

from pygridjl.solvers.conic import Cone
from pygridjl.solvers.dual_cone import DualCone, outside

CONES = [Cone("zero", 2), Cone("nonnegative", 3), *[Cone("second_order", 3)] * 2]
CONES += [Cone("psd_triangle", 4), Cone("psd_triangle", 2), Cone("psd_triangle", 4)]


def matrices(z):
    begin = 11
    for cone in CONES[4:]:
        row, column = np.triu_indices(cone.size)
        order = np.lexsort((row, column))
        row, column = row[order], column[order]
        matrix = np.zeros((cone.size, cone.size))
        entries = z[begin : begin + cone.rows] / np.where(row == column, 1.0, np.sqrt(2.0))
        matrix[row, column] = matrix[column, row] = entries
        begin += cone.rows
        yield matrix


def test_what_is_moved_is_in_the_dual_cone():
    rng = np.random.default_rng(0)
    for _ in range(50):
        z = rng.standard_normal(sum(cone.rows for cone in CONES))
        moved = DualCone(CONES).moved(z)
        assert (moved[:2] == z[:2]).all()
        assert (moved[2:5] == np.maximum(z[2:5], 0)).all()
        for head in (5, 8):
            assert moved[head] >= np.hypot(*moved[head + 1 : head + 3])
        for before, after in zip(matrices(z), matrices(moved), strict=True):
            values, vectors = np.linalg.eigh(before)
            nearest = (vectors * np.maximum(values, 0)) @ vectors.T
            assert abs(after - nearest).max() < 1e-12
            assert np.linalg.eigvalsh(after)[0] >= -1e-15 * abs(values).max()


def test_rows_beyond_the_given_ones_are_left_alone():
    z = -np.ones(5)
    assert (DualCone([Cone("nonnegative", 2), Cone("nonnegative", 3)], 2).moved(z)[:2] == 0).all()
    assert (DualCone([Cone("nonnegative", 2), Cone("nonnegative", 3)], 2).moved(z)[2:] == -1).all()


def test_a_slack_lies_outside_by_its_largest_shortfall():
    """Each cone in turn: equation 0.3 off, entry −0.5, ‖(3, 4)‖ over 4.2, eigenvalue 1 − 2."""
    root = np.sqrt(2.0)
    cones = [Cone("zero", 1), Cone("nonnegative", 2), Cone("second_order", 3)]
    cones.append(Cone("psd_triangle", 2))
    inside = np.array([0.0, 1.0, 0.0, 5.0, 3.0, 4.0, 1.0, root, 1.0])
    assert outside(cones, inside) == pytest.approx(0.0, abs=1e-12)
    for place, value, distance in ((0, 0.3, 0.3), (2, -0.5, 0.5), (3, 4.2, 0.8), (7, 2 * root, 1)):
        moved = inside.copy()
        moved[place] = value
        assert outside(cones, moved) == pytest.approx(distance)
    assert np.isnan(outside(cones, np.full(9, np.nan)))
