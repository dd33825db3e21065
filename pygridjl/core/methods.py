"""Methods of a capability, declared once: what the doors, the command line and the docs read.

A method is named by itself (``"benders"``) or as a chain (``"maxflow+ils"``, ``"forward+scip"``): a
start, then steps that improve what came before, then perhaps a finish, which can also stand alone.
Its options are the fields of one frozen :class:`pygridjl.core.options.Options`; whatever a method
does not declare is refused by name.
"""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Literal, NoReturn, get_args

from pygridjl.core.arguments import generator, seconds_allowed
from pygridjl.core.errors import InvalidOptionError
from pygridjl.core.options import NoOptions, Options

__all__ = ["Backend", "Chain", "Method", "Registry", "Role"]

Backend = Literal["python", "julia"]
Role = Literal["start", "step", "finish", "whole"]
"""A start may be followed by steps, a step must follow something, a finish may stand alone or end
a chain, a whole stands alone."""


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
    role : {"start", "step", "finish", "whole"}
        Its place in a chain.
    backends : tuple of {"python", "julia"}
        Where it runs. What precedes a finish runs in Python, wherever the finish runs.
    packages : tuple of str
        Distributions whose versions matter to its answer.
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
    options: type[Options] = NoOptions
    role: Role = "whole"
    backends: tuple[Backend, ...] = ("python",)
    packages: tuple[str, ...] = ()
    proves: bool = False
    seeded: bool = False
    timed: bool = True

    def __str__(self) -> str:
        return self.name

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
    def start(self) -> Method | None:
        """What runs first; None if a finish stands alone."""
        return None if self.methods[0].role == "finish" else self.methods[0]

    @property
    def steps(self) -> tuple[Method, ...]:
        """What improves on it, in order."""
        return tuple(method for method in self.methods if method.role == "step")

    @property
    def finish(self) -> Method | None:
        """What ends it, if there is a finish."""
        return self.methods[-1] if self.methods[-1].role == "finish" else None

    @property
    def proves(self) -> bool:
        """Whether any part carries a proven bound."""
        return any(method.proves for method in self.methods)

    @property
    def seeded(self) -> bool:
        """Whether any part depends on a seed."""
        return any(method.seeded for method in self.methods)

    @property
    def timed(self) -> bool:
        """Whether any part keeps a time limit."""
        return any(method.timed for method in self.methods)

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
    word : str
        What users call them, ``"method"`` or ``"formulation"``.
    """

    def __init__(self, capability: str, methods: Iterable[Method], *, word: str = "method") -> None:
        self.capability, self.word = capability, word
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
        _assert_backend(backend)
        if not isinstance(name, str):
            raise InvalidOptionError(f"{self.word}: must be a text, is {name!r}")
        parts = [self._known(part) for part in name.split("+")]
        *before, last = parts
        if (before and last.role == "whole") or any(m.role == "whole" for m in before):
            whole = next(m for m in parts if m.role == "whole")
            self._refuse(f"{whole.name!r} stands alone, without a '+'")
        if parts[0].role == "step":
            starts = ", ".join(m.name for m in self.having(role="start"))
            self._refuse(f"{parts[0].name!r} must follow one of {starts}")
        for method in before:
            if method.role == "finish":
                self._refuse(f"nothing can follow {method.name!r}")
        for method in parts[1:]:
            if method.role == "start":
                allowed = [*self.having(role="step"), *self.having(role="finish")]
                names = ", ".join(m.name for m in allowed)
                self._refuse(f"{method.name!r} cannot follow a '+'; only {names} can")
        self._assert_runs(parts, backend)
        return Chain(tuple(parts))

    def default(self, backend: Backend = "python") -> str:
        """Return the first method of a backend.

        Raises
        ------
        InvalidOptionError
            If there is no such backend.
        """
        _assert_backend(backend)
        return self.having(backend=backend)[0].name

    def _refuse(self, detail: str) -> NoReturn:
        raise InvalidOptionError(f"{self.word}: {detail}")

    def _known(self, name: str) -> Method:
        if name not in self._methods:
            close = difflib.get_close_matches(name, self._methods, n=2, cutoff=0.6)
            hint = f"; did you mean {' or '.join(close)}?" if close else ""
            shown = name if len(name) <= 40 else f"{name[:40]}…"
            self._refuse(f"{shown!r} is none of {', '.join(self._methods)}{hint}")
        return self._methods[name]

    def _assert_runs(self, parts: list[Method], backend: str) -> None:
        """Refuse a chain whose last part, or one before it, runs elsewhere."""
        *before, last = parts
        written = "+".join(method.name for method in parts)
        elsewhere = [method for method in before if "python" not in method.backends]
        for method in [*elsewhere, *([] if backend in last.backends else [last])]:
            there = [m for m in self._methods.values() if backend in m.backends]
            self._refuse(
                f"{method.name!r} does not run on backend {backend!r}, "
                f"which has {', '.join(m.name for m in there)}"
                + (f", as in '{written}+{there[0].name}'" if self._leads(method) else "")
            )

    def _leads(self, method: Method) -> bool:
        return method.role in ("start", "step") and bool(self.having(role="finish"))

    def common_of(
        self,
        chain: Chain,
        *,
        seed: Any = None,
        time_limit: float | None = None,
        proof: bool = False,
    ) -> tuple[Any, float]:
        """Return seed and time limit of a chain; refuse one that none of its parts uses.

        Parameters
        ----------
        chain : Chain
            The methods.
        seed : int or numpy.random.Generator, optional
            None means not given.
        time_limit : float, optional
            Seconds; None means not given, infinity that there is no limit.
        proof : bool
            Whether a proof follows the chain, which keeps the limit whatever the chain does.

        Returns
        -------
        seed : int, Generator or None
            0 unless given; None if nothing is random.
        time_limit : float
            :data:`~pygridjl.core.arguments.TIME_LIMIT` unless given.

        Raises
        ------
        InvalidOptionError
            If one has no effect or its value cannot be used.
        """
        if seed is not None:
            generator(seed)
            if not chain.seeded:
                self._refuse(f"{str(chain)!r} has no option 'seed': nothing in it is random")
        limit = seconds_allowed(time_limit)
        if time_limit is not None and not (chain.timed or proof):
            self._refuse(f"{str(chain)!r} has no option 'time_limit': it does not watch the clock")
        return (0 if seed is None else seed) if chain.seeded else None, limit

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
                self._refuse(f"{str(chain)!r} has no option {name!r}; {has}")
        built = []
        for method, fields in zip(chain.methods, known, strict=True):
            chosen = {name: value for name, value in given.items() if name in fields}
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


def _assert_backend(backend: str) -> None:
    if backend not in get_args(Backend):
        raise InvalidOptionError(f"backend: {backend!r} is neither 'python' nor 'julia'")
