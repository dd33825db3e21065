"""The modes of FORWARD: the counterexample, spanning trees everywhere, forced edges, options."""

from __future__ import annotations

import pytest
from reconfiguration.forward.forward_instances import (
    adjacent_sources,
    balanced_problem,
    feeder_like,
    is_spanning_tree,
    multigraph,
    substations,
    watts_strogatz,
)

from pygridjl.errors import UnservedNodesError
from pygridjl.reconfiguration.forward import WEIGHT_RULES, forward

COUNTEREXAMPLE = balanced_problem([(0, 1), (1, 2), (2, 3), (3, 0)], [5.0, 2.0, -5.0, -2.0])
MODES = ("fast", "faithful")


def test_literal_fails_on_the_counterexample_to_lemma_3_3():
    with pytest.raises(UnservedNodesError) as caught:
        forward(COUNTEREXAMPLE, mode="literal")
    # 0 → 3 leaves +3 and 1 → 2 leaves −3; then 0-1 and 2-3 are deleted.
    assert caught.value.nodes == ("0+3", "1+2")
    assert "0+3" in str(caught.value)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("rule", list(WEIGHT_RULES))
def test_other_modes_solve_the_counterexample(mode, rule):
    closed = forward(COUNTEREXAMPLE, mode=mode, weight_rule=rule)
    assert is_spanning_tree(COUNTEREXAMPLE, closed)


# 8 families × 125 seeds = 1,000 instances.
FAMILIES = {
    "watts-strogatz": lambda seed: watts_strogatz(seed, 10 + seed % 50, 1 + seed % 7),
    "watts-strogatz-zeros": lambda seed: watts_strogatz(seed, 30, 4, zero_share=0.7),
    "feeder-like": lambda seed: feeder_like(seed, 10 + seed % 90, 1 + seed % 3, seed % 12),
    "multigraph": lambda seed: multigraph(seed, 5 + seed % 20, 1 + seed % 4, 40),
    "single-source": lambda seed: multigraph(seed, 20, 1, 45),
    "many-sources": lambda seed: watts_strogatz(seed, 40, 30),
    "adjacent-sources": lambda seed: adjacent_sources(seed, 24, 4 + seed % 9),
    "substations": lambda seed: substations(seed, 30, 1 + seed % 3, seed % 9),
}


@pytest.mark.parametrize("family", list(FAMILIES))
def test_fast_always_gives_a_spanning_tree(family):
    for seed in range(125):
        problem = FAMILIES[family](seed)
        closed = forward(problem)
        assert closed.dtype == bool
        assert is_spanning_tree(problem, closed), (family, seed)


@pytest.mark.parametrize("family", list(FAMILIES))
def test_faithful_always_gives_a_spanning_tree(family):
    for seed in range(1000, 1010):
        problem = FAMILIES[family](seed)
        assert is_spanning_tree(problem, forward(problem, mode="faithful")), (family, seed)
