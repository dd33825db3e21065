"""What to build at which stage."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from pygridjl.core.result import Result, Status
from pygridjl.core.types import IntArray
from pygridjl.siting.measures import measure_text

__all__ = ["ExpansionResult"]


@dataclass(frozen=True, eq=False)
class ExpansionResult(Result):
    """What to build at which stage of growth.

    Attributes
    ----------
    feeder, scenarios, measure : str
        Names of the feeder and of the scenario set; what was minimised.
    status : Status
        ``optimal`` to the gap, ``time_limit``, ``feasible``, ``infeasible`` or ``not_found``.
    stages : DataFrame
        A row a stage: ``stage, parent, load, years, chance, new_kw, kw, spent`` (all so far, k$)
        and ``value``, the expected measure.
    additions : DataFrame
        A row for each stage and site that gets units: ``stage, bus, phases, units, kw``.
    units : ndarray of int, shape (T, n_site)
        Units that stand at each stage.
    objective, bound, no_dg : float or None
        Mean of the measure over the years; what is proven about it; the same without units.
    gap, improvement_gap : float or None
        (objective − bound) / objective; share of the possible improvement left.
    reason : str
        Why there is no answer.
    iterations : int
        Times that all scenarios of all stages were solved.
    notes : tuple of str
        What was assumed.
    seconds, versions
        Seconds by phase; versions of the packages.
    """

    feeder: str
    scenarios: str
    measure: str
    status: Status
    stages: pd.DataFrame
    additions: pd.DataFrame
    units: IntArray
    objective: float | None
    bound: float | None
    no_dg: float | None
    gap: float | None
    improvement_gap: float | None
    reason: str = ""
    iterations: int = 0
    notes: tuple[str, ...] = ()
    seconds: dict[str, float] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)

    def to_frame(self) -> pd.DataFrame:
        """Return what is added where, by stage."""
        return self.additions.copy()

    def plot(self, path: str | Path) -> Path:
        """Draw what stands before each stage and what it adds.

        Parameters
        ----------
        path : path-like
            Where to write; the suffix chooses the format.

        Returns
        -------
        Path
            The file written.
        """
        from pygridjl.siting.expansion.figures import plot_expansion

        return plot_expansion(self, path)

    def _rows(self) -> list[tuple[str, str]]:
        rows = [
            ("feeder", self.feeder),
            ("scenarios", f"{self.scenarios}, {len(self.stages)} stages"),
            ("measure", f"expected {measure_text(self.measure)}, mean over the years"),
            ("status", f"{self.status.value}{': ' if self.reason else ''}{self.reason}"),
        ]
        if self.no_dg is not None:
            rows.append(("without units", f"{self.no_dg:.6g}"))
        if self.objective is not None:
            rows.append(("objective", f"{self.objective:.6g}"))
        if self.bound is not None:
            gap = "" if self.gap is None else f", gap {100 * self.gap:.3f} % of the value"
            left = self.improvement_gap
            open_ = "" if left is None else f", {100 * left:.2f} % of the improvement open at most"
            rows.append(("proven bound", f"{self.bound:.6g}{gap}{open_}"))
        return rows

    def summary(self) -> str:
        """Return the result as short tables for people."""
        parts = [super().summary(), self.stages.to_string(index=False, na_rep="")]
        if len(self.additions):
            parts.append(self.additions.to_string(index=False))
        return "\n\n".join(parts)
