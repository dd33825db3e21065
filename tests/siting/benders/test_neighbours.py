from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings, strategies as st
from siting_toys import QuadraticStage, toy_problem, toy_scenarios

from pygridjl.siting.check import check_units
from pygridjl.siting.first_stage.random import random_units
from pygridjl.siting.methods.benders.master import Master
from pygridjl.siting.second_stage.protocol import FeasibilityCut


def neighbours(problem, units):
    """Decisions that one site, or two in opposite directions, change by a power of two or all."""
    n = problem.n_site
    left = problem.budget_units - units.sum()
    for source in range(-1, n):
        here = left if source < 0 else units[source]
        for moved in {here, *(2**k for k in range(9) if 2**k < here)} - {0}:
            for target in range(-1, n):
                other = units.copy()
                if source >= 0:
                    other[source] -= moved
                if target >= 0:
                    other[target] += moved
                if target != source and not check_units(problem, other):
                    yield other


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 10**6),
    st.sampled_from([None, 1, 2, 3]),
    st.sampled_from([0, 2]),
    st.sampled_from([1, 2]),
    st.sampled_from([27.0, 45.0, 100.0]),
    st.booleans(),
    st.booleans(),
)
def test_finds_the_best_of_all_neighbours(
    seed, max_sites, min_sites, min_units, budget, multi_cut, cut
):
    assume(min_sites <= (max_sites or 4))
    assume(9.0 * min_sites * min_units <= budget)
    problem = toy_problem(
        4, max_sites=max_sites, min_sites=min_sites, min_units=min_units, budget=budget
    )
    stage = QuadraticStage(problem, toy_scenarios(5, 4, seed), seed)
    rng = np.random.default_rng(seed)
    master = Master(problem, stage.scenarios, np.arange(5) if multi_cut else np.zeros(5, dtype=int))
    for _ in range(3):
        place = random_units(problem, rng).astype(float)
        master.add_planes(place, stage.evaluate(place))
    weight = rng.uniform(0, 1, 4)
    row = FeasibilityCut("1", -weight, float(rng.uniform(0, 3)))
    if cut:
        assert master.add_cut(row)
    units = random_units(problem, rng)
    assert not check_units(problem, units)
    kept = [n for n in neighbours(problem, units) if not cut or row.constant <= weight @ n]
    found = master.best_neighbour(units)
    if not kept:
        assert found is None
        return
    value, there = found
    assert not check_units(problem, there)
    assert value == pytest.approx(master.below(there), rel=1e-9, abs=1e-9)
    assert value == pytest.approx(min(master.below(n) for n in kept), rel=1e-9, abs=1e-9)
