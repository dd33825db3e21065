"""Reading a script must not act: what it may do is decided before anything runs."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pygridjl.core.errors import NetworkFormatError
from pygridjl.grid import load_feeder
from pygridjl.grid.io.opendss import process
from pygridjl.grid.io.opendss.script import read_script

CIRCUIT = """clear
new circuit.t basekv=12.47 bus1=s mvasc3=1e9 mvasc1=1e9
new line.l bus1=s bus2=b phases=3 r1=0.1 x1=0.2 c1=0 c0=0
new load.d bus1=b kv=12.47 kw=90
set voltagebases=[12.47]
calcvoltagebases
"""


@pytest.fixture
def script(tmp_path):
    def write(more, before=""):
        path = tmp_path / "in" / "small.dss"
        path.parent.mkdir(exist_ok=True)
        path.write_text(before + CIRCUIT + more + "\n")
        return path

    return write


@pytest.mark.parametrize(
    "more",
    [
        "solve\nexport voltages",
        "show losses",
        "save circuit dir=saved",
        "plot profile",
        "set datapath=made",
        "cd made",
        "dump debug",
        "solve\nvisualize voltages line.l",
        "new loadshape.s npts=2 mult=[1 2] action=sngsave",
        "set demandinterval=true\nsolve mode=daily number=2",
    ],
)
def test_nothing_is_written(script, more):
    path = script(more)
    feeder = load_feeder(path)
    assert sorted(path.parent.parent.rglob("*")) == [path.parent, path]
    assert any("were skipped" in note for note in feeder.notes)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("doscmd /c calc", r"small.dss: line 7: 'doscmd' may not run"),
        ("rephase start=line.l", "may not run"),
        ("new generator.g bus1=b kv=12.47 usermodel=evil.dll", "loads code"),
        ("new pvsystem.g bus1=b kv=12.47\n~ userdata=(x)", "line 8: loads code"),
        ("redirect small.dss", "redirect in a circle"),
        ("redirect ../out.dss", "lies outside in, the folder"),
        ('compile "/etc/hosts"', "lies outside"),
        ("redirect link.dss", "lies outside"),
        ("new loadshape.s npts=2 mult=(file=../out.dss)", "lies outside"),
        ("solve mode=daily number=87600000", "more than 100,000 steps"),
        ("redirect gone.dss", "there is no such file"),
        ("frobnicate", "not a command"),
    ],
)
def test_what_a_script_may_not_do(script, more, message):
    path = script(more)
    (path.parent.parent / "out.dss").write_text("new load.x bus1=b kw=1")
    if not (path.parent / "link.dss").exists():
        (path.parent / "link.dss").symlink_to(path.parent.parent / "out.dss")
    with pytest.raises(NetworkFormatError, match=message):
        load_feeder(path)


def test_files_are_found_whatever_their_case_and_relative_to_the_file_that_names_them(script):
    path = script('redirect "SUB\\Loads.DSS"\nbuscoords SUB\\XY.csv')
    sub = path.parent / "sub"
    sub.mkdir()
    (sub / "loads.dss").write_text(
        "new loadshape.s npts=2 interval=1 mult=(file=Shape.CSV)\n"
        "new load.more bus1=b kv=12.47 kw=10 daily=s"
    )
    (sub / "shape.csv").write_text("1\n1\n")
    (sub / "xy.csv").write_text("s,1,2\nb,3,4\n")
    feeder = load_feeder(path)
    assert feeder.to_kw(feeder.load_p.sum()) == pytest.approx(100)
    assert feeder.buses.x[feeder.buses.id == "b"] == pytest.approx(3)


def test_a_folder_above_is_read_if_named(script):
    path = script("redirect ../out.dss")
    (path.parent.parent / "out.dss").write_text("new load.x bus1=b kv=12.47 kw=1")
    feeder = load_feeder(path, root=path.parent.parent)
    assert feeder.to_kw(feeder.load_p.sum()) == pytest.approx(91)


@pytest.mark.parametrize(
    "more",
    [
        "open line.nope 1",
        "new load.d bus1=b kv=12.47 kw=7",
        "new monitor.m element=line.nope\nsolve",
        "new energymeter.m element=line.nope\nsolve",
        "buscoords nope.csv",
    ],
)
def test_what_the_engine_only_warns_of_is_a_note(script, more):
    feeder = load_feeder(script(more))
    assert feeder.to_kw(feeder.load_p.sum()) == pytest.approx(90)
    assert any("ignored:" in note and "line 7" in note for note in feeder.notes)


def test_a_command_that_fails_names_its_line_and_the_way_on(script):
    path = script("new load.x bus1=b colour=red")
    with pytest.raises(NetworkFormatError, match=r"colour.*small.dss line 7.*strict=False"):
        load_feeder(path)
    assert any("colour" in note for note in load_feeder(path, strict=False).notes)


def test_comments_and_abbreviations(script):
    path = script("/* doscmd\nshell */\n// x\n! y\n~ kvar=5\nsol\nexp v\nLoad.d.kW=50")
    read = read_script(path, path.parent)
    assert [s.command for s in read.statements[-3:]] == ["~", "solve", "property"]
    assert read.skipped == ["export (small.dss line 13)"]


def test_a_crash_or_an_endless_run_of_the_engine_is_an_error(script, monkeypatch):
    path = script("")
    load_feeder(path)
    engine = process._running[os.getpid()]
    engine._process.kill()
    with pytest.raises(NetworkFormatError, match="crashed"):
        load_feeder(path)
    load_feeder(path)  # a new one is started
    start = time.monotonic()
    with pytest.raises(NetworkFormatError, match=r"stopped after 0\.001 s"):
        process.read_apart("feeder", path, time_limit=0.001, name=None, phase_mva=1.0)
    assert time.monotonic() - start < 5


_ENDLESS = """
import os, sys, threading, time
from pathlib import Path
from pygridjl.grid.io.opendss import process

def tell():
    while os.getpid() not in process._running:
        time.sleep(0.05)
    time.sleep(2.0)
    print(process._running[os.getpid()]._process.pid, flush=True)

threading.Thread(target=tell).start()
process.read_apart("network", Path(sys.argv[1]))
"""


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks at the state of a process")
def test_the_engine_ends_with_whoever_asked_it_also_in_the_middle_of_a_script(tmp_path):
    path = tmp_path / "endless.dss"
    lines = ["new circuit.c basekv=12.47"]
    lines += [f"new load.d{k} bus1=sourcebus kv=12.47 kw=1" for k in range(3000)]
    lines += ["set mode=daily number=100000", "solve"]
    path.write_text("\n".join(lines))
    asking = subprocess.Popen(
        [sys.executable, "-c", _ENDLESS, path], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    engine = int(asking.stdout.readline())

    def alive():
        try:
            return Path(f"/proc/{engine}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
        except FileNotFoundError:
            return False

    assert alive()
    asking.kill()
    asking.communicate()
    left = time.monotonic() + 20
    while alive() and time.monotonic() < left:
        time.sleep(0.05)
    assert not alive()


def test_a_stray_nul_in_a_long_script_is_a_blank(script):
    """EPRI publishes a file with one; a short text with one is none."""
    path = script("!" + 40 * " and so on " + "\n" + 200 * "! more\n")
    path.write_bytes(path.read_bytes().replace(b"kw=90", b"kw=90\0", 1))
    feeder = load_feeder(path)
    assert feeder.to_kw(feeder.load_p.sum()) == pytest.approx(90)
    path.write_bytes(CIRCUIT.replace("kw=90", "kw=90\0").encode())
    with pytest.raises(NetworkFormatError, match="is binary"):
        load_feeder(path)
