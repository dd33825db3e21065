"""A moment relaxation solved: what it proves, and the mean voltages it points to."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Literal

import numpy as np

from pygridjl.bridge.problems.asking import JuliaOptions
from pygridjl.bridge.problems.conic import julia_conic
from pygridjl.core.errors import InvalidOptionError, SolverError
from pygridjl.core.result import Stopwatch
from pygridjl.core.types import ComplexArray, FloatArray, IntArray
from pygridjl.grid.network import Network
from pygridjl.optimal_flow.linearisation.cliques import Grouping, program_cliques
from pygridjl.optimal_flow.linearisation.elimination import Reduced, without_equalities
from pygridjl.optimal_flow.linearisation.moments import MomentRelaxation, moment_relaxation
from pygridjl.optimal_flow.linearisation.program import polynomial_program
from pygridjl.scenarios.load_factors import LoadDraws
from pygridjl.solvers.conic import ConicSolution, solve_conic
from pygridjl.solvers.dual_cone import DualCone
from pygridjl.solvers.sdpa import find_sdpa, solve_sdpa
from pygridjl.solvers.status import SolverStatus

__all__ = ["Engine", "Outcome", "RelaxedMoments", "relax_moments"]

Engine = Literal["auto", "clarabel", "sdpa", "julia"]
Outcome = Literal["exact", "inexact", "infeasible", "failed"]

# Residuals up to which moments are used although the engine asked for more accuracy.
_USABLE = 1e-3
# Residuals up to which a relaxation counts as solved, and its moments as those of the optimum.
_GOOD = 5e-5
# Largest distance of the proven bound from the value, as a share of it, of a solved relaxation.
_GAP = 5e-3
# Moments of voltages that hardly vary leave matrices hardly any interior.
_REGULARISATION = 3e-7
# Largest coefficient of the objective as the engine sees it: bounds lose what the multipliers are
# wrong by, so these are to be the more accurate.
_LARGEST_COST = 100.0
# Second eigenvalue over first up to which second moments count as those of one state.
_FLAT = 1e-3


@dataclass(frozen=True, eq=False)
class RelaxedMoments:
    """Outcome of a moment relaxation.

    Attributes
    ----------
    status : SolverStatus
        How the engine ended.
    engine : str
        Which one.
    bound : float
        Proven lower bound on the expected cost, from the dual moved into its cones; −∞ if the
        engine left none.
    value : float
        Value of the relaxation as the engine sees it; NaN without an answer.
    voltage : ndarray of complex, shape (n_bus,)
        Mean voltages; NaN without usable moments.
    eigenvalue_ratio : float
        Largest ratio of second to first eigenvalue of E[V Vᴴ] over the groups: the moments are
        those of (nearly) one state if it is small, and the relaxation is inexact if not.
    residual : float
        Larger of the two residuals of the engine's answer.
    moments, equalities : int
        Free moments and independent equalities among them.
    largest_block : int
        Order of the largest positive semidefinite matrix.
    seconds : dict
        Wall-clock seconds by phase.
    """

    status: SolverStatus
    engine: str
    bound: float
    value: float
    voltage: ComplexArray
    eigenvalue_ratio: float
    residual: float
    moments: int
    equalities: int
    largest_block: int
    seconds: dict[str, float]

    @property
    def usable(self) -> bool:
        """Whether there are mean voltages."""
        return bool(np.isfinite(self.voltage).all())

    @property
    def outcome(self) -> Outcome:
        """What the relaxation came to.

        ``exact``: solved, and the second moments are (nearly) those of one state. ``inexact``:
        solved, and they are not. ``infeasible``: proven that no moments keep all constraints.
        ``failed``: the engine gave up, or its answer is of no useful accuracy; what is proven
        still holds.
        """
        if self.status is SolverStatus.INFEASIBLE:
            return "infeasible"
        ended = self.status in (SolverStatus.OPTIMAL, SolverStatus.INACCURATE)
        closed = self.value - self.bound <= _GAP * abs(self.value)
        if not (ended and self.residual <= _GOOD and closed):
            return "failed"
        return "exact" if self.eigenvalue_ratio <= _FLAT else "inexact"


def relax_moments(
    network: Network,
    draws: LoadDraws,
    order: int,
    *,
    grouping: Grouping = "network",
    engine: Engine = "auto",
    optimizer: str | None = None,
    time_limit: float = np.inf,
) -> RelaxedMoments:
    """Solve the moment relaxation (21) or (23) and read off the mean voltages.

    Parameters
    ----------
    network : Network
        Sound, with quadratic costs and finite voltage bands.
    draws : LoadDraws
        The loads; their sample moments are the known ones.
    order : int
        1 or 2.
    grouping : {"network", "constraints", "dense"}
        Which variables share a moment matrix.
    engine : {"auto", "clarabel", "sdpa", "julia"}
        ``auto`` asks SDPA, if it is installed, when Clarabel ends inaccurately.
    optimizer : str, optional
        Julia package that solves if ``engine`` is ``julia``; by default Clarabel.
    time_limit : float
        Seconds for each engine.

    Returns
    -------
    RelaxedMoments
        Bound and mean voltages.

    Raises
    ------
    InvalidOptionError
        If ``optimizer`` is given for another engine or is no name of a package.
    JuliaNotFoundError, JuliaPackageError, JuliaSolveError
        If Julia is asked for and cannot be used or fails.
    """
    if optimizer is not None and engine != "julia":
        raise InvalidOptionError(f"optimizer: needs engine='julia', is {engine!r}")
    watch = Stopwatch()
    with watch.phase("build"):
        program = polynomial_program(network, draws)
        cliques = program_cliques(program, grouping)
        relaxation = moment_relaxation(program, cliques, order)
    with watch.phase("reduce"):
        reduced = without_equalities(relaxation.model)
    with watch.phase("solve"):
        used, answer = _solve(reduced, engine, optimizer, time_limit)
    offset = relaxation.offset + reduced.offset
    residual = max(answer.primal_residual, answer.dual_residual)
    status = answer.status
    if status is SolverStatus.INFEASIBLE and not _proves_infeasible(relaxation, reduced, answer):
        status = SolverStatus.FAILED
    y = reduced.base + reduced.basis @ answer.x
    n = network.n_bus
    voltage, ratio = np.full(n, complex(np.nan, np.nan)), np.nan
    with watch.phase("extract"):
        bound = -np.inf
        if np.isfinite(answer.z).all() and status is not SolverStatus.INFEASIBLE:
            bound = _safe_bound(relaxation, reduced, answer) + relaxation.offset
        if residual <= _USABLE and status is not SolverStatus.INFEASIBLE:
            groups = [c[(c > 0) & (c <= n)] for c in cliques]
            voltage, ratio = _mean_voltages(network, relaxation, groups, y)
    return RelaxedMoments(
        status=status,
        engine=used,
        bound=bound,
        value=answer.objective + offset,
        voltage=voltage,
        eigenvalue_ratio=ratio,
        residual=residual,
        moments=relaxation.model.cost.size,
        equalities=relaxation.model.cost.size - reduced.model.cost.size,
        largest_block=max(relaxation.blocks, default=1),
        seconds=watch.seconds,
    )


def _solve(
    reduced: Reduced, engine: Engine, optimizer: str | None, time_limit: float
) -> tuple[str, ConicSolution]:
    if engine == "julia":
        package = optimizer or "Clarabel"
        how = JuliaOptions(
            package,
            # As in Python; another package keeps its own settings.
            {"static_regularization_constant": _REGULARISATION} if package == "Clarabel" else {},
            time_limit,
        )
        return f"julia ({package})", julia_conic(reduced.model, how)
    if engine == "sdpa":
        return "sdpa", solve_sdpa(reduced.model, time_limit=time_limit)
    answer = solve_conic(
        reduced.model,
        time_limit=time_limit,
        tolerance=1e-7,
        scale=float(abs(reduced.model.cost).max(initial=0.0) or 1.0) / _LARGEST_COST,
        regularisation=_REGULARISATION,
    )
    residual = max(answer.primal_residual, answer.dual_residual)
    if engine == "clarabel" or residual <= _GOOD or find_sdpa() is None:
        return "clarabel", answer
    try:
        other = solve_sdpa(reduced.model, time_limit=time_limit)
    except SolverError:
        return "clarabel", answer
    if max(other.primal_residual, other.dual_residual) < residual:
        return "sdpa", other
    return "clarabel", answer


def _safe_bound(relaxation: MomentRelaxation, reduced: Reduced, answer: ConicSolution) -> float:
    """Lower bound that no rounding can spoil, neither the engine's nor the elimination's.

    With the multipliers z of the *original* program, those of inequalities moved into their cones,
    and r = q + Aᵀz, every feasible y has q·y = z·s − b·z + r·y ≥ −b·z − Σ |r_i| max |y_i|, and
    moments of bounded variables are bounded.
    """
    model = relaxation.model
    z = reduced.multipliers(model, DualCone(reduced.model.cones).moved(answer.z))
    residual = model.cost + model.matrix.T @ z
    return float(-model.rhs @ z - abs(residual) @ relaxation.bounds)


def _proves_infeasible(
    relaxation: MomentRelaxation, reduced: Reduced, answer: ConicSolution
) -> bool:
    """Whether multipliers show that no moments keep all rows, whatever the engine says.

    Every feasible y has 0 ≤ z·s = b·z − (Aᵀz)·y ≤ b·z + Σ |Aᵀz|_i max |y_i|.
    """
    if not np.isfinite(answer.z).all():
        return False
    model = reduced.model
    z = DualCone(model.cones).moved(answer.z)
    reach = abs(model.matrix.T @ z) @ relaxation.bounds[reduced.free]
    return bool(model.rhs @ z + reach < 0)


def _mean_voltages(
    network: Network, relaxation: MomentRelaxation, groups: list[IntArray], y: FloatArray
) -> tuple[ComplexArray, float]:
    """Leading eigenvectors of E[V Vᴴ] by group, turned so that groups agree and the slack is real.

    The first moments vanish, because turning all voltages changes nothing; E[V Vᴴ] = m mᴴ + the
    small covariance of V, and its leading eigenvector is m but for terms of second order.
    """
    n = network.n_bus
    voltage = np.zeros(n, dtype=complex)
    known = np.zeros(n, dtype=bool)
    leading, ratio = [], 0.0
    for group in groups:
        k = group.size
        if not k:
            leading.append(np.zeros(0, dtype=complex))
            continue
        pairs = np.sort(np.column_stack([np.repeat(group, k), np.tile(group + n, k)]), axis=1)
        second = relaxation.table.moment(y, pairs).reshape(k, k)
        value, vector = np.linalg.eigh((second + second.conj().T) / 2)
        leading.append(vector[:, -1] * np.sqrt(max(value[-1], 0.0)))
        if k > 1:
            ratio = max(ratio, float(value[-2] / max(value[-1], 1e-300)))
    holders: list[list[int]] = [[] for _ in range(n)]
    for number, group in enumerate(groups):
        for bus in (group - 1).tolist():
            holders[bus].append(number)
    done = [group.size == 0 for group in groups]
    for root in (*network.slack_buses.tolist(), *range(n)):
        if known[root] or not holders[root]:
            continue
        queue = deque([holders[root][0]])
        first = leading[holders[root][0]][list(groups[holders[root][0]] - 1).index(root)]
        voltage[root], known[root] = abs(first), True
        while queue:
            number = queue.popleft()
            if done[number]:
                continue
            done[number] = True
            buses = groups[number] - 1
            there = known[buses]
            product = np.sum(np.conj(leading[number][there]) * voltage[buses[there]])
            turned = leading[number] * (product / max(abs(product), 1e-300))
            voltage[buses[~there]] = turned[~there]
            known[buses] = True
            for bus in buses.tolist():
                queue.extend(other for other in holders[bus] if not done[other])
    return voltage, ratio
