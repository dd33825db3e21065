"""What ``import pygridjl`` promises: names, types, speed, examples."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import inspect
import pkgutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import pygridjl
from pygridjl.bridge import errors as julia_errors
from pygridjl.core import errors
from pygridjl.core.result import Result

PACKAGE = Path(pygridjl.__file__).parent
STUB = ast.parse((PACKAGE / "__init__.pyi").read_text(encoding="utf-8"))
CAPABILITIES = ("balancing", "optimal_flow", "powerflow", "reconfiguration", "siting")


def test_stub_and_names_agree():
    in_stub = {
        alias.asname
        for node in STUB.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert in_stub == set(pygridjl.__all__) == set(dir(pygridjl)) & in_stub
    for name in pygridjl.__all__:
        assert getattr(pygridjl, name) is not None


def test_version_and_rooms():
    assert pygridjl.__version__.split(".")[0].isdigit()
    for room in (*CAPABILITIES, "grid", "scenarios", "bridge", "core", "report", "study"):
        assert getattr(pygridjl, room).__name__ == f"pygridjl.{room}"


def test_every_error_is_exported():
    for module in (errors, julia_errors):
        for name in module.__all__:
            if inspect.isclass(getattr(module, name)):
                assert getattr(pygridjl, name) is getattr(module, name)
    assert issubclass(pygridjl.JuliaNotFoundError, pygridjl.PyGridJLError)


def _results():
    """Results that a door returns, by what they are called."""
    for room in CAPABILITIES:
        package = importlib.import_module(f"pygridjl.{room}")
        for info in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if info.name.rpartition(".")[2] not in ("result", "run"):
                continue
            for _, found in inspect.getmembers(importlib.import_module(info.name), inspect.isclass):
                mine = found.__module__ == info.name and not found.__name__.startswith("_")
                if mine and issubclass(found, Result):
                    yield found


@pytest.mark.parametrize("result", list(_results()), ids=lambda found: found.__name__)
def test_every_result_is_exported_and_has_one_face(result):
    assert getattr(pygridjl, result.__name__) is result
    for method in ("summary", "to_frame", "plot", "to_json"):
        assert callable(getattr(result, method)), method


def _doors():
    """Public functions by name."""
    found = ((name, getattr(pygridjl, name)) for name in pygridjl.__all__)
    return {name: door for name, door in found if inspect.isfunction(door)}


@pytest.mark.parametrize("name", _doors())
def test_every_public_function_shows_an_example(name):
    assert ">>>" in (inspect.getdoc(_doors()[name]) or "")


# Words that stand for something the house has a word for.
HOUSE_WORDS = {
    "timeout": "time_limit",
    "max_seconds": "time_limit",
    "jobs": "n_jobs",
    "workers": "n_jobs",
    "processes": "n_jobs",
    "max_iter": "max_iterations",
    "iterations": "max_iterations",
    "rel_gap": "gap",
    "mip_gap": "gap",
    "random_state": "seed",
    "rng": "seed",
    "objective": "measure",
}


def test_options_are_called_by_the_words_of_the_house():
    asked = {name: set(inspect.signature(door).parameters) for name, door in _doors().items()}
    for module in (
        "balancing.methods:METHODS",
        "optimal_flow.linearisation.methods:POINTS",
        "optimal_flow.methods:FEEDER_FORMULATIONS",
        "optimal_flow.methods:NETWORK_FORMULATIONS",
        "optimal_flow.relaxation.methods:METHODS",
        "reconfiguration.methods:METHODS",
        "siting.registry:METHODS",
    ):
        room, name = module.split(":")
        registry = getattr(importlib.import_module(f"pygridjl.{room}"), name)
        for method in registry:
            options = dataclasses.fields(registry[method].options)
            asked[f"{room} {method}"] = {option.name for option in options}
    wrong = {name: words & set(HOUSE_WORDS) for name, words in asked.items()}
    assert not {name: words for name, words in wrong.items() if words}


def test_import_is_quick_and_loads_no_solver():
    code = (
        "import sys, time; start = time.process_time(); import pygridjl;"
        "spent = time.process_time() - start;"
        "print(spent, *{m.partition('.')[0] for m in sys.modules})"
    )
    runs = []
    for _ in range(3):
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        )
        spent, *loaded = done.stdout.split()
        runs.append(float(spent))
    heavy = {"highspy", "clarabel", "casadi", "pyscipopt", "juliacall", "numba", "matplotlib"}
    assert not heavy & {*loaded}
    assert not {"numpy", "scipy", "pandas"} & {*loaded}
    assert np.min(runs) <= 0.05


@pytest.mark.slow
def test_a_misspelt_keyword_fails_at_the_users_type_checker(tmp_path):
    script = tmp_path / "mine.py"
    script.write_text(
        "import pygridjl\n"
        'network = pygridjl.load_network("case33bw")\n'
        'pygridjl.reconfigure(network, "forward", certfy=True)\n',
        encoding="utf-8",
    )
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", str(script)],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    # Newer mypy says "for overloaded function".
    assert 'Unexpected keyword argument "certfy" for' in done.stdout
