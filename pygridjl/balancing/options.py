"""Options of the methods, each declared once."""

from __future__ import annotations

from dataclasses import dataclass

from pygridjl.core.options import Options, option

__all__ = ["ColumnOptions", "CutOptions", "LinearOptions", "LocalOptions"]


@dataclass(frozen=True)
class LinearOptions(Options):
    """Of the programs of the paper."""

    relaxed: bool = option(False, "solve the linear program, then round to the nearest assignment")


@dataclass(frozen=True)
class CutOptions(Options):
    """Of the outer approximation."""

    rounds: int = option(200, "mixed-integer programs at most", least=1)


@dataclass(frozen=True)
class ColumnOptions(Options):
    """Of the program over sets of service points."""

    max_sets: int = option(
        2_000_000, "sets that are listed; beyond, they are searched for", least=1
    )
    pool: int = option(200_000, "sets in the last mixed-integer program at most", least=1)


@dataclass(frozen=True)
class LocalOptions(Options):
    """Of the local search."""

    kicks: int | None = option(
        None, "random exchanges from the best optimum found; by size unless given", least=0
    )
    width: int = option(
        32, "service points of each circuit whose swaps are tried, most promising first", least=1
    )
