"""Plain and compiled kernels give the same reconfiguration."""

from __future__ import annotations

import pytest

import pygridjl
from pygridjl.core.jit import kernels_run


@pytest.mark.slow
@pytest.mark.parametrize("case", ["case16ci", "case33bw", "case70da"])
def test_plain_and_compiled_kernels_find_and_prove_the_same(case):
    network = pygridjl.load_network(case)
    answers = []
    for form in ("plain", "compiled"):
        with kernels_run(form):
            answers.append(pygridjl.reconfigure(network, "forward+exchange", certify=True))
    plain, compiled = answers
    assert plain.open_branches == compiled.open_branches
    assert plain.status is compiled.status
    for name in ("objective", "bound", "loss_kw"):
        assert getattr(plain, name) == pytest.approx(getattr(compiled, name), rel=1e-9)
