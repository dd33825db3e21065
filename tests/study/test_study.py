"""A study from its file to its report."""

from __future__ import annotations

import base64
import importlib.util
import json
import math
import re
import subprocess
import sys
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from browser import BROWSER, console_of
from click.testing import CliRunner

from pygridjl import load_network, reconfigure
from pygridjl.cli.study import command
from pygridjl.core.errors import InvalidOptionError
from pygridjl.grid.io.write import save_network
from pygridjl.study.definition import read_study
from pygridjl.study.page import write_report
from pygridjl.study.profiles import cells, performance_profile
from pygridjl.study.run import records_frame, run_study
from pygridjl.study.store import Record

FEEDERS = """
name = "two feeders"

[[runs]]
capability = "reconfiguration"
cases = ["case16ci", "mine.json"]
methods = ["forward", "maxflow+ils"]
seeds = 2
options = { certify = [false, true] }

[[runs]]
capability = "reconfiguration"
cases = ["case16ci"]
methods = ["exact"]
options = { time_limit = 5.0 }

[limits]
seconds = 120
"""


@pytest.fixture(scope="module")
def study_file(tmp_path_factory):
    folder = tmp_path_factory.mktemp("study")
    save_network(load_network("case33bw"), folder / "mine.json")
    (folder / "study.toml").write_text(FEEDERS)
    return folder / "study.toml"


def call(*arguments, code=0):
    result = CliRunner().invoke(command, [str(a) for a in arguments])
    assert result.exit_code == code, result.output + repr(result.exception)
    return result


@pytest.fixture(scope="module")
def done(study_file):
    out = study_file.parent / "out"
    said = json.loads(call("run", study_file, "--out", out, "--json").stdout)
    assert said == {
        "study": "two feeders", "tasks": 13, "finished": 13, "failed": 0, "stale": 0, "running": 0,
    }  # fmt: skip
    return out


def test_the_grid_is_the_product(study_file):
    tasks = read_study(study_file).tasks()
    asked = [
        (str(t.asked["case"])[-9:], t.asked["method"], t.asked["options"].get("certify"),
         t.asked["seed"])
        for t in tasks
    ]  # fmt: skip
    expected = [
        (case, method, certify, seed)
        for case in ("case16ci"[-9:], "mine.json")
        for method in ("forward", "maxflow+ils")
        for certify in (False, True)
        for seed in ((0, 1) if "ils" in method else (None,))
    ]
    assert asked == [*expected, ("case16ci", "exact", None, None)]
    # A file is known by what it holds.
    assert tasks[0].asked["input"] is None
    assert len(tasks[6].asked["input"]) == 16


def test_rows_are_what_the_door_answers(done, study_file):
    call("report", done)
    rows = pd.read_csv(done / "rows.csv", float_precision="round_trip")
    assert len(rows) == 13
    assert rows["error"].isna().all()
    mine = rows[rows["case"].str.endswith("mine.json") & (rows["method"] == "maxflow+ils")]
    answer = reconfigure(load_network(study_file.parent / "mine.json"), "maxflow+ils", seed=0)
    np.testing.assert_array_equal(mine["value"], answer.objective)
    certified = mine[mine["options"].str.contains("true")]
    assert (certified["bound"] <= certified["value"] * (1 + 1e-9)).all()
    assert set(json.loads(mine["open_branches"].iloc[0])) == set(answer.open_branches)


def test_a_second_run_computes_nothing(done, study_file):
    before = pd.read_csv(done / "rows.csv") if (done / "rows.csv").exists() else None
    call("run", study_file, "--out", done)
    call("resume", done)
    call("report", done)
    if before is not None:
        pd.testing.assert_frame_equal(pd.read_csv(done / "rows.csv"), before)


def test_a_changed_file_is_another_question(done, study_file, tmp_path):
    (tmp_path / "study.toml").write_text(FEEDERS)
    other = load_network("case33bw")
    save_network(other.replace(base_mva=other.base_mva * 2), tmp_path / "mine.json")
    one, two = (read_study(p).tasks() for p in (study_file, tmp_path / "study.toml"))
    assert one[0].asked == two[0].asked
    assert one[6].asked["input"] != two[6].asked["input"]


class Page(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.ids, self.links, self.sources, self.scripts, self.depth = set(), [], [], 0, []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if "id" in attrs:
            assert attrs["id"] not in self.ids
            self.ids.add(attrs["id"])
        if tag == "a":
            self.links.append(attrs["href"])
        if tag in ("img", "link", "script"):
            self.sources.append(attrs.get("src") or attrs.get("href"))
        self.scripts += tag == "script"


def test_the_report_is_self_contained_and_every_number_leads_to_its_row(done):
    call("report", done)
    text = (done / "report.html").read_text()
    page = Page(text)
    assert page.scripts == 0
    assert all(source.startswith("data:") for source in page.sources)
    assert len(page.links) > 13
    for link in page.links:
        assert link[1:] in page.ids, link
    pictures = re.findall(r"data:image/svg\+xml;base64,([A-Za-z0-9+/=]+)", text)
    assert len(pictures) == 2
    for picture in pictures:
        assert b"<svg" in base64.b64decode(picture)
    for words in ("Performance profile", "Gap against time", "numpy", "Versions and machines"):
        assert words in text
    # The same rows give the same page.
    call("report", done)
    again = re.sub(r"base64,[^\"]*", "", (done / "report.html").read_text())
    assert again == re.sub(r"base64,[^\"]*", "", text)


def test_status_tells_what_a_change_of_code_leaves(done, monkeypatch):
    from pygridjl.study import store

    monkeypatch.setattr(store, "code_version", lambda _: "0.0+other")
    said = json.loads(call("status", done, "--json").stdout)
    assert (said["finished"], said["stale"]) == (0, 13)


def record(case, method, seconds, value, bound=None, error="", **options):
    row = {
        "capability": "reconfiguration", "case": case, "method": method, "options": options,
        "seed": None, "error": error,
    }  # fmt: skip
    key = f"{case}{method}{seconds}"
    return Record(key, row, None, value, bound, seconds, "c", "e", "t")


def test_performance_profile_by_hand():
    """Two problems: A solves both, twice slower on the first; B fails the second by its value."""
    found = cells(
        [
            record("p", "A", 2.0, 10.0),
            record("p", "B", 1.0, 10.0),
            record("q", "A", 3.0, 5.0),
            record("q", "B", 1.0, 5.1),
            record("q", "C", 0.1, None, error="SolverError: no"),
        ]
    )
    profile = performance_profile(found)
    np.testing.assert_allclose(profile["A"], [1.0, 2.0])
    np.testing.assert_allclose(profile["B"], [1.0, math.inf])
    assert np.isinf(profile["C"]).all()


def test_cells_take_medians_over_seeds_and_tell_methods_from_problems():
    rows = [record("p", "A", float(s), 10.0 + s, 8.0, time_limit=1) for s in (3, 1, 2)]
    other = record("p", "A", 1.0, 7.0, problem="balanced")
    first, second = cells([*rows, other])
    assert (first.problem, first.method) == ("reconfiguration p", "A time_limit=1")
    assert second.problem == 'reconfiguration p problem="balanced"'
    assert (first.value, first.seconds) == (12.0, 2.0)
    assert first.gap == pytest.approx(4 / 12)
    assert first.middle.seconds == 2.0


RUN = '[[runs]]\ncapability="reconfiguration"\ncases=["case16ci"]\nmethods=["forward"]\n'


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name = ", "Invalid value (at end of document)"),
        ("name = 'a'", "runs is missing"),
        ("name = 'a'\nruns = []", "at least one block"),
        (f"name = ''\n{RUN}", "name must be a text"),
        (f"name = 'a'\nnames = 'b'\n{RUN}", "unknown entry 'names'"),
        (f"name = 'a'\n{RUN}seed = 3", "unknown entry 'seed'"),
        (f"name = 'a'\n{RUN}seeds = -1", "seeds must be"),
        (f"name = 'a'\n{RUN}options = {{ times = 3 }}", "no option 'times'; it has"),
        (f"name = 'a'\n{RUN}options = {{ certify = [] }}", "leaves nothing to run"),
        (f"name = 'a'\n{RUN}[limits]\nseconds = 0", "seconds must be positive"),
        (f"name = 'a'\n{RUN}[limits]\nminutes = 0", "unknown entry 'minutes'"),
        (f"name = 'a'\n{RUN.replace('reconfiguration', 'magic')}", "'magic' is none of"),
        (f"name = 'a'\n{RUN.replace('forward', 'frward')}", "did you mean forward"),
        ("name = 'a'\n" + RUN.replace('"forward"', ""), "methods must be a list"),
    ],
)
def test_a_bad_file_is_one_line(tmp_path, text, words):
    file = tmp_path / "s.toml"
    file.write_text(text)
    with pytest.raises(InvalidOptionError, match=re.escape(words)) as refused:
        read_study(file)
    assert "\n" not in str(refused.value)
    assert str(file) in str(refused.value)


def test_a_case_that_is_none_is_a_failure_in_its_row(tmp_path):
    (tmp_path / "s.toml").write_text(
        "name = 'bad'\n" + RUN.replace("cases=[", 'cases=["nowhere", ')
    )
    frame = records_frame(run_study(read_study(tmp_path / "s.toml"), tmp_path / "out"))
    assert frame["error"].str.split(":").str[0].tolist() == ["CaseNotFoundError", ""]


OF_ALL = """
name = "all"
[[runs]]
capability = "optimal_flow"
cases = ["case14"]
methods = ["acp"]
[[runs]]
capability = "relaxation"
cases = ["case14"]
methods = ["soc"]
[[runs]]
capability = "siting"
cases = ["ieee13"]
methods = ["none", "greedy"]
options = { scenarios = 24, measure = ["voltage", "loss"] }
[[runs]]
capability = "linearisation"
cases = ["case9"]
methods = ["flat", "ac-mean"]
options = { samples = 30 }
[[runs]]
capability = "balancing"
cases = ["example"]
methods = ["local"]
options = { circuits = 4 }
"""


def test_every_capability_runs_in_a_study(tmp_path):
    (tmp_path / "s.toml").write_text(OF_ALL)
    records = run_study(read_study(tmp_path / "s.toml"), tmp_path / "out")
    assert [r.row["error"] for r in records] == [""] * 9
    assert all(r.value is not None and r.status for r in records)
    flow, relaxed = records[:2]
    flat, mean = (r for r in records if r.row["capability"] == "linearisation")
    assert 0.0 < mean.value < flat.value
    by_greedy = [r for r in records if r.row["method"] == "greedy"]
    assert [r.row["measure"] for r in by_greedy] == ["voltage", "loss"]
    assert relaxed.bound <= flow.value * (1 + 1e-6)
    if importlib.util.find_spec("pyarrow") is None:
        with pytest.raises(InvalidOptionError, match="pyarrow"):
            write_report(tmp_path / "out", parquet=True)
    else:
        *_, csv, parquet = write_report(tmp_path / "out", parquet=True)
        whole = pd.read_parquet(parquet)
        assert whole.shape == pd.read_csv(csv).shape
        assert [r.value for r in records] == whole["value"].tolist()


def run_main(*arguments, cwd):
    return subprocess.run(
        [sys.executable, "-m", "pygridjl", "study", *arguments],
        capture_output=True, text=True, cwd=cwd, check=False,
    )  # fmt: skip


def test_the_command_line_refuses_in_one_line(tmp_path):
    (tmp_path / "s.toml").write_text(f"name = 'a'\n{RUN}")
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "text.tex").write_text("x")
    for arguments in (
        ("run", "none.toml"),
        ("status", "thesis"),
        ("report", "thesis"),
        ("resume", "none"),
        ("run", "s.toml", "--out", "thesis"),
        ("run", "s.toml", "--scheduler", "tcp://127.0.0.1:1"),
    ):
        said = run_main(*arguments, cwd=tmp_path)
        assert said.returncode == 2, arguments
        assert said.stdout == ""
        assert said.stderr.strip().count("\n") == 0, said.stderr
    assert [p.name for p in (tmp_path / "thesis").iterdir()] == ["text.tex"]


@pytest.mark.slow
@pytest.mark.skipif(BROWSER is None, reason="no chromium here")
def test_a_browser_shows_the_report_without_a_word_on_its_console(done, tmp_path):
    call("report", done)
    picture = tmp_path / "report.png"
    said, _ = console_of(done / "report.html", tmp_path, f"--screenshot={picture}")
    assert said == []
    assert picture.stat().st_size > 20_000
