"""Options of every command that can solve in Julia."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

__all__ = ["julia_solver_options"]


def julia_solver_options(function: F) -> F:
    """Add ``--solver``, ``--solver-option``, ``--write-model`` and ``--verbose``."""
    for option in reversed(
        [
            click.option(
                "--solver",
                metavar="PACKAGE",
                help="With --backend julia: any package with an Optimizer, such as Gurobi.",
            ),
            click.option(
                "--solver-option",
                "solver_options",
                multiple=True,
                metavar="NAME=VALUE",
                callback=_parse,
                help="Option of that package, by its own name; may be repeated.",
            ),
            click.option(
                "--write-model",
                type=click.Path(dir_okay=False, path_type=Path),
                help="With --backend julia: write the program (.mof.json, .lp, .mps, .nl).",
            ),
            click.option(
                "--verbose", is_flag=True, help="With --backend julia: the solver's own log."
            ),
        ]
    ):
        function = option(function)
    return function


def _parse(
    _context: click.Context, parameter: click.Parameter, given: tuple[str, ...]
) -> dict[str, Any] | None:
    """Read NAME=VALUE: whole numbers, numbers, true and false are what they look like."""
    if not given:
        return None
    options: dict[str, Any] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not (name and equals):
            raise click.BadParameter(f"{text!r} is not NAME=VALUE", param=parameter)
        options[name] = _value(value)
    return options


def _value(text: str) -> bool | int | float | str:
    if text in ("true", "false"):
        return text == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
