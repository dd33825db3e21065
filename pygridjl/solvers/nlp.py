"""Ipopt by CasADi: a nonlinear program built once and solved again for new numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from pygridjl.core.types import FloatArray

__all__ = ["NlpAnswer", "NlpSolver"]


@dataclass(frozen=True, eq=False)
class NlpAnswer:
    """How one run ended.

    Attributes
    ----------
    ended : str
        Ipopt's own name of the status, e.g. ``"Solve_Succeeded"``.
    x : ndarray, shape (n,)
        Last point.
    objective : float
        Its value.
    iterations : int
        Iterations of the interior-point method.
    """

    ended: str
    x: FloatArray
    objective: float
    iterations: int

    @property
    def converged(self) -> bool:
        """Whether Ipopt calls the point a local optimum, at least to its acceptable level."""
        return self.ended in ("Solve_Succeeded", "Solved_To_Acceptable_Level")

    @property
    def out_of_time(self) -> bool:
        """Whether the clock ended the run."""
        return self.ended in ("Maximum_WallTime_Exceeded", "Maximum_CpuTime_Exceeded")


class NlpSolver:
    """Minimise f(x, p) subject to row bounds on g(x, p) and bounds on x.

    Parameters
    ----------
    x, p : casadi.SX
        Columns and parameters.
    objective : casadi.SX
        f.
    rows : casadi.SX
        g.
    time_limit : float, optional
        Wall-clock seconds of each run.
    """

    def __init__(
        self, x: Any, p: Any, objective: Any, rows: Any, *, time_limit: float | None = None
    ) -> None:
        import casadi

        options: dict[str, Any] = {
            "ipopt.print_level": 0,
            "ipopt.sb": "yes",
            "print_time": False,
            "record_time": False,
            "ipopt.max_iter": 500,
        }
        if time_limit is not None and math.isfinite(time_limit):
            options["ipopt.max_wall_time"] = float(time_limit)
        # A row without any column in it is structurally empty, and Ipopt's door wants all of them.
        problem = {"x": x, "p": p, "f": casadi.densify(objective), "g": casadi.densify(rows)}
        self._solver = casadi.nlpsol("nlp", "ipopt", problem, options)

    def solve(
        self,
        start: FloatArray,
        parameters: FloatArray,
        *,
        bounds: tuple[FloatArray, FloatArray],
        row_bounds: tuple[FloatArray, FloatArray],
    ) -> NlpAnswer:
        """Run from a point.

        Parameters
        ----------
        start : ndarray, shape (n,)
            Where to begin.
        parameters : ndarray, shape (k,)
            Values of p.
        bounds, row_bounds : tuple of ndarray
            Lower and upper; ±infinity for none.

        Returns
        -------
        NlpAnswer
            The last point and how the run ended; never an exception for numerical trouble.
        """
        answer = self._solver(
            x0=start,
            p=parameters,
            lbx=bounds[0],
            ubx=bounds[1],
            lbg=row_bounds[0],
            ubg=row_bounds[1],
        )
        stats = self._solver.stats()
        return NlpAnswer(
            ended=str(stats["return_status"]),
            x=np.asarray(answer["x"], dtype=np.float64).ravel(),
            objective=float(answer["f"]),
            iterations=int(stats["iter_count"]),
        )
