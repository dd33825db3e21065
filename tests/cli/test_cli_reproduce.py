from __future__ import annotations

import dataclasses
import json

import pandas as pd
import pytest
from click.testing import CliRunner

from pygridjl.cli.reproduce import command
from pygridjl.experiments.spar import problems


@pytest.mark.slow
def test_spar_writes_its_report_and_a_resumed_run_writes_it_again(tmp_path, monkeypatch):
    tiny = dataclasses.replace(
        problems.QUICK,
        seeds=2,
        rivals=("benders",),
        rival_seconds=1.0,
        proof_seconds=1.0,
        reference_seconds=1.0,
        sizes=(50,),
        scenarios={"II": 24},
    )
    monkeypatch.setattr(problems, "QUICK", tiny)
    arguments = ["spar", "--out", str(tmp_path)]
    first = CliRunner().invoke(command, arguments, catch_exceptions=False)
    assert first.exit_code == 0
    report = (tmp_path / "report.md").read_text()
    assert report.strip() in first.output
    figures = ("figure-1", "figure-2", "figure-3a", "figure-3b", "bounds-II")
    for name in figures:
        assert (tmp_path / f"{name}.png").read_bytes().startswith(b"\x89PNG")
        assert f"({name}.png)" in report
    # Two samples of 50 scenarios, and no others.
    samples = pd.read_csv(tmp_path / "samples.csv")
    assert samples["size"].tolist() == [50, 50]
    again = CliRunner().invoke(command, [*arguments, "--resume", "--json"], catch_exceptions=False)
    assert (tmp_path / "report.md").read_text() == report
    found = json.loads(again.output)
    assert [len(v) for v in found["bounds"].values()] == [1]
    assert {r["method"] for r in found["comparison"]} == {"spar", "benders"}
