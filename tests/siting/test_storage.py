"""Storage within days against the operation written out by hand for a line without couplings."""

from __future__ import annotations

import dataclasses
import itertools
import json

import numpy as np
import pytest
from cli_calls import called
from scipy.optimize import linprog
from siting_toys import all_decisions, toy_feeder

from pygridjl.core.errors import InvalidOptionError, InvalidPlanningError, InvalidScenariosError
from pygridjl.core.result import Status
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
from pygridjl.siting.second_stage import build_second_stage
from pygridjl.siting.second_stage.protocol import ScenarioStatus, expected_value
from pygridjl.siting.solve import site
from pygridjl.siting.validation import validate_in_opendss

R, X, KW = 0.01, 0.02, 1e3  # of a line of the toy feeder; kW in one p.u. of a phase


def days(seed=0, n_day=2, n_bus=3):
    """Sun at noon, load in the evening, prices that follow it."""
    rng = np.random.default_rng(seed)
    hour = np.arange(24 * n_day) % 24
    sun = np.clip(np.sin((hour - 6) / 12 * np.pi), 0, 1)
    evening = 0.5 + 0.8 * np.exp(-(((hour - 19) / 3.0) ** 2))
    shape = (24 * n_day, n_bus)
    load = evening[:, None] * rng.uniform(0.8, 1.2, shape)
    pv = sun[:, None] * rng.uniform(0.6, 1.0, shape)
    p = np.repeat(rng.uniform(0.5, 1.5, n_day), 24)
    spot = 30.0 + 60.0 * evening * rng.uniform(0.9, 1.1, 24 * n_day)
    return ScenarioSet(p / p.sum(), load, pv, prices={"spot": spot})


def stored_problem(measure="voltage", **options):
    """PV and storage at b1, storage on two phases at b2."""
    settings = {
        "unit_kw": 60.0,
        "max_units": 2,
        "budget": 360.0,
        "v_min": 0.97,
        "v_max": 1.03,
        "v_source": 1.01,
        "line_limits": False,
        "storage_hours": 3.0,
        "storage_efficiency": 0.81,
    }
    if measure == "energy-cost":
        settings |= {"import_price": "spot", "export_price": 10.0}
    return PlanningProblem(
        toy_feeder(3),
        [1, 1, 2],
        [[True] * 3, [True] * 3, [True, False, True]],
        site_profile=("pv", "storage", "storage"),
        measure=measure,
        **{**settings, **options},
    )


def by_hand(problem, scenarios, day, units, once=False):
    """Least value of a day: U = v0² + 2 Σ (R p + X q) over the common part of two paths.

    With ``once`` no phase may charge and discharge in one hour: every pattern is a binary.
    """
    bounds, cost, eq, le = [], [], [], []
    integer = []

    def var(low, high, price=0.0, whole=0):
        bounds.append((low, high))
        cost.append(price)
        integer.append(whole)
        return len(bounds) - 1

    def row(where, terms, right):
        where.append((dict(terms), right))

    unit = problem.unit_power
    way = np.sqrt(problem.storage_efficiency)
    v0 = problem.v_source**2
    level = {}
    value = 0.0
    hours = range(24 * day, 24 * day + 24)
    for h, k in itertools.product(hours, (1, 2)):
        level[h, k] = var(0, problem.storage_hours * unit * units[k])
    for h in hours:
        p = scenarios.probability[h]
        net = {(b, a): {} for b in (1, 2) for a in range(3)}
        flows = []
        sun = [var(0, None) for _ in range(3)]
        row(le, dict.fromkeys(sun, 1.0), scenarios.pv[h, 1] * unit * units[0])
        for a in range(3):
            net[1, a][sun[a]] = 1.0
        for k, bus in ((1, 1), (2, 2)):
            put, both = {}, {}
            for a in np.flatnonzero(problem.site_phases[k]):
                take, give = var(0, None), var(0, None)
                net[bus, a][take], net[bus, a][give] = -1.0, 1.0
                put[take], put[give] = -way, 1.0 / way
                both |= {take: 1.0, give: 1.0}
                if once:
                    binary = var(0, 1, whole=1)
                    most = unit * units[k]
                    row(le, {take: 1.0, binary: -most}, 0.0)
                    row(le, {give: 1.0, binary: most}, most)
            row(le, both, unit * units[k])
            before = h - 1 if h % 24 else h + 23
            row(eq, {level[h, k]: 1.0, level[before, k]: -1.0, **put}, 0.0)
        load = {b: scenarios.load[h, b] for b in (1, 2)}
        for a, b in itertools.product(range(3), (1, 2)):
            rise, constant = {}, v0
            for c in (1, 2):
                common = min(b, c)
                for column, sign in net[c, a].items():
                    rise[column] = rise.get(column, 0.0) + 2 * R * common * sign
                constant -= 2 * common * (R * 0.05 + X * 0.02) * load[c]
            row(le, rise, problem.v_max**2 - constant)
            row(le, {c: -v for c, v in rise.items()}, constant - problem.v_min**2)
            if "voltage" in problem.weights:
                away = var(0, None, p * problem.weights["voltage"])
                row(le, {**rise, away: -1.0}, 1.0 - constant)
                row(le, {**{c: -v for c, v in rise.items()}, away: -1.0}, constant - 1.0)
        for terms in net.values():
            flows.append({c: -v for c, v in terms.items()})
        supply = {c: v for terms in flows for c, v in terms.items()}
        asked = 3 * 0.05 * (load[1] + load[2])
        if "voltage" in problem.weights:
            # The source's own deviation, three phases.
            value += p * problem.weights["voltage"] * 3 * abs(v0 - 1.0)
        bought = sold = 0.0
        if "import" in problem.weights:
            bought = problem.weights["import"] * KW
        if "energy-cost" in problem.weights:
            bought, sold = scenarios.prices["spot"][h] * KW / 1e3, 10.0 * KW / 1e3
        g = var(0, None, p * (bought - sold))
        row(le, {**supply, g: -1.0}, -asked)
        value += p * sold * asked
        for column, sign in supply.items():
            cost[column] += p * sold * sign
        # A p.u. of sun left costs its price.
        value += p * problem.curtailment_price * KW * scenarios.pv[h, 1] * unit * units[0]
        for column in sun:
            cost[column] -= p * problem.curtailment_price * KW

    def dense(rows):
        matrix = np.zeros((len(rows), len(bounds)))
        for r, (terms, _) in enumerate(rows):
            for column, v in terms.items():
                matrix[r, column] = v
        return matrix, [right for _, right in rows]

    answer = linprog(cost, *dense(le), *dense(eq), bounds, integrality=integer if once else None)
    assert answer.status in (0, 2)
    return answer.fun + value if answer.status == 0 else np.inf


MEASURES = ["voltage", "import", "energy-cost", "import=0.01,voltage=1"]


@pytest.mark.parametrize("measure", MEASURES)
def test_a_day_is_operated_as_by_hand(measure):
    scenarios = days()
    problem = stored_problem(measure, curtailment_price=0.01 if "import" in measure else 0.0)
    stage = build_second_stage(problem, scenarios, "daily")
    for units in ([0, 0, 0], [2, 0, 0], [0, 1, 1], [2, 2, 1], [1, 0, 2]):
        batch = stage.evaluate(units)
        weighted = scenarios.probability * batch.value
        for day in (0, 1):
            expected = by_hand(problem, scenarios, day, units)
            assert np.isfinite(expected) == batch.optimal[24 * day : 24 * day + 24].all()
            if np.isfinite(expected):
                ours = weighted[24 * day : 24 * day + 24].sum()
                assert ours == pytest.approx(expected, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("seed", range(2))
def test_decisions_are_the_best_of_all(measure, seed):
    scenarios = days(seed)
    problem = stored_problem(measure)
    values = {
        tuple(u): sum(by_hand(problem, scenarios, day, u) for day in (0, 1))
        for u in map(tuple, all_decisions(problem))
    }
    best = min(values.values())
    for method in ("benders", "extensive"):
        found = site(problem, scenarios, method=method, options={"gap": 1e-6})
        assert found.engine == "daily"
        assert found.status is Status.OPTIMAL
        assert found.objective == pytest.approx(best, rel=3e-6)
        assert found.bound <= best + 3e-6 * abs(best)
        assert values[tuple(found.units.tolist())] == pytest.approx(found.objective, rel=1e-6)
    cut = site(problem, scenarios, method="benders", options={"gap": 1e-6, "multi_cut": True})
    assert cut.objective == pytest.approx(best, rel=3e-6)
    plan = expansion_plan(problem, scenarios, [Stage("now", 1.0, 360.0)], gap=1e-6)
    assert plan.objective == pytest.approx(best, rel=3e-6)


@pytest.mark.parametrize("measure", ["voltage", "energy-cost"])
@pytest.mark.parametrize("seed", range(3))
def test_planes_and_cuts_of_whole_days_hold_everywhere(measure, seed):
    rng = np.random.default_rng(seed)
    scenarios = days(seed)
    # Loads that the line carries over the day only with what sun and storage bring.
    problem = stored_problem(measure, v_source=1.0, v_min=0.9967, unit_kw=20.0, max_units=9)
    stage = build_second_stage(problem, scenarios, "daily")
    told = set()
    for _ in range(4):
        tried = rng.uniform(0, 6, 3) * (rng.random(3) < 0.7)
        here = stage.evaluate(tried)
        assert (here.gradient[here.optimal] <= 0).all()
        planes = {}
        for day in (0, 1):
            rows = slice(24 * day, 24 * day + 24)
            p = scenarios.probability[rows]
            if here.optimal[rows].all():
                planes[day] = p @ here.value[rows], p @ here.gradient[rows]
        cuts = [cut.coefficient @ tried + cut.constant for cut in here.cuts]
        assert len(cuts) == 2 - len(planes)
        assert all(margin > 0 for margin in cuts)
        assert all((cut.coefficient <= 0).all() for cut in here.cuts)
        for _ in range(4):
            other = rng.uniform(0, 9, 3) * (rng.random(3) < 0.7)
            for day in (0, 1):
                value = by_hand(problem, scenarios, day, other)
                if day in planes and np.isfinite(value):
                    plane = planes[day][0] + planes[day][1] @ (other - tried)
                    assert value >= plane - 1e-7 * max(1.0, abs(plane))
                    told.add("plane")
            both = [by_hand(problem, scenarios, day, other) for day in (0, 1)]
            for cut in here.cuts:
                day = int(cut.scenario) // 24
                scale = np.abs(cut.coefficient).sum() + abs(cut.constant)
                if np.isfinite(both[day]):
                    assert cut.coefficient @ other + cut.constant <= 1e-7 * scale
                    told.add("cut")
    assert "plane" in told or "cut" in told


def test_storage_makes_days_feasible_that_are_not():
    scenarios = days(1)
    problem = stored_problem("import", v_source=1.0, v_min=0.9967, unit_kw=60.0)
    stage = build_second_stage(problem, scenarios, "daily")
    values = {
        u: [by_hand(problem, scenarios, d, u) for d in (0, 1)] for u in ((2, 0, 0), (2, 2, 2))
    }
    assert np.isinf(values[2, 0, 0]).any()
    assert np.isfinite(values[2, 2, 2]).all()
    assert (stage.evaluate([2, 0, 0]).status == ScenarioStatus.INFEASIBLE).any()
    assert stage.evaluate([2, 2, 2]).optimal.all()


@pytest.mark.parametrize("seed", range(2))
def test_prices_above_zero_never_charge_and_discharge_at_once(seed):
    """With every pattern of charging as binaries the cost of a day is the same."""
    scenarios = days(seed, n_day=1)
    problem = stored_problem("energy-cost", curtailment_price=0.0)
    for units in ([2, 2, 1], [0, 2, 2]):
        relaxed = by_hand(problem, scenarios, 0, units)
        exact = by_hand(problem, scenarios, 0, units, once=True)
        assert relaxed == pytest.approx(exact, rel=1e-6)
        stage = build_second_stage(problem, scenarios, "daily")
        ours = expected_value(scenarios, stage.evaluate(units)).value
        assert ours == pytest.approx(exact, rel=1e-6)
        storage = operate(problem, scenarios, units).sites.query("profile == 'storage'")
        assert (storage["both_hours"] == 0).all()


def test_energy_burnt_by_doing_both_at_once_is_told():
    """Sun that must be used has no other way out: the linear model burns it, and says so."""
    scenarios = days(0, n_day=1)
    problem = stored_problem("voltage", curtailment_price=1.0, v_max=1.0105, max_units=20)
    relaxed = by_hand(problem, scenarios, 0, [9, 4, 0])
    assert relaxed < by_hand(problem, scenarios, 0, [9, 4, 0], once=True) * (1 - 1e-6)
    report = operate(problem, scenarios, [9, 4, 0])
    assert report.sites["both_hours"].max() > 0
    assert "both at once in" in dict(report.told())["storage"]


def test_the_answer_adds_up_over_a_day(tmp_path):
    scenarios = days(2)
    problem = stored_problem("energy-cost")
    units = np.array([2, 2, 1])
    table = dispatch_table(problem, scenarios, units)
    report = operate(problem, scenarios, units)
    rows = report.sites.set_index(["bus", "profile"])
    for (bus, profile), part in table.groupby(["bus", "profile"]):
        kw = part[["kw_a", "kw_b", "kw_c"]].sum(axis=1).to_numpy()
        hours = part["hours"].to_numpy()
        if profile == "pv":
            assert rows.loc[(bus, profile), "produced_mwh"] == pytest.approx(hours @ kw / 1e3)
            continue
        count = units[1] if bus == "b1" else units[2]
        assert np.abs(kw).max() <= 60.0 * count + 1e-6
        level = part["stored_kwh"].to_numpy()
        assert (level >= -1e-9).all()
        assert level.max() <= 3.0 * 60.0 * count + 1e-4
        put = np.where(kw < 0, -0.9 * kw, -kw / 0.9).reshape(2, 24)
        # Nothing is left or missing at the end of a day, and each hour adds what it charges.
        assert put.sum(axis=1) == pytest.approx([0.0, 0.0], abs=1e-3)
        steps = np.diff(level.reshape(2, 24), axis=1)
        assert steps == pytest.approx(put[:, 1:], abs=1e-3)
        charged = hours @ np.maximum(-kw, 0.0) / 1e3
        given = hours @ np.maximum(kw, 0.0) / 1e3
        assert rows.loc[(bus, profile), "charged_mwh"] == pytest.approx(charged, rel=1e-6)
        assert rows.loc[(bus, profile), "produced_mwh"] == pytest.approx(given, rel=1e-6)
        assert given == pytest.approx(0.81 * charged, rel=1e-4)


def test_opendss_runs_what_storage_charges_and_discharges():
    """Line by line from the end: constant power, voltages by the quadratic of each section."""
    scenarios = days(0, n_day=1)
    problem = stored_problem("energy-cost", v_min=0.9, v_max=1.1)
    units = [1, 1, 1]
    report = validate_in_opendss(problem, scenarios, units)
    table = dispatch_table(problem, scenarios, units)
    net = np.zeros((24, 3, 3))
    for k, phase in enumerate("abc"):
        for bus, b in (("b1", 1), ("b2", 2)):
            rows = table[table["bus"] == bus].groupby("scenario", sort=False)
            net[:, b, k] = rows[f"kw_{phase}"].sum().to_numpy() / KW
    lowest, highest = np.full(24, 1.01), np.full(24, 1.01)
    for h, a in itertools.product(range(24), range(3)):
        s = [0.05 + 0.02j, 0.05 + 0.02j]
        s = [s[b] * scenarios.load[h, b + 1] - net[h, b + 1, a] for b in range(2)]
        v = np.array([1.01, 1.01, 1.01], dtype=complex)
        for _ in range(60):
            i2 = np.conj(s[1] / v[2])
            i1 = i2 + np.conj(s[0] / v[1])
            v[1] = 1.01 - (R + 1j * X) * i1
            v[2] = v[1] - (R + 1j * X) * i2
        lowest[h] = min(lowest[h], *np.abs(v))
        highest[h] = max(highest[h], *np.abs(v))
    assert report.table["v_min"].to_numpy() == pytest.approx(lowest, abs=1e-6)
    assert report.table["v_max"].to_numpy() == pytest.approx(highest, abs=1e-6)
    charging = table.query("profile == 'storage'")[["kw_a", "kw_b", "kw_c"]].to_numpy()
    assert charging.min() < -1
    assert charging.max() > 1


def test_exported_storage_is_taken_by_the_engine(tmp_path):
    dss = pytest.importorskip("opendssdirect").dss
    scenarios = days(0)
    problem = stored_problem("energy-cost", min_sites=3)
    result = site(problem, scenarios, method="benders")
    assert {(p.bus, p.profile) for p in result.placements} == {
        ("b1", "pv"),
        ("b1", "storage"),
        ("b2", "storage"),
    }
    path = export_decision(result, problem, scenarios, tmp_path / "units.dss")
    engine = dss.NewContext()
    for command in [*feeder_commands(problem.feeder), *path.read_text().splitlines(), "solve"]:
        engine.Text.Command(command)
    rated = dict.fromkeys(("b1", "b2"), (0.0, 0.0))
    found = engine.Storages.First()
    while found:
        bus = engine.Storages.Name().split("_")[1]
        engine.Circuit.SetActiveElement(f"storage.{engine.Storages.Name()}")
        size = [float(engine.Properties.Value(name)) for name in ("kwrated", "kwhrated")]
        rated[bus] = tuple(np.add(rated[bus], size))
        assert float(engine.Properties.Value("%effcharge")) == pytest.approx(90.0)
        found = engine.Storages.Next()
    for p in result.placements:
        if p.profile == "storage":
            assert rated[p.bus] == pytest.approx((p.kw, 3.0 * p.kw))
    layer = export_decision(result, problem, scenarios, tmp_path / "sites.geojson").read_text()
    assert '"profile": "storage"' in layer
    assert "storage" in export_decision(result, problem, scenarios, tmp_path / "p.html").read_text()


def test_what_storage_does_not_go_with_is_refused():
    scenarios = days()
    problem = stored_problem()
    for method in ("spar", "hedging"):
        with pytest.raises(InvalidOptionError, match=f"storage: '{method}' takes hours one by one"):
            site(problem, scenarios, method=method)
    with pytest.raises(InvalidOptionError, match="engine 'full': sites of storage tie the hours"):
        site(problem, scenarios, method="benders", engine="full")
    with pytest.raises(InvalidOptionError, match="engine 'julia': sites of storage"):
        build_second_stage(problem, scenarios, "julia")
    with pytest.raises(InvalidOptionError, match="storage: has no place here"):
        hosting_capacity(problem, scenarios)
    for options, text in (
        ({"measure": "loss"}, "measure: losses have no linear program"),
        ({"limit_share": 0.9}, "limit_share: has no meaning where storage"),
        ({"cvar_share": 0.5}, "cvar_share: counts hours"),
        ({"storage_hours": 0.0}, "storage_hours: must be a positive number"),
        ({"storage_efficiency": 1.2}, "storage_efficiency: must be above 0 and at most 1"),
        ({"site_angle": [np.nan, 0.3, np.nan]}, "b1 profile: storage has no reactive power"),
    ):
        with pytest.raises(InvalidPlanningError, match=text):
            site(dataclasses.replace(problem, **options), scenarios, method="benders")
    twice = dataclasses.replace(problem, site_profile=("storage",) * 3)
    assert "is named more than once" in str(validate_planning(twice)[0])
    part = scenarios.take(np.arange(30))
    with pytest.raises(InvalidScenariosError, match="are 30 hours, storage needs whole days"):
        site(problem, part, method="benders")
    p = scenarios.probability.copy()
    p[[0, 1]] += [0.001, -0.001]
    with pytest.raises(InvalidScenariosError, match="hours differ in probability"):
        site(problem, dataclasses.replace(scenarios, probability=p), method="benders")


def test_passing_limits_has_a_price_in_days_too():
    scenarios = days(1)
    problem = stored_problem("import", v_source=1.0, v_min=0.9967)
    assert not build_second_stage(problem, scenarios, "daily").evaluate([2, 0, 0]).optimal.all()
    soft = dataclasses.replace(problem, slack_price=1.0)
    stage = build_second_stage(soft, scenarios, "daily")
    assert stage.evaluate([2, 0, 0]).optimal.all()
    # Where limits can be kept and are worth it nothing is passed.
    kept = build_second_stage(problem, scenarios, "daily").evaluate([2, 2, 2])
    dear = dataclasses.replace(problem, slack_price=1e4)
    both = build_second_stage(dear, scenarios, "daily").evaluate([2, 2, 2])
    p = scenarios.probability
    assert p @ both.value == pytest.approx(p @ kept.value, rel=1e-6)


def test_the_command_sites_storage(tmp_path):
    save_feeder(toy_feeder(4), tmp_path / "toy")
    (tmp_path / "sites.csv").write_text(
        "bus,profile,cost,max_units\nb1,pv,1500,3\nb2,storage,500,2\nb1,storage,700,2\n"
    )
    (tmp_path / "stages.csv").write_text(
        "name,parent,load,budget,probability,years\nnow,,1,200,,1\n"
    )
    words = ["--scenarios", "24", "--sites", "sites.csv", "--unit-kw", "30", "--json"]
    words += ["--measure", "voltage", "--v-source", "1.02", "--storage-hours", "2"]
    method = ["--method", "benders", "--gap", "1e-6", "--budget", "200", "--export", "d.csv"]
    code, out, err, _ = called(["site", "toy", *words, *method], tmp_path)
    assert code == 0, err
    sited = json.loads(out)
    assert sited["engine"] == "daily"
    assert "storage" in {p["profile"] for p in sited["placements"]}
    assert "stored_kwh" in (tmp_path / "d.csv").read_text().splitlines()[0]
    code, out, err, _ = called(["expand", "toy", "stages.csv", *words, "--gap", "1e-6"], tmp_path)
    assert code == 0, err
    assert json.loads(out)["objective"] == pytest.approx(sited["objective"], rel=3e-6)
    for more, text in (
        ([], "storage: 'spar' takes hours one by one"),
        (["--sites", "b1"], "--storage-hours has no effect: no site of --sites is of storage"),
    ):
        code, _, err, _ = called(["site", "toy", *words, *more], tmp_path)
        assert code == 2
        assert text in err
