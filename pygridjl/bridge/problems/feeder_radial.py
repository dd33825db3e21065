"""Reconfiguration of a three-phase feeder on PowerModelsDistribution's equations."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Literal, get_args

import numpy as np

from pygridjl.bridge.answer import JuliaAnswer
from pygridjl.bridge.problems.asking import JuliaOptions, ask
from pygridjl.bridge.problems.feeder_opf import feeder_tables
from pygridjl.core.errors import InvalidOptionError
from pygridjl.grid import Feeder, assert_valid_feeder

__all__ = ["FeederRadialFormulation", "julia_feeder_reconfigure"]

FeederRadialFormulation = Literal["lindist", "acp", "acr", "ivr", "soc"]


def julia_feeder_reconfigure(
    feeder: Feeder,
    switchable: Collection[str],
    formulation: str = "lindist",
    how: JuliaOptions | None = None,
    *,
    start: Collection[str] | None = None,
    limits: bool = True,
) -> JuliaAnswer:
    """Choose which switchable branches are closed, so that losses are least.

    Parameters
    ----------
    feeder : Feeder
        The feeder; branches that are not switchable keep their base state. All phases of a branch
        are switched at once.
    switchable : collection of str
        Ids of branches.
    formulation : {"lindist", "acp", "acr", "ivr", "soc"}
        LinDist3Flow with the losses of currents at nominal voltages, proven by outer
        approximation with HiGHS; the AC equations in polar, rectangular or current-voltage form,
        a mixed-integer nonlinear program (by default for Juniper with Ipopt, the baseline of the
        literature); or their second-order cone relaxation, whose bound holds for AC (Pajarito).
    how : JuliaOptions, optional
        Solver, its options and limits.
    start : collection of str, optional
        Switchable branches that are closed to begin with. Flows and voltages of that tree are
        computed and given to the solver too.
    limits : bool
        Whether ampacities and angle differences are kept; voltage bands always are.

    Returns
    -------
    JuliaAnswer
        Losses and their bound, p.u. of one phase. ``values``: ``opened`` and ``closed``, tuples of
        ids of switchable branches, both empty without an answer, and ``nodes``.

    Raises
    ------
    InvalidNetworkError
        If the data are not sound.
    InvalidOptionError
        If a branch, the formulation or the solver cannot be used, or ``start`` is no tree.
    JuliaNotFoundError, JuliaPackageError, JuliaSolveError
        If Julia cannot be used or fails.
    """
    if formulation not in get_args(FeederRadialFormulation):
        known = ", ".join(get_args(FeederRadialFormulation))
        raise InvalidOptionError(f"formulation: {formulation!r} is none of {known}")
    ids = feeder.branches.id
    for name in sorted({*switchable, *(start or ())}):
        if name not in ids or name not in switchable:
            raise InvalidOptionError(f"branch {name!r} is not a switchable branch of the feeder")
    assert_valid_feeder(feeder)
    free = np.isin(ids, list(switchable))
    present = np.flatnonzero(free | feeder.branches.closed)
    rows = np.flatnonzero(free[present])
    chosen = ids[present[rows]]
    # What a switchable branch injects at both ends follows its state; that of the others stays.
    charging = feeder.branches.b[present[rows]] / 2
    uncharged = np.where(free[:, None], 0.0, feeder.branches.b)
    without = feeder.replace(branches=feeder.branches.replace(b=uncharged))
    raw, answer = ask(
        "feeder_reconfigure",
        formulation,
        how or JuliaOptions(),
        (
            *feeder_tables(without, present),
            rows + 1,
            np.zeros(0, dtype=np.bool_) if start is None else np.isin(chosen, list(start)),
            formulation,
        ),
        (limits, np.array(charging, order="F")),
    )
    closed, nodes = np.array(raw.closed, dtype=np.bool_), int(raw.nodes)
    answered = closed.size == rows.size
    values = {
        "opened": tuple(map(str, chosen[~closed])) if answered else (),
        "closed": tuple(map(str, chosen[closed])) if answered else (),
        "nodes": None if nodes < 0 else nodes,
    }
    return replace(answer, values=values)
