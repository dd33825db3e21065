"""The answer of a relaxation."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from pygridjl.core.result import Result, Status, relative_gap
from pygridjl.core.types import FloatArray, StrArray
from pygridjl.optimal_flow.relaxation.state import Round

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["RelaxationResult"]


@dataclass(frozen=True, eq=False)
class RelaxationResult(Result):
    """A lower bound on the cost of every AC operating point, and where it comes from.

    Attributes
    ----------
    network, method : str
        Names.
    status : Status
        ``optimal``: the relaxation was solved, primal value and safe bound agree; ``feasible``:
        they do not, the bound holds all the same; ``time_limit``: stopped by the clock;
        ``infeasible``: there is no operating point, and this is proven; ``not_found``: nothing
        was proven.
    objective : float or None
        Value of the relaxation's primal point, cost per hour; no bound.
    bound : float or None
        Safe lower bound: a Lagrangian value, whatever the solver's accuracy.
    ac_objective : float or None
        Cost of an AC operating point, given or found by a local search.
    tolerance : float
        Relative gap that counts as closed.
    loop_error, loop_error_real : float or None
        2-norm over a cycle basis of the oriented complex loop errors, and of their real parts,
        the slides' (5), p.u.
    loop_errors : ndarray, shape (number of cycles, 2)
        Real and imaginary part by cycle.
    loop_lengths : tuple of int
        Edges of each cycle.
    pair_error : float or None
        Largest w_i w_j − c² − s².
    exact : bool
        Whether the point keeps pairs and loops to 1e-5: it is an operating point, then.
    bus : ndarray of str
        Ids.
    vm, va : ndarray, shape (n_bus,)
        Voltages recovered along a tree, p.u. and rad; an operating point only where ``exact``.
    pg, qg : ndarray, shape (n_generator,)
        Injections of the primal point, p.u.
    rounds : tuple of Round
        History of the bound.
    notes : tuple of str
        What was assumed, in plain words.
    seconds : dict
        Wall-clock seconds by phase.
    versions : dict
        Versions of the packages that computed the answer.
    """

    network: str
    method: str
    status: Status
    objective: float | None
    bound: float | None
    ac_objective: float | None
    tolerance: float
    loop_error: float | None
    loop_error_real: float | None
    loop_errors: FloatArray
    loop_lengths: tuple[int, ...]
    pair_error: float | None
    exact: bool
    bus: StrArray
    vm: FloatArray
    va: FloatArray
    pg: FloatArray
    qg: FloatArray
    rounds: tuple[Round, ...] = ()
    notes: tuple[str, ...] = ()
    seconds: dict[str, float] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)

    @property
    def gap(self) -> float | None:
        """(AC cost − bound) / |AC cost|."""
        return relative_gap(self.ac_objective, self.bound)

    @property
    def proven(self) -> bool:
        """Whether the bound proves the AC cost optimal to ``tolerance``."""
        return self.gap is not None and self.gap <= self.tolerance

    def to_dict(self) -> dict[str, Any]:
        """Return the fields and the gap as plain Python objects."""
        return {**super().to_dict(), "gap": self.gap, "proven": self.proven}

    def to_frame(self) -> pd.DataFrame:
        """Return one row a round: what was done, seconds, bound, gap in percent."""
        rows = [
            {
                "round": entry.name,
                "seconds": entry.seconds,
                "bound": entry.bound,
                "gap_percent": _percent(relative_gap(self.ac_objective, entry.bound)),
            }
            for entry in self.rounds
        ]
        return pd.DataFrame(rows, columns=["round", "seconds", "bound", "gap_percent"])

    def _rows(self) -> list[tuple[str, str]]:
        rows = [
            ("network", self.network),
            ("method", self.method),
            ("status", self.status.value),
            ("relaxation's value", _money(self.objective)),
            ("safe lower bound", _money(self.bound)),
            ("AC operating point", _money(self.ac_objective)),
        ]
        if self.gap is not None:
            proven = f", proven to {100 * self.tolerance:g} %" if self.proven else ""
            rows.append(("gap", f"{100 * self.gap:z.4f} %{proven}"))
        if self.loop_error is not None:
            rows.append(("loop error, complex", f"{self.loop_error:.3e} p.u."))
            rows.append(("exact", "yes" if self.exact else "no"))
        return rows

    def plot(self) -> Figure:
        """Draw the gap (or the bound, if no AC cost is known) against time."""
        from pygridjl.core.figures import new_figure

        figure = new_figure(6.0, 3.6)
        axes = figure.add_subplot()
        seconds = [entry.seconds for entry in self.rounds]
        if self.ac_objective is None:
            axes.step(seconds, [entry.bound for entry in self.rounds], where="post", marker="o")
            axes.set_ylabel("safe bound, cost per hour")
        else:
            gaps = [relative_gap(self.ac_objective, entry.bound) for entry in self.rounds]
            shown = [100 * max(gap, 1e-6) if gap is not None else np.nan for gap in gaps]
            axes.step(seconds, shown, where="post", marker="o")
            axes.axhline(100 * self.tolerance, linestyle="--", linewidth=0.8, color="grey")
            axes.set_yscale("log")
            axes.set_ylabel("gap to the AC cost, %")
        axes.set_xlabel("seconds")
        axes.set_title(f"{self.network}: {self.method}")
        figure.tight_layout()
        return figure


def _percent(gap: float | None) -> float | None:
    return None if gap is None else 100 * gap


def _money(value: float | None) -> str:
    return "none" if value is None else f"{value:z.4f}"
