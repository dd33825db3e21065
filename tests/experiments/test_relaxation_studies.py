"""The slides' measure, and the benchmark's table beside PGLib's baseline."""

from __future__ import annotations

import pytest

from pygridjl.experiments.jabr.page import page as jabr_page
from pygridjl.experiments.jabr.printed import NORMS
from pygridjl.experiments.jabr.tasks import plan as jabr_plan
from pygridjl.experiments.relaxations import Options
from pygridjl.experiments.relaxations.page import by_case, page as relaxations_page
from pygridjl.experiments.relaxations.peer import cvxpy_build
from pygridjl.experiments.relaxations.printed import baseline
from pygridjl.experiments.relaxations.tasks import BUNDLED, plan
from pygridjl.grid.load import load_network
from pygridjl.optimal_flow.relaxation.solve import relax


def test_the_slides_figure_is_their_unoriented_measure():
    table = jabr_plan(None).parts["table"]
    task = next(t for t in table if t.asked["jabr"] and not t.asked["loops"])
    row = task.compute(task.asked)
    assert row["unoriented"] == pytest.approx(NORMS[True, False], abs=2e-3)
    assert row["oriented_complex"] > row["unoriented"]


def test_the_page_of_the_slides_lays_out_all_parts():
    table = [
        {"jabr": j, "loops": w, "objective": 1.0, "unoriented": 5.45, "oriented_real": 0.1}
        | {"oriented_complex": 7.5, "convex_unoriented": 5.45}
        for j, w in NORMS
    ]
    form = {"network": "case14", "form": "none", "lengths": [6, 3, 3, 3, 6, 3, 3]}
    text = jabr_page({"table": table, "forms": [form], "closing": []}, None, None).text
    assert "5.449" in text
    assert "as the slides say" in text


def test_published_rows_stand_beside_ours():
    published = baseline()
    assert published["pglib_opf_case14_ieee"]["soc_gap"] == 0.11
    assert published["pglib_opf_case118_ieee__sad"]["qc_gap"] == 6.79
    row = {"case": "a/pglib_opf_case14_ieee.m", "method": "soc", "name": "pglib_opf_case14_ieee"}
    found = by_case({"relaxations": [row | {"ac": 2178.08, "gap_percent": 0.11}], "proofs": []})
    assert found[0]["published_ac"] == 2178.1
    assert found[0]["gap:soc"] == 0.11


def test_bundled_cases_are_the_default():
    tasks = plan(Options()).parts["proofs"]
    assert [task.asked["case"] for task in tasks] == list(BUNDLED)
    small = plan(Options(most=9)).parts["relaxations"]
    assert {task.asked["case"] for task in small} == {"case9"}
    row = small[0].compute(small[0].asked)
    assert row["status"] == "optimal"
    assert row["gap_percent"] == pytest.approx(0, abs=0.01)


@pytest.mark.parametrize("method", ["soc", "sdp"])
def test_cvxpy_builds_the_same_program(method):
    cvxpy = pytest.importorskip("cvxpy")
    network = load_network("case14")
    build = cvxpy_build(network, method)
    build.problem.solve(solver=cvxpy.CLARABEL)
    ours = relax(network, method, search=False)
    assert build.scale * build.problem.value == pytest.approx(ours.objective, rel=1e-5)


def test_the_columns_of_building_appear_where_cvxpy_was_asked():
    row = {"case": "case14", "method": "soc", "name": "case14", "ac": 1.0, "gap_percent": 0.1}
    rows = {"relaxations": [row], "proofs": []}
    assert "CVXPY" not in relaxations_page(rows, None, None).text
    rows["cvxpy"] = [row | {"build_seconds": 0.01, "cvxpy_seconds": 0.02}]
    text = relaxations_page(rows, None, None).text
    assert "CVXPY's part of building soc, ms" in text
    assert "300 buses" in text
