"""The answer of a schedule."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from pygridjl.core.result import Result, Status
from pygridjl.core.types import FloatArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ScheduleResult"]

# Beyond so many periods the summary names only those at whose beginning something is switched.
MOST_ROWS = 24


@dataclass(frozen=True, eq=False)
class ScheduleResult(Result):
    """A configuration for every period.

    Attributes
    ----------
    network, states : str
        Names of the network and of the load states.
    periods : tuple of str
        Names of the periods, in the order of time.
    hours : ndarray, shape (T,)
        Their durations, h.
    status : Status
        ``optimal`` where the bound proves it; ``infeasible`` if no schedule keeps the rules.
    objective : float or None
        Energy lost in the linear model and price of the operations, kWh.
    bound : float
        No schedule that keeps the rules and limits has less, kWh.
    gap : float or None
        (objective − bound) / objective.
    operations : tuple of int
        Branches opened or closed at the beginning of each period.
    operation_cost : float
        Price of an operation, kWh.
    open_branches : tuple of tuple of int
        Ids of the open branches in each period.
    base_open : tuple of int
        Those of today.
    loss_kwh, v_min : ndarray, shape (T,)
        AC losses of each period, kWh, and the lowest voltage in it, p.u.
    one_configuration : float or None
        ``objective`` of the best single configuration found under the same rules, kWh.
    listed : tuple of int
        Configurations that were listed of each period.
    reason : str
        Why there is no schedule.
    seconds, versions : dict
        Wall-clock seconds by phase; versions of the packages.
    """

    network: str
    states: str
    periods: tuple[str, ...]
    hours: FloatArray
    status: Status
    objective: float | None
    bound: float
    gap: float | None
    operations: tuple[int, ...]
    operation_cost: float
    open_branches: tuple[tuple[int, ...], ...]
    base_open: tuple[int, ...]
    loss_kwh: FloatArray
    v_min: FloatArray
    one_configuration: float | None
    listed: tuple[int, ...]
    reason: str = ""
    seconds: dict[str, float] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)

    def to_frame(self) -> pd.DataFrame:
        """Return one row a period: what is opened and closed at its beginning, losses, voltage."""
        import pandas as pd

        before = [set(self.base_open), *(set(k) for k in self.open_branches[:-1])]
        rows = []
        for k, after in enumerate(map(set, self.open_branches)):
            rows.append(
                {
                    "period": self.periods[k],
                    "hours": float(self.hours[k]),
                    "operations": self.operations[k],
                    "close": tuple(sorted(before[k] - after)),
                    "open": tuple(sorted(after - before[k])),
                    "loss_kwh": float(self.loss_kwh[k]),
                    "v_min": float(self.v_min[k]),
                }
            )
        names = ["period", "hours", "operations", "close", "open", "loss_kwh", "v_min"]
        return pd.DataFrame(rows, columns=names)

    def plot(self, path: str | Path) -> Path:
        """Draw the timetable of the switches, and the losses by period.

        Parameters
        ----------
        path : path-like
            Where to write; the suffix chooses the format.

        Returns
        -------
        Path
            The file written.
        """
        from pygridjl.reconfiguration.schedule.figures import plot_timetable

        return plot_timetable(self, path)

    def summary(self) -> str:
        """Return the result as a short table for people, with the timetable."""
        if not self.open_branches:
            return super().summary()
        table = self.to_frame()
        if len(table) > MOST_ROWS:
            table = table[table["operations"] > 0]
        for name in ("close", "open"):
            table[name] = [", ".join(map(str, ids)) or "–" for ids in table[name]]
        table["loss_kwh"] = table["loss_kwh"].map("{:.1f}".format)
        table["v_min"] = table["v_min"].map("{:.4f}".format)
        return f"{super().summary()}\n\n{table.to_string(index=False)}"

    def _rows(self) -> list[tuple[str, str]]:
        rows = [
            ("network", self.network),
            ("load states", f"{self.states}, {len(self.periods)} periods"),
            ("status", self.status.value + (f": {self.reason}" if self.reason else "")),
        ]
        if self.objective is None:
            return rows
        rows.append(("energy and switching", f"{self.objective:.3f} kWh in the linear model"))
        if self.one_configuration is not None:
            saved = self.one_configuration - self.objective
            rows.append(
                ("one configuration", f"{self.one_configuration:.3f} kWh, {saved:.3f} more")
            )
        gap = "" if self.gap is None else f", gap {100 * self.gap:.4f} %"
        rows.append(("proven bound", f"{self.bound:.3f} kWh{gap}"))
        priced = f" at {self.operation_cost:g} kWh" if self.operation_cost else ""
        rows.append(("operations", f"{sum(self.operations)}{priced}"))
        rows.append(("AC losses", f"{float(self.loss_kwh.sum()):.3f} kWh"))
        return rows
