"""CVaR against its definition as a linear program and every decision tried."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from scipy.optimize import linprog
from siting_toys import QuadraticStage, all_decisions, toy_problem, toy_scenarios

from pygridjl.core.errors import InvalidOptionError, InvalidPlanningError
from pygridjl.core.result import Status
from pygridjl.siting.methods.benders import benders
from pygridjl.siting.registry import BendersOptions
from pygridjl.siting.risk import Risk
from pygridjl.siting.second_stage.protocol import expected_value
from pygridjl.siting.solve import site


def by_definition(risk, probability, value):
    """min over t of t + E max(0, value − t) / (1 − level), Rockafellar and Uryasev."""
    n = value.size
    cost = np.concatenate([[1.0], probability / (1 - risk.level)])
    # value − t ≤ z with z ≥ 0.
    rows = np.hstack([-np.ones((n, 1)), -np.eye(n)])
    found = linprog(cost, rows, -value, bounds=[(None, None)] + [(0, None)] * n)
    assert found.status == 0
    return (1 - risk.share) * float(probability @ value) + risk.share * found.fun


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.floats(0.05, 1.0), st.sampled_from([0.0, 0.5, 0.9, 0.95]))
def test_weights_give_the_value_of_the_definition(seed, share, level):
    rng = np.random.default_rng(seed)
    p = rng.uniform(0.1, 1.0, 9)
    p, value, risk = p / p.sum(), rng.integers(0, 6, 9) * 1.5, Risk(share, level)
    weight = risk.weights(p, value)
    assert weight.sum() == pytest.approx(1.0)
    assert weight @ value == pytest.approx(by_definition(risk, p, value))


@pytest.mark.parametrize("seed", range(4))
def test_benders_finds_the_best_of_all_decisions(seed):
    problem = toy_problem(3, cvar_share=0.6, cvar_level=0.7)
    stage = QuadraticStage(problem, toy_scenarios(6, 4, seed), seed)
    p = stage.scenarios.probability
    values = [
        by_definition(problem.risk, p, stage.evaluate(units).value)
        for units in all_decisions(problem)
    ]
    result = benders(problem, stage.scenarios, stage, BendersOptions(gap=1e-6))
    assert result.status is Status.OPTIMAL
    assert result.objective == pytest.approx(min(values), rel=1.1e-6)
    assert result.bound <= min(values) * (1 + 1e-9)
    assert "CVaR over the worst 30 %" in result.summary()
    # It is another problem than that of the expectation.
    mean = expected_value(stage.scenarios, stage.evaluate(result.units)).value
    assert result.objective > mean


def test_methods_that_only_know_the_expectation_refuse():
    problem = toy_problem(3, cvar_share=0.5)
    for method in ("spar", "extensive"):
        with pytest.raises(InvalidOptionError, match="expectation only"):
            site(problem, toy_scenarios(4, 4), method=method)
    with pytest.raises(InvalidOptionError, match="multi_cut"):
        site(problem, toy_scenarios(4, 4), method="benders", options={"multi_cut": True})
    for options, text in (({"cvar_share": 2.0}, "cvar_share"), ({"cvar_level": 0.9}, "no effect"),
                          ({"cvar_share": 0.5, "cvar_level": 1.0}, "below 1")):  # fmt: skip
        with pytest.raises(InvalidPlanningError, match=text):
            site(toy_problem(3, **options), toy_scenarios(4, 4), method="greedy")
