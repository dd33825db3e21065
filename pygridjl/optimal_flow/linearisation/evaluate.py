"""How well a linearised model keeps the AC equations over many loads."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pygridjl.core.result import Result, Status
from pygridjl.core.types import FloatArray, StrArray
from pygridjl.optimal_flow.linearisation.linear_model import LinearisedBatch, LinearisedOpf

__all__ = ["Evaluation", "evaluate_batch"]


@dataclass(frozen=True, eq=False)
class Evaluation(Result):
    """Errors and cost of a linearised model over a sample; draws without an answer are counted.

    Attributes
    ----------
    network, method : str
        Of the model.
    samples : int
        Number of draws.
    infeasible : int
        Draws for which the linearised model was proven infeasible.
    failed : int
        Draws without an answer for another reason.
    mean_p, deviation_p, mean_q, deviation_q : float
        E and σ of ε_P = Σ_i |ε_P,i| and of ε_Q, p.u., over the draws with an answer (the columns
        of the paper's table); NaN without any.
    objective : float
        Mean cost per hour over the draws with an answer.
    ac_samples : int
        The first so many draws were solved by AC optimal flow, too.
    ac_objective, objective_there : float or None
        Mean cost of the AC optima and of the linearised model over the draws of ``ac_samples``
        that both solve.
    bus : ndarray of str, shape (n_bus,)
        Ids.
    error_p, error_q : ndarray, shape (solved draws, n_bus)
        Signed errors of the power balance (1), p.u.: what Figures 1 to 3 show.
    seconds : dict
        ``solve``: all linearised solves; ``ac``: all AC solves.
    """

    network: str
    method: str
    samples: int
    infeasible: int
    failed: int
    mean_p: float
    deviation_p: float
    mean_q: float
    deviation_q: float
    objective: float
    ac_samples: int
    ac_objective: float | None
    objective_there: float | None
    bus: StrArray
    error_p: FloatArray = field(repr=False)
    error_q: FloatArray = field(repr=False)
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def criterion(self) -> float:
        """E[ε_P + ε_Q], p.u.; infinity without any answer."""
        total = self.mean_p + self.mean_q
        return total if np.isfinite(total) else np.inf

    @property
    def milliseconds(self) -> float:
        """Wall-clock time of one linearised solve, ms."""
        return 1e3 * self.seconds["solve"] / self.samples

    def to_dict(self) -> dict[str, Any]:
        """Return the fields without the errors of every draw and bus."""
        plain = super().to_dict()
        del plain["error_p"], plain["error_q"]
        return plain

    def to_frame(self) -> pd.DataFrame:
        """Return one row a bus: mean and largest magnitude of its errors, p.u."""
        columns: dict[str, FloatArray] = {}
        for name, error in (("p", self.error_p), ("q", self.error_q)):
            size = abs(error) if error.size else np.full((1, self.bus.size), np.nan)
            columns[f"mean_{name}"] = size.mean(axis=0)
            columns[f"largest_{name}"] = size.max(axis=0)
        return pd.DataFrame(columns, index=pd.Index(self.bus, name="bus"))

    def _rows(self) -> list[tuple[str, str]]:
        rows = [("samples", f"{self.samples}, {self.infeasible} infeasible, {self.failed} failed")]
        if self.infeasible + self.failed < self.samples:
            rows += [
                ("active error", f"E {self.mean_p:.5f}  σ {self.deviation_p:.5f} p.u."),
                ("reactive error", f"E {self.mean_q:.5f}  σ {self.deviation_q:.5f} p.u."),
                ("expected cost", f"{self.objective:.4f}"),
            ]
        if self.ac_objective is not None and self.objective_there is not None:
            against = f"{self.ac_objective:.4f} against {self.objective_there:.4f}"
            rows.append(("AC cost", f"{against} over {self.ac_samples} draws"))
        rows.append(("one solve", f"{self.milliseconds:.2f} ms"))
        if self.infeasible + self.failed:
            why = "choose another point, lower the loads or widen limits"
            rows.append(("note", f"draws without an answer: {why}"))
        return rows

    def plot(self, path: str | Path) -> Path:
        """Draw the distribution of the errors over buses and draws (Figures 1 to 3).

        Parameters
        ----------
        path : path-like
            Where to write; the suffix chooses the format.

        Returns
        -------
        Path
            The file written.
        """
        from pygridjl.optimal_flow.linearisation.figures import plot_errors

        return plot_errors({self.method: self}, self.network, path)


def evaluate_batch(
    model: LinearisedOpf,
    batch: LinearisedBatch,
    *,
    method: str,
    ac_costs: FloatArray,
    seconds: dict[str, float],
) -> Evaluation:
    """Measure the answers of a batch.

    Parameters
    ----------
    model : LinearisedOpf
        What gave them.
    batch : LinearisedBatch
        The answers.
    method : str
        Name of the point.
    ac_costs : ndarray, shape (A,)
        Costs of the AC optima of the first A draws, NaN where none was found.
    seconds : dict
        Time of the solves.

    Returns
    -------
    Evaluation
        The measures.
    """
    solved = batch.solved
    error = model.mismatch(batch.demand[solved], batch.voltage[solved], batch.power[solved])
    size_p, size_q = abs(error.real).sum(axis=1), abs(error.imag).sum(axis=1)
    both = np.isfinite(ac_costs) & solved[: ac_costs.size]
    infeasible = sum(status is Status.INFEASIBLE for status in batch.status)
    return Evaluation(
        network=model.network.name,
        method=method,
        samples=len(batch.status),
        infeasible=infeasible,
        failed=int((~solved).sum()) - infeasible,
        mean_p=_mean(size_p),
        deviation_p=float(size_p.std()) if size_p.size else np.nan,
        mean_q=_mean(size_q),
        deviation_q=float(size_q.std()) if size_q.size else np.nan,
        objective=_mean(batch.objective[solved]),
        ac_samples=ac_costs.size,
        ac_objective=_mean(ac_costs[both]) if both.any() else None,
        objective_there=_mean(batch.objective[: ac_costs.size][both]) if both.any() else None,
        bus=model.network.buses.id,
        error_p=error.real,
        error_q=error.imag,
        seconds=seconds,
    )


def _mean(values: FloatArray) -> float:
    return float(values.mean()) if values.size else np.nan
