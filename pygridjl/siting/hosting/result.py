"""The most PV a feeder takes, at each site alone and at all together."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from pygridjl.core.result import Result, Status
from pygridjl.core.types import IntArray

__all__ = ["HostingResult"]


@dataclass(frozen=True, eq=False)
class HostingResult(Result):
    """The most PV a feeder takes.

    Attributes
    ----------
    feeder, scenarios : str
        Names of the feeder and of the scenario set.
    share : float
        Share of the hours in which the limits are kept.
    curtailment : float
        Share of the energy that may be curtailed.
    per_site : DataFrame
        A row for each site: ``bus, phases, units, kw`` and the ``limit`` that the next unit would
        pass, each site alone. Empty if the site cannot have any number of units, or none at all
        keeps the limits: ``units`` is then −1.
    status : Status
        Of all sites together: ``optimal`` to the gap, ``time_limit``, or ``infeasible``.
    units : ndarray of int, shape (n_site,)
        Units at every site together; zeros without an answer.
    objective : float or None
        Their rating, kW.
    bound : float or None
        No more than this fits, kW.
    gap : float or None
        (bound − objective) / objective.
    notes : tuple of str
        What was assumed.
    seconds, versions
        Seconds by phase; versions of the packages.
    """

    feeder: str
    scenarios: str
    share: float
    curtailment: float
    per_site: pd.DataFrame
    status: Status
    units: IntArray
    objective: float | None
    bound: float | None
    gap: float | None
    notes: tuple[str, ...] = ()
    seconds: dict[str, float] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)

    def to_frame(self) -> pd.DataFrame:
        """Return the sites, each alone."""
        return self.per_site.copy()

    def plot(self, path: str | Path) -> Path:
        """Draw what each site takes alone and all take together.

        Parameters
        ----------
        path : path-like
            Where to write; the suffix chooses the format.

        Returns
        -------
        Path
            The file written.
        """
        from pygridjl.siting.hosting.figures import plot_hosting

        return plot_hosting(self, path)

    def _rows(self) -> list[tuple[str, str]]:
        kept = f"limits kept in {100 * self.share:g} % of the hours"
        rows = [
            ("feeder", self.feeder),
            ("scenarios", self.scenarios),
            ("hosting", f"{kept}, at most {100 * self.curtailment:g} % of the energy curtailed"),
            ("status", self.status.value),
        ]
        if self.status is Status.INFEASIBLE:
            reason = "no number of units keeps the limits in that share of the hours"
            rows.append(("reason", f"{reason}: ask for a lower share, or for wider limits"))
        if self.objective is not None:
            used = int((self.units > 0).sum())
            rows.append(("in all", f"{self.objective:g} kW at {used} sites together"))
        if self.bound is not None:
            gap = "" if self.gap is None else f", gap {100 * self.gap:.3f} %"
            rows.append(("proven bound", f"{self.bound:.6g} kW{gap}"))
        return rows

    def summary(self) -> str:
        """Return the result as a short table for people, with the best sites."""
        best = self.per_site.sort_values("kw", ascending=False, kind="stable").head(20)
        best["units"] = best["units"].astype(str).mask(best["units"] < 0, "none keeps them")
        return f"{super().summary()}\n\n{best.to_string(index=False, na_rep='')}"
