"""The methods of balancing, declared once."""

from __future__ import annotations

from pygridjl.balancing.options import ColumnOptions, CutOptions, LinearOptions, LocalOptions
from pygridjl.core.methods import Method, Registry

__all__ = ["METHODS"]

_ROOM = "pygridjl.balancing"

METHODS = Registry(
    "balancing",
    [
        Method(
            "local",
            "moves and swaps with exact gains, any size; bound by the triangle inequality",
            f"{_ROOM}.local_search:local",
            LocalOptions,
            role="start",
            seeded=True,
        ),
        Method(
            "collapsed",
            "program of the rank-one collapse: exact for a global factor, a bound for any data",
            f"{_ROOM}.collapsed:collapsed",
            LinearOptions,
            role="start",
            proves=True,
        ),
        Method(
            "pathwise",
            "program with a row a time step, objective l1",
            f"{_ROOM}.collapsed:pathwise",
            LinearOptions,
            role="start",
            proves=True,
        ),
        Method(
            "improve",
            "local search from what precedes it",
            f"{_ROOM}.local_search:local",
            LocalOptions,
            role="step",
            seeded=True,
        ),
        Method(
            "relaxation",
            "bound by a doubly nonnegative relaxation, up to 80 service points, objective rms",
            f"{_ROOM}.relaxation:relaxation",
            role="step",
            proves=True,
        ),
        Method(
            "columns",
            "sets of service points as columns: the tightest bound",
            f"{_ROOM}.columns:columns",
            ColumnOptions,
            proves=True,
            seeded=True,
        ),
        Method(
            "cuts",
            "mixed-integer programs with outer cuts of the norm, any objective",
            f"{_ROOM}.rms:cuts",
            CutOptions,
            proves=True,
            seeded=True,
        ),
        Method(
            "scip",
            "mixed-integer second-order cone program by SCIP, objective rms",
            f"{_ROOM}.rms:scip",
            proves=True,
            seeded=True,
        ),
    ],
)
