"""Hosting capacity against trying every number of units, state by state."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from feeder_builders import random_feeder
from scipy.optimize import linprog
from siting_toys import toy_feeder

from pygridjl.core.errors import InvalidOptionError
from pygridjl.core.result import Status
from pygridjl.powerflow.lindistflow import LinDistFlow3
from pygridjl.scenarios.model import ScenarioSet
from pygridjl.siting.candidates import candidate_sites
from pygridjl.siting.hosting.solve import hosting_capacity
from pygridjl.siting.problem import PlanningProblem

S3 = np.sqrt(3.0)


def small(seed, n_site=2, rating=0.4, v_max=1.04):
    rng = np.random.default_rng(seed)
    feeder = random_feeder(rng, 7, regulators=False, reverse=False)
    feeder = feeder.replace(
        branches=feeder.branches.replace(rating=rating * feeder.branches.rating)
    )
    sites = rng.choice(candidate_sites(feeder), n_site, replace=False)
    problem = PlanningProblem(
        feeder,
        sites,
        # Units of the odd seeds absorb and inject reactive power.
        site_angle=rng.choice([-0.5, 0.4], n_site) if seed % 2 else None,
        unit_kw=100 * feeder.phase_mva,
        v_source=1.0,
        v_min=0.9,
        v_max=v_max,
    )
    sun = rng.uniform(0.2, 1.0, (5, feeder.n_bus))
    sun[0] = 0.0
    load = rng.uniform(0.0, 0.4, (5, feeder.n_bus))
    return problem, ScenarioSet(np.full(5, 0.2), load, sun)


def signed(problem, scenarios, k, injected):
    """What is used of every limit, sign by sign, less the limit: affine in what is injected."""
    feeder = problem.feeder.replace(v_set=problem.source_voltage)
    model = LinDistFlow3(feeder)
    load = scenarios.load[k][feeder.node_bus]
    p = feeder.generation_p - load * feeder.load_p
    q = feeder.generation_q + feeder.shunt_q - load * feeder.load_q
    angles = np.zeros(problem.n_site) if problem.site_angle is None else problem.site_angle
    for site, power, angle in zip(problem.sites, injected, angles, strict=True):
        nodes = [n for n in feeder.node_of[site] if n >= 0]
        p[nodes] += power / len(nodes)
        q[nodes] += np.tan(angle) * power / len(nodes)
    P, Q = model.flows(p, q)
    U = model.voltages(p, q)
    rows = []
    for node in np.flatnonzero(model.branch >= 0):
        s = feeder.branches.rating[model.branch[node], feeder.node_phase[node]]
        if np.isfinite(s):
            for a in (1, -1):
                rows += [S3 * a * P[node] + b * Q[node] - S3 * s for b in (1, -1)]
                rows.append(a * Q[node] - S3 / 2 * s)
        rows += [U[node] - problem.v_max**2, problem.v_min**2 - U[node]]
    return np.array(rows)


def rows_of(problem, scenarios, k):
    """Right-hand sides and, for one p.u. at each site, changes of the rows of a scenario."""
    base = signed(problem, scenarios, k, np.zeros(problem.n_site))
    steps = [signed(problem, scenarios, k, one) - base for one in np.eye(problem.n_site)]
    return -base, np.array(steps)


def allowed_hours(problem, scenarios, decisions):
    """Probability of the hours in which each of many decisions keeps every row."""
    total = np.zeros(len(decisions))
    for k, p in enumerate(scenarios.probability):
        right, steps = rows_of(problem, scenarios, k)
        power = decisions * (scenarios.pv[k][problem.sites] * problem.unit_power)
        total += p * (power @ steps <= right + 1e-9).all(axis=1)
    return total


@pytest.mark.parametrize("share", [1.0, 0.8, 0.6])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_every_number_of_units_is_tried(seed, share):
    problem, scenarios = small(seed)
    result = hosting_capacity(problem, scenarios, share=share, gap=1e-9)
    most = int(max(result.per_site["units"].max(), result.units.max())) + 4
    every = np.array(list(itertools.product(range(most), repeat=2)))
    good = every[allowed_hours(problem, scenarios, every) >= share - 1e-9]
    for site in range(2):
        alone = good[good[:, 1 - site] == 0][:, site]
        assert result.per_site["units"].iloc[site] == max(alone, default=-1)
    together = max(good.sum(axis=1), default=None)
    if together is None:
        assert result.status is Status.INFEASIBLE
        return
    assert result.status is Status.OPTIMAL
    assert result.objective == pytest.approx(together * problem.unit_kw)
    assert result.bound == pytest.approx(result.objective)
    assert allowed_hours(problem, scenarios, result.units[None, :])[0] >= share - 1e-9


def least_curtailed(problem, scenarios, units):
    """Least share of the energy lost that keeps all limits, by scipy; None if none does."""
    lost = available = 0.0
    for k, p in enumerate(scenarios.probability):
        sun = scenarios.pv[k][problem.sites] * units * problem.unit_power
        right, steps = rows_of(problem, scenarios, k)
        found = linprog(-np.ones(len(units)), steps.T, right, bounds=[(0, s) for s in sun])
        if found.status != 0:
            return None
        lost += p * (sun.sum() + found.fun)
        available += p * sun.sum()
    return lost / available if available else 0.0


@pytest.mark.parametrize("seed", [0, 1])
def test_with_curtailment_the_lost_energy_is_the_least(seed):
    problem, scenarios = small(seed)
    curtailment = 0.1
    result = hosting_capacity(problem, scenarios, curtailment=curtailment, gap=1e-9)
    none = hosting_capacity(problem, scenarios, gap=1e-9)
    assert result.objective >= none.objective
    for site, units in enumerate(result.per_site["units"].tolist()):
        one = np.eye(2, dtype=int)[site]
        assert least_curtailed(problem, scenarios, units * one) <= curtailment + 1e-9
        assert least_curtailed(problem, scenarios, (units + 1) * one) > curtailment
    assert least_curtailed(problem, scenarios, result.units) <= curtailment + 1e-7
    total = int(result.units.sum())
    for first in range(total + 2):
        beyond = np.array([first, total + 1 - first])
        lost = least_curtailed(problem, scenarios, beyond)
        assert lost is None or lost > curtailment - 1e-7


def test_what_has_no_answer_or_no_meaning_is_said():
    problem, scenarios = small(0)
    for options, text in (
        ({"share": 0.0}, "share"),
        ({"curtailment": -0.1}, "curtailment"),
        ({"curtailment": 0.1, "share": 0.9}, "share is below 1"),
        ({"gap": 0.0}, "gap"),
    ):
        with pytest.raises(InvalidOptionError, match=text):
            hosting_capacity(problem, scenarios, **options)
    free = PlanningProblem(toy_feeder(3), v_min=0.0, v_max=np.inf, line_limits=False)
    with pytest.raises(InvalidOptionError, match="nothing limits"):
        hosting_capacity(free, ScenarioSet(np.ones(1), np.ones((1, 3)), np.ones((1, 3))))


def test_the_picture_names_every_site_and_says_the_total(tmp_path):
    problem, scenarios = small(3)
    result = hosting_capacity(problem, scenarios)
    drawn = result.plot(tmp_path / "hosting.svg").read_text()
    for bus, phases in zip(problem.site_ids, problem.site_letters, strict=True):
        assert f"<!-- {bus} {phases} -->" in drawn
    assert f"together {result.objective:g} kW" in drawn
