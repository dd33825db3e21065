"""Options of a method: fields of a frozen dataclass, each value checked however it was given."""

from __future__ import annotations

import dataclasses
import math
import types
import typing
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin

from pygridjl.core.errors import InvalidOptionError

__all__ = ["NoOptions", "Options", "option"]


def option(
    default: Any,
    text: str,
    *,
    least: float | None = None,
    above: float | None = None,
    most: float | None = None,
) -> Any:
    """Declare one option of a method: a dataclass field with its help and its limits.

    Parameters
    ----------
    default : object
        Its default.
    text : str
        One line about it, with the unit.
    least, above : float, optional
        Smallest allowed value, or a value that must be exceeded.
    most : float, optional
        Largest allowed value.
    """
    metadata = {"text": text, "least": least, "above": above, "most": most}
    return dataclasses.field(default=default, metadata=metadata)


@dataclass(frozen=True)
class Options:
    """Base of the options of a method: each value is checked, however it was given.

    Raises
    ------
    InvalidOptionError
        If a value is not of the type of its field or outside its limits.
    """

    def __post_init__(self) -> None:
        hints = typing.get_type_hints(type(self))
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if value is not None or not _optional(hints[field.name]):
                object.__setattr__(self, field.name, _checked(value, field, hints[field.name]))


@dataclass(frozen=True)
class NoOptions(Options):
    """A method without options of its own."""


def _kinds(hint: Any) -> tuple[Any, ...]:
    """Return the members of a union, or the type itself."""
    return get_args(hint) if get_origin(hint) in (types.UnionType, typing.Union) else (hint,)


def _optional(hint: Any) -> bool:
    return types.NoneType in _kinds(hint)


def _checked(value: Any, field: dataclasses.Field[Any], hint: Any) -> Any:
    """Return a value as the type of its option, or refuse it."""
    name = field.name
    kinds = _kinds(hint)
    if any(get_origin(kind) is Literal for kind in kinds):
        allowed = [v for kind in kinds if get_origin(kind) is Literal for v in get_args(kind)]
        if not any(type(value) is type(v) and value == v for v in allowed):
            shown = ", ".join(repr(v) for v in allowed)
            raise InvalidOptionError(f"{name}: {value!r} is none of {shown}")
        return value
    if bool in kinds:
        if not isinstance(value, bool):
            raise InvalidOptionError(f"{name}: must be true or false, is {value!r}")
        return value
    if int in kinds or float in kinds:
        return _number(value, field, whole=float not in kinds)
    return value


def _number(value: Any, field: dataclasses.Field[Any], *, whole: bool) -> float | int:
    name, limits = field.name, field.metadata
    least, above, most = limits.get("least"), limits.get("above"), limits.get("most")
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        raise InvalidOptionError(f"{name}: must be a number, is {value!r}") from None
    if isinstance(value, bool) or math.isnan(number):
        raise InvalidOptionError(f"{name}: must be a number, is {value!r}")
    if whole and (not math.isfinite(number) or number != int(number)):
        raise InvalidOptionError(f"{name}: must be a whole number, is {value!r}")
    if not math.isfinite(number):
        raise InvalidOptionError(f"{name}: must be finite, is {value!r}")
    if most is not None and number > most:
        raise InvalidOptionError(f"{name}: must be at most {most:g}, is {value!r}")
    if least is not None and number < least:
        raise InvalidOptionError(f"{name}: must be at least {least:g}, is {value!r}")
    if above is not None and number <= above:
        raise InvalidOptionError(f"{name}: must be above {above:g}, is {value!r}")
    return int(number) if whole else number
