"""Moment relaxations: the algebra, the reduction, the bounds against AC optima."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from scipy.sparse import csc_array

from pygridjl import get_case
from pygridjl.optimal_flow.forms.acp import AcOpf
from pygridjl.optimal_flow.linearisation.cliques import program_cliques
from pygridjl.optimal_flow.linearisation.elimination import without_equalities
from pygridjl.optimal_flow.linearisation.moments import moment_relaxation
from pygridjl.optimal_flow.linearisation.problem import with_ratings
from pygridjl.optimal_flow.linearisation.program import polynomial_program
from pygridjl.optimal_flow.linearisation.relaxation import relax_moments
from pygridjl.scenarios import two_factor_loads
from pygridjl.solvers.conic import Cone, ConicModel, solve_conic
from pygridjl.solvers.sdpa import solve_sdpa

needs_sdpa = pytest.mark.skipif(shutil.which("sdpa") is None, reason="SDPA is not installed")


@pytest.fixture(scope="module")
def case9():
    network = with_ratings(get_case("case9"), 120.0)
    return network, two_factor_loads(network).draw(200, 0)


def states(network, draws, count):
    """Draws with their AC optima: voltages, scaled powers and parameters of the program."""
    program = polynomial_program(network, draws)
    opf = AcOpf(network)
    for demand, u in zip(draws.demand[:count], program.parameters.values, strict=False):
        point = opf.solve((demand.real.copy(), demand.imag.copy()))
        voltage = point.vm * np.exp(1j * point.va)
        unit = network.generators
        p = (point.pg - (unit.p_min + unit.p_max) / 2) / ((unit.p_max - unit.p_min) / 2)
        q = (point.qg - (unit.q_min + unit.q_max) / 2) / ((unit.q_max - unit.q_min) / 2)
        yield program, point, np.concatenate([[1.0], voltage, voltage.conj(), p, q, u])


def at(polynomial, x):
    return complex(polynomial.coefficients @ x[polynomial.rows].prod(axis=1))


def test_the_polynomials_are_those_of_the_ac_model(case9):
    network, draws = case9
    for program, point, x in states(network, draws, 3):
        assert at(program.objective, x) == pytest.approx(point.objective)
        for equality in program.equalities:
            assert abs(at(equality, x)) < 1e-6
        for inequality in program.inequalities:
            assert at(inequality, x).real > -1e-6
        sizes = np.hypot(point.flows[[0, 2]], point.flows[[1, 3]]).ravel()
        found = [abs(at(flow.power, x)) for flow in program.flows]
        assert found == pytest.approx(sizes, abs=1e-9)


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("grouping", ["network", "constraints"])
def test_the_moments_of_ac_optima_satisfy_every_row(case9, order, grouping):
    """The moments of a true measure lie in every cone: the relaxation cuts nothing off."""
    network, _ = case9
    draws = two_factor_loads(network).draw(6, 1)
    xs = [x for _, _, x in states(network, draws, 6)]
    program = polynomial_program(network, draws)
    relaxation = moment_relaxation(program, program_cliques(program, grouping), order)
    table = relaxation.table
    rows = program.variables.rows(table.keys, 2 * order)
    mean = np.mean([x[rows].prod(axis=1) for x in xs], axis=0)
    y = table.solution(mean)
    slack = relaxation.model.rhs - relaxation.model.matrix @ y
    cost = relaxation.model.cost @ y + relaxation.offset
    assert cost == pytest.approx(np.mean([at(program.objective, x).real for x in xs]))
    begin = 0
    for cone in relaxation.model.cones:
        part = slack[begin : begin + cone.rows]
        begin += cone.rows
        if cone.kind == "zero":
            assert abs(part).max() < 1e-5
        elif cone.kind == "nonnegative":
            assert part.min() > -1e-6
        elif cone.kind == "second_order":
            assert part[0] - np.linalg.norm(part[1:]) > -1e-6
        else:
            matrix = np.zeros((cone.size, cone.size))
            upper = np.triu_indices(cone.size)
            column_wise = np.lexsort((upper[0], upper[1]))
            i, j = upper[0][column_wise], upper[1][column_wise]
            matrix[i, j] = matrix[j, i] = part / np.where(i == j, 1.0, np.sqrt(2.0))
            assert np.linalg.eigvalsh(matrix).min() > -1e-6


def test_groups_have_the_running_intersection_property(case9):
    network, draws = case9
    program = polynomial_program(network, draws)
    for grouping in ("network", "constraints"):
        groups = [set(g.tolist()) for g in program_cliques(program, grouping)]
        # A maximum spanning tree of the overlaps is a clique tree exactly if it exists.
        import networkx as nx

        graph = nx.Graph()
        graph.add_nodes_from(range(len(groups)))
        for a in range(len(groups)):
            for b in range(a):
                graph.add_edge(a, b, weight=len(groups[a] & groups[b]))
        tree = nx.maximum_spanning_tree(graph)
        for variable in set.union(*groups):
            holders = [k for k, g in enumerate(groups) if variable in g]
            assert nx.is_connected(tree.subgraph(holders))


def test_order_2_is_at_least_order_1_and_at_most_the_ac_cost(case9):
    network, draws = case9
    opf = AcOpf(network)
    costs = [
        opf.solve((d.real.copy(), d.imag.copy()), start="previous").objective for d in draws.demand
    ]
    first = relax_moments(network, draws, 1, engine="clarabel")
    second = relax_moments(network, draws, 2, engine="clarabel")
    assert first.bound <= second.bound + 1e-3
    assert second.bound <= np.mean(costs)
    # The order-2 relaxation is nearly exact here, order 1 sees the mean load only.
    assert second.bound >= np.mean(costs) * (1 - 1e-3)
    mean = opf.solve((draws.mean.real.copy(), draws.mean.imag.copy())).objective
    assert first.bound == pytest.approx(mean, rel=1e-5)
    assert second.eigenvalue_ratio < 1e-3


@pytest.mark.parametrize("held", [False, True])
def test_order_2_is_tight_where_ratings_bind_in_some_draws_only(held):
    """A limit on mean squares of flows alone would let heavy draws pay for light ones."""
    network = get_case("case5pjm")
    if held:
        low, high = network.buses.v_min.copy(), network.buses.v_max.copy()
        low[network.slack_buses] = high[network.slack_buses] = 1.0
        network = network.replace(buses=network.buses.replace(v_min=low, v_max=high))
    draws = two_factor_loads(network, mean=1.0, low=0.9, high=1.1).draw(60, 0)
    opf = AcOpf(network)
    costs = [
        opf.solve((d.real.copy(), d.imag.copy()), start="previous").objective for d in draws.demand
    ]
    found = relax_moments(network, draws, 2, engine="clarabel")
    assert np.mean(costs) * (1 - 2e-4) <= found.bound <= np.mean(costs)
    assert found.value - found.bound <= 1e-4 * found.value


def test_no_matrix_is_singular_because_an_equality_lies_in_its_basis(case9):
    """Every balance of a dense relaxation is a null vector of its matrix of charge 0."""
    network, draws = case9
    program = polynomial_program(network, draws)
    blocks = moment_relaxation(program, program_cliques(program, "dense"), 2).blocks
    n, real = network.n_bus, program.variables.base - 1 - 2 * network.n_bus
    monomials = 1 + real + real * (real + 1) // 2 + n**2
    assert monomials - 2 * n in blocks
    assert monomials not in blocks


def test_order_2_needs_no_ratings():
    network = get_case("case9")
    free = np.full(network.n_branch, np.inf)
    network = network.replace(branches=replace(network.branches, rating=free))
    draws = two_factor_loads(network).draw(20, 0)
    opf = AcOpf(network)
    costs = [opf.solve((d.real.copy(), d.imag.copy())).objective for d in draws.demand]
    bound = relax_moments(network, draws, 2, engine="clarabel").bound
    assert np.mean(costs) * (1 - 1e-2) <= bound <= np.mean(costs)


def test_dense_and_sparse_order_1_have_the_same_bound(case9):
    network, draws = case9
    sparse = relax_moments(network, draws, 1, engine="clarabel")
    dense = relax_moments(network, draws, 1, grouping="dense", engine="clarabel")
    assert dense.bound == pytest.approx(sparse.bound, rel=1e-5)


def test_mean_voltages_have_a_real_slack(case9):
    network, draws = case9
    found = relax_moments(network, draws, 2, engine="clarabel")
    assert abs(found.voltage[network.slack_buses].imag).max() < 1e-12
    point = AcOpf(network).solve((draws.mean.real.copy(), draws.mean.imag.copy()))
    assert found.voltage == pytest.approx(point.vm * np.exp(1j * point.va), abs=0.01)


@needs_sdpa
def test_sdpa_agrees_with_clarabel(case9):
    network, draws = case9
    ours = relax_moments(network, draws, 2, engine="clarabel")
    theirs = relax_moments(network, draws, 2, engine="sdpa")
    assert theirs.engine == "sdpa"
    assert theirs.bound == pytest.approx(ours.bound, rel=2e-4)


@needs_sdpa
def test_sdpa_solves_every_kind_of_cone():
    """Minimise t with (t, 3, 4) in a cone, x ≥ 2 and [[1, y], [y, z]] ⪰ 0 with y ≥ 3: z ≥ 9."""
    matrix = -np.array(
        [
            [0, 1, 0, 0],
            [0, 0, 1, 0],
            [1, 0, 0, 0],
            [0, 0, 0, 0],
            [0, 0, 0, 0],
            [0, 0, 0, 0],
            [0, 0, np.sqrt(2), 0],
            [0, 0, 0, 1],
        ],
        dtype=float,
    )
    rhs = np.array([-2.0, -3.0, 0.0, 3.0, 4.0, 1.0, 0.0, 0.0])
    cones = [Cone("nonnegative", 2), Cone("second_order", 3), Cone("psd_triangle", 2)]
    model = ConicModel(np.ones(4), csc_array(matrix), rhs, cones)
    theirs, ours = solve_sdpa(model), solve_conic(model)
    assert theirs.x == pytest.approx([5.0, 2.0, 3.0, 9.0], rel=1e-5)
    assert theirs.z == pytest.approx(ours.z, abs=1e-3)
    assert theirs.dual_objective == pytest.approx(19.0, rel=1e-5)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_a_reduced_program_has_the_same_optimum(seed):
    rng = np.random.default_rng(seed)
    n, m = 6, 4
    equal = rng.integers(-2, 3, (m, n)).astype(float)
    equal[-1] = equal[0] - 2 * equal[1]
    inside = rng.random(n)
    box = np.vstack([np.eye(n), -np.eye(n)])
    matrix = csc_array(np.vstack([equal, box]))
    rhs = np.concatenate([equal @ inside, np.full(2 * n, 2.0)])
    whole = ConicModel(
        rng.standard_normal(n), matrix, rhs, [Cone("zero", m), Cone("nonnegative", 2 * n)]
    )
    reduced = without_equalities(whole)
    assert reduced.contradiction < 1e-9
    assert reduced.model.cost.size == n - np.linalg.matrix_rank(equal)
    small, large = solve_conic(reduced.model), solve_conic(whole)
    assert small.objective + reduced.offset == pytest.approx(large.objective, abs=1e-5)
    y = reduced.base + reduced.basis @ small.x
    assert abs(equal @ y - equal @ inside).max() < 1e-7


def test_multipliers_of_the_original_program_do_not_move_what_was_solved_for():
    # Two equalities, the second with a copy of itself: the multipliers make the slope vanish.
    rng = np.random.default_rng(3)
    equal = rng.normal(size=(2, 5))
    equal = np.vstack([equal, equal[1]])
    less = rng.normal(size=(4, 5))
    model = ConicModel(
        cost=rng.normal(size=5),
        matrix=csc_array(np.vstack([equal, less])),
        rhs=np.concatenate([[1.0, 2.0, 2.0], np.ones(4)]),
        cones=(Cone("zero", 3), Cone("nonnegative", 4)),
    )
    reduced = without_equalities(model)
    z = rng.uniform(size=4)
    full = reduced.multipliers(model, z)
    slope = model.cost + model.matrix.T @ full
    assert slope[reduced.solved] == pytest.approx(0.0, abs=1e-12)
    assert slope[reduced.free] == pytest.approx(reduced.model.cost + reduced.model.matrix.T @ z)
    # The two Lagrangians are the same function: their constants agree as well.
    assert -model.rhs @ full == pytest.approx(reduced.offset - reduced.model.rhs @ z)
