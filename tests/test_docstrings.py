"""Every public function has an example in its docstring, and it does what it says."""

from __future__ import annotations

import doctest
import inspect

import pytest

import pygridjl

FUNCTIONS = [name for name in pygridjl.__all__ if inspect.isfunction(getattr(pygridjl, name))]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_example_of_every_public_function_runs(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    function = getattr(pygridjl, name)
    known = {"pygridjl": pygridjl, **{n: getattr(pygridjl, n) for n in FUNCTIONS}}
    test = doctest.DocTestFinder(recurse=False).find(function, name, globs=known)[0]
    assert test.examples, f"{name} has no example"
    flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    said: list[str] = []
    outcome = doctest.DocTestRunner(optionflags=flags).run(test, out=said.append)
    assert not outcome.failed, "".join(said)
