"""``pygridjl balance``: tables, JSON, pictures, bad input."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest
from click.testing import CliRunner

from pygridjl.cli.balance import command

FAST = ("--method", "local", "--time-limit", "5")


def run(*arguments):
    return CliRunner().invoke(command, [*map(str, arguments)], catch_exceptions=True)


def test_the_example_in_words(tmp_path):
    page = tmp_path / "b.html"
    out = run(
        "example", "--cap", 5, "--fit", "--plot", tmp_path / "b.png", "--page", page, *FAST
    )  # fmt: skip
    assert out.exit_code == 0, out.output
    for text in ("20 SPs, 4 circuits, 168 steps", "J (rms)", "C4", "does not apply"):
        assert text in out.output
    assert (tmp_path / "b.png").stat().st_size > 10_000
    written = page.read_text(encoding="utf-8")
    # Today's J on the page is the one of the summary.
    before = re.search(r"J \(rms\) +[0-9.]+ \(before ([0-9.]+),", out.output).group(1)
    total = float(re.search(r'"total_before":([0-9.]+)', written).group(1))
    assert total == pytest.approx(float(before), rel=1e-5)


def test_json_is_one_object_with_every_rule_kept():
    out = run(
        "example", "--circuits", 4, "--cap", 6, "--max-moves", 3, "--fix", "SP01=C1",
        "--forbid", "SP02=C3", "--measure", "l1", "--json", *FAST,
    )  # fmt: skip
    plain = json.loads(out.output)
    assert plain["measure"] == "l1"
    assert plain["moved"] <= 3
    assert plain["assignment"]["SP01"] == "C1"
    assert plain["assignment"]["SP02"] != "C3"
    assert plain["bound"] <= plain["objective"] < plain["l1_before"]
    assert len(plain["assignment"]) == 20


def test_more_circuits_than_today_and_named_ones():
    six = json.loads(run("example", "--circuits", 6, "--cap", 4, "--json", *FAST).output)
    assert [c["circuit"] for c in six["circuits"]] == ["C1", "C2", "C3", "C4", "C5", "C6"]
    named = run("example", "--circuits", "C1,C2", "--cap", 10, *FAST)
    assert named.exit_code == 2
    assert "today's circuits C3, C4" in named.output


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("nowhere.csv",), "neither 'example' nor a readable file"),
        (("example", "--cap", "4"), "circuits hold 16 SPs together, there are 20"),
        (("example", "--capacity", "10"), "circuits hold 40 together"),
        (("example", "--method", "colums"), "did you mean columns"),
        (("example", "--fix", "SP01"), "is not SP=CIRCUIT"),
    ],
)
def test_bad_input_ends_in_one_line_and_code_two(arguments, says):
    done = subprocess.run(
        [sys.executable, "-m", "pygridjl", "balance", *arguments],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_a_bad_file_names_row_and_column(tmp_path):
    path = tmp_path / "bad.csv"
    path.write_text("sp,time,actual,predicted\na,1,1,1\na,2,x,1\n", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "pygridjl", "balance", str(path), "--circuits", "1"],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "row 3 ('x'): column actual is no number" in done.stderr
