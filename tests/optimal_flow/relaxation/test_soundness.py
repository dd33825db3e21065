"""No bound above the best of many AC operating points, no infeasibility where one exists."""

from __future__ import annotations

import numpy as np
import pytest
from opf_networks import random_network

from pygridjl.core.result import Status
from pygridjl.optimal_flow.forms.acp import AcOpf
from pygridjl.optimal_flow.relaxation.solve import relax
from pygridjl.optimal_flow.solve import opf

STARTS = 20


def best_of_starts(network, seed):
    """Cost of the best operating point that a local search finds from many voltages."""
    program, rng, n = AcOpf(network), np.random.default_rng(seed), network.n_bus
    best = np.inf
    for start in range(STARTS):
        point = program.solve(start="flat" if start == 0 else "previous")
        if point.status is Status.FEASIBLE:
            best = min(best, point.objective)
        x = program._start("flat", network.load_p).copy()
        x[:n] = rng.uniform(-0.5, 0.5, n)
        x[n : 2 * n] = rng.uniform(0.9, 1.1, n)
        program._previous = x
    return best


def test_a_box_that_tightening_empties_is_a_proof():
    """The relaxation alone has a point here; no local search finds one of the AC equations."""
    network = random_network(44, buses=5, chords=2)
    assert best_of_starts(network, 44) == np.inf
    assert relax(network, "sdp+lnc+currents+minors").bound is not None
    answer = relax(network, "sdp+lnc+currents+minors+obbt")
    assert answer.status is Status.INFEASIBLE
    assert answer.bound is None
    assert opf(network, certify=True).status is Status.INFEASIBLE


@pytest.mark.parametrize(
    "seed", [*range(6), *(pytest.param(s, marks=pytest.mark.slow) for s in range(6, 500))]
)
def test_bounds_stay_below_every_operating_point(seed):
    network = random_network(
        seed,
        buses=3 + seed % 5,
        chords=seed % 4,
        units=1 + seed % 3,
        loaded=(0.5, 1.0, 1.5)[seed % 3],
        rated=seed % 2 == 0,
        angles=seed % 7 != 0,
        negative=seed % 5 == 0,
    )
    best = best_of_starts(network, seed)
    for method in ("soc+lnc", "qc", "sdp+lnc+currents+minors", "soc+loops"):
        answer = relax(network, method, search=False)
        if np.isfinite(best):
            assert answer.status is not Status.INFEASIBLE
            assert answer.bound <= best + 1e-6 * abs(best)
