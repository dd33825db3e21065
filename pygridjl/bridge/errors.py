"""What can go wrong between Python and Julia, each with its own type and the ways to mend it."""

from __future__ import annotations

from typing import ClassVar

from pygridjl.core.errors import PyGridJLError

__all__ = [
    "FIXES",
    "JuliaBridgeError",
    "JuliaForkError",
    "JuliaNotFoundError",
    "JuliaPackageError",
    "JuliaSolveError",
    "JuliaSolverMissingError",
]

FIXES = (
    "with internet: pygridjl julia install",
    "with a prepared Julia: pygridjl julia use --exe PATH/TO/julia --project FOLDER",
    "for one run: set PYTHON_JULIACALL_EXE and PYTHON_JULIACALL_PROJECT",
)
"""The three ways to give pygridjl a Julia."""


class JuliaBridgeError(PyGridJLError):
    """Base of all errors of the Julia half.

    Parameters
    ----------
    detail : str
        One sentence.
    julia_trace : str, optional
        What Julia printed, whole. Never part of the message.

    Attributes
    ----------
    detail, julia_trace
        As given.
    """

    def __init__(self, detail: str, julia_trace: str | None = None) -> None:
        super().__init__(self._message(detail))
        self.detail, self.julia_trace = detail, julia_trace

    def _message(self, detail: str) -> str:
        return detail

    def __reduce__(self) -> tuple[type[JuliaBridgeError], tuple[str, str | None]]:
        return type(self), (self.detail, self.julia_trace)


class _MendableError(JuliaBridgeError):
    # The ways to mend it are what one needs to read.
    longest: ClassVar[int] = 1000
    fixes: ClassVar[tuple[str, ...]] = FIXES

    def _message(self, detail: str) -> str:
        if not self.fixes:
            return detail
        ways = "; ".join(f"({i}) {fix}" for i, fix in enumerate(self.fixes, 1))
        return f"{detail}. Ways to mend it: {ways}"


class JuliaNotFoundError(_MendableError):
    """No usable Julia: none found, not executable, too old, or it does not answer."""


class JuliaPackageError(_MendableError):
    """Julia is there, but a package that this call needs is missing or does not load."""


class JuliaSolverMissingError(JuliaPackageError):
    """Julia works, but its project lacks a solver that was asked for; the message adds it."""

    # Another Julia would not help.
    fixes: ClassVar[tuple[str, ...]] = ()


class JuliaSolveError(JuliaBridgeError):
    """Julia raised an exception while it worked on a problem."""


class JuliaForkError(JuliaBridgeError):
    """The process was forked after Julia started; Julia's threads do not survive that."""
