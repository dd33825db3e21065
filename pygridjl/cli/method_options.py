"""Command-line options and help texts made from what the methods declare."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, TypeVar, get_args, get_origin

import click

from pygridjl.core.methods import Registry

F = TypeVar("F", bound=Callable[..., Any])

__all__ = ["field_options", "given", "method_options", "method_table"]


class _Allowed(click.Choice[Any]):
    """Values of a Literal, which need not be texts."""

    def __init__(self, values: Iterable[Any]) -> None:
        self._values = {str(value): value for value in values}
        super().__init__(list(self._values))

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return self._values[super().convert(str(value), param, ctx)]


def given(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options that were written on the command line."""
    return {name: value for name, value in options.items() if value is not None}


def method_table(*registries: Registry) -> str:
    """Return one line a method, as the end of a help text."""
    lines: list[str] = []
    for registry in registries:
        rows = registry.table()
        width = max(len(row["method"]) for row in rows) + 2
        head = f"{registry.word.capitalize()}s of {registry.capability}:"
        lines += [f"\b\n{head}"]
        for row in rows:
            where = "" if "python" in row["backends"] else " (julia only)"
            lines.append(f"  {row['method']:<{width}}{row['text']}{where}")
        lines.append("")
    return "\n".join(lines)


def method_options(*registries: Registry) -> Callable[[F], F]:
    """Add one command-line option for each option that any method declares.

    The value is None unless written, so that the door refuses what the chosen method does not
    declare.
    """
    found: dict[str, tuple[Any, list[str], dataclasses.Field[Any]]] = {}
    for registry in registries:
        for method in registry.values():
            hints = typing.get_type_hints(method.options)
            for field in dataclasses.fields(method.options):
                owner = f"{method.name}: {_shown(field.default)}"
                _, owners, _ = found.setdefault(field.name, (hints[field.name], [], field))
                owners.append(owner)

    def add(function: F) -> F:
        for name, (hint, owners, field) in reversed(found.items()):
            text = f"{_sentence(field.metadata['text'])} ({', '.join(owners)})"
            function = _option(name, hint, text)(function)
        return function

    return add


def field_options(data: type, names: Iterable[str]) -> Callable[[F], F]:
    """Add one command-line option for each named field of a dataclass, with its help and default.

    The value is None unless written: the default stays in the dataclass alone.
    """
    hints = typing.get_type_hints(data)
    fields = {field.name: field for field in dataclasses.fields(data)}

    def add(function: F) -> F:
        for name in reversed(list(names)):
            default = _shown(fields[name].default)
            text = f"{_sentence(fields[name].metadata['text'])} ({default})"
            function = _option(name, hints[name], text)(function)
        return function

    return add


def _option(name: str, hint: Any, text: str) -> Callable[[F], F]:
    flag = f"--{name.replace('_', '-')}"
    kinds = get_args(hint) if get_origin(hint) in (types.UnionType, typing.Union) else (hint,)
    for kind in kinds:
        if get_origin(kind) is Literal:
            return click.option(flag, name, type=_Allowed(get_args(kind)), help=text)
    if bool in kinds:
        off = f"--no-{name.replace('_', '-')}"
        return click.option(f"{flag}/{off}", name, default=None, help=text)
    plain: Any = str if str in kinds else float if float in kinds else int
    return click.option(flag, name, type=plain, help=text)


def _shown(default: Any) -> str:
    if default is None:
        return "none"
    return f"{default:g}" if isinstance(default, float) else str(default)


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
