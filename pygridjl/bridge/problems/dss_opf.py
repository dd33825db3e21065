"""OpenDSS scripts solved by PowerModelsDistribution as it reads them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from pygridjl.bridge.answer import JuliaAnswer, floats
from pygridjl.bridge.problems.asking import JuliaOptions, ask
from pygridjl.bridge.problems.feeder_opf import assert_feeder_problem
from pygridjl.core.errors import CaseNotFoundError
from pygridjl.grid.io.opendss.other_readers import assert_reads_inside

__all__ = ["julia_dss_opf"]


def julia_dss_opf(
    path: str | Path,
    formulation: str = "acp",
    problem: str = "opf",
    how: JuliaOptions | None = None,
    *,
    v_min: float = 0.0,
    v_max: float = np.inf,
    taps: Mapping[tuple[str, int], float] | None = None,
    root: Path | None = None,
) -> JuliaAnswer:
    """Solve an OpenDSS script with PowerModelsDistribution's own reader.

    This is the road for what PowerModelsDistribution supports. It skips controls, takes loads of
    model 4 for constant power, and stops at open-delta regulators and at the command ``open``. A
    power flow may end at a solution of low voltage; ``opf`` with a band does not. A
    :class:`Feeder` from the same script goes further
    (:func:`pygridjl.bridge.problems.feeder_opf.julia_feeder_opf`).

    Parameters
    ----------
    path : path-like
        The script.
    formulation, problem
        As for a feeder.
    how : JuliaOptions, optional
        Solver, its options and limits.
    v_min, v_max : float
        Voltage band of every bus, p.u.
    taps : mapping of (str, int) to float, optional
        Tap by transformer and winding (from 1). PowerModelsDistribution leaves regulators at
        their initial taps; give those that OpenDSS found.
    root : Path, optional
        Folder below which all files it reads must lie; that of the script unless given.

    Returns
    -------
    JuliaAnswer
        ``notes`` hold what PowerModelsDistribution remarked while it read the script. ``values``:
        ``node`` (tuple of ``bus.phase``); ``vm``, ``va`` by node, p.u. and rad; ``kv``, the base of
        ``vm``, kV line to neutral, which PowerModelsDistribution derives from the source and the
        ratings of transformers, not from the script's ``voltagebases``; ``p_source``,
        ``q_source`` (3,), import by phase, kW and kvar.

    Raises
    ------
    CaseNotFoundError
        If there is no such file.
    NetworkFormatError
        If the script names a file outside that folder or holds a command that may not run.
    InvalidOptionError
        If there is no such formulation, problem or transformer, or the solver cannot be used.
    JuliaSolveError
        If the script cannot be read or the model not be built.
    JuliaNotFoundError, JuliaPackageError
        If Julia cannot be used.
    """
    if not Path(path).is_file():
        raise CaseNotFoundError(f"{path}: no such file")
    assert_feeder_problem(formulation, problem)
    assert_reads_inside(Path(path), root)
    taps = taps or {}
    raw, answer = ask(
        "dss_opf",
        formulation,
        how or JuliaOptions(),
        (str(Path(path).absolute()), formulation, problem),
        (
            float(v_min),
            float(v_max),
            [name.lower() for name, _ in taps],
            [winding for _, winding in taps],
            [float(tap) for tap in taps.values()],
        ),
    )
    names = ("vm", "va", "kv", "p_source", "q_source")
    values = {name: floats(getattr(raw, name)) for name in names}
    return replace(answer, values={"node": tuple(str(node) for node in raw.node), **values})
