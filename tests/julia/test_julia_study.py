"""Studies with tasks that Julia computes: it starts inside the process of a job, once."""

from __future__ import annotations

import pytest

from pygridjl.study import read_study, records_frame, run_study

pytestmark = pytest.mark.julia

STUDY = """
name = "two languages"

[[runs]]
capability = "reconfiguration"
cases = ["case16ci", "case33bw"]
methods = ["maxflow+highs"]
options = { backend = "julia" }

[[runs]]
capability = "reconfiguration"
cases = ["case16ci", "case33bw"]
methods = ["maxflow+highs"]

[[runs]]
capability = "optimal_flow"
cases = ["case9", "case14"]
methods = ["acp"]
options = { backend = ["julia", "python"] }
"""


@pytest.mark.parametrize("scheduler", [None, "local"])
def test_both_languages_give_the_same_rows_in_processes_and_on_a_cluster(tmp_path, scheduler):
    if scheduler is not None:
        pytest.importorskip("distributed")
    (tmp_path / "study.toml").write_text(STUDY)
    study = read_study(tmp_path / "study.toml")
    records = run_study(study, tmp_path / "out", n_jobs=2, scheduler=scheduler)
    assert [record.row["error"] for record in records] == [""] * 8
    table = records_frame(records)
    values = table.groupby(["capability", "case"])["value"]
    assert (values.max() - values.min()).max() <= 1e-4 * values.max().min()
    assert values.size().tolist() == [2, 2, 2, 2]
