"""What an assignment is worth, on its own path or on draws it was not chosen on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from pygridjl.balancing.losses import circuit_sums, cvar, norms
from pygridjl.core.errors import InvalidOptionError
from pygridjl.core.result import Result
from pygridjl.core.types import FloatArray

__all__ = ["QUANTILES", "Evaluation", "evaluate"]

QUANTILES = (0.05, 0.5, 0.95)


@dataclass(frozen=True, eq=False)
class Evaluation(Result):
    """J and J̃ of an assignment over draws (§5 of the paper).

    Attributes
    ----------
    rms, l1 : ndarray, shape (n_draw,)
        J and J̃ of every draw.
    risks : ndarray, shape (n_draw, n_circuit)
        R_i of every draw.
    rms_quantiles, l1_quantiles : ndarray, shape (3,)
        At 5, 50 and 95 %.
    rms_cvar, l1_cvar : float
        Mean of the worst draws beyond ``tail``.
    tail : float
        Level of it.
    """

    rms: FloatArray
    l1: FloatArray
    risks: FloatArray
    rms_quantiles: FloatArray
    l1_quantiles: FloatArray
    rms_cvar: float
    l1_cvar: float
    tail: float

    def to_frame(self) -> pd.DataFrame:
        """Return one row a draw: rms, l1."""
        return pd.DataFrame({"rms": self.rms, "l1": self.l1})


def evaluate(deviations: ArrayLike, assignment: ArrayLike, *, tail: float = 0.95) -> Evaluation:
    """Evaluate an assignment on a path or on draws.

    Parameters
    ----------
    deviations : array_like, shape (n, n_time) or (n_draw, n, n_time)
        Deviations, in sample or out of it.
    assignment : array_like, shape (n,)
        Circuit of every service point, names or indices.
    tail : float
        Level of the conditional value at risk.

    Returns
    -------
    Evaluation
        J, J̃ and R_i with uniform weights 1/n_time.

    Raises
    ------
    InvalidOptionError
        If the shapes do not fit or the level is not between 0 and 1.
    """
    paths = np.asarray(deviations, dtype=np.float64)
    paths = paths[None] if paths.ndim == 2 else paths
    _, place = np.unique(np.asarray(assignment), return_inverse=True)
    if paths.ndim != 3 or place.shape != (paths.shape[1],):
        raise InvalidOptionError(
            f"assignment: has the shape {place.shape}, the deviations {paths.shape}"
        )
    if not 0 < tail < 1:
        raise InvalidOptionError(f"tail: must lie between 0 and 1, is {tail}")
    sums = circuit_sums(paths, place, int(place.max()) + 1)
    weight = np.full(paths.shape[2], 1.0 / paths.shape[2])
    risks = norms(sums, weight, "rms")
    rms, l1 = risks.sum(axis=1), norms(sums, weight, "l1").sum(axis=1)
    return Evaluation(
        rms=rms,
        l1=l1,
        risks=risks,
        rms_quantiles=np.quantile(rms, QUANTILES),
        l1_quantiles=np.quantile(l1, QUANTILES),
        rms_cvar=float(cvar(rms, tail)),
        l1_cvar=float(cvar(l1, tail)),
        tail=tail,
    )
