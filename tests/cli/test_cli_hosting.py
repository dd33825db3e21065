from __future__ import annotations

import json

from click.testing import CliRunner

from pygridjl.cli.hosting import command
from pygridjl.cli.site import command as site_command
from pygridjl.grid import load_feeder
from pygridjl.scenarios.generate import generate_scenarios
from pygridjl.siting import PlanningProblem, hosting_capacity
from pygridjl.siting.regulators import with_neutral_regulators


def run(target, *arguments):
    return CliRunner().invoke(target, [*map(str, arguments)], catch_exceptions=True)


def test_the_command_says_what_the_function_says():
    asked = ("ieee13", "--scenarios", 24, "--sites", "675,634", "--v-source", 1.0, "--share", 0.9)
    out = run(command, *asked, "--json")
    assert out.exit_code == 0, out.output
    plain = json.loads(out.output)
    feeder = with_neutral_regulators(load_feeder("ieee13"))
    problem = PlanningProblem.on_buses(feeder, ["675", "634"], v_source=1.0)
    same = hosting_capacity(problem, generate_scenarios(feeder.n_bus, 24), share=0.9)
    assert plain["objective"] == same.objective
    assert [row["units"] for row in plain["per_site"]] == same.per_site["units"].tolist()
    assert "kw" in run(command, *asked).output


def test_options_without_meaning_are_refused(tmp_path):
    out = run(command, "ieee13", "--share", 0.9, "--curtailment", 0.1)
    assert "share is below 1" in str(out.exception)
    out = run(site_command, "ieee13", "--validate-worst", 3)
    assert out.exit_code == 2
    assert "needs --validate" in out.output
    out = run(site_command, "ieee13", "--export", tmp_path / "plan.xlsx")
    assert out.exit_code == 2
    assert ".geojson" in out.output


def test_a_decision_is_validated_and_exported(tmp_path):
    path = tmp_path / "plan.geojson"
    out = run(
        site_command, "ieee13", "--scenarios", 24, "--method", "greedy", "--v-source", 0.98,
        "--validate", "opendss", "--validate-worst", 2, "--export", path, "--json",
    )  # fmt: skip
    plain = json.loads(out.output)
    assert len(plain["validation"]["table"]) == 2
    assert plain["validation"]["circuit"] == "tables"
    features = json.loads(path.read_text("utf-8"))["features"]
    assert len(features) == len(plain["placements"])
