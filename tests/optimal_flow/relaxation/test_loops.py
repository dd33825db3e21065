"""Loop constraints in every form: they run, hold nothing out, and say what the slides say."""

from __future__ import annotations

from itertools import pairwise
from typing import get_args

import numpy as np
import pytest
from opf_networks import random_network

from pygridjl.core.errors import InvalidOptionError
from pygridjl.core.result import Status
from pygridjl.graphs.cycles import Cycle
from pygridjl.grid.cases import get_case
from pygridjl.grid.network import Branches, Buses, Generators, Loads, Network
from pygridjl.optimal_flow.forms.acp import AcOpf
from pygridjl.optimal_flow.relaxation.loops.flower import separate_flowers
from pygridjl.optimal_flow.relaxation.loops.pieces import squares, triangles
from pygridjl.optimal_flow.relaxation.methods import LoopForm
from pygridjl.optimal_flow.relaxation.program import Program
from pygridjl.optimal_flow.relaxation.solve import relax
from pygridjl.optimal_flow.relaxation.state import Monomials


def rings():
    """Cycles of five, six and seven buses that share one bus."""
    ends, last = [], 0
    for size in (5, 6, 7):
        ring = [0, *range(last + 1, last + size), 0]
        ends += list(pairwise(ring))
        last += size - 1
    f, t = np.array(ends).T
    n, m = last + 1, len(ends)
    rng = np.random.default_rng(3)
    return Network(
        "rings",
        100.0,
        Buses([str(k) for k in range(n)], v_min=np.full(n, 0.94), v_max=np.full(n, 1.06)),
        Branches(
            np.arange(1, m + 1),
            f,
            t,
            rng.uniform(0.01, 0.05, m),
            rng.uniform(0.05, 0.2, m),
            angle_min=np.full(m, -np.pi / 6),
            angle_max=np.full(m, np.pi / 6),
        ),
        Generators(
            ["a", "b"],
            [0, 7],
            p_min=[0.0, 0.0],
            p_max=[3.0, 1.0],
            q_min=[-2.0, -1.0],
            q_max=[2.0, 1.0],
            slack=[True, False],
            cost=[[20.0, 2000.0, 0.0], [30.0, 1500.0, 0.0]],
        ),
        Loads([str(k) for k in range(1, n)], np.arange(1, n), np.full(n - 1, 0.1)),
    )


@pytest.mark.parametrize("form", get_args(LoopForm))
@pytest.mark.parametrize("network", [get_case("case14"), rings()], ids=lambda n: n.name)
def test_every_form_runs_and_does_not_move_the_cones(form, network):
    """The outcome on both networks: the second-order cone's optimum keeps all loop rows."""
    plain = relax(network, "soc")
    answer = relax(network, "soc+loops", options={"form": form})
    assert answer.bound <= answer.ac_objective * (1 + 1e-6)
    assert answer.objective == pytest.approx(plain.objective, rel=1e-4)


def test_lengths_of_the_cycles():
    assert sorted(relax(get_case("case14"), "soc").loop_lengths) == [3, 3, 3, 3, 3, 6, 6]
    assert sorted(relax(rings(), "soc").loop_lengths) == [5, 6, 7]


def test_tightened_loops_close_case14():
    answer = relax(get_case("case14"), "soc+loops+obbt", tolerance=5e-7)
    assert answer.proven
    assert answer.loop_error <= 1e-4


def test_signs_as_integers():
    network = get_case("case14")
    answer = relax(network, "soc+loops+signs", options={"form": "standard"}, time_limit=20)
    # Integers take points away, up to the gap of the search.
    assert answer.objective >= 8075.12 * (1 - 2e-4)
    assert answer.bound <= 8081.53
    with pytest.raises(InvalidOptionError, match="needs 'loops' before it"):
        relax(network, "soc+signs")


def test_jabr_equality_by_scip_is_exact_on_a_tree():
    """Lemma 1: with the equality a radial network needs nothing else."""
    trees = (random_network(s, buses=6, chords=0, units=2, angles=False) for s in range(20))
    radial = next(tree for tree in trees if AcOpf(tree).solve().status is Status.FEASIBLE)
    answer = relax(radial, "soc+equality", time_limit=30)
    assert answer.pair_error < 1e-4
    assert answer.exact
    assert answer.objective == pytest.approx(answer.ac_objective, rel=1e-3)
    with pytest.raises(InvalidOptionError, match="can follow soc"):
        relax(get_case("case14"), "sdp+equality")


@pytest.mark.parametrize("n", range(3, 10))
def test_pieces_share_artificial_branches_and_sum_to_the_cycle(n):
    cycle = Cycle(tuple(range(n)))
    for pieces, sizes in ((triangles(cycle), {3}), (squares(cycle), {3, 4})):
        assert {len(piece) for piece in pieces} <= sizes
        left: set[tuple[int, int]] = set()
        for piece in pieces:
            left ^= {(min(e), max(e)) for e in Cycle(piece).steps()}
        assert left == {(min(e), max(e)) for e in cycle.steps()}
    assert sum(len(p) == 3 for p in squares(cycle)) == n % 2


def test_flower_inequalities_are_valid_and_cut():
    """z_I = Π x over the cube's corners keeps all of them; (½, …) with z = ½, 0 does not."""
    factors = [(0, 1, 2), (0, 1), (1, 2, 3)]
    columns = [4, 5, 6]
    monomials = Monomials(factors, columns)
    program = Program()
    x = np.array([0.5, 0.5, 0.5, 0.5, 0.0, 0.5, 0.5])
    # z_012 + (1 − z_01) + (1 − x_2) ≥ 1 holds with equality at one half; above it is violated.
    x[2] = 0.9
    added = separate_flowers(program, monomials, x)
    assert added
    block = program.blocks[0]
    values, rhs = block.values(None)
    matrix = np.zeros((added, 7))
    matrix[block.rows, block.cols] = values
    assert (matrix @ x > rhs + 1e-6).all()
    for corner in range(16):
        point = np.array([(corner >> k) & 1 for k in range(4)], dtype=float)
        full = np.r_[point, [point[list(f)].prod() for f in factors]]
        assert (matrix @ full <= rhs + 1e-12).all()


def test_the_loop_measure_is_oriented():
    """At an operating point it is zero, however buses are numbered."""
    network = rings()
    point = AcOpf(network).solve()
    answer = relax(network, "sdp")
    assert answer.exact == (answer.loop_error < 1e-4)
    assert point.objective >= answer.bound - 1e-6 * point.objective
