"""The SCIP helper on problems with answers by hand."""

import numpy as np
import pytest
from pyscipopt import SCIP_STAGE
from scipy.sparse import csr_array

from pygridjl.core.errors import SolverError
from pygridjl.solvers.scip import ScipModel
from pygridjl.solvers.status import SolverStatus

INF = np.inf


def model(cost, upper, binary=None):
    n = len(cost)
    marks = np.zeros(n, dtype=bool) if binary is None else np.array(binary)
    return ScipModel(np.array(cost, float), np.zeros(n), np.array(upper, float), marks)


def test_rotated_cone_with_a_switch():
    # x ≥ 3, x² ≤ t z, z binary costs 5: z = 1, t = 9.
    scip = model([0, 1, 5], [INF, INF, 1], [False, False, True])
    scip.add_rows(csr_array([[1.0, 0, 0]]), np.array([3.0]), np.array([INF]))
    scip.add_cone((0,), 1, 2)
    answer = scip.solve(time_limit=60, gap=0.0)
    assert answer.status is SolverStatus.OPTIMAL
    assert answer.bound == pytest.approx(14, rel=1e-5)
    assert answer.x == pytest.approx([3, 9, 1], rel=1e-4)


def test_ball_and_ranged_row():
    # max x + y on x² + y² ≤ 2 with 0.5 ≤ x − y ≤ 9: boundary at x − y = 0.5.
    scip = model([-1, -1], [INF, INF])
    scip.add_ball((0, 1), np.sqrt(2.0))
    scip.add_rows(csr_array([[1.0, -1.0]]), np.array([0.5]), np.array([9.0]))
    answer = scip.solve(time_limit=60, gap=0.0)
    assert answer.bound == pytest.approx(-np.sqrt(2 * 2.0 - 0.25), rel=1e-5)


@pytest.mark.parametrize("start", [[1.0, 1.0], [0.0, 0.0]])
def test_start_does_not_decide(start):
    scip = model([1, 1], [1, 1], [True, True])
    scip.add_rows(csr_array([[1.0, 1.0]]), np.array([1.0]), np.array([INF]))
    scip.set_start(np.array(start))
    answer = scip.solve(time_limit=60, gap=0.0)
    assert answer.x.sum() == pytest.approx(1)
    assert answer.bound == pytest.approx(1)


def test_infeasible():
    scip = model([1], [1])
    scip.add_rows(csr_array([[1.0]]), np.array([2.0]), np.array([INF]))
    answer = scip.solve(time_limit=60, gap=0.0)
    assert answer.status is SolverStatus.INFEASIBLE
    assert answer.bound == INF
    assert answer.x is None


def test_nan_is_refused_by_name():
    with pytest.raises(SolverError, match=r"cost\[1\] is NaN"):
        model([1, np.nan], [1, 1])
    scip = model([1, 1], [1, 1])
    with pytest.raises(SolverError, match=r"row_upper\[0\] is NaN"):
        scip.add_rows(csr_array([[1.0, 0.0]]), np.zeros(1), np.array([np.nan]))


class SettingUp:
    """A SCIP that sets its search up when it is asked for its stage, and refuses meanwhile."""

    def __init__(self, stages):
        self.stages, self.refused, self.interrupted = iter(stages), 0, False

    def getStage(self):
        self.stage = next(self.stages)
        return self.stage[0]

    def interruptSolve(self):
        if self.stage[1] == INITSOLVE:
            self.refused += 1
            raise Exception("SCIP: method cannot be called at this time in solution process!")
        self.interrupted = True


INITSOLVE, SOLVING = int(SCIP_STAGE.INITSOLVE), int(SCIP_STAGE.SOLVING)


def test_a_request_to_end_waits_until_the_search_is_set_up():
    scip = model([1], [1])
    # Stage as read, and as it is a moment later when the call arrives.
    scip.model = SettingUp([(INITSOLVE, INITSOLVE), (7, INITSOLVE), (SOLVING, SOLVING)])
    scip._interrupt()
    assert scip.model.refused == 1
    assert scip.model.interrupted


def test_time_is_kept_for_what_scip_does_without_looking_at_its_clock(monkeypatch):
    clock = iter([0.0, 7.0])
    monkeypatch.setattr("pygridjl.solvers.scip.working_time", lambda: next(clock))
    scip = model([1, 1], [1, 1], [True, True])
    scip.add_rows(csr_array([[1.0, 1.0]]), np.array([1.0]), np.array([INF]))
    # Seven seconds to build it.
    late = scip.solve(time_limit=6.9, gap=0.0)
    assert (late.status, late.x, late.bound) == (SolverStatus.TIME_LIMIT, None, -INF)
    assert scip.solve(time_limit=30.0, gap=0.0).status is SolverStatus.OPTIMAL
    assert scip.model.getParam("limits/time") == pytest.approx(23.0)
