"""One door to circuit balancing."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from pygridjl.balancing.check import check_assignment, checked_objective
from pygridjl.balancing.degenerate import all_on_one, degeneracy, triangle_bound
from pygridjl.balancing.losses import circuit_sums, norms
from pygridjl.balancing.methods import METHODS
from pygridjl.balancing.problem import BalancingProblem, Risk, build_problem
from pygridjl.balancing.relaxation import relaxes
from pygridjl.balancing.result import BalancingResult, CircuitRisk
from pygridjl.balancing.run import Run
from pygridjl.balancing.sets import count_sets
from pygridjl.core.arguments import check_time_limit
from pygridjl.core.errors import InvalidOptionError, SolverError
from pygridjl.core.jit import working_time
from pygridjl.core.result import Status, Stopwatch, engine_versions, relative_gap
from pygridjl.core.types import FloatArray, IntArray

__all__ = ["balance", "solve_problem"]

# Up to so many sets of service points, the exact method is the one that is taken unless asked.
FEW_SETS = 500_000
# Up to so many columns, outer cuts are.
FEW_COLUMNS = 60


def balance(
    deviations: ArrayLike,
    *,
    circuits: int | Sequence[str],
    capacity: float | ArrayLike | None = None,
    cardinality: int | ArrayLike | None = None,
    measure: Risk = "rms",
    method: str = "auto",
    demand: ArrayLike | None = None,
    start: ArrayLike | None = None,
    max_moves: int | None = None,
    move_cost: float | ArrayLike | None = None,
    forbidden: Collection[tuple[str, str]] = (),
    fixed: Mapping[str, str] | None = None,
    weights: ArrayLike | None = None,
    tail_weight: float = 0.0,
    tail: float = 0.95,
    service_points: Sequence[str] | None = None,
    name: str = "data",
    gap: float = 1e-6,
    time_limit: float = 60.0,
    seed: int = 0,
    options: Mapping[str, Any] | None = None,
    on_progress: Callable[[str], None] | None = None,
) -> BalancingResult:
    """Assign service points (SPs) to circuits so that the circuits deviate least.

    Parameters
    ----------
    deviations : array_like, shape (n_sp, n_time) or (n_draw, n_sp, n_time)
        Actual less predicted load of every SP; one path or several equally likely draws.
    circuits : int or sequence of str
        How many circuits, or their names.
    capacity : float or array_like, shape (n_circuit,), optional
        Most ``demand`` on each circuit.
    cardinality : int or array_like, shape (n_circuit,), optional
        Most SPs on each circuit.
    measure : {"rms", "l1"}
        Σ_i √(Σ_t w_it Δ_i(t)²), the risk J of the paper, or ``Σ_it w_it |Δ_i(t)|``, its J̃.
    method : str
        A name of :data:`~pygridjl.balancing.methods.METHODS`, or ``"auto"``: ``columns`` where
        the sets are few, ``cuts`` where the tail couples few of them, ``local`` elsewhere, with
        ``relaxation`` for its bound where that can be solved.
    demand : array_like, shape (n_sp,), optional
        What each SP takes of the capacity.
    start : array_like, shape (n_sp,), optional
        Circuits today, names or indices.
    max_moves : int, optional
        Most SPs that leave their circuit of today.
    move_cost : float or array_like, shape (n_sp,), optional
        Price of moving each SP, in units of the objective.
    forbidden : collection of (sp, circuit)
        Pairs of names that are not allowed.
    fixed : mapping of str to str, optional
        SPs that must be on one circuit.
    weights : array_like, shape (n_circuit,) or (n_circuit, n_time), optional
        w_it; 1/n_time unless given.
    tail_weight, tail : float
        Weight of the conditional value at risk over draws in the objective, and its level.
    service_points : sequence of str, optional
        Ids.
    name : str
        What the data are called.
    gap : float
        Relative gap that counts as proven.
    time_limit : float
        Seconds; the best assignment and bound so far are returned.
    seed : int
        Seed of the random parts.
    options : mapping, optional
        Options of the method.
    on_progress : callable, optional
        Called with lines of text.

    Returns
    -------
    BalancingResult
        The assignment with its objective, proven bound, gap and status. Where nothing keeps the
        SPs off one circuit, ``degenerate`` says that the optimum is no balance.

    Raises
    ------
    InvalidBalancingError
        If the data are unsound; every fault is listed.
    InvalidOptionError
        If an option is unknown or cannot be used.

    Examples
    --------
    >>> import numpy as np
    >>> import pygridjl
    >>> drawn = np.random.default_rng(1).normal(size=(6, 50))
    >>> result = pygridjl.balance(drawn, circuits=2)
    >>> result.bound <= result.objective
    True
    >>> len(result.assignment)
    6
    """
    begun = working_time()
    problem = build_problem(
        deviations,
        circuits=circuits,
        risk=measure,
        capacity=capacity,
        cardinality=cardinality,
        demand=demand,
        start=start,
        max_moves=max_moves,
        move_cost=move_cost,
        forbidden=forbidden,
        fixed=fixed,
        weights=weights,
        tail_weight=tail_weight,
        tail=tail,
        service_points=service_points,
        name=name,
    )
    return solve_problem(
        problem,
        method,
        gap=gap,
        time_limit=time_limit,
        seed=seed,
        options=options,
        on_progress=on_progress,
        begun=begun,
    )


def solve_problem(
    problem: BalancingProblem,
    method: str = "auto",
    *,
    gap: float = 1e-6,
    time_limit: float = 60.0,
    seed: int = 0,
    options: Mapping[str, Any] | None = None,
    on_progress: Callable[[str], None] | None = None,
    begun: float | None = None,
) -> BalancingResult:
    """Solve a problem that is built already; the arguments are those of :func:`balance`.

    Parameters
    ----------
    begun : float, optional
        Reading of ``core.jit.working_time`` from which the limit counts; by default now.

    Returns
    -------
    BalancingResult
        As :func:`balance` returns it.

    Raises
    ------
    InvalidOptionError
        If an option is unknown or cannot be used.
    """
    check_time_limit(time_limit)
    if not gap >= 0:
        raise InvalidOptionError(f"gap: must be a number of at least 0, is {gap}")
    run = Run(
        problem,
        deadline=(working_time() if begun is None else begun) + time_limit,
        gap=gap,
        seed=seed,
        watch=Stopwatch(),
        say=on_progress or (lambda _: None),
    )
    with run.watch.phase("bound"):
        run.prove(triangle_bound(problem), "triangle inequality")
    if method == "auto" and not options and all_on_one(run):
        return _conclude(run, "all on one", None)
    chain = METHODS.parse(_chosen(problem) if method == "auto" else method)
    for part, own in zip(chain.methods, METHODS.options_of(chain, options or {}), strict=True):
        part.load()(run, own)
    return _conclude(run, str(chain), seed if chain.seeded else None)


def _chosen(problem: BalancingProblem) -> str:
    """Name the method of ``auto``."""
    if problem.tail_weight == 0 and problem.coupling is None and count_sets(problem) <= FEW_SETS:
        return "columns"
    coupled = problem.tail_weight > 0 or problem.coupling is not None
    if coupled and problem.n * problem.m <= FEW_COLUMNS:
        return "cuts"
    return "local+relaxation" if relaxes(problem) else "local"


def _conclude(run: Run, method: str, seed: int | None) -> BalancingResult:
    """Check the answer independently and say what is known about it."""
    problem, best = run.problem, run.best
    if best is not None:
        best = _fewest_moves(problem, best)
    objective, status, reason = None, Status.NOT_FOUND, ""
    with run.watch.phase("check"):
        if best is not None:
            findings = check_assignment(problem, best)
            objective = checked_objective(problem, best)
            if findings or abs(objective - run.value) > 1e-9 * max(abs(objective), 1e-12):
                said = "; ".join(map(str, findings)) or f"{objective} is not {run.value}"
                raise SolverError(f"{method}: the answer fails its check: {said}")
    bound = min(run.bound, objective) if objective is not None else run.bound
    if objective is None and run.bound == np.inf:
        status, reason, bound = Status.INFEASIBLE, "no assignment keeps the rules", -np.inf
    elif objective is None:
        reason = "no assignment that keeps the rules was found"
    elif run.proven:
        status = Status.OPTIMAL
    else:
        over = run.timed_out or run.remaining <= 0
        status = Status.TIME_LIMIT if over else Status.FEASIBLE
    known = np.isfinite(bound)
    before = problem.start
    return BalancingResult(
        data=problem.name,
        problem=_described(problem),
        measure=problem.risk,
        method=method,
        status=status,
        assignment={} if best is None else _named(problem, best),
        objective=objective,
        bound=float(bound) if known else None,
        bound_method=run.bound_method if known else "",
        gap=relative_gap(objective, float(bound)) if known else None,
        rms=_mean_norm(problem, best, "rms"),
        l1=_mean_norm(problem, best, "l1"),
        rms_before=_mean_norm(problem, before, "rms"),
        l1_before=_mean_norm(problem, before, "l1"),
        moved=None if best is None or before is None else int((best != before).sum()),
        circuits=_circuits(problem, before, best),
        degenerate=degeneracy(problem),
        reason=reason,
        notes=tuple(dict.fromkeys(run.notes)),
        seconds=dict(run.watch.seconds),
        seed=seed,
        versions=engine_versions("numpy", *dict.fromkeys(run.packages)),
    )


def _fewest_moves(problem: BalancingProblem, assignment: IntArray) -> IntArray:
    """Rename circuits that can be exchanged so that the fewest service points move."""
    from scipy.optimize import linear_sum_assignment

    if problem.start is None:
        return assignment
    renamed = assignment.copy()
    for group in problem.classes():
        shared = np.array(
            [[((assignment == a) & (problem.start == b)).sum() for b in group] for a in group]
        )
        for a, b in zip(*linear_sum_assignment(-shared), strict=True):
            renamed[assignment == group[a]] = group[b]
    return renamed


def _named(problem: BalancingProblem, assignment: IntArray) -> dict[str, str]:
    return {
        point: problem.circuits[i]
        for point, i in zip(problem.service_points, assignment.tolist(), strict=True)
    }


def _described(problem: BalancingProblem) -> str:
    parts = [f"{problem.n} SPs, {problem.m} circuits, {problem.n_time} steps"]
    if problem.n_draw > 1:
        parts.append(f"{problem.n_draw} draws")
    if (problem.cardinality < problem.n).any():
        low, high = int(problem.cardinality.min()), int(problem.cardinality.max())
        parts.append(f"cardinality {low}" + (f" to {high}" if high > low else ""))
    if np.isfinite(problem.capacity).any():
        parts.append(f"capacity {problem.capacity.sum():.6g} together")
    if problem.max_moves is not None:
        parts.append(f"at most {problem.max_moves} moves")
    if problem.move_cost.any():
        parts.append("move costs")
    if not problem.allowed.all():
        parts.append(f"{int((~problem.allowed).sum())} assignments not allowed")
    if problem.tail_weight > 0:
        parts.append(f"tail {problem.tail:g} with weight {problem.tail_weight:g}")
    if problem.coupling is not None:
        parts.append("voltage limits")
    return ", ".join(parts)


def _losses(problem: BalancingProblem, assignment: IntArray, risk: str) -> FloatArray:
    sums = circuit_sums(problem.deviations, assignment, problem.m)
    return norms(sums, problem.weights, risk)


def _mean_norm(problem: BalancingProblem, assignment: IntArray | None, risk: str) -> float | None:
    if assignment is None:
        return None
    return float(_losses(problem, assignment, risk).sum(axis=1).mean())


def _circuits(
    problem: BalancingProblem, before: IntArray | None, after: IntArray | None
) -> tuple[CircuitRisk, ...]:
    def each(assignment: IntArray | None) -> tuple[list[Any], list[Any]]:
        if assignment is None:
            return [None] * problem.m, [None] * problem.m
        count = np.bincount(assignment, minlength=problem.m).tolist()
        return count, _losses(problem, assignment, problem.risk).mean(axis=0).tolist()

    count, risk = each(after)
    count_before, risk_before = each(before)
    bands: list[Any] = [(None, None)] * problem.m
    if problem.coupling is not None and after is not None:
        bands = problem.coupling.band(after)
    return tuple(
        CircuitRisk(
            problem.circuits[i], count[i] or 0, risk[i], count_before[i], risk_before[i], *bands[i]
        )
        for i in range(problem.m)
    )
