from __future__ import annotations

import subprocess
import sys

# A caller's own model, with all threads or a number of them, around ours with one.
_SCRIPT = """
import highspy, numpy as np
from scipy.sparse import csr_array
from pygridjl.solvers.highs import HighsModel
from pygridjl.solvers.linear import LinearModel

def of_caller(threads):
    model = highspy.Highs()
    model.setOptionValue("output_flag", False)
    if threads:
        model.setOptionValue("threads", threads)
    model.addVar(0, 4)
    model.changeColCost(0, -1.0)
    model.changeColIntegrality(0, highspy.HighsVarType.kInteger)
    model.addRow(-highspy.kHighsInf, 7.0, 1, np.zeros(1, dtype=np.int32), np.array([2.0]))
    return model

def of_ours():
    one = np.ones(2)
    return HighsModel(LinearModel(
        cost=-one, matrix=csr_array([[2.0, 3.0]]), row_lower=np.array([-np.inf]),
        row_upper=np.array([6.5]), col_lower=0 * one, col_upper=9 * one,
        integer=np.array([True, True])))

ok = highspy.HighsStatus.kOk
first, second = of_caller(None), of_caller(2)
ours = None
for caller in (first, second, first, second):
    highspy.Highs.resetGlobalScheduler(True)
    assert caller.run() == ok, "caller before"
    ours = ours or of_ours()
    assert ours.solve().objective == -3.0
    assert caller.run() == ok, "caller after"
    assert caller.getInfo().objective_function_value == -3.0
    assert ours.solve().objective == -3.0
print("done", end="")
"""


def test_callers_of_highs_with_other_threads_and_ours_do_not_meet():
    done = subprocess.run(
        [sys.executable, "-c", _SCRIPT], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("done")
