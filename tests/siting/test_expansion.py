"""Stages of growth against all plans of a small tree."""

from __future__ import annotations

import dataclasses
import itertools
import json

import numpy as np
import pytest
from click.testing import CliRunner
from siting_toys import toy_feeder, toy_scenarios

from pygridjl.cli.expand import command
from pygridjl.core import stopping
from pygridjl.core.errors import InvalidOptionError, InvalidPlanningError, NetworkFormatError
from pygridjl.core.result import Status
from pygridjl.grid import save_feeder
from pygridjl.siting.expansion.solve import expansion_plan
from pygridjl.siting.expansion.tree import Stage, StageTree, read_stages
from pygridjl.siting.problem import PlanningProblem
from pygridjl.siting.second_stage import build_second_stage
from pygridjl.solvers.highs import HighsModel

TREE = (
    Stage("now", 0.6, 200.0, years=2),
    Stage("fast", 1.6, 250.0, parent="now", probability=0.3, years=5),
    Stage("slow", 0.8, 100.0, parent="now", probability=0.7, years=5),
)
# Twice the first, then 30 % and 70 % of five years each.
WEIGHT = np.array([2.0, 1.5, 3.5]) / 7.0
PRICES = np.array([120.0, 75.0])  # 80 kW at 1500 and 937.5 $/kW


def toy(**options) -> PlanningProblem:
    settings = {"unit_kw": 80.0, "max_units": 3, "site_cost": [np.nan, 937.5], "v_max": 1.2}
    return PlanningProblem(toy_feeder(3), **{**settings, **options})


def enumerated(problem: PlanningProblem, scenarios) -> float:
    """Best value over all plans; infinite if none keeps the limits."""
    states = [np.array(n) for n in itertools.product(range(4), repeat=2)]
    worth = []
    for stage in TREE:
        grown = dataclasses.replace(scenarios, load=stage.load * scenarios.load)
        engine = build_second_stage(problem, grown)
        values = []
        for units in states:
            batch = engine.evaluate(units)
            whole = batch.optimal.all()
            values.append(float(grown.probability @ batch.value) if whole else np.inf)
        worth.append(values)
    best = np.inf
    for now, fast, slow in itertools.product(range(16), repeat=3):
        if (states[fast] < states[now]).any() or (states[slow] < states[now]).any():
            continue
        # What comes in: 200 now, 450 by "fast", 300 by "slow".
        paid = [PRICES @ states[k] for k in (now, fast, slow)]
        if paid[0] <= 200 and paid[1] <= 450 and paid[2] <= 300:
            best = min(best, float(WEIGHT @ [worth[0][now], worth[1][fast], worth[2][slow]]))
    return best


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("options", [{"measure": "loss", "v_min": 0.0}, {"v_min": 0.0}])
def test_a_plan_is_the_best_of_all(seed, options):
    problem, scenarios = toy(**options), toy_scenarios(4, 3, seed)
    plan = expansion_plan(problem, scenarios, TREE, gap=1e-6)
    best = enumerated(problem, scenarios)
    assert plan.status is Status.OPTIMAL
    assert plan.objective == pytest.approx(best, rel=2e-6)
    assert plan.bound <= best * (1 + 1e-9)
    assert (plan.units[1:] >= plan.units[0]).all()
    np.testing.assert_allclose(plan.stages["spent"], plan.units @ PRICES)
    assert (plan.stages["spent"] <= [200.0, 450.0, 300.0]).all()
    # What is added along a path is what stands there.
    added = plan.additions.groupby("stage")["kw"].sum().reindex([s.name for s in TREE]).fillna(0)
    standing = added.to_numpy() + added["now"] * np.array([0.0, 1.0, 1.0])
    np.testing.assert_allclose(plan.stages["kw"], standing)


def test_units_that_a_later_load_needs_are_built_by_then():
    scenarios = toy_scenarios(4, 3, 1)
    # Sun in every scenario, so that units can hold the voltage.
    scenarios = dataclasses.replace(scenarios, pv=0.5 + 0.5 * scenarios.pv)
    answers = []
    for v_min in (0.9960, 0.9970, 0.9975, 0.9980, 0.9999):
        problem = toy(v_min=v_min, v_source=1.0)
        best = enumerated(problem, scenarios)
        plan = expansion_plan(problem, scenarios, TREE, gap=1e-6)
        answers.append(best)
        if np.isfinite(best):
            assert plan.objective == pytest.approx(best, rel=2e-6)
        else:
            assert plan.status is Status.INFEASIBLE
            assert not plan.has_answer
            assert "stage fast" in plan.reason
    assert np.isinf(answers[-1])
    assert np.isfinite(answers[0])


def test_one_stage_is_a_siting_problem():
    problem, scenarios = toy(v_min=0.0), toy_scenarios(4, 3, 2)
    from pygridjl.siting.solve import site

    plan = expansion_plan(problem, scenarios, [Stage("now", 1.0, 300.0)], gap=1e-6)
    alone = site(dataclasses.replace(problem, budget=300.0), scenarios, method="benders", gap=1e-6)
    assert plan.objective == pytest.approx(alone.objective, rel=2e-6)


def test_a_wrong_tree_is_named(tmp_path):
    for stages, text in (
        ([], "there are none"),
        ([Stage("a"), Stage("b")], "stage b: needs a parent"),
        ([Stage("a", parent="b")], "stage a: is the first"),
        ([Stage("a"), Stage("b", parent="c")], "stage b: parent: .*'c'"),
        ([Stage("a"), Stage("a", parent="a")], "'a' is empty or used twice"),
        ([Stage("a"), Stage("b", parent="a", probability=0.4)], "after a sum to 0.4"),
        ([Stage("a", years=0)], "stage a: years must be a number above 0, is 0"),
        ([Stage("a", load=np.nan)], "stage a: load must be a number at least 0, is nan"),
        ([Stage("a", load=1e308)], "stage a: load must be at most"),
        ([Stage("a", budget=-1)], "stage a: budget must be a number at least 0, is -1"),
    ):
        with pytest.raises(InvalidOptionError, match=text):
            StageTree(stages)
    problem, scenarios = toy(), toy_scenarios(4, 3, 0)
    for change, stages, text in (
        ({"min_sites": 1}, TREE, "min_sites: has no meaning"),
        ({"cvar_share": 1.5}, TREE, "cvar_share"),
        ({}, [Stage("now", budget=1.0)], "below one unit"),
    ):
        with pytest.raises((InvalidOptionError, InvalidPlanningError), match=text):
            expansion_plan(dataclasses.replace(problem, **change), scenarios, stages)
    with pytest.raises(InvalidOptionError, match="gap"):
        expansion_plan(problem, scenarios, TREE, gap=0.0)
    table = tmp_path / "stages.csv"
    table.write_text("name,growth\nnow,1\n", encoding="utf-8")
    with pytest.raises(NetworkFormatError, match="'growth' is none of name, parent, load"):
        read_stages(table)


def test_the_command_reads_stages_from_a_table(tmp_path):
    feeder = save_feeder(toy_feeder(3), tmp_path / "toy")
    table = tmp_path / "stages.csv"
    table.write_text(
        "name,parent,load,budget,probability,years\nnow,,0.6,200,,2\n"
        "fast,now,1.6,250,0.3,5\nslow,now,0.8,100,0.7,5\n",
        encoding="utf-8",
    )
    assert read_stages(table) == TREE
    asked = [str(feeder), str(table), "--scenarios", "24", "--unit-kw", "60", "--json"]
    out = CliRunner().invoke(command, asked)
    assert out.exit_code == 0, out.output
    answer = json.loads(out.stdout)
    assert answer["status"] == "optimal"
    assert answer["improvement_gap"] <= 0.01
    assert [row["stage"] for row in answer["stages"]] == ["now", "fast", "slow"]
    drawn = tmp_path / "plan.svg"
    shown = CliRunner().invoke(command, [*asked[:-1], "--plot", str(drawn)])
    for text in ("fast", "is added", "1.6"):
        assert text in drawn.read_text(encoding="utf-8")
    assert "proven bound" in shown.stdout
    worst = [*asked, "--cvar-share", "0.5", "--cvar-level", "0.9"]
    careful = json.loads(CliRunner().invoke(command, worst).stdout)
    assert careful["objective"] > answer["objective"]
    assert any("CVaR over the worst 10 %" in note for note in careful["notes"])
    refused = CliRunner().invoke(command, [*asked, "--min-sites", "1"])
    assert refused.exit_code == 2


def test_the_clock_ends_a_plan_within_a_scenario(monkeypatch):
    """A scenario of a large feeder takes seconds: its program ends too, and no other begins."""
    begun = []
    plain = HighsModel.solve

    def stopped(self, **given):
        begun.append(self)
        stopping.request()
        return plain(self, **given)

    monkeypatch.setattr(HighsModel, "solve", stopped)
    problem = toy(slack_price=1.0)
    with stopping.answering():
        plan = expansion_plan(problem, toy_scenarios(6, problem.feeder.n_bus), TREE)
    stopping.forget()
    assert len(begun) == 1
    assert plan.status is Status.NOT_FOUND
    assert plan.reason == "time ended before all scenarios of the first plan"
