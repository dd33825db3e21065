"""Pieces of a program: weaker than the whole, never wrong, and as tight with all columns."""

from __future__ import annotations

import numpy as np
import pytest
from opf_networks import random_network
from scipy.sparse import csc_array, vstack

from pygridjl.core.result import Status
from pygridjl.grid.cases import get_case
from pygridjl.optimal_flow.forms.acp import AcOpf
from pygridjl.optimal_flow.relaxation.methods import TightenOptions
from pygridjl.optimal_flow.relaxation.root import solve_root
from pygridjl.optimal_flow.relaxation.starts import sdp
from pygridjl.optimal_flow.relaxation.state import Run
from pygridjl.optimal_flow.relaxation.steps import lifted_nonlinear, minors
from pygridjl.optimal_flow.relaxation.tighten import rounds
from pygridjl.optimal_flow.relaxation.tighten.pieces import Pieces, Prices
from pygridjl.solvers.conic import Cone, ConicModel, ConicSolver


def strongest(network):
    relaxation = sdp(network, None)
    lifted_nonlinear(relaxation, None)
    minors(relaxation, None)
    return relaxation


def least(piece, columns, factors):
    cost = np.zeros(piece.columns.size)
    cost[piece.at(columns)] = factors
    model = piece.model
    answer = ConicSolver(ConicModel(cost, model.matrix, model.rhs, model.cones)).solve()
    return answer.objective, piece.evaluate(cost, answer.z)


@pytest.mark.parametrize("name", ["case9", "case14", "case30"])
def test_wider_pieces_say_more_and_no_piece_says_too_much(name):
    network = get_case(name)
    relaxation = strongest(network)
    compiled = relaxation.compile()
    root = solve_root(compiled, relaxation.box)
    cut_off = 1.01 * AcOpf(network).solve().objective
    pieces = Pieces(compiled, Prices(root.x, root.z, cut_off))
    program = relaxation.program
    start = np.concatenate([program["c"][[0]], program["s"][[0]]])
    sizes, values = [], []
    for hops in (1, 2, 1000):
        piece = pieces.cut(relaxation.box, pieces.grown(start, hops))
        value, bound = least(piece, start[1:], [1.0])
        assert bound <= value + 1e-6
        sizes.append(piece.columns.size)
        values.append(value)
    assert sizes == sorted(sizes)
    assert sizes[-1] == program.n_col
    assert values[0] <= values[1] + 1e-5
    assert values[1] <= values[2] + 1e-5
    # With all columns it is the program with its cost at most the cut-off.
    slope, level = program.cost + program.curvature * root.x, cut_off - program.constant
    whole = compiled.model(compiled.numbers(relaxation.box))
    scale = abs(slope).max()
    cost = np.zeros(program.n_col)
    cost[start[1]] = 1.0
    level += 0.5 * float(program.curvature @ root.x**2)
    answer = ConicSolver(
        ConicModel(
            cost,
            csc_array(vstack([whole.matrix, csc_array(slope[None, :] / scale)])),
            np.r_[whole.rhs, level / scale],
            [*whole.cones, Cone("nonnegative", 1)],
        )
    ).solve()
    # Clarabel ends a little early on 30 buses.
    assert values[2] == pytest.approx(answer.objective, abs=1e-4)


@pytest.mark.parametrize(
    "network",
    [
        get_case("case14"),
        get_case("case30"),
        *(random_network(seed, buses=7, chords=4, negative=seed % 2 == 0) for seed in range(6)),
    ],
    ids=lambda network: network.name,
)
def test_points_below_the_cut_off_stay_in_the_box(network, monkeypatch):
    # Small pieces, as large networks have them.
    monkeypatch.setattr(rounds, "SMALL", 0)
    point = AcOpf(network).solve()
    if point.status is not Status.FEASIBLE:
        pytest.skip("no operating point")
    relaxation = strongest(network)
    before = relaxation.box.copy()
    root = solve_root(relaxation.compile(), relaxation.box)
    run = Run(0.0, np.inf, 1.002 * point.objective, 1e-4)
    rounds.bound_tightening(relaxation, TightenOptions(max_rounds=2, n_jobs=1), run, root)
    box, lifted = relaxation.box, relaxation.lifted
    tight = 1e-6
    assert (box.v[0] <= point.vm + tight).all()
    assert (point.vm <= box.v[1] + tight).all()
    angle = point.va[lifted.i] - point.va[lifted.j]
    assert (box.angle[0] <= angle + tight).all()
    assert (angle <= box.angle[1] + tight).all()
    size = point.vm[lifted.i] * point.vm[lifted.j]
    for held, value in ((box.c, size * np.cos(angle)), (box.s, size * np.sin(angle))):
        assert (held[0] <= value + tight).all()
        assert (value <= held[1] + tight).all()
    assert (box.v[1] - box.v[0]).sum() < (before.v[1] - before.v[0]).sum()
