"""A script that another reader is to read keeps to its folder too."""

from __future__ import annotations

import subprocess
import sys

import pytest

from pygridjl.core.errors import NetworkFormatError
from pygridjl.grid.io.opendss.other_readers import assert_reads_inside

_CIRCUIT = "clear\nnew circuit.c basekv=12.47\nnew line.l bus1=sourcebus bus2=b\n"


def _script(folder, text):
    inner = folder / "inner"
    inner.mkdir()
    (folder / "outside.dss").write_text("new load.x bus1=b kv=7.2 kw=1\n")
    (folder / "outside.csv").write_text("1\n2\n")
    (inner / "part.dss").write_text("new load.y bus1=b kv=7.2 kw=1\n")
    (inner / "shape.csv").write_text("1\n2\n")
    path = inner / "master.dss"
    path.write_text(_CIRCUIT + text)
    return path


@pytest.mark.parametrize(
    "text",
    [
        "redirect part.dss\n",
        "Compile (part.dss)\n",
        "new loadshape.s npts=2 interval=1 csvfile=shape.csv\n",
        "new loadshape.s npts=2 interval=1 mult=(file=shape.csv)\n",
        "/*\nredirect ../outside.dss\n*/\nsolve\n",
        "! redirect ../outside.dss\nnew load.z bus1=b kv=7.2 kw=1 // redirect ../outside.dss\n",
    ],
)
def test_what_lies_below_the_folder_is_read(tmp_path, text):
    path = _script(tmp_path, text)
    before = path.read_bytes()
    assert_reads_inside(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "text",
    [
        "redirect ../outside.dss\n",
        "compile (../outside.dss)\n",
        "Redirect {outside}.dss\n",
        "buscoords ../outside.csv\n",
        "LatLonCoords ../outside.csv\n",
        "new loadshape.s npts=2 interval=1 csvfile=../outside.csv\n",
        "new loadshape.s npts=2 interval=1 mult=(file=../outside.csv)\n",
        "new loadshape.s 2 1 60 3600 (1 2) (1 2) (1 2) 1 1 {outside}.csv\n",
        # A comment to us, a command to a reader that ends comments elsewhere.
        "/* a comment\nwhich ends */ here\nredirect ../outside.dss\n",
        "/* one */\nredirect ../outside.dss\n",
    ],
)
def test_what_lies_outside_is_refused(tmp_path, text):
    path = _script(tmp_path, text.replace("{outside}", str(tmp_path / "outside")))
    with pytest.raises(
        NetworkFormatError, match=r"lies outside|may not run|not a command|no such file"
    ):
        assert_reads_inside(path)


def test_a_wider_folder_may_be_given(tmp_path):
    assert_reads_inside(_script(tmp_path, "redirect ../outside.dss\n"), tmp_path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("redirect master.dss\n", "circle"),
        ("redirect p*.dss\n", "no such file|pattern"),
        ("new loadshape.s npts=2\n~ mult=(file=shape.csv)\n", "working directory"),
        ("doscmd ls\n", "may not run"),
        ("new generator.g bus1=b kv=12.47 kw=1 usermodel=evil.so\n", "loads code"),
    ],
)
def test_circles_patterns_and_code_are_refused(tmp_path, text, said):
    with pytest.raises(NetworkFormatError, match=said):
        assert_reads_inside(_script(tmp_path, text))


def test_the_command_refuses_before_it_looks_for_julia(tmp_path):
    path = _script(tmp_path, "redirect ../outside.dss\n")
    code = "import sys; sys.argv[0] = 'pygridjl'; from pygridjl.cli import main; main()"
    run = subprocess.run(
        [sys.executable, "-c", code, "opf", str(path), "--backend", "julia"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert run.returncode == 2
    assert "outside.dss lies outside inner" in run.stderr
    assert len(run.stderr.splitlines()) == 1
