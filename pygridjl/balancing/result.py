"""The answer of a balancing problem."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from pygridjl.core.result import Result, Status

if TYPE_CHECKING:
    from pygridjl.balancing.files import LoadPaths

__all__ = ["BalancingResult", "CircuitRisk"]

# Rows of circuits that a summary shows.
SHOWN = 12


@dataclass(frozen=True)
class CircuitRisk:
    """One circuit before and after.

    Attributes
    ----------
    circuit : str
        Name.
    points : int
        Service points on it.
    risk : float or None
        R_i, its norm (mean over draws); None without an answer.
    points_before : int or None
        Service points on it today; None if today is not known.
    risk_before : float or None
        R_i today.
    lowest_voltage, highest_voltage : float or None
        Over its buses and the steps, p.u., by LinDistFlow; None where no network is given.
    """

    circuit: str
    points: int
    risk: float | None
    points_before: int | None = None
    risk_before: float | None = None
    lowest_voltage: float | None = None
    highest_voltage: float | None = None


@dataclass(frozen=True)
class BalancingResult(Result):
    """Which service point sits on which circuit, what it costs and what was proven about it.

    Attributes
    ----------
    data : str
        What the data are called.
    problem : str
        Service points, circuits, steps, draws and rules in one line.
    measure : str
        Objective: ``"rms"`` or ``"l1"``.
    method : str
        What ran.
    status : Status
        ``optimal`` only if ``bound`` proves it to the gap asked for.
    assignment : dict
        Service point to circuit; empty without an answer.
    objective : float or None
        Risk, weighted tail and costs of moves together.
    bound : float or None
        Proven lower bound on the objective of every assignment that keeps the rules.
    bound_method : str
        What proved it.
    gap : float or None
        (objective − bound) / objective.
    rms, l1 : float or None
        J and J̃ of the answer, means over draws, with the weights of the problem.
    rms_before, l1_before : float or None
        The same today; None if today is not known.
    moved : int or None
        Service points that leave their circuit.
    circuits : tuple of CircuitRisk
        Every circuit before and after, in the norm of the objective.
    degenerate : str
        Why the optimum is no balance; empty if it is one.
    reason : str
        Why there is no answer; empty otherwise.
    notes : tuple of str
        What one must know about the answer.
    seconds : dict
        Wall-clock seconds by phase.
    seed : int or None
        Seed of the random parts; None if there were none.
    versions : dict
        Versions of the packages that computed the answer.
    """

    data: str
    problem: str
    measure: str
    method: str
    status: Status
    assignment: dict[str, str]
    objective: float | None
    bound: float | None
    bound_method: str
    gap: float | None
    rms: float | None
    l1: float | None
    rms_before: float | None
    l1_before: float | None
    moved: int | None
    circuits: tuple[CircuitRisk, ...]
    degenerate: str = ""
    reason: str = ""
    notes: tuple[str, ...] = ()
    seconds: dict[str, float] = field(default_factory=dict)
    seed: int | None = None
    versions: dict[str, str] = field(default_factory=dict)

    def to_frame(self) -> pd.DataFrame:
        """Return the assignment as a table with columns sp and circuit."""
        return pd.DataFrame(list(self.assignment.items()), columns=["sp", "circuit"])

    def _rows(self) -> list[tuple[str, str]]:
        rows = [
            ("data", self.data),
            ("problem", self.problem),
            ("method", self.method),
            ("status", self.status.value + (f": {self.reason}" if self.reason else "")),
        ]
        if self.objective is not None:
            rows.append(("objective", f"{self.objective:.6g} ({self.measure})"))
        if self.bound is not None:
            gap = "" if self.gap is None else f", gap {100 * self.gap:.4f} %"
            rows.append(("proven bound", f"{self.bound:.6g} ({self.bound_method}){gap}"))
        for name, after, before in (
            ("J (rms)", self.rms, self.rms_before),
            ("J~ (l1)", self.l1, self.l1_before),
        ):
            if after is not None:
                rows.append((name, _against(after, before)))
        if self.moved is not None:
            rows.append(("moved", f"{self.moved} service points"))
        for line in self.circuits[:SHOWN]:
            if line.risk is not None:
                text = f"{_against(line.risk, line.risk_before)}, {line.points} SPs"
                if line.lowest_voltage is not None:
                    text += f", {line.lowest_voltage:.4f} to {line.highest_voltage:.4f} p.u."
                rows.append((line.circuit, text))
        if len(self.circuits) > SHOWN:
            rows.append(("", f"and {len(self.circuits) - SHOWN} more circuits"))
        if self.degenerate:
            rows.append(("degenerate", self.degenerate))
        return rows

    def plot(self, loads: LoadPaths, path: str | Path) -> Path:
        """Draw the circuits before and after with their risks.

        Parameters
        ----------
        loads : LoadPaths
            The data the result belongs to.
        path : path-like
            Where to write; the suffix chooses the format.

        Returns
        -------
        Path
            The file written.
        """
        from pygridjl.balancing.figures import plot_balance

        return plot_balance(loads, self, path)


def _against(after: float, before: float | None) -> str:
    if before is None or before <= 0:
        return f"{after:.6g}"
    return f"{after:.6g} (before {before:.6g}, {100 * (after - before) / before:+.1f} %)"
