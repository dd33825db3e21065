"""The linearisation experiments: what they plan, and their pages from a few real rows."""

import pytest

from pygridjl.experiments.linearization import EXPERIMENT, Options
from pygridjl.experiments.linearization.printed import CASES, ERRORS
from pygridjl.experiments.linearization.tasks import paper_network
from pygridjl.experiments.linearized_opf import EXPERIMENT as SPEED, Options as SpeedOptions


def test_every_printed_row_is_computed():
    plan = EXPERIMENT.make_plan(Options(full=True))
    computed = {(t.asked["case"], t.asked["point"]) for t in plan.parts["points"]}
    assert set(ERRORS) <= computed


@pytest.mark.parametrize("case", CASES)
def test_the_slack_of_the_paper_is_given(case):
    network = paper_network(case)
    assert (network.buses.v_min[network.slack_buses] == 1.0).all()
    assert (network.buses.v_max[network.slack_buses] == 1.0).all()


def test_the_report_holds_both_tables_and_says_what_is_lost(tmp_path):
    plan = EXPERIMENT.make_plan(Options(samples=10))
    points = [
        t
        for t in plan.parts["points"]
        if t.asked["case"] == "9@120" and t.asked["point"] in ("flat", "order1", "ac-mean")
    ]
    relaxations = [
        t for t in plan.parts["relaxations"] if t.asked["case"] == "9@120" and t.asked["order"] == 1
    ]
    rows = {
        "points": [{**t.asked, **t.compute(t.asked), "error": ""} for t in points],
        "relaxations": [{**t.asked, **t.compute(t.asked), "error": ""} for t in relaxations],
    }
    bounds = {row["grouping"]: row["bound"] for row in rows["relaxations"]}
    assert bounds["dense"] == pytest.approx(bounds["network"], rel=1e-5)
    page = EXPERIMENT.make_page(rows, Options(samples=10), tmp_path)
    assert "lost in our copy" in page.text
    assert "| ac-mean |" in page.text
    assert [figure.name for figure in page.figures] == ["errors-9-120.png"]
    flat = next(r for r in page.found["points"] if r["point"] == "flat")
    assert flat["paper_p"] == 0.277


def test_the_benchmark_compares_with_ac(tmp_path):
    options = SpeedOptions(draws=6)
    (task, *_) = [t for t in SPEED.make_plan(options).parts["solves"] if t.asked["case"] == "5"]
    row = {**task.asked, **task.compute(task.asked), "error": ""}
    assert row["unsolved"] == 0
    assert row["ac_ms"] > row["linear_ms"]
    page = SPEED.make_page({"solves": [row]}, options, tmp_path)
    assert "AC ÷ linearised" in page.text
