"""Finding a Julia, remembering one, and saying in plain words what is wrong with it."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import pytest

from pygridjl.bridge import config
from pygridjl.bridge.errors import (
    FIXES,
    JuliaNotFoundError,
    JuliaPackageError,
    JuliaSolveError,
)
from pygridjl.bridge.locate import Place, locate
from pygridjl.bridge.probe import REQUIRED, probe
from pygridjl.bridge.setup import install, status, use
from pygridjl.core.errors import OutputError


@pytest.mark.parametrize("kind", [JuliaNotFoundError, JuliaPackageError])
def test_errors_name_the_three_fixes_and_survive_pickling(kind: type[JuliaNotFoundError]) -> None:
    error = pickle.loads(pickle.dumps(kind("nothing there", "the trace")))
    assert all(fix in str(error) for fix in FIXES)
    assert len(FIXES) == 3
    assert "the trace" not in str(error)
    assert error.julia_trace == "the trace"


def test_solve_error_keeps_the_trace_out_of_the_message() -> None:
    error = JuliaSolveError("opf: singular", "Stacktrace:\n [1] opf")
    assert str(error) == "opf: singular"
    assert error.julia_trace == "Stacktrace:\n [1] opf"


def test_nothing_named(no_julia: Path) -> None:
    with pytest.raises(JuliaNotFoundError, match="pygridjl julia install"):
        locate()


@pytest.mark.parametrize("name", ["EXE", "PROJECT"])
def test_half_an_environment_names_the_other_half(
    no_julia: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(f"PYTHON_JULIACALL_{name}", "/somewhere")
    other = {"EXE": "PROJECT", "PROJECT": "EXE"}[name]
    with pytest.raises(JuliaNotFoundError, match=f"PYTHON_JULIACALL_{other} is not set"):
        locate()


def test_environment_wins_over_memory(no_julia, fake_julia, monkeypatch, tmp_path) -> None:
    exe, project = fake_julia()
    config.remember(exe, project)
    assert locate() == Place(exe, project, "remembered")
    other = tmp_path / "other"
    other.mkdir()
    (other / "Project.toml").touch()
    monkeypatch.setenv("PYTHON_JULIACALL_EXE", exe)
    monkeypatch.setenv("PYTHON_JULIACALL_PROJECT", str(other))
    assert locate() == Place(exe, str(other), "environment")


def test_what_juliapkg_installed_is_found_without_network(no_julia, fake_julia, monkeypatch):
    exe, project = fake_julia()
    monkeypatch.setattr("juliapkg.deps.can_skip_resolve", lambda: {"executable": exe})
    monkeypatch.setitem(__import__("juliapkg.state", fromlist=["STATE"]).STATE, "project", project)
    assert locate() == Place(exe, project, "juliapkg")


def test_remembered_julia_that_is_gone(no_julia, fake_julia) -> None:
    exe, project = fake_julia()
    config.remember(exe, project)
    Path(exe).unlink()
    with pytest.raises(JuliaNotFoundError, match=r"no executable file .*remembered"):
        locate()


@pytest.mark.parametrize("text", ["{", "[]", '{"exe": "julia"}'])
def test_damaged_memory_is_reported(no_julia: Path, text: str) -> None:
    no_julia.mkdir()
    (no_julia / "julia.json").write_text(text, encoding="utf-8")
    with pytest.raises(JuliaNotFoundError, match=r"julia\.json"):
        locate()


def test_memory_is_written_whole(no_julia: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config.remember("/a/julia", "/a")

    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("pathlib.Path.replace", fail)
    with pytest.raises(OutputError, match="disk full"):
        config.remember("/b/julia", "/b")
    assert config.recall() == ("/a/julia", "/a")
    assert [p.name for p in no_julia.iterdir()] == ["julia.json"]


def test_probe_reads_versions_and_folders(fake_julia) -> None:
    found = probe(Place(*fake_julia(), "given"))
    assert found.problems == ()
    assert found.julia == "1.10.4"
    assert {p.name: p.folder for p in found.packages}["HiGHS"] == "/depot/HiGHS"
    assert found.missing_optional == ("Juniper", "SCIP", "Pajarito")
    found.assert_usable()


def test_probe_names_missing_packages(fake_julia) -> None:
    exe, project = fake_julia(packages=tuple(p for p in REQUIRED if p != "PowerModels"))
    found = probe(Place(exe, project, "given"))
    assert found.missing == ("PowerModels",)
    with pytest.raises(JuliaPackageError, match="has no PowerModels"):
        found.assert_usable()


def test_old_julia(fake_julia) -> None:
    with pytest.raises(JuliaNotFoundError, match=r"Julia 1\.9\.4 .* older than 1\.10\.3"):
        probe(Place(*fake_julia(version="1.9.4"), "given")).assert_usable()


def test_python_call_must_match_juliacall(fake_julia) -> None:
    found = probe(Place(*fake_julia(python_call="0.8.0"), "given"))
    with pytest.raises(JuliaPackageError, match=r"PythonCall 0\.8\.0 .* does not match juliacall"):
        found.assert_usable()


def test_a_julia_that_hangs_is_given_up(fake_julia) -> None:
    place = Place(*fake_julia(body="import time; time.sleep(60)"), "given")
    with pytest.raises(JuliaNotFoundError, match="did not answer within"):
        probe(place, seconds=0.5)


def test_a_julia_that_fails_keeps_its_trace(fake_julia) -> None:
    body = "import sys; sys.exit('ERROR: could not load project\\nStacktrace:\\n [1] top')"
    with pytest.raises(JuliaPackageError, match="could not load project") as caught:
        probe(Place(*fake_julia(body=body), "given"))
    assert "Stacktrace" not in str(caught.value)
    assert "Stacktrace" in str(caught.value.julia_trace)


def test_another_program_is_not_taken_for_julia(fake_julia) -> None:
    with pytest.raises(JuliaNotFoundError, match="does not answer as Julia does"):
        probe(Place(*fake_julia(body="print('hello')"), "given"))


def test_status_without_julia(no_julia: Path) -> None:
    answer = status()
    assert not answer.usable
    assert answer.fixes == FIXES
    assert answer.found is None


def test_use_remembers_only_what_works(no_julia, fake_julia) -> None:
    exe, project = fake_julia(packages=("PythonCall",))
    with pytest.raises(JuliaPackageError, match="PyGridJL"):
        use(exe, project)
    assert config.recall() is None
    exe, project = fake_julia()
    assert use(exe, project).julia == "1.10.4"
    assert config.recall() == (exe, project)
    assert json.loads(config.config_file().read_text(encoding="utf-8"))["exe"] == exe
    assert status().usable


def test_use_wants_a_project(no_julia, fake_julia, tmp_path) -> None:
    exe, _ = fake_julia()
    with pytest.raises(JuliaNotFoundError, match=r"has no Project\.toml"):
        use(exe, str(tmp_path))


def test_install_without_network(no_julia, monkeypatch) -> None:
    def fail() -> None:
        raise OSError("name or service not known")

    monkeypatch.setattr("juliapkg.resolve", fail)
    with pytest.raises(JuliaNotFoundError, match="cannot be downloaded"):
        install()


def test_install_forgets_the_remembered_julia(no_julia, fake_julia, monkeypatch) -> None:
    exe, project = fake_julia()
    config.remember("/old/julia", "/old")
    monkeypatch.setattr("juliapkg.resolve", lambda: True)
    monkeypatch.setattr("juliapkg.executable", lambda: exe)
    monkeypatch.setattr("juliapkg.project", lambda: project)
    assert install().exe == exe
    assert config.recall() is None
