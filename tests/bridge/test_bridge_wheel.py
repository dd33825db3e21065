"""What a wheel carries of the Julia half."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
JULIA = ROOT / "julia" / "PyGridJL"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    pytest.importorskip("hatchling", reason="building a wheel needs hatchling")
    # A copy, so that files left over in the working folder show that they stay out.
    copy = tmp_path_factory.mktemp("source")
    for name in ("pyproject.toml", "hatch_build.py", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    for name in ("pygridjl", "julia"):
        shutil.copytree(
            ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__", "Manifest.toml")
        )
    (copy / "julia" / "PyGridJL" / "Manifest.toml").write_text("# local", encoding="utf-8")
    dist = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(dist)]
    subprocess.run(build, cwd=copy, check=True, capture_output=True)
    (path,) = dist.glob("*.whl")
    return zipfile.ZipFile(path)


def test_wheel_holds_the_julia_sources_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    inside = "pygridjl/_julia/PyGridJL/"
    held = {n.removeprefix(inside): wheel.read(n) for n in wheel.namelist() if inside in n}
    sources = [JULIA / "Project.toml", *JULIA.glob("src/**/*.jl"), *JULIA.glob("ext/**/*.jl")]
    assert held == {p.relative_to(JULIA).as_posix(): p.read_bytes() for p in sources}


def test_juliapkg_file_points_into_the_wheel(wheel: zipfile.ZipFile) -> None:
    names = wheel.namelist()
    assert names.count("pygridjl/juliapkg.json") == 1
    needs = json.loads(wheel.read("pygridjl/juliapkg.json"))
    path = needs["packages"]["PyGridJL"].pop("path")
    assert f"pygridjl/{path}/Project.toml" in names
    ours = json.loads((ROOT / "pygridjl" / "juliapkg.json").read_text(encoding="utf-8"))
    assert (ROOT / "pygridjl" / ours["packages"]["PyGridJL"].pop("path")).resolve() == JULIA
    assert needs == ours
