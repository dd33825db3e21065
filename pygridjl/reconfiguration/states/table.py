"""Losses of an answer state by state."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pygridjl.core.result import Result
from pygridjl.core.types import FloatArray, StrArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["StateLosses"]


@dataclass(frozen=True, eq=False)
class StateLosses(Result):
    """What a configuration loses in every load state.

    Attributes
    ----------
    id : ndarray of str, shape (S,)
        Names of the states.
    hours : ndarray, shape (S,)
        Their durations, h.
    objective : ndarray, shape (S,)
        Loss of the linear model, kW.
    loss_kw : ndarray, shape (S,)
        AC losses, kW; infinite in a state without a power flow.
    v_min : ndarray, shape (S,)
        Lowest voltage, p.u.; NaN without a power flow.
    base_loss_kw : ndarray, shape (S,), or None
        AC losses of the base state of the switches; None if it is not radial.
    """

    id: StrArray
    hours: FloatArray
    objective: FloatArray
    loss_kw: FloatArray
    v_min: FloatArray
    base_loss_kw: FloatArray | None

    @property
    def energy_mwh(self) -> float:
        """Energy lost over all states, MWh."""
        return float(self.hours @ self.loss_kw) / 1e3

    @property
    def base_energy_mwh(self) -> float | None:
        """Energy lost with the switches as they stand, MWh; None if that is not radial."""
        return None if self.base_loss_kw is None else float(self.hours @ self.base_loss_kw) / 1e3

    def to_frame(self) -> pd.DataFrame:
        """Return one row a state."""
        import pandas as pd

        columns = {"state": self.id, "hours": self.hours, "objective_kw": self.objective}
        columns |= {"loss_kw": self.loss_kw, "v_min": self.v_min}
        if self.base_loss_kw is not None:
            columns["base_loss_kw"] = self.base_loss_kw
        return pd.DataFrame(columns)

    def plot(self, path: str | Path) -> Path:
        """Draw the losses state by state and as a duration curve, before and after.

        Parameters
        ----------
        path : path-like
            Where to write; the suffix chooses the format.

        Returns
        -------
        Path
            The file written.
        """
        from pygridjl.reconfiguration.states.figures import plot_losses

        return plot_losses(self, path)

    def duration(self, losses: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the duration curve of some losses: hours that reach at least a loss, and it."""
        order = np.argsort(-losses, kind="stable")
        return np.cumsum(self.hours[order]), losses[order]
