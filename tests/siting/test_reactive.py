"""Units that inject or absorb reactive power, by site."""

from __future__ import annotations

import dataclasses
import json
import math

import numpy as np
import pytest
from cli_calls import called
from hypothesis import given, settings, strategies as st
from siting.second_stage.operation_models import Written, small_case
from siting_toys import all_decisions, toy_feeder, toy_scenarios

from pygridjl.core.errors import InvalidOptionError, InvalidPlanningError
from pygridjl.grid import save_feeder
from pygridjl.grid.io.opendss.write import feeder_commands
from pygridjl.scenarios.model import ScenarioSet
from pygridjl.siting.check import validate_planning
from pygridjl.siting.expansion.solve import expansion_plan
from pygridjl.siting.expansion.tree import Stage
from pygridjl.siting.export import dispatch_table, export_decision
from pygridjl.siting.hosting.solve import hosting_capacity
from pygridjl.siting.operating import operate
from pygridjl.siting.problem import PlanningProblem
from pygridjl.siting.reactive import angle_of, power_factor_of
from pygridjl.siting.second_stage import build_second_stage
from pygridjl.siting.site_files import problem_on_sites
from pygridjl.siting.solve import site
from pygridjl.siting.validation import validate_in_opendss


def hours(load, sun, n_bus=2):
    load, sun = np.array(load, dtype=float), np.array(sun, dtype=float)
    n = load.size
    each = [np.repeat(column[:, None], n_bus, axis=1) for column in (load, sun)]
    return ScenarioSet(np.full(n, 1 / n), *each)


def two_bus(p, q, r=0.01, x=0.02):
    """Voltage magnitude at the end of a line with constant power, from the quadratic in V²."""
    b = 1 - 2 * (r * p + x * q)
    return np.sqrt((b + np.sqrt(b**2 - 4 * (r**2 + x**2) * (p**2 + q**2))) / 2)


@pytest.mark.parametrize("power_factor", [1.0, 0.95, 0.3, -0.3, -0.95])
def test_power_factors_and_angles_say_the_same(power_factor):
    angle = angle_of(power_factor)
    assert power_factor_of(angle) == pytest.approx(power_factor)
    assert math.copysign(1, angle) == math.copysign(1, power_factor)


@pytest.mark.parametrize("measure", ["voltage", "loss", "loss=1,voltage=0.2", "import"])
def test_mixed_sites_are_sited_as_by_trying_all(measure):
    """The least over all decisions, one by one in the engine on all nodes."""
    scenarios = toy_scenarios(4, 4, seed=5)
    problem = PlanningProblem(
        toy_feeder(4),
        measure=measure,
        site_angle=[angle_of(-0.9), np.nan, angle_of(0.8)],
        power_factor_angle=angle_of(0.95),
        unit_kw=60.0,
        max_units=3,
        budget=360.0,
        v_source=1.01,
    )
    stage = build_second_stage(problem, scenarios, "full")
    p = scenarios.probability
    values = {u: float(p @ stage.evaluate(u).value) for u in map(tuple, all_decisions(problem))}
    for method in ("benders",) if "loss" in measure else ("benders", "extensive"):
        found = site(problem, scenarios, method=method, options={"gap": 1e-6})
        assert found.objective == pytest.approx(min(values.values()), rel=2e-6)
        assert values[tuple(found.units.tolist())] == pytest.approx(found.objective, rel=1e-6)


def test_a_voltage_band_decides_between_power_factors_by_hand():
    """At 0.02 p.u. of voltage to spare a site that absorbs may hold more than one that injects."""
    feeder = toy_feeder(2)
    loads = feeder.loads.replace(p=np.zeros((1, 3)), q=np.zeros((1, 3)))
    scenarios = hours([0.0], [1.0])
    for factor in (1.0, 0.9, -0.9):
        tan = math.tan(angle_of(factor))
        # U = 1 + 2 (0.01 p + 0.02 tan p) ≤ 1.02² is all that limits p.
        most = (1.02**2 - 1) / (2 * (0.01 + 0.02 * tan)) if 0.01 + 0.02 * tan > 0 else np.inf
        problem = PlanningProblem(
            feeder.replace(loads=loads),
            measure="import",
            curtailment_price=1.0,
            line_limits=False,
            site_angle=[angle_of(factor)],
            unit_kw=30.0,
            max_units=500,
            budget=1e6,
            v_min=0.0,
            v_max=1.02,
        )
        operation = operate(problem, scenarios, [500])
        produced = operation.sites["produced_mwh"].iloc[0] / 8760 * 1e3
        assert produced == pytest.approx(min(3e3 * most, 15e3), rel=1e-6)
        reactive = operation.sites[["injected_mvarh", "absorbed_mvarh"]].iloc[0].to_numpy()
        expected = produced * tan * 8760 / 1e3
        assert reactive == pytest.approx([max(expected, 0.0), max(-expected, 0.0)], rel=1e-6)


def test_opendss_runs_the_reactive_power_of_each_site():
    feeder = toy_feeder(2)
    scenarios = hours([1.0, 3.0, 3.0], [0.0, 0.5, 1.0])
    for factor in (0.9, -0.9):
        problem = PlanningProblem(
            feeder, measure="loss", site_angle=[angle_of(factor)], v_min=0.9, v_max=1.1
        )
        # 24 units of 6 kW are 0.048 p.u. a phase; the load is 0.05 + 0.02j times the factor.
        report = validate_in_opendss(problem, scenarios, [24])
        injected = dispatch_table(problem, scenarios, [24])
        sun = injected[["kw_a", "kw_b", "kw_c"]].sum(axis=1).to_numpy() / 3e3
        kvar = injected["kvar"].to_numpy()
        assert kvar == pytest.approx(3e3 * sun * math.tan(angle_of(factor)))
        p = 0.05 * np.array([1, 3, 3]) - sun
        q = 0.02 * np.array([1, 3, 3]) - kvar / 3e3
        table = report.table
        assert table["v_min"].to_numpy() == pytest.approx(np.minimum(two_bus(p, q), 1), abs=1e-6)
        assert table["v_max"].to_numpy() == pytest.approx(np.maximum(two_bus(p, q), 1), abs=1e-6)
        current = np.hypot(p, q) / two_bus(p, q)
        assert table["loss_kw"].to_numpy() == pytest.approx(3e3 * 0.01 * current**2, rel=1e-3)


def test_exported_generators_have_the_power_factor_of_their_site(tmp_path):
    dss = pytest.importorskip("opendssdirect").dss
    problem = problem_on_sites(
        toy_feeder(3),
        "b1,b2:ab",
        site_angle=[angle_of(-0.9), np.nan],
        power_factor_angle=angle_of(0.8),
        measure="loss",
        max_units=3,
    )
    scenarios = hours([1.0], [1.0], 3)
    result = site(problem, scenarios, method="benders")
    assert {p.bus for p in result.placements} == {"b1", "b2"}
    path = export_decision(result, problem, scenarios, tmp_path / "units.dss")
    engine = dss.NewContext()
    for command in [*feeder_commands(problem.feeder), *path.read_text().splitlines(), "solve"]:
        engine.Text.Command(command)
    total = dict.fromkeys(("b1", "b2"), 0.0)
    found = engine.Generators.First()
    while found:
        total[engine.Generators.Name().split("_")[1]] += engine.Generators.kvar()
        found = engine.Generators.Next()
    kw = {p.bus: p.kw for p in result.placements}
    assert total["b1"] == pytest.approx(kw["b1"] * math.tan(angle_of(-0.9)))
    assert total["b2"] == pytest.approx(kw["b2"] * math.tan(angle_of(0.8)))


def test_power_factors_are_read_and_refused_by_name(tmp_path):
    table = tmp_path / "sites.csv"
    table.write_text("bus,power_factor\nb1,-0.9\nb2,\nb3,1\n", encoding="utf-8")
    problem = problem_on_sites(toy_feeder(4), table, power_factor_angle=angle_of(0.95))
    assert np.tan(problem.angles) == pytest.approx([-np.tan(np.arccos(0.9)), 0.328684, 0.0], 1e-5)
    for text in ("0", "-1.2", "lagging", "nan", "inf"):
        table.write_text(f"bus,power_factor\nb1,{text}\n", encoding="utf-8")
        with pytest.raises(InvalidPlanningError, match=f"b1.*power_factor: must lie.*is {text}"):
            problem_on_sites(toy_feeder(4), table)
    with pytest.raises(InvalidOptionError, match="site_angle: must be 3 numbers"):
        PlanningProblem(toy_feeder(4), site_angle=[0.1])
    for wrong in (2.0, np.inf):
        (finding,) = validate_planning(PlanningProblem(toy_feeder(3), site_angle=[0.1, wrong]))
        assert (finding.ids, finding.field) == (("b2",), "site_angle")


def test_the_command_takes_factors_of_either_sign(tmp_path):
    save_feeder(toy_feeder(3), tmp_path / "toy")
    (tmp_path / "sites.csv").write_text("bus,power_factor\nb1,-0.9\nb2,\n", encoding="utf-8")
    words = ["site", "toy", "--scenarios", "24", "--method", "benders", "--measure", "loss"]
    words += ["--sites", "sites.csv", "--max-units", "2", "--export", "d.csv"]
    code, out, err, _ = called([*words, "--power-factor", "-0.8"], tmp_path)
    assert code == 0, err
    assert "Mvarh a year" in out
    lines = (tmp_path / "d.csv").read_text().splitlines()
    at = {name: k for k, name in enumerate(lines[0].split(","))}
    tan = {"b1": math.tan(angle_of(-0.9)), "b2": math.tan(angle_of(-0.8))}
    for line in lines[1:]:
        cells = line.split(",")
        kw = sum(float(cells[at[f"kw_{phase}"]]) for phase in "abc")
        expected = tan[cells[at["bus"]]] * kw
        assert float(cells[at["kvar"]]) == pytest.approx(expected, abs=1e-9)
    code, _, err, _ = called([*words, "--power-factor", "0"], tmp_path)
    assert code == 2
    assert "power_factor: must lie in 0…1 without 0" in err


# ------------------------------------------------------------- reactive power that is chosen


def free_site(**options):
    """One site behind a line, 0.05 + 0.02j p.u. of load a phase, up to 0.5 kvar a kW."""
    common = {"measure": "loss", "reactive": "free", "v_min": 0.9, "v_max": 1.1}
    return PlanningProblem(
        toy_feeder(2), **{**common, "power_factor_angle": math.atan(0.5), **options}
    )


def test_the_least_loss_is_known_by_hand():
    """r (P² + Q²) of a line: each unit covers what it can of the load, P first."""
    scenarios = hours([1.0, 1.0, 1.0, 3.0], [0.0, 0.25, 1.0, 1.0])
    problem = free_site()
    stage = build_second_stage(problem, scenarios)
    for units in (0, 6, 24):
        # A unit of 6 kW is 0.002 p.u. a phase.
        sun = 0.002 * units * np.array([0.0, 0.25, 1.0, 1.0])
        load = np.array([1.0, 1.0, 1.0, 3.0])
        p = np.minimum(sun, 0.05 * load)
        q = np.minimum(0.5 * p, 0.02 * load)
        left = (0.05 * load - p) ** 2 + (0.02 * load - q) ** 2
        assert stage.evaluate([units]).value == pytest.approx(3e3 * 0.01 * left, rel=1e-6)
        table = dispatch_table(problem, scenarios, [units])
        if units:
            assert table["kvar"].to_numpy() == pytest.approx(3e3 * q, abs=3e-3)
            for phase in "abc":
                assert table[f"kvar_{phase}"].to_numpy() == pytest.approx(1e3 * q, abs=1e-3)
                assert table[f"kw_{phase}"].to_numpy() == pytest.approx(1e3 * p, abs=1e-3)
    (row,) = operate(problem, scenarios, [24]).sites.to_dict("records")
    assert row["injected_mvarh"] == pytest.approx(float(8760 * q.mean()) * 3, rel=1e-4)
    assert row["absorbed_mvarh"] == 0


def test_the_chosen_reactive_power_runs_in_opendss():
    """The band asks for absorption at noon; both models by hand."""
    scenarios = hours([0.1, 0.1], [0.2, 1.0])
    band = {"v_min": 0.0, "v_max": 1.002, "line_limits": False}
    problem = free_site(curtailment_price=1.0, **band)
    report = validate_in_opendss(problem, scenarios, [160])
    table = dispatch_table(problem, scenarios, [160])
    sun = 0.32 * np.array([0.2, 1.0])
    kw = table[["kw_a", "kw_b", "kw_c"]].to_numpy() / 1e3
    assert kw == pytest.approx(np.repeat(sun[:, None], 3, axis=1), rel=1e-6)
    kvar = table[["kvar_a", "kvar_b", "kvar_c"]].to_numpy() / 1e3
    # The load's own, or what U = 1 + 2 (0.01 (p - 0.005) + 0.02 (q - 0.002)) leaves of the band.
    most = ((1.002**2 - 1) / 2 - 0.01 * (sun - 0.005)) / 0.02 + 0.002
    assert most[1] < -0.05 < 0.002 < most[0]
    chosen = np.minimum(0.002, most)
    assert kvar == pytest.approx(np.repeat(chosen[:, None], 3, axis=1), rel=1e-4, abs=1e-6)
    exact = two_bus(0.005 - sun, 0.002 - kvar[:, 0])
    shown = report.table["v_max"].to_numpy()
    assert shown == pytest.approx(np.maximum(exact, 1.0), abs=1e-6)
    linear = np.sqrt(1 + 0.02 * (sun - 0.005) + 0.04 * (kvar[:, 0] - 0.002))
    assert report.table["v_max_linear"].to_numpy() == pytest.approx(np.maximum(linear, 1.0))


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from(["voltage", "loss"]), st.booleans())
def test_choosing_is_never_worse_than_either_factor(seed, measure, tight):
    rng = np.random.default_rng(seed)
    problem, scenarios = small_case(rng, measure, tight)
    angle = float(rng.uniform(0.1, 0.6))
    units = rng.integers(0, 4, problem.n_site)
    base = {"site_angle": None, "site_reactive": None}
    values = {}
    for reactive, theta in (("free", angle), ("fixed", angle), ("fixed", -angle), ("fixed", 0.0)):
        options = {**base, "power_factor_angle": theta, "reactive": reactive}
        asked = dataclasses.replace(problem, **options)
        batch = build_second_stage(asked, scenarios).evaluate(units)
        values[reactive, theta] = np.where(batch.optimal, batch.value, np.inf)
    best = values.pop(("free", angle))
    for other in values.values():
        # Where the fixed one has no state there may be one.
        finite = np.isfinite(other)
        assert (best[finite] <= other[finite] * (1 + 1e-6) + 1e-8).all()


@pytest.mark.parametrize("measure", ["voltage", "loss", "import=1,loss=2"])
def test_decisions_are_the_best_of_all_as_written_out(measure):
    """Every decision in every scenario by another solver, which has Q as columns with rows."""
    scenarios = toy_scenarios(3, 3, seed=2)
    problem = PlanningProblem(
        toy_feeder(3),
        measure=measure,
        site_reactive=["free", ""],
        power_factor_angle=0.5,
        site_phases=[[True, False, True], [True, True, True]],
        unit_kw=40.0,
        max_units=2,
        budget=180.0,
        v_source=1.01,
    )
    best = np.inf
    for units in all_decisions(problem):
        total = 0.0
        for k, p in enumerate(scenarios.probability):
            written = Written(problem, scenarios, k, units)
            if measure == "voltage":
                total += p * written.least_deviation()
            elif measure == "loss":
                total += p * written.least_loss()
            else:
                total += p * written.least_sum(problem, problem.weights)
        best = min(best, total)
    for method in ("benders", "extensive") if measure == "voltage" else ("benders",):
        found = site(problem, scenarios, method=method, options={"gap": 1e-6})
        assert found.objective == pytest.approx(best, rel=3e-6)
    plan = expansion_plan(problem, scenarios, [Stage("now", 1.0, 180.0)], gap=1e-6)
    assert plan.objective == pytest.approx(best, rel=3e-6)


def test_what_cannot_be_chosen_is_refused(tmp_path):
    scenarios = hours([1.0], [1.0])
    with pytest.raises(InvalidOptionError, match="reactive: hosting capacity"):
        hosting_capacity(free_site(), scenarios)
    for options, text in (
        (
            {"power_factor_angle": 0.0},
            "b1 reactive: 'free' has nothing to choose at power factor 1",
        ),
        ({"reactive": "some"}, "reactive: 'some' is neither fixed nor free"),
        ({"site_reactive": ["some"]}, "b1 site_reactive: is neither fixed nor free"),
    ):
        with pytest.raises(InvalidPlanningError, match=text):
            site(free_site(**options), scenarios, method="none")
    with pytest.raises(InvalidOptionError, match="site_reactive: must be 1 names"):
        free_site(site_reactive=["free", "free"])
    table = tmp_path / "sites.csv"
    table.write_text("bus,power_factor,reactive\nb1,0.9,free\nb2,,\n", encoding="utf-8")
    assert problem_on_sites(toy_feeder(3), table).free.tolist() == [True, False]
    table.write_text("bus,reactive\nb1,volt-var\n", encoding="utf-8")
    with pytest.raises(InvalidPlanningError, match="b1 reactive: 'volt-var' is neither fixed nor"):
        problem_on_sites(toy_feeder(3), table)


def test_exported_generators_say_that_their_reactive_power_is_chosen(tmp_path):
    problem, scenarios = free_site(max_units=5), hours([1.0], [1.0])
    result = site(problem, scenarios, method="benders")
    (placement,) = result.placements
    text = export_decision(result, problem, scenarios, tmp_path / "units.dss").read_text()
    most = f"up to {0.5 * placement.kw:g} kvar at full power"
    assert f"! site_b1: reactive power is chosen in every scenario, {most}" in text
    assert "pf=1.0 " in text


def test_the_command_chooses_reactive_power(tmp_path):
    save_feeder(toy_feeder(3), tmp_path / "toy")
    words = ["site", "toy", "--scenarios", "24", "--method", "benders", "--measure", "loss"]
    words += ["--max-units", "2", "--max-sites", "1", "--json"]
    values = {}
    for extra in ([], ["--power-factor", "0.9"], ["--power-factor", "0.9", "--reactive", "free"]):
        code, out, err, _ = called([*words, *extra], tmp_path)
        assert code == 0, err
        values[len(extra)] = json.loads(out)["objective"]
    assert values[4] <= values[2] * (1 + 1e-9)
    assert values[4] < values[0]
    code, _, err, _ = called([*words, "--reactive", "free"], tmp_path)
    assert code == 2
    assert "'free' has nothing to choose at power factor 1" in err
