"""The code in CONTRIBUTING.md does what is said there."""

from __future__ import annotations

import importlib
import json
import re
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from click.testing import CliRunner

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n# (\S+)\n(.*?)```", TEXT, re.DOTALL)


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """The modules of the page as part of the package, for one test."""
    names = []
    for path, code in BLOCKS:
        if not path.endswith(".py"):
            continue
        target = tmp_path / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(code, encoding="utf-8")
        names.append(".".join(Path(path).with_suffix("").parts).removesuffix(".__init__"))
    for parent in ("pygridjl.reconfiguration.heuristics", "pygridjl.experiments"):
        package = importlib.import_module(parent)
        extended = [*package.__path__, str(tmp_path / parent.replace(".", "/"))]
        monkeypatch.setattr(package, "__path__", extended)
    yield
    for name in names:
        sys.modules.pop(name, None)


def test_a_method_by_one_registration(tree, monkeypatch):
    from pygridjl import load_network, reconfigure
    from pygridjl.core.errors import InvalidOptionError
    from pygridjl.reconfiguration.methods import METHODS

    monkeypatch.setattr(METHODS, "_methods", dict(METHODS._methods))
    (code,) = [code for path, code in BLOCKS if path == "registration"]
    exec(compile(code, "CONTRIBUTING.md", "exec"), {})
    network = load_network("case33bw")
    result = reconfigure(network, "widest+exchange")
    assert len(result.open_branches) == 5
    assert result.loss_kw < 202.677
    with pytest.raises(InvalidOptionError, match="did you mean widest"):
        reconfigure(network, "widst")
    assert any(row["method"] == "widest" for row in METHODS.table())


def test_an_experiment_in_one_folder(tree, tmp_path):
    from pygridjl.cli.experiments import experiment_group
    from pygridjl.experiments.registry import experiments

    experiments.cache_clear()
    try:
        group = experiment_group("benchmark", "")
    finally:
        experiments.cache_clear()
    out = ["losses", "--most", "2", "--out", str(tmp_path / "out"), "--json"]
    result = CliRunner().invoke(group, out, catch_exceptions=False)
    found = json.loads(result.stdout)["losses"]
    # Base losses as published.
    expected = {"case16ci": 511.44, "case33bw": 202.677}
    assert {row["case"]: row["loss_kw"] for row in found} == pytest.approx(expected, rel=1e-4)
    assert (tmp_path / "out" / "losses.csv").is_file()


def test_one_version_number():
    project = tomllib.loads((ROOT / "julia/PyGridJL/Project.toml").read_text(encoding="utf-8"))
    assert metadata.version("pygridjl") == project["version"]
    ours = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert "version" not in ours["project"]
    pattern = ours["tool"]["hatch"]["version"]["pattern"]
    source = (ROOT / ours["tool"]["hatch"]["version"]["path"]).read_text(encoding="utf-8")
    assert re.findall(pattern, source) == [project["version"]]


def test_commits_run_what_ci_runs():
    hooks = re.findall(r"entry: (.*)", (ROOT / ".pre-commit-config.yaml").read_text("utf-8"))
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "pre-commit run --all-files" in ci
    assert {"ruff check", "ruff format --check", "mypy"} <= set(hooks)
