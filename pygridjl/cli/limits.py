"""The option ``--limit`` of what keeps limits in AC."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, get_args

import click

from pygridjl.reconfiguration.problem import Limit

F = TypeVar("F", bound=Callable[..., Any])

__all__ = ["limits_option"]


def limits_option(text: str) -> Callable[[F], F]:
    """Add ``--limit``, which gives the limits named, none of them for ``none``, None by default."""
    return click.option(
        "--limit",
        "limits",
        multiple=True,
        type=click.Choice([*get_args(Limit), "none"]),
        callback=_chosen_limits,
        help=f"Limit to keep in AC; may be repeated. {text}",
    )


def _chosen_limits(
    _context: click.Context, parameter: click.Parameter, value: tuple[str, ...]
) -> tuple[str, ...] | None:
    if "none" in value and len(value) > 1:
        raise click.BadParameter("none cannot be combined with other limits", param=parameter)
    return tuple(name for name in value if name != "none") if value else None
