"""The year and the AC proofs of the reconfiguration benchmark, at small sizes."""

import pytest

from pygridjl.core.errors import InvalidOptionError
from pygridjl.experiments.reconfiguration import Options
from pygridjl.experiments.reconfiguration.ac_proof import ac_proof_tasks
from pygridjl.experiments.reconfiguration.page import page
from pygridjl.experiments.reconfiguration.tasks import plan
from pygridjl.experiments.reconfiguration.year import year_tasks


def run(tasks):
    return [{**task.asked, **task.compute(task.asked), "error": ""} for task in tasks]


def test_no_configuration_beats_the_proven_one_over_the_year(tmp_path):
    rows = run(year_tasks(seed=1, cases=("case16ci", "case33bw"), hours=48))
    for row in rows:
        assert row["status"] == "optimal"
        assert row["bound_kw"] <= row["objective_kw"]
        for other in ("mean_kw", "peak_kw", "base_kw"):
            assert row["objective_kw"] <= row[other] * (1 + 1e-9)
    assert "case33bw" in page({"year": rows}, Options(year=True), tmp_path).text


def test_ac_proofs_are_those_published(tmp_path):
    rows = run(ac_proof_tasks(cases=("case69", "case70da")))
    for row in rows:
        assert row["status"] == "optimal"
        assert row["gap"] <= 1e-6
        assert row["loss_kw"] == pytest.approx(row["best_known_kw"], abs=0.01)
    assert "case70da" in page({"proofs": rows}, Options(ac_proof=True), tmp_path).text


def test_one_table_at_a_time():
    with pytest.raises(InvalidOptionError, match="scale, year: one of them"):
        plan(Options(scale=True, year=True))
