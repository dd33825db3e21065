"""Relaxations against published values, operating points and each other."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import get_args

import numpy as np
import pytest
from click.testing import CliRunner
from opf_networks import random_network

from pygridjl import opf
from pygridjl.cli.relax import command
from pygridjl.core.errors import InvalidNetworkError, InvalidOptionError
from pygridjl.core.result import Status
from pygridjl.grid.cases import get_case
from pygridjl.optimal_flow.forms.acp import AcOpf
from pygridjl.optimal_flow.relaxation import solve
from pygridjl.optimal_flow.relaxation.cuts.currents import add_current_limits
from pygridjl.optimal_flow.relaxation.measures import cycle_basis, is_exact, loop_errors, recover
from pygridjl.optimal_flow.relaxation.methods import METHODS, LoopForm
from pygridjl.optimal_flow.relaxation.root import solve_root
from pygridjl.optimal_flow.relaxation.safe_bound import bound_evaluator
from pygridjl.optimal_flow.relaxation.solve import relax
from pygridjl.optimal_flow.relaxation.starts import sdp, soc
from pygridjl.optimal_flow.relaxation.steps import artificial_pairs
from pygridjl.solvers.conic import ConicSolver
from pygridjl.solvers.status import SolverStatus

FORMS = [f"soc+loops:{form}" for form in get_args(LoopForm)]
METHODS_AT_ROOT = [
    "no-jabr",
    "soc",
    "soc+lnc",
    "qc",
    "qc+lnc",
    "sdp",
    "sdp+currents",
    "sdp+lnc+currents+minors",
]


# PowerModels (its SOC, QC and sparse SDP forms, Clarabel and Ipopt) on MATPOWER's case.
def test_published_values_of_case14():
    network = get_case("case14")
    assert relax(network, "soc").objective == pytest.approx(8075.1218, rel=1e-5)
    assert relax(network, "sdp").objective == pytest.approx(8081.5247, rel=1e-5)
    qc = relax(network, "qc").objective
    assert qc == pytest.approx(8075.1231, rel=1e-5)


@pytest.mark.parametrize("name", ["case9", "case14", "case30"])
def test_bounds_are_ordered(name):
    network = get_case(name)
    answers = {m: relax(network, m) for m in METHODS_AT_ROOT}
    for answer in answers.values():
        assert answer.bound <= answer.ac_objective * (1 + 1e-6)
        assert answer.status in (Status.OPTIMAL, Status.FEASIBLE)
    slack = 1e-4 * answers["soc"].ac_objective
    assert answers["no-jabr"].bound <= answers["soc"].bound + slack
    assert answers["soc"].bound <= answers["soc+lnc"].bound + slack
    assert answers["soc"].bound <= answers["qc"].bound + slack
    assert answers["soc"].bound <= answers["sdp"].bound + slack
    assert answers["sdp"].bound <= answers["sdp+lnc+currents+minors"].bound + slack


@pytest.mark.parametrize("method", [*METHODS_AT_ROOT, *FORMS])
@pytest.mark.parametrize("seed", range(6))
def test_operating_points_keep_every_row(method, seed):
    """The local optimum, its products fixed, is a point of the relaxation."""
    method, _, form = method.partition(":")
    network = random_network(seed, buses=6, chords=3, units=2, negative=seed % 2 == 0)
    point = AcOpf(network).solve()
    if point.status is not Status.FEASIBLE:
        pytest.skip("no operating point to try")
    chain = METHODS.parse(method)
    chosen = METHODS.options_of(chain, {"form": form} if form else {})
    relaxation = chain.start.load()(network, artificial_pairs(network, chosen))
    for step, own in zip(chain.steps, chosen[1:], strict=True):
        step.load()(relaxation, own)
    lifted, program = relaxation.lifted, relaxation.program
    product = point.vm[lifted.i] * point.vm[lifted.j]
    angle = point.va[lifted.i] - point.va[lifted.j]
    values = {
        "w": point.vm**2,
        "c": product * np.cos(angle),
        "s": product * np.sin(angle),
        "p": point.pg[lifted.units],
        "q": point.qg[lifted.units],
    }
    compiled = relaxation.compile()
    numbers = compiled.numbers(relaxation.box)
    low, high = numbers.bounds.copy()
    for name, value in values.items():
        place = program[name]
        assert (value >= low[place] - 1e-6).all()
        assert (value <= high[place] + 1e-6).all()
        low[place], high[place] = value - 1e-6, value + 1e-6
    rhs = numbers.rhs.copy()
    bounded = np.concatenate([np.flatnonzero(np.isfinite(high)), np.flatnonzero(np.isfinite(low))])
    count = int(np.isfinite(high).sum())
    rhs[compiled.n_row :] = np.r_[high[bounded[:count]], -low[bounded[count:]]]
    model = compiled.model(numbers)
    solver = ConicSolver(model)
    solver.set_rhs(rhs)
    solver.set_cost(np.zeros(model.cost.size))
    assert solver.solve().status is not SolverStatus.INFEASIBLE


def test_any_dual_point_gives_a_bound():
    """Even random multipliers: the Lagrangian needs no solver."""
    network = get_case("case9")
    relaxation = sdp(network, None)
    compiled = relaxation.compile()
    evaluate = bound_evaluator(compiled, compiled.numbers(relaxation.box))
    program = relaxation.program
    optimum = solve_root(compiled, relaxation.box)
    rng = np.random.default_rng(1)
    for size in (0.0, 1e-3, 1.0, 100.0):
        z = optimum.z + size * rng.normal(size=optimum.z.size)
        bound = evaluate(program.cost, z, program.curvature) + program.constant
        assert bound <= 5296.686 + 1e-3
    assert evaluate(program.cost, np.full(optimum.z.size, np.nan), program.curvature) == -np.inf


@pytest.mark.parametrize("seed", range(4))
def test_trees_are_exact_where_generation_is_dear(seed):
    """Lemma 1: on a radial network Jabr's equality is enough, and recovery finds the angles."""
    network = random_network(seed, buses=6, chords=0, units=1, angles=False)
    answer = relax(network, "soc")
    if answer.pair_error is None or answer.pair_error > 1e-5:
        pytest.skip("the cone is not tight here")
    assert answer.exact
    assert answer.gap == pytest.approx(0, abs=1e-5)
    ac = AcOpf(network).solve()
    assert answer.vm == pytest.approx(ac.vm, abs=1e-3)


def test_loop_errors_vanish_at_an_operating_point():
    network = get_case("case14")
    point = AcOpf(network).solve()
    lifted = soc(network, None).lifted
    product = point.vm[lifted.i] * point.vm[lifted.j]
    angle = point.va[lifted.i] - point.va[lifted.j]
    lifted_point = point.vm**2, product * np.cos(angle), product * np.sin(angle)
    cycles = cycle_basis(network)
    errors = loop_errors(lifted, cycles, *lifted_point)
    assert sorted(errors.lengths) == [3, 3, 3, 3, 3, 6, 6]
    assert errors.complex_norm < 1e-12
    assert is_exact(lifted, cycles, lifted_point)
    vm, va = recover(lifted, *lifted_point)
    assert vm == pytest.approx(point.vm)
    assert va == pytest.approx(point.va, abs=1e-9)


def test_infeasible_demand_is_proven():
    network = get_case("case9")
    heavy = network.replace(loads=network.loads.replace(p=20 * network.loads.p))
    answer = relax(heavy, "soc")
    assert answer.status is Status.INFEASIBLE
    assert answer.bound is None
    assert answer.objective is None


@pytest.mark.parametrize("method", ["soc", "qc", "sdp", "sdp+lnc+currents+minors+obbt"])
def test_angles_that_cannot_add_up_to_zero_are_proven_so(method):
    """Three differences of at least 0.1 rad around a ring."""
    network = random_network(3, buses=3, chords=1, rated=False, loaded=0.1)
    branch = network.branches
    assert list(zip(branch.from_bus, branch.to_bus, strict=True)) == [(0, 1), (1, 2), (2, 0)]
    ring = branch.replace(
        shift=np.zeros(3), angle_min=np.full(3, 0.1), angle_max=np.full(3, 0.3), tap=np.ones(3)
    )
    assert relax(network.replace(branches=ring), method).status is Status.INFEASIBLE


def test_piecewise_costs():
    network = get_case("case9")
    unit = network.generators
    quadratic = unit.cost
    grid = np.linspace(0, 1, 9)
    p = unit.p_min[:, None] + grid * (unit.p_max - unit.p_min)[:, None]
    cost = quadratic[:, :1] * p**2 + quadratic[:, 1:2] * p + quadratic[:, 2:]
    pieces = unit.replace(cost=np.zeros((3, 3)), cost_points=np.stack([p, cost], axis=2))
    answer = relax(network.replace(generators=pieces), "sdp")
    assert answer.gap == pytest.approx(0, abs=1e-4)
    # The chords of a convex function are above it.
    assert 5296.0 < answer.bound < 5400


def test_bad_input_is_named_before_a_solver_starts():
    network = get_case("case9")
    bus, unit = network.buses, network.generators
    with pytest.raises(InvalidNetworkError, match="v_max"):
        relax(network.replace(buses=bus.replace(v_max=np.inf)))
    with pytest.raises(InvalidNetworkError, match="convex"):
        relax(network.replace(generators=unit.replace(cost=-unit.cost)))
    with pytest.raises(InvalidNetworkError, match="v_min"):
        relax(network.replace(buses=bus.replace(v_min=2 * bus.v_max)))
    with pytest.raises(InvalidOptionError, match="none of soc"):
        relax(network, "cone")
    with pytest.raises(InvalidOptionError, match="no option 'colour'"):
        relax(network, "soc", options={"colour": 1})
    with pytest.raises(InvalidOptionError, match="tolerance"):
        relax(network, "soc", tolerance=-1.0)


def test_command():
    answer = CliRunner().invoke(command, ["case14", "--method", "sdp+lnc", "--json"])
    assert answer.exit_code == 0
    found = json.loads(answer.stdout)
    assert found["bound"] == pytest.approx(8081.52, rel=1e-4)
    assert found["gap"] < 1e-4
    text = CliRunner().invoke(command, ["case9"]).stdout
    assert "safe lower bound" in text


@pytest.mark.parametrize("seed", range(4))
def test_rows_of_the_currents_are_the_currents(seed):
    """Against currents from terminal voltages, with taps, shifts and charging."""
    network = random_network(seed, buses=6, chords=4, negative=seed == 1)
    relaxation = soc(network, None)
    program, lifted, first = relaxation.program, relaxation.lifted, len(relaxation.program.blocks)
    add_current_limits(program, lifted)
    sides = program.blocks[first:]
    rng = np.random.default_rng(seed)
    low, high = relaxation.box.v
    vm = rng.uniform(low, high)
    voltage = vm * np.exp(1j * rng.uniform(-1, 1, vm.size))
    x = np.zeros(program.n_col)
    product = voltage[lifted.i] * voltage[lifted.j].conj()
    x[program["w"]], x[program["c"]], x[program["s"]] = vm**2, product.real, product.imag
    branch = network.branches
    ratio = branch.tap * np.exp(1j * branch.shift)
    series, inside = 1 / (branch.r + 1j * branch.x), voltage[branch.from_bus] / ratio
    outside = voltage[branch.to_bus]
    behind = series * (inside - outside) + 0.5j * branch.b * inside
    currents = (
        behind / ratio.conj(),
        series * (outside - inside) + 0.5j * branch.b * outside,
    )
    for block, current, here in zip(sides, currents, (branch.from_bus, branch.to_bus), strict=True):
        values, rhs = block.values(relaxation.box)
        m = here.size
        room = rhs - (values * x[block.cols]).reshape(4, m).sum(axis=0)
        # The secant of rating² / w between the squares of the limits.
        a, b = low[here] ** 2, high[here] ** 2
        secant = branch.rating**2 * (1 / a + (1 / b - 1 / a) * (vm[here] ** 2 - a) / (b - a))
        scale = rhs / (branch.rating**2 * (a + b) / (a * b))
        assert room == pytest.approx(scale * (secant - abs(current) ** 2), abs=1e-9)
    before = len(program.blocks)
    add_current_limits(program, lifted)
    assert len(program.blocks) == before


@pytest.mark.parametrize("seed", range(5))
def test_cliques_keep_the_smallest_eigenvalue_of_their_matrix(seed):
    """Whatever w, c and s are: the cone's real matrix is one row short of the usual one."""
    relaxation = sdp(random_network(seed, buses=7, chords=6), None)
    program, lifted = relaxation.program, relaxation.lifted
    rng = np.random.default_rng(seed)
    x = np.zeros(program.n_col)
    w, c, s = (rng.normal(size=program[name].size) for name in ("w", "c", "s"))
    x[program["w"]], x[program["c"]], x[program["s"]] = w, c, s
    whole = np.diag(w).astype(complex)
    whole[lifted.i, lifted.j] = c + 1j * s
    whole[lifted.j, lifted.i] = c - 1j * s
    expected = sorted(
        np.linalg.eigvalsh(whole[np.ix_(clique, clique)])[0]
        for clique in lifted.cliques
        if len(clique) > 2
    )
    compiled = relaxation.compile()
    numbers = compiled.numbers(relaxation.box)
    slack, start, found = numbers.rhs - compiled.matrix(numbers) @ x, 0, []
    for cone in compiled.cones:
        if cone.kind == "psd_triangle":
            column, row = np.tril_indices(cone.size)
            entries = slack[start : start + cone.rows]
            real = np.zeros((cone.size, cone.size))
            real[row, column] = np.where(row == column, entries, entries / np.sqrt(2))
            found.append(np.linalg.eigvalsh(real, UPLO="U")[0])
        start += cone.rows
    assert len(found) > 0
    np.testing.assert_allclose(sorted(found), expected, atol=1e-12)


def test_a_unit_without_limits_on_either_side_has_a_bound_too():
    network = get_case("case14")
    unit = network.generators
    free = network.replace(
        generators=unit.replace(
            q_min=np.where(unit.id == unit.id[1], -np.inf, unit.q_min),
            q_max=np.where(unit.id == unit.id[1], np.inf, unit.q_max),
        )
    )
    wide = network.replace(
        generators=unit.replace(
            q_min=np.where(unit.id == unit.id[1], -50.0, unit.q_min),
            q_max=np.where(unit.id == unit.id[1], 50.0, unit.q_max),
        )
    )
    answer = relax(free)
    assert answer.bound == pytest.approx(relax(wide).bound, rel=1e-6)
    assert answer.bound <= answer.ac_objective


def test_where_nothing_costs_anything_the_bound_of_nothing_closes_the_gap():
    network = get_case("case9")
    units = network.generators
    answer = relax(network.replace(generators=units.replace(cost=np.zeros_like(units.cost))))
    assert answer.ac_objective == 0.0
    assert -1e-6 < answer.bound <= 0.0
    assert (answer.gap, answer.proven) == (0.0, True)
    assert "-0.0000" not in answer.summary()


@pytest.mark.parametrize("found", [True, False])
def test_an_operating_point_at_the_end_of_time_counts_and_is_said(monkeypatch, found):
    network = get_case("case9")
    point = replace(
        opf(network), status=Status.TIME_LIMIT, **({} if found else {"objective": None})
    )
    monkeypatch.setattr(solve, "ac_opf", lambda *_, **__: point)
    answer = relax(network)
    assert answer.ac_objective == point.objective
    assert (answer.gap is not None) == found
    assert ("not its best" if found else "within the time") in answer.notes[0]
