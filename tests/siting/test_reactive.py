"""Units that inject or absorb reactive power, by site."""

from __future__ import annotations

import math

import numpy as np
import pytest
from cli_calls import called
from siting_toys import all_decisions, toy_feeder, toy_scenarios

from pygridjl.core.errors import InvalidOptionError, InvalidPlanningError
from pygridjl.grid import save_feeder
from pygridjl.grid.io.opendss.write import feeder_commands
from pygridjl.scenarios.model import ScenarioSet
from pygridjl.siting.check import validate_planning
from pygridjl.siting.export import dispatch_table, export_decision
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
