"""Ipopt by CasADi: a nonlinear program built once and solved again for new numbers."""

from __future__ import annotations

import contextlib
import io
from dataclasses import dataclass
from typing import Any

import numpy as np

from pygridjl.core.stopping import cancelling, signals_deferred
from pygridjl.core.types import FloatArray
from pygridjl.solvers.clock import IterationClock

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
    surplus : int
        By how many equations and fixed columns exceed the columns; 0 where some are free.
    """

    ended: str
    x: FloatArray
    objective: float
    iterations: int
    surplus: int

    @property
    def converged(self) -> bool:
        """Whether Ipopt calls the point a local optimum, at least to its acceptable level."""
        return self.ended in ("Solve_Succeeded", "Solved_To_Acceptable_Level")

    @property
    def out_of_time(self) -> bool:
        """Whether the clock, or a request to stop, ended the run."""
        return self.ended == "User_Requested_Stop"


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
    """

    def __init__(self, x: Any, p: Any, objective: Any, rows: Any) -> None:
        import casadi

        self._clock = IterationClock()
        self._ask = _asking(casadi, self._clock, (x.numel(), rows.numel(), p.numel()))
        options: dict[str, Any] = {
            "ipopt.print_level": 0,
            "ipopt.sb": "yes",
            "print_time": False,
            "record_time": False,
            "ipopt.max_iter": 500,
            "iteration_callback": self._ask,
        }
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
        time_limit: float = np.inf,
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
        time_limit : float
            Seconds; an iteration that would pass it is not begun.

        Returns
        -------
        NlpAnswer
            The last point and how the run ended; never an exception for numerical trouble.
        """
        self._clock.cancelled = False
        equal = sum(int((low == high).sum()) for low, high in (bounds, row_bounds))
        surplus = max(equal - bounds[0].size, 0)
        # CasADi warns of a surplus on standard error and has no option against it.
        quiet = contextlib.redirect_stderr(io.StringIO()) if surplus else contextlib.nullcontext()
        # What a handler raises inside the callback CasADi prints and forgets.
        with signals_deferred(self._cancel), cancelling(self._cancel), quiet:
            self._clock.start(time_limit)
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
            surplus=surplus,
        )

    def _cancel(self) -> None:
        self._clock.cancelled = True


def _asking(casadi: Any, clock: IterationClock, sizes: tuple[int, int, int]) -> Any:
    """CasADi's way to be asked after every iteration, for n columns, m rows and k parameters."""
    n, m, k = sizes
    shapes = {"f": 1, "x": n, "lam_x": n, "g": m, "lam_g": m, "lam_p": k}

    class Ask(casadi.Callback):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.construct("ask", {})

        def get_n_in(self) -> int:
            return int(casadi.nlpsol_n_out())

        def get_n_out(self) -> int:
            return 1

        def get_sparsity_in(self, at: int) -> Any:
            return casadi.Sparsity.dense(shapes[casadi.nlpsol_out(at)])

        def eval(self, _point: Any) -> list[int]:
            return [int(clock.over())]

    return Ask()
