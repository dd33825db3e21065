from __future__ import annotations

import pytest
from siting_toys import toy_problem

from pygridjl.experiments.spar.printed import audit_rows, size_rows
from pygridjl.experiments.spar.tables import bounds_lines, comparison_lines, master_lines
from pygridjl.experiments.spar.text import spar_report
from pygridjl.report.tables import markdown_table
from pygridjl.siting.sample_bounds import Batch, bounds_of


@pytest.fixture
def summary():
    common = {"objective": "voltage", "runs": 2, "status": "feasible", "error": "", "bound": 8.0}
    return [
        {
            **common,
            "method": "spar",
            "value": 9.0,
            "least": 8.5,
            "most": 9.5,
            "seconds": 1.5,
            "no_dg": 12.0,
            "excess": 0.125,
            "captured": 0.75,
        },
        {**common, "method": "hedging", "status": "error", "error": "SolverError: none"},
    ]


@pytest.fixture
def results():
    batches = [Batch(k, 1.0 + k, 0.5 + k, 2.0 + k, (1,), 0.25) for k in range(3)]
    return [bounds_of(batches, batch_size=100)]


def cells(table: str, *start: str) -> list[str]:
    """Cells of the one line of a Markdown table that begins with these."""
    lines = [[c.strip() for c in line.strip("|").split("|")] for line in table.splitlines()]
    (found,) = [line for line in lines if line[: len(start)] == list(start)]
    return found


def test_table_i_has_both_sides(summary):
    table = markdown_table(*comparison_lines(summary))
    spar = cells(table, "voltage", "SPAR")
    # 20.32 over the 20.23 of the extensive form is 0.44 %, which the paper says in words too.
    assert spar[2:5] == ["20.32", "54", "0.44"]
    assert spar[5:12] == ["2", "feasible", "9.000", "8.500–9.500", "1.50", "12.50", "75.0"]
    hedging = cells(table, "voltage", "progressive hedging")
    assert hedging[2] == "21.98"
    assert hedging[6:8] == ["error", "–"]
    assert cells(table, "loss", "extensive form")[5:8] == ["–", "not run", "–"]


def test_bounds_table_joins_by_sample_size(results):
    table = markdown_table(*bounds_lines("II", results, 1.6))
    ours = cells(table, "100")
    assert ours[1:5] == ["17.09", "16.87–17.32", "17.3–17.45", "0.58 (3.4)"]
    assert ours[5:7] == ["3", "2.000"]
    assert ours[11:] == ["2.000", "25.00", "0.25"]
    assert cells(table, "50")[5:] == ["–"] * 9


def test_masters_join_by_feeder_and_kind():
    measured = {
        "feeder": "ieee123",
        "kind": "lambda",
        "objective": "loss",
        "status": "optimal",
        "rows": 5,
        "columns": 7,
        "binary": 3,
        "master_seconds": 0.5,
        "stage_seconds": 0.25,
    }
    table = markdown_table(*master_lines([measured, {**measured, "kind": "allocation"}]))
    assert cells(table, "ieee123", "lambda", "loss")[3:] == [
        "524 × 21900", "2.10", "5 × 7", "3", "optimal", "0.5000", "0.2500",
    ]  # fmt: skip
    assert cells(table, "ieee9500", "epigraph", "voltage")[7] == "not run"
    assert cells(table, "ieee123", "allocation", "loss")[3] == "–"


def test_report_says_what_was_not_run_and_what_failed(summary, results):
    reference = {
        "table": "II",
        "scenarios": 24,
        "status": "optimal",
        "value": 2.0,
        "bound": 1.6,
        "no_dg": 3.0,
        "seconds": 1.0,
        "error": "",
    }
    material = {
        "comparison": summary,
        "references": [reference],
        "masters": [],
        "stages": [],
        "learning": [
            {"objective": "loss", "step_rule": 2, "value": 2.0, "quality": 0.8, "captured": 0.5}
        ],
        "audit": audit_rows(),
        "sizes": size_rows(),
    }
    figures = [("figure-1.png", "Figure 1")]
    text = spar_report({"toy": toy_problem()}, material, {"II": results}, figures, full=False)
    for title in ("I", "II", "III", "IV", "V", "VI"):
        assert f"## Table {title}\n" in text
    assert "voltage, hedging: SolverError: none" in text
    assert "all 24 scenarios: Benders 2, bound 1.6, optimal in 1.0 s; 3 without units" in text
    assert text.count("Not run here") == 3
    assert "--full" in text
    assert "![Figure 1](figure-1.png)" in text
    assert "loss, step rule 2: 80.00 %, 50.0 % of the possible improvement" in text
    # 414,300 binaries printed, 168 · 2744 by the formula that fits every other size.
    assert "414,300 printed, 460,992 by the formula" in text
    assert "| budget, k$ | 1500 | 45 |" in text
