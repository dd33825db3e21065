"""Methods of a capability, declared once: what the doors, the command line and the docs read.

A method is named by itself (``"benders"``) or as a chain (``"maxflow+ils"``, ``"soc+loops"``): a
start, then steps that improve what came before. Its options are the fields of one frozen
dataclass, made with :func:`option`; whatever a method does not declare is refused by name.
"""

from __future__ import annotations

import dataclasses
import difflib
import math
import types
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Literal, get_args, get_origin

from pygridjl.core.errors import InvalidOptionError

__all__ = ["Backend", "Chain", "Method", "NoOptions", "Registry", "Role", "option"]

Backend = Literal["python", "julia"]
Role = Literal["start", "step", "whole"]
"""A start may be followed by steps, a step must follow something, a whole stands alone."""


def option(
    default: Any, text: str, *, least: float | None = None, above: float | None = None
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
    """
    metadata = {"text": text, "least": least, "above": above}
    return dataclasses.field(default=default, metadata=metadata)


@dataclass(frozen=True)
class NoOptions:
    """A method without options of its own."""


@dataclass(frozen=True)
class Method:
    """One method of a capability.

    Attributes
    ----------
    name : str
        What users write.
    text : str
        One line about it.
    function : str
        ``"module:function"``, imported when the method runs.
    options : type
        Frozen dataclass of its own options with their defaults.
    role : {"start", "step", "whole"}
        Its place in a chain.
    backends : tuple of {"python", "julia"}
        Where it runs.
    proves : bool
        Whether its answer carries a proven bound.
    seeded : bool
        Whether its answer depends on a seed.
    timed : bool
        Whether it keeps a time limit.
    """

    name: str
    text: str
    function: str = ""
    options: type = NoOptions
    role: Role = "whole"
    backends: tuple[Backend, ...] = ("python",)
    proves: bool = False
    seeded: bool = False
    timed: bool = True

    def load(self) -> Callable[..., Any]:
        """Import and return the function."""
        module, _, name = self.function.partition(":")
        function: Callable[..., Any] = getattr(import_module(module), name)
        return function


@dataclass(frozen=True)
class Chain:
    """A parsed method name."""

    methods: tuple[Method, ...]

    @property
    def start(self) -> Method:
        """What runs first."""
        return self.methods[0]

    @property
    def steps(self) -> tuple[Method, ...]:
        """What improves on it, in order."""
        return self.methods[1:]

    @property
    def proves(self) -> bool:
        """Whether any part carries a proven bound."""
        return any(method.proves for method in self.methods)

    @property
    def seeded(self) -> bool:
        """Whether any part depends on a seed."""
        return any(method.seeded for method in self.methods)

    def __str__(self) -> str:
        return "+".join(method.name for method in self.methods)


class Registry(Mapping[str, Method]):
    """The methods of one capability, in the order in which they are listed.

    Parameters
    ----------
    capability : str
        What they do, for messages, e.g. ``"siting"``.
    methods : iterable of Method
        The methods; names must differ.
    """

    def __init__(self, capability: str, methods: Iterable[Method]) -> None:
        self.capability = capability
        self._methods: dict[str, Method] = {}
        for method in methods:
            self.add(method)

    def add(self, method: Method) -> None:
        """Register one more method.

        Raises
        ------
        ValueError
            If the name is taken.
        """
        if method.name in self._methods:
            raise ValueError(f"{self.capability} has a method {method.name!r} already")
        self._methods[method.name] = method

    def __getitem__(self, name: str) -> Method:
        return self._methods[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._methods)

    def __len__(self) -> int:
        return len(self._methods)

    def having(self, *, role: Role | None = None, backend: Backend | None = None) -> list[Method]:
        """Return the methods with a role or on a backend."""
        return [
            method
            for method in self._methods.values()
            if (role is None or method.role == role)
            and (backend is None or backend in method.backends)
        ]

    def parse(self, name: str, backend: str = "python") -> Chain:
        """Read a method name, ``start[+step…]`` or a whole method.

        Parameters
        ----------
        name : str
            What a user wrote.
        backend : {"python", "julia"}
            Where it is to run.

        Returns
        -------
        Chain
            The methods in order.

        Raises
        ------
        InvalidOptionError
            If the backend or a part is unknown, runs elsewhere or stands in the wrong place.
        """
        if backend not in get_args(Backend):
            raise InvalidOptionError(f"backend: {backend!r} is neither 'python' nor 'julia'")
        if not isinstance(name, str):
            raise InvalidOptionError(f"method: must be a text, is {name!r}")
        parts = [self._known(part, backend) for part in name.split("+")]
        start, *steps = parts
        if start.role == "step":
            starts = ", ".join(m.name for m in self.having(role="start"))
            raise InvalidOptionError(f"method: {start.name!r} must follow one of {starts}")
        for step in steps:
            if start.role == "whole":
                raise InvalidOptionError(f"method: nothing can follow {start.name!r}")
            if step.role != "step":
                allowed = ", ".join(m.name for m in self.having(role="step"))
                raise InvalidOptionError(
                    f"method: {step.name!r} cannot follow a '+'; only {allowed} can"
                )
        return Chain(tuple(parts))

    def _known(self, name: str, backend: str) -> Method:
        if name not in self._methods:
            close = difflib.get_close_matches(name, self._methods, n=2, cutoff=0.6)
            hint = f"; did you mean {' or '.join(close)}?" if close else ""
            known = ", ".join(self._methods)
            shown = name if len(name) <= 40 else f"{name[:40]}…"
            raise InvalidOptionError(f"method: {shown!r} is none of {known}{hint}")
        method = self._methods[name]
        if backend not in method.backends:
            raise InvalidOptionError(
                f"method: {name!r} does not run on backend {backend!r} "
                f"(only {', '.join(method.backends)})"
            )
        return method

    def options_of(self, chain: Chain, given: Mapping[str, Any]) -> tuple[Any, ...]:
        """Give each method of a chain its options; refuse what none of them declares.

        Parameters
        ----------
        chain : Chain
            The methods.
        given : mapping
            Option names and values; None means not given.

        Returns
        -------
        tuple of object
            One instance of ``method.options`` a method.

        Raises
        ------
        InvalidOptionError
            If no method of the chain has an option, or its value cannot be used.
        """
        given = {name: value for name, value in given.items() if value is not None}
        known = [{f.name: f for f in dataclasses.fields(m.options)} for m in chain.methods]
        for name in given:
            if not any(name in fields for fields in known):
                own = sorted({n for fields in known for n in fields})
                has = f"its options are {', '.join(own)}" if own else "it has none of its own"
                raise InvalidOptionError(f"method {str(chain)!r} has no option {name!r}; {has}")
        built = []
        for method, fields in zip(chain.methods, known, strict=True):
            hints = typing.get_type_hints(method.options)
            chosen = {
                name: _checked(value, fields[name], hints[name])
                for name, value in given.items()
                if name in fields
            }
            built.append(method.options(**chosen))
        return tuple(built)

    def table(self) -> list[dict[str, str]]:
        """Return one row a method for help texts and documentation."""
        return [
            {
                "method": ("+" if m.role == "step" else "") + m.name,
                "text": m.text,
                "backends": ", ".join(m.backends),
                "proves": "yes" if m.proves else "",
                "seeded": "yes" if m.seeded else "",
                "options": ", ".join(
                    f"{f.name}={f.default!r}" for f in dataclasses.fields(m.options)
                ),
            }
            for m in self._methods.values()
        ]


def _checked(value: Any, field: dataclasses.Field[Any], hint: Any) -> Any:
    """Return a value as the type of its option, or refuse it."""
    name = field.name
    kinds = get_args(hint) if get_origin(hint) in (types.UnionType, typing.Union) else (hint,)
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
    name, least, above = field.name, field.metadata.get("least"), field.metadata.get("above")
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        raise InvalidOptionError(f"{name}: must be a number, is {value!r}") from None
    if isinstance(value, bool) or math.isnan(number):
        raise InvalidOptionError(f"{name}: must be a number, is {value!r}")
    if whole and (not math.isfinite(number) or number != int(number)):
        raise InvalidOptionError(f"{name}: must be a whole number, is {value!r}")
    if least is not None and number < least:
        raise InvalidOptionError(f"{name}: must be at least {least:g}, is {value!r}")
    if above is not None and number <= above:
        raise InvalidOptionError(f"{name}: must be above {above:g}, is {value!r}")
    return int(number) if whole else number
