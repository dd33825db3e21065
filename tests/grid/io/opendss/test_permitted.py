"""Words are cut and looked up as the engine does: what it would load, write or read is seen."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st
from opendssdirect import dss

from pygridjl.core.errors import NetworkFormatError
from pygridjl.grid import load_feeder, load_network
from pygridjl.grid.io.opendss.permitted import engine_names
from pygridjl.grid.io.opendss.script import _ORDER
from pygridjl.grid.io.opendss.tokens import Word, command_words

CIRCUIT = """new circuit.t basekv=12.47 bus1=s
new line.l bus1=s bus2=b phases=3 r1=0.1 x1=0.2
new load.d bus1=b kv=12.47 kw=90
new generator.g bus1=b kv=12.47 kw=1
new loadshape.s npts=2 interval=1 mult=[1 2]
"""


@pytest.fixture(scope="module")
def engine():
    return dss.NewContext()


@pytest.fixture
def script(tmp_path):
    def write(more):
        path = tmp_path / "in" / "small.dss"
        path.parent.mkdir(exist_ok=True)
        path.write_text(CIRCUIT + more + "\nset voltagebases=[12.47]\ncalcvoltagebases\nsolve\n")
        return path

    return write


@settings(max_examples=300, deadline=None)
@given(text=st.text("ab=, \t\"'()[]{}!/.|~?1", max_size=14))
def test_words_are_cut_as_the_engines_own_parser_does(engine, text):
    parser = engine.Parser
    parser.CmdString(text)
    theirs = [(parser.NextParam().lower(), parser.StrValue()) for _ in range(20)]
    ours = [(word.name, word.value) for word in command_words(text)]
    while theirs and theirs[-1] == ("", ""):
        theirs.pop()
    while ours and ours[-1] == ("", ""):
        ours.pop()
    assert ours == theirs


def test_commands_are_in_the_order_of_the_engine(engine):
    executive = engine.Executive
    theirs = [str(executive.Command(k + 1)).lower() for k in range(executive.NumCommands())]
    assert [name for name in theirs if name in _ORDER] == _ORDER


def test_a_property_has_the_name_that_the_engine_takes_it_for(engine):
    names = engine_names(engine).properties["generator"]

    def meant(*words):
        return [meaning for _, meaning in names.meant([Word(w, "1", 0, 0) for w in words])]

    assert meant("user", "", "") == ["usermodel", "userdata", "shaftmodel"]
    assert meant("d", "", "k") == ["d", "usermodel", "kv"]
    assert meant("nothing", "") == ["", "phases"]


def _library(folder: Path) -> Path:
    """Build a library that makes a file when it is loaded."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no compiler")
    source = folder / "evil.c"
    source.write_text(
        '#include <stdio.h>\n__attribute__((constructor)) void f(void) { fputs("run", stderr);'
        f' fclose(fopen("{folder / "loaded"}", "w")); }}\n'
    )
    subprocess.run([compiler, "-shared", "-fPIC", "-o", folder / "evil.so", source], check=True)
    return folder / "evil.so"


@pytest.mark.parametrize(
    "command",
    [
        "generator.g.user={}",
        "~ user={}",
        "edit generator.g us={}",
        'edit generator.g "usermodel"={}',
        "edit generator.g\tuser\t=\t({})",
        "edit generator.g shaf={}",
        "edit generator.g d=1 {}",
        "edit generator.g d=(1) ,, {}",
        "new generator.h bus1=b kv=12.47 user={}",
        'new "generator.h" "bus1=b" user={}',
        "new object=generator.h bus1=b user={}",
        "select generator.g\n~ u={}",
        "select generator.g\nm user={}",
        'select generator.g\n"~" user={}',
        "set class=generator\nnew h user={}",
        "select generator.g\ng.user={}",
        "batchedit generator..* user={}",
        "var @c=generator.h\nnew @c bus1=b kv=12.47 us={}",
        'generator.g.kw=(1" user="{})',
        '"generator.g.user={} kw"=1',
        "new pvsystem.p bus1=b kv=12.47 user={}",
        "new storage.p bus1=b kv=12.47 dyn={}",
        "new capacitor.c bus1=b kvar=1\nnew capcontrol.k capacitor=c element=line.l use={}",
    ],
)
def test_code_is_loaded_by_no_spelling(script, tmp_path, command):
    path = script(command.format(_library(tmp_path)))
    for strict in (True, False):
        with pytest.raises(NetworkFormatError, match=r"small.dss: line \d+: (loads code|quotes)"):
            load_feeder(path, strict=strict)
    assert not (tmp_path / "loaded").exists()


@pytest.mark.parametrize(
    "command",
    [
        "set datap=made",
        'set "datapath"=made',
        "set dem=true mode=daily number=3",
        "set tracecontrol=yes",
        "edit generator.g debugtrace=yes\nsolve mode=dynamics number=3",
        "generator.g.debug=yes",
        "loadshape.s.act=sng",
        "edit loadshape.s act=(dbl)",
        "new tshape.t npts=2 temp=(1 2) act=dbl",
        "new energymeter.m element=line.l\nsolve\nenergymeter.m.act=save",
        "new energymeter.m element=line.l\nsolve\nedit energymeter.m action=zonedump",
        "_showcontrolqueue",
    ],
)
def test_nothing_is_written_by_any_spelling(script, command):
    path = script(command)
    network = load_network(path)
    assert sorted(path.parent.parent.rglob("*")) == [path.parent, path]
    assert any("were skipped" in note for note in network.notes)


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("new loadshape.x npts=2 csvfi=../out.csv", "lies outside"),
        ('new loadshape.x 2 1 "" "" "" "" ../out.csv', "lies outside"),
        ('new loadshape.x npts=2 mult="file=../out.csv"', "lies outside"),
        ("~ csv=../out.csv", "lies outside"),
        ("new loadshape.x npts=2 csvfile=pipe", "pipe: there is no such file"),
        ("new loadshape.x npts=2 mult=(file=pipe)", "pipe: there is no such file"),
        ("buscoords /dev/zero", "lies outside"),
        ("var @f=../out.csv\nnew loadshape.x npts=2 csvfile=@f", "named by a variable"),
        ('var @f="file=../out.csv"\nnew loadshape.x npts=2 mult=@f', "more than one value"),
        ("c ../out.csv", "lies outside"),
        ("red /etc/hosts", "lies outside"),
        ("distribute kw=1 how=prop", "may not run"),
        ("cvrt type=sng", "may not run"),
        ("set num=2000000000\nsolve", "more than 100,000 steps"),
        ("solve mode=daily number=(100000 100000 *)", "a plain number"),
        ("redirect a.dss", "more than 10,000 files"),
    ],
)
def test_what_is_read_or_solved_without_end_is_refused(script, command, message):
    path = script(command)
    (path.parent.parent / "out.csv").write_text("1\n2\n")
    if not (path.parent / "pipe").exists():
        os.mkfifo(path.parent / "pipe")
    # Each file names the next one twice: two to the power of twenty files.
    for k in range(20):
        name = "a" if k == 0 else f"f{k}"
        (path.parent / f"{name}.dss").write_text(f"redirect f{k + 1}.dss\nredirect f{k + 1}.dss\n")
    (path.parent / "f20.dss").write_text("! nothing\n")
    with pytest.raises(NetworkFormatError, match=message):
        load_feeder(path)


def test_files_in_arrays_and_places_are_found(script):
    path = script(
        "loadshape.s.mult=(file=shape.csv)\n"
        'new loadshape.x 2 1 "" "" "" "" shape.csv\n'
        "new loadshape.y npts=2 interval=1 csvf=(shape.csv)\n"
        "edit generator.g d=0.1 h=3\n~ d=0.2\n"
        "edit vsource.source\n~ angle=30   ! a comment\n"
        "new load.e bus1=b kv=12.47 kw=5 daily=y\nsolve mode=daily number=2"
    )
    (path.parent / "shape.csv").write_text("1\n2\n")
    feeder = load_feeder(path)
    assert not any("ignored" in note for note in feeder.notes)


CONFINED = """
import sys
from pygridjl.grid.io.opendss.confined import confine
if not confine():
    print("skip")
    sys.exit()
import os, subprocess
def refused(act):
    try:
        act()
    except PermissionError:
        return True
    return False
there, new = sys.argv[1:]
print(all(map(refused, [
    lambda: open(new, "w"), lambda: open(there, "r+"), lambda: os.truncate(there, 0),
    lambda: os.unlink(there), lambda: os.mkdir(new), lambda: os.symlink(there, new),
    lambda: subprocess.run(["true"]),
])) and open(there).read() == "kept")
"""


def test_the_kernel_keeps_the_process_of_the_engine_from_files(tmp_path):
    there = tmp_path / "there"
    there.write_text("kept")
    said = subprocess.run(
        [sys.executable, "-c", CONFINED, str(there), str(tmp_path / "new")],
        capture_output=True,
        text=True,
        check=True,
    )
    if said.stdout.strip() == "skip":
        pytest.skip("this kernel has no such wall")
    assert said.stdout.strip() == "True"
    assert list(tmp_path.iterdir()) == [there]
