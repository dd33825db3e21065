from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from scipy.optimize import isotonic_regression

from pygridjl.core.errors import InvalidOptionError
from pygridjl.siting.methods.spar.slopes import coordinate_values, update_slopes
from pygridjl.siting.methods.spar.steps import step_size
from pygridjl.solvers.compiled.isotonic import project_changed

numbers = st.floats(-100, 100, allow_subnormal=False)


@settings(max_examples=300, deadline=None)
@given(st.lists(numbers, min_size=1, max_size=40), st.integers(0, 39), numbers)
def test_projection_is_isotonic_regression(values, j, changed):
    z = np.sort(np.array(values))
    j %= z.size
    z[j] = changed
    expected = isotonic_regression(z).x
    project_changed(z, j)
    np.testing.assert_allclose(z, expected, rtol=1e-12, atol=1e-12)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(numbers, min_size=2, max_size=20),
    st.integers(0, 19),
    numbers,
    st.floats(0.01, 1.0),
    st.sampled_from(["right", "left", "both"]),
)
def test_update_is_smoothing_then_projection(values, unit, gradient, step, sides):
    start = np.sort(np.array(values))
    unit %= start.size
    expected = start.copy()
    ends_here, begins_here = sides != "right" and unit > 0, sides != "left" or unit == 0
    for k in [unit - 1] * ends_here + [unit] * begins_here:
        expected[k] = (1 - step) * expected[k] + step * gradient
        expected = isotonic_regression(expected).x
    slopes = np.vstack([start, start])
    update_slopes(slopes, np.array([unit, unit]), np.array([gradient, gradient]), step, sides)
    np.testing.assert_allclose(slopes, np.vstack([expected, expected]), rtol=1e-9, atol=1e-9)


def test_coordinate_values_sum_the_slopes_before():
    np.testing.assert_array_equal(coordinate_values(np.array([-3.0, -1.0, 0.5])), [0.0, -3.0, -4.0])


@pytest.mark.parametrize("rule", [1, 2, 3])
def test_steps_keep_the_conditions(rule):
    steps = np.array([step_size(rule, t) for t in range(1, 20001)])
    assert ((steps > 0) & (steps <= 1)).all()
    # Sums over doubling ranges: those of the steps do not die out, those of the squares do.
    sums = [steps[2**k : 2 ** (k + 1)].sum() for k in range(8, 14)]
    squares = [(steps[2**k : 2 ** (k + 1)] ** 2).sum() for k in range(8, 14)]
    assert min(sums) > 0.5
    assert squares[-1] < 0.5 * squares[0]


def test_first_rule_is_the_published_one():
    assert step_size(1, 1) == pytest.approx(20 / 41)
    assert step_size(1, 60) == pytest.approx(0.2)


def test_unknown_rule_is_refused():
    with pytest.raises(InvalidOptionError, match="step rule"):
        step_size(4, 1)
