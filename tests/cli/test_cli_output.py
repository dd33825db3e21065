from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

# A native library prints by the C library, which may write at once or when the process ends; a
# command may print by its own file descriptor.
_NATIVE = """
import ctypes, os, sys
from pygridjl.cli import cli, main
sys.argv[0] = "pygridjl"
libc = ctypes.CDLL(None)
plain = cli.invoke
def invoke(context):
    libc.puts(b"a banner before")
    os.system("echo a child")
    return plain(context)
cli.invoke = invoke
try:
    main()
finally:
    libc.puts(b"a banner after")
"""


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", _NATIVE, *arguments],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ["cases"],
        ["cases", "case33bw"],
        ["reconfigure", "case33bw", "--method", "mst"],
        ["reconfigure", "case33bw", "--method", "highs", "--time-limit", "20"],
        ["opf", "case30"],
        ["opf", "ieee13", "--feeder"],
        ["site", "ieee13", "--scenarios", "24", "--method", "benders"],
        ["julia", "status"],
    ],
)
def test_json_is_one_object_whatever_native_libraries_print(arguments):
    done = _run(*arguments, "--json")
    assert done.returncode in (0, 1), done.stderr
    assert isinstance(json.loads(done.stdout), dict)


def test_text_is_ours_alone():
    done = _run("reconfigure", "case33bw", "--method", "highs", "--time-limit", "20")
    assert done.returncode == 0
    assert done.stdout.startswith("network")
    assert "banner" not in done.stdout
    assert "HiGHS 1" not in done.stdout + done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_full_device_is_one_line_and_code_2():
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "pygridjl", "cases"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            timeout=60,
        )
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("Error: cannot write to standard output: ")


def test_a_reader_that_goes_away_ends_it_quietly():
    command = f"{sys.executable} -m pygridjl cases | head -c 1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
    assert done.stdout == "n"
    assert done.stderr == ""


def test_a_message_is_one_line_of_bounded_length():
    done = _run("cases", "x\n" * 20_000)
    assert done.returncode == 2
    assert done.stderr.startswith("Error: ")
    assert done.stderr.count("\n") == 1
    assert len(done.stderr) <= 301


def test_a_defect_keeps_its_traceback_and_has_a_code_of_its_own(monkeypatch, capsys):
    from pygridjl import cli

    def broken() -> None:
        raise ZeroDivisionError("deep inside")

    monkeypatch.setattr("pygridjl.grid.cases.list_cases", broken)
    monkeypatch.setattr("pygridjl.cli.cases.list_cases", broken)
    monkeypatch.setattr("sys.argv", ["pygridjl", "cases"])
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert end.value.code == 3
    error = capsys.readouterr().err
    assert "Traceback" in error
    assert "a defect of pygridjl, please report it: ZeroDivisionError" in error


def test_a_computer_without_a_home_or_a_writable_cache_gets_the_same_answer():
    nowhere = "/dev/null/nowhere"
    places = dict.fromkeys(("HOME", "XDG_CACHE_HOME", "NUMBA_CACHE_DIR", "MPLCONFIGDIR"), nowhere)
    done = subprocess.run(
        [sys.executable, "-m", "pygridjl", "reconfigure", "case33bw", "--json"],
        env=os.environ | places,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    # The known optimum of the case.
    assert json.loads(done.stdout)["open_branches"] == [7, 9, 14, 32, 37]


@pytest.mark.parametrize(
    "arguments",
    [
        ["balance", "example", "--circuits", "99999999999"],
        ["balance", "example", "--circuits", "9" * 5000],
        ["balance", "example", "--circuits", "900000"],
        ["site", "ieee13", "--scenarios", "9" * 5000],
        ["linearize", "case9", "--samples", "2000000000"],
        ["site", "ieee13", "--batch", "99999999", "--scenarios", "24"],
    ],
)
def test_a_count_beyond_all_measure_is_refused_at_once(arguments):
    done = _run(*arguments)
    assert done.returncode == 2
    assert done.stderr.startswith("Error: ")
    assert len(done.stderr) <= 301
