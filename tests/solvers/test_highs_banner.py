"""A library call prints nothing, not even what HiGHS says when it is first made."""

from __future__ import annotations

import subprocess
import sys

import pytest

_CALLS = {
    "relax": (
        "pygridjl.relax(pygridjl.load_network('case9'), 'soc+loops+signs',"
        " options={'form': 'standard'}, search=False, time_limit=20)"
    ),
    "reconfigure": "pygridjl.reconfigure(pygridjl.load_network('case16ci'), 'highs')",
}


@pytest.mark.parametrize("call", _CALLS)
def test_first_use_in_a_process_is_silent(call):
    code = f"import sys, pygridjl; print('before'); {_CALLS[call]}; assert 'highspy' in sys.modules"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout == "before\n"
    assert ended.stderr == ""


def test_without_standard_output():
    code = "import os; os.close(1); import pygridjl.solvers.highs as h; h._instance()"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
