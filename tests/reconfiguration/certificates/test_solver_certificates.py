"""Certificates by HiGHS and SCIP on the linear model, against enumeration."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from reconfiguration.certificates.small_problems import least_loss, random_problem

from pygridjl.core.errors import InvalidOptionError
from pygridjl.core.result import Status
from pygridjl.reconfiguration.certificates import (
    cycle_branch_and_bound,
    highs_outer_approximation,
    scip_linear,
)

certificates = pytest.mark.parametrize("certificate", [highs_outer_approximation, scip_linear])

problems = st.builds(
    random_problem,
    st.integers(0, 2**32),
    n=st.integers(2, 6),
    extra=st.integers(0, 4),
    slacks=st.integers(1, 2),
    forced=st.booleans(),
    equal=st.booleans(),
)


@certificates
@settings(max_examples=40, deadline=None)
@given(problems)
def test_proves_the_enumerated_optimum(certificate, problem):
    best = least_loss(problem)
    answer = certificate(problem)
    assert answer.status is Status.OPTIMAL
    assert answer.objective == pytest.approx(best, rel=2e-6, abs=1e-9)
    assert answer.bound <= best * (1 + 1e-9) + 1e-9
    assert answer.incumbent[problem.forced].all()


@certificates
def test_balanced_problem(certificate):
    problem = random_problem(11, n=6, extra=4, kind="balanced")
    assert certificate(problem).objective == pytest.approx(least_loss(problem), rel=2e-6)


@certificates
@pytest.mark.parametrize("time_limit", [0.0, 0.05, 0.5])
def test_bound_holds_whenever_the_clock_stops(certificate, time_limit):
    problem = random_problem(3, n=60, extra=28)
    proof = cycle_branch_and_bound(problem)
    answer = certificate(problem, time_limit=time_limit)
    assert proof.status is Status.OPTIMAL
    assert answer.bound <= proof.objective * (1 + 1e-9)
    assert answer.objective >= proof.objective * (1 - 1e-9)
    assert problem.is_spanning_tree(answer.incumbent)
    assert answer.seconds < time_limit + 2


@certificates
def test_incumbent_is_used_and_checked(certificate):
    problem = random_problem(3, n=60, extra=28)
    best = cycle_branch_and_bound(problem).incumbent
    answer = certificate(problem, best, time_limit=0.0)
    np.testing.assert_array_equal(answer.incumbent, best)
    with pytest.raises(InvalidOptionError, match="spanning tree"):
        certificate(problem, np.ones(problem.m, dtype=bool))
