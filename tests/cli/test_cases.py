"""``pygridjl cases``."""

from __future__ import annotations

import json
import sys

import click
import pytest
from click.testing import CliRunner

from pygridjl.cli import main
from pygridjl.cli.cases import command
from pygridjl.core.errors import InvalidOptionError, NetworkFormatError
from pygridjl.grid.cases import list_cases, list_feeders
from pygridjl.grid.load import load_feeder, load_network


def run(*arguments, **options):
    words = [str(a) for a in arguments]
    return CliRunner().invoke(command, words, catch_exceptions=False, **options)


def test_table_lists_every_case_once():
    networks, feeders = run().output.split("\n\n")
    for table, known in ((networks, list_cases()), (feeders, list_feeders())):
        assert [line.split()[0] for line in table.splitlines()[1:]] == [k.name for k in known]


def test_json_has_the_fields_of_the_catalogue():
    printed = json.loads(run("--json").output)
    assert printed["feeders"] == [feeder.to_dict() for feeder in list_feeders()]
    cases = printed["cases"]
    assert cases == [case.to_dict() for case in list_cases()]
    assert json.loads(run("case9", "--json").output) == next(
        c for c in cases if c["name"] == "case9"
    )


def test_one_case_is_shown_with_its_credit():
    output = run("case33bw").output
    assert "33 buses, 37 branches (5 open)" in output
    assert "Baran" in output


@pytest.mark.parametrize("file", ["out.m", "out.json", "out", "net.dss"])
def test_export(tmp_path, file):
    assert f"written: {tmp_path / file}" in run("case33bw", "--export", tmp_path / file).output
    assert load_network(tmp_path / file).open_branches == (33, 34, 35, 36, 37)


@pytest.mark.parametrize("file", ["out.dss", "out"])
def test_a_feeder_is_shown_with_its_notes_and_exported(tmp_path, file):
    output = run("ieee13", "--export", tmp_path / file).output
    assert "ieee13: 16 buses, 41 nodes" in output
    assert "note: line charging is a constant reactive power" in output
    feeder = load_feeder(tmp_path / file)
    assert feeder.to_kw(feeder.load_p.sum()) == pytest.approx(3466)
    assert "3.466 MW" in run(tmp_path / file, "--feeder").output


SHARED = "new linecode.lc nphases=3 r1=0.3 x1=0.4 c1=0 units=km\n"
MASTER = """clear
new circuit.t basekv=12.47 bus1=a
redirect ../shared/codes.dss
new line.l bus1=a bus2=b linecode=lc length=1 units=km
new load.d bus1=b phases=3 kv=12.47 kw=900
open line.gone 1
edit line.l nonsense=7
"""


def test_a_script_that_redirects_above_its_folder(tmp_path):
    """Utilities keep one folder of codes beside the circuits."""
    for folder in ("shared", "circuit"):
        (tmp_path / folder).mkdir()
    (tmp_path / "shared" / "codes.dss").write_text(SHARED)
    script = tmp_path / "circuit" / "master.dss"
    script.write_text(MASTER.rsplit("\n", 2)[0])
    with pytest.raises(NetworkFormatError, match=r"line 3: \.\./shared/codes\.dss lies.*root="):
        run(script)
    for more in ((), ("--feeder",)):
        assert "0.900 MW" in run(script, "--root", tmp_path, *more).output
    with pytest.raises(InvalidOptionError, match="root: has a meaning for OpenDSS scripts only"):
        run("case33bw", "--root", tmp_path)


def test_a_script_whose_last_lines_fail(tmp_path):
    (tmp_path / "codes.dss").write_text(SHARED)
    script = tmp_path / "master.dss"
    script.write_text(MASTER.replace("../shared/", ""))
    with pytest.raises(NetworkFormatError, match=r"nonsense.*master\.dss line 7.*strict=False"):
        run(script)
    output = run(script, "--no-strict").output
    assert "0.900 MW" in output
    assert "note: ignored:" in output
    assert "nonsense" in output


def test_services_are_kept_or_lumped(tmp_path):
    (tmp_path / "codes.dss").write_text(SHARED)
    script = tmp_path / "master.dss"
    script.write_text(
        MASTER.replace("../shared/", "").rsplit("\n", 3)[0]
        + "\nnew transformer.x phases=1 windings=3 buses=[b.1.2 h.1.0 h.0.2] "
        "kvs=[12.47 0.12 0.12] kvas=[25 25 25] xhl=2 xht=2 xlt=1\n"
        "new load.h bus1=h.1.2 phases=1 conn=delta kv=0.24 kw=10\n"
    )
    assert "4 buses" in run(script, "--feeder").output
    lumped = run(script, "--feeder", "--lump-services").output
    assert "3 buses" in lumped
    assert "1 branch with a gain and the bus behind it are lumped" in lumped
    assert "0.910 MW" in lumped
    with pytest.raises(click.UsageError, match="--lump-services: is for feeders"):
        run("case33bw", "--lump-services", standalone_mode=False)


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
