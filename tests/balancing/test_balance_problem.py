"""Unsound balancing problems are refused with everything that is wrong."""

from __future__ import annotations

import numpy as np
import pytest
from balancing_toys import paths

import pygridjl
from pygridjl.core.errors import InvalidBalancingError, InvalidOptionError


@pytest.mark.parametrize(
    ("rules", "says"),
    [
        ({"circuits": 0}, "circuits"),
        ({"circuits": ["a", "a"]}, "circuits"),
        ({"cardinality": 1}, "circuits hold 2 SPs together, there are 5"),
        ({"capacity": 1.0, "demand": np.ones(5)}, "circuits hold 2 together, the SPs demand 5"),
        ({"capacity": 3.0, "demand": [1, 1, 1, 1, 4]}, "sp SP5 capacity: demands more"),
        ({"capacity": 3.0}, "capacity: needs the demand"),
        ({"demand": [1.0, 2.0]}, r"demand: has the shape \(2,\), expected \(5,\)"),
        ({"demand": [1, 1, 1, 1, -1]}, "demand: must be numbers of at least 0, entry 4"),
        ({"start": [0, 0, 0, 0, 7]}, "sp SP5 start: is on a circuit that does not exist"),
        ({"max_moves": 2}, "need the circuits of today"),
        ({"fixed": {"SP9": "C1"}}, "sp SP9 fixed: does not exist"),
        ({"forbidden": [("SP1", "C1"), ("SP1", "C2")]}, "sp SP1 forbidden: no circuit is left"),
        ({"weights": np.ones((3, 4))}, "weights"),
        ({"tail": 1.0}, "tail: must lie between 0 and 1"),
        ({"measure": "l2"}, "measure: must be 'rms' or 'l1'"),
        ({"service_points": ["a"]}, "service_points: names 1, expected 5"),
        ({"service_points": list("abcda")}, "sp a service_points: is named more than once"),
    ],
)
def test_rules_that_cannot_be(rules, says):
    with pytest.raises(InvalidBalancingError, match=says):
        pygridjl.balance(paths(5, 6), **{"circuits": 2, **rules})


def test_deviations_that_are_no_numbers():
    data = paths(3, 4)
    data[1, 2] = np.nan
    with pytest.raises(InvalidBalancingError, match="sp SP2 deviations: is no number at step 2"):
        pygridjl.balance(data, circuits=2)
    with pytest.raises(InvalidBalancingError, match="equally many for every row"):
        pygridjl.balance([[1.0, 2.0], [1.0]], circuits=2)
    with pytest.raises(InvalidBalancingError, match="must have the shape"):
        pygridjl.balance([1.0, 2.0], circuits=2)


def test_options_of_the_door():
    with pytest.raises(InvalidOptionError, match="time_limit"):
        pygridjl.balance(paths(3, 4), circuits=2, time_limit=0)
    with pytest.raises(InvalidOptionError, match="gap"):
        pygridjl.balance(paths(3, 4), circuits=2, gap=-1)
