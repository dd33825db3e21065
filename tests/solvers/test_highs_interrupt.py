"""Ctrl-C in a user's own script ends HiGHS as Ctrl-C, not as a failure of the solver."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

# Twenty-five random equal splits at once: far too hard to be over before the signal comes.
_SCRIPT = """
import signal, threading
import numpy as np
from scipy.sparse import csr_array
from pygridjl.solvers.highs import HighsModel
from pygridjl.solvers.linear import LinearModel

rows = np.random.default_rng(0).integers(1, 100, (25, 60)).astype(float)
half = np.floor(rows.sum(axis=1) / 2)
model = HighsModel(
    LinearModel(
        cost=-np.ones(60),
        matrix=csr_array(rows),
        row_lower=half - 1.0,
        row_upper=half,
        col_lower=np.zeros(60),
        col_upper=np.ones(60),
        integer=np.ones(60, dtype=bool),
    )
)
# A shell's background job ignores Ctrl-C, and so would what it starts.
signal.signal(signal.SIGINT, signal.default_int_handler)
main = threading.main_thread().ident
threading.Timer(0.5, signal.pthread_kill, (main, signal.SIGINT)).start()
try:
    model.solve(time_limit=60.0)
except KeyboardInterrupt:
    print("stopped", signal.getsignal(signal.SIGINT) is signal.default_int_handler)
print(model.solve(time_limit=0.5).status.value)
"""


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_ctrl_c_reaches_the_caller_and_leaves_the_model_usable():
    run = subprocess.run(
        [sys.executable, "-c", _SCRIPT], capture_output=True, text=True, timeout=60, check=False
    )
    assert run.stderr == ""
    assert run.stdout.split() == ["stopped", "True", "time_limit"]
