"""The answer of a siting problem, and the one way every method makes it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from pygridjl.core.result import Result, Status
from pygridjl.core.types import IntArray
from pygridjl.siting.measures import measure_text, measure_unit

if TYPE_CHECKING:
    from pygridjl.grid.feeder import Feeder
    from pygridjl.siting.operating import OperatingReport
    from pygridjl.siting.validation import ValidationReport

__all__ = ["Placement", "SitingResult", "improvement_captured"]

# A possible improvement below this share of the value is rounding.
OPTIMALITY_TOLERANCE = 1e-9


@dataclass(frozen=True)
class Placement:
    """Units at one bus.

    Attributes
    ----------
    bus : str
        Id of the bus.
    phases : str
        Phases the units may inject into, such as ``"abc"``.
    units : int
        Number of units.
    kw : float
        Their rating, kW.
    profile : str
        What they follow, such as ``"pv"``, or ``"storage"``.
    """

    bus: str
    phases: str
    units: int
    kw: float
    profile: str = "pv"


@dataclass(frozen=True)
class SitingResult(Result):
    """Where to put how many units, what it is worth and what was proven about it.

    Attributes
    ----------
    feeder : str
        Name of the feeder.
    scenarios : str
        Name of the scenario set.
    n_scenario : int
        How many scenarios it has; ``objective`` counts all of them.
    measure : str
        What was minimised, see :class:`~pygridjl.siting.problem.PlanningProblem`.
    method, engine : str
        Method of the first stage and engine of the second.
    status : Status
        ``optimal`` only if ``bound`` proves it to the tolerance the method was asked for.
    placements : tuple of Placement
        Every site with units, in feeder order; empty if there is no answer.
    units : ndarray of int, shape (n_site,)
        Units at every candidate site, in the order of the problem; zeros if there is no answer.
    cost : float
        What the units cost, k$.
    objective : float or None
        Expected second-stage objective over the full scenario set; None without an answer.
    no_dg : float or None
        The same without any unit; None if a scenario has no operating point then.
    bound : float or None
        Proven lower bound on the objective of every allowed decision.
    bound_method : str
        What proved it.
    gap : float or None
        ``(objective − bound) / |objective|``.
    improvement_gap : float or None
        (value − bound) / (no_dg − bound): the share of the possible improvement that may still be
        open, one minus ``improvement_captured``.
    improvement_captured : float or None
        (no_dg − value) / (no_dg − bound): the share of the possible improvement that is realised,
        at least; None without a bound or where nothing can be improved.
    infeasible : tuple of str
        Ids of the scenarios without operating point under the decision; empty unless status is
        ``not_found`` or ``infeasible``.
    reason : str
        Why there is no feasible answer; empty otherwise.
    operation : OperatingReport or None
        Energy and curtailment of each site and the limits that bind, under this decision; None
        without an answer.
    overloads : tuple of str
        Where scenarios have no operating point: what is overloaded there at least, by how much
        and for how many hours a year, the worst first.
    validation : ValidationReport or None
        The decision re-run in OpenDSS, if that was asked for.
    notes : tuple of str
        What was assumed, and where the feeder without units is outside its voltage band.
    iterations : int or None
        Iterations of the method.
    seconds : dict
        Wall-clock seconds by phase.
    seed : int or None
        Seed of the random parts.
    versions : dict
        Versions of the packages that computed the answer.
    """

    feeder: str
    scenarios: str
    n_scenario: int
    measure: str
    method: str
    engine: str
    status: Status
    placements: tuple[Placement, ...]
    units: IntArray
    cost: float
    objective: float | None
    no_dg: float | None
    bound: float | None = None
    bound_method: str = ""
    gap: float | None = None
    improvement_gap: float | None = None
    improvement_captured: float | None = None
    infeasible: tuple[str, ...] = ()
    reason: str = ""
    operation: OperatingReport | None = None
    overloads: tuple[str, ...] = ()
    validation: ValidationReport | None = None
    notes: tuple[str, ...] = ()
    iterations: int | None = None
    seconds: dict[str, float] = field(default_factory=dict)
    seed: int | None = None
    versions: dict[str, str] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain Python objects; units appear as placements only."""
        plain = super().to_dict()
        del plain["units"]
        return plain

    def to_frame(self) -> pd.DataFrame:
        """Return the decision as a table with columns bus, phases, units, kw, profile."""
        rows = [(p.bus, p.phases, p.units, p.kw, p.profile) for p in self.placements]
        return pd.DataFrame(rows, columns=["bus", "phases", "units", "kw", "profile"])

    def _rows(self) -> list[tuple[str, str]]:
        unit = f" {measure_unit(self.measure)}".rstrip()
        rows = [
            ("feeder", self.feeder),
            ("scenarios", f"{self.scenarios} ({self.n_scenario})"),
            ("measure", f"expected {measure_text(self.measure)}"),
            ("method", f"{self.method}, second stage {self.engine}"),
            ("status", self.status.value + (f": {self.reason}" if self.reason else "")),
        ]
        if self.no_dg is not None:
            rows.append(("without units", f"{self.no_dg:.5g}{unit}"))
        if self.objective is not None:
            rows.append(("objective", f"{self.objective:.5g}{unit}"))
        if self.bound is not None:
            gap = "" if self.gap is None else f", gap {100 * self.gap:.3f} % of the value"
            rows.append(("proven bound", f"{self.bound:.5g}{unit} ({self.bound_method}){gap}"))
        if self.improvement_captured is not None:
            share = f"at least {100 * self.improvement_captured:.1f} % of what is possible"
            left = f"{100 * max(self.improvement_gap or 0.0, 0.0):.2f} % open at most"
            rows.append(("improvement", f"{share}, {left}"))
        if self.infeasible:
            shown = ", ".join(self.infeasible[:10]) + (", …" if len(self.infeasible) > 10 else "")
            rows.append(("infeasible in", f"{len(self.infeasible)} scenario(s): {shown}"))
        rows += [("overloaded", text) for text in self.overloads]
        if self.overloads and self.objective is None:
            rows.append(("", "a slack_price lets limits be passed at a price"))
        total = sum(p.units for p in self.placements)
        kw = sum(p.kw for p in self.placements)
        spent = f"{total} at {len(self.placements)} sites, {kw:g} kW, {self.cost:g} k$"
        rows.append(("units", spent))
        if self.operation is not None:
            rows += self.operation.told_measures()
        if self.operation is not None and self.placements:
            rows += self.operation.told()
        if self.validation is not None:
            rows += self.validation.told()
        return rows

    def summary(self) -> str:
        """Return the result as a short table for people, with the sites used."""
        text = super().summary()
        if not self.placements:
            return text
        return f"{text}\n\n{self.to_frame().to_string(index=False)}"

    def plot(self, feeder: Feeder, path: str | Path) -> Path:
        """Draw the units on the one-line diagram.

        Parameters
        ----------
        feeder : Feeder
            The feeder the result belongs to.
        path : path-like
            Where to write; the suffix chooses the format.

        Returns
        -------
        Path
            The file written.
        """
        from pygridjl.siting.figures import plot_placement

        return plot_placement(feeder, self, path)


def improvement_captured(
    no_dg: float | None, value: float | None, bound: float | None
) -> float | None:
    """Return (no_dg − value) / (no_dg − bound).

    None where a figure is missing or the bound leaves nothing to improve.
    """
    if no_dg is None or value is None or bound is None:
        return None
    possible = no_dg - bound
    if possible <= OPTIMALITY_TOLERANCE * abs(no_dg):
        return None
    return (no_dg - value) / possible
