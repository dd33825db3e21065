"""``pygridjl cases``."""

from __future__ import annotations

import json
import sys

import pytest
from click.testing import CliRunner

from pygridjl.cli import main
from pygridjl.cli.cases import command
from pygridjl.grid.cases import list_cases, load_network


def run(*arguments):
    return CliRunner().invoke(command, [str(a) for a in arguments], catch_exceptions=False)


def test_table_lists_every_case_once():
    lines = run().output.splitlines()
    assert [line.split()[0] for line in lines[1:]] == [case.name for case in list_cases()]


def test_json_has_the_fields_of_the_catalogue():
    cases = json.loads(run("--json").output)["cases"]
    assert cases == [case.to_dict() for case in list_cases()]
    assert json.loads(run("case9", "--json").output) == next(
        c for c in cases if c["name"] == "case9"
    )


def test_one_case_is_shown_with_its_credit():
    output = run("case33bw").output
    assert "33 buses, 37 branches (5 open)" in output
    assert "Baran" in output


@pytest.mark.parametrize("file", ["out.m", "out.json", "out"])
def test_export(tmp_path, file):
    assert f"written: {tmp_path / file}" in run("case33bw", "--export", tmp_path / file).output
    assert load_network(tmp_path / file).open_branches == (33, 34, 35, 36, 37)


BAD_FILES = {
    "broken.m": "mpc.bus = [1 2",
    "statement.m": "mpc = loadcase('other');",
    "broken.pos": ".PU zero",
    "partial.dss": "new circuit.c basekv=12.47 phases=3 bus1=a\n"
    "new line.l1 phases=3 bus1=a bus2=b\nnew line.l2 phases=1 bus1=b.1 bus2=c.1\n",
    "empty.json": "",
    "other.xls": "x",
}


@pytest.mark.parametrize("file", [*BAD_FILES, "missing.m", "folder"])
def test_bad_input_is_one_line_and_exit_code_2(tmp_path, file, monkeypatch, capsys):
    path = tmp_path / file
    if file == "folder":
        path.mkdir()
    elif file in BAD_FILES:
        path.write_text(BAD_FILES[file])
    monkeypatch.setattr(sys, "argv", ["pygridjl", "cases", str(path)])
    with pytest.raises(SystemExit) as stopped:
        main()
    printed = capsys.readouterr()
    assert stopped.value.code == 2
    assert printed.out == ""
    assert len(printed.err.splitlines()) == 1
    assert file in printed.err
