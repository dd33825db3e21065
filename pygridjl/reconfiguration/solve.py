"""One door to radial reconfiguration: search, repair, certify, check."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from pygridjl._types import BoolArray
from pygridjl.errors import InfeasibleConfigurationError, InvalidOptionError, SolverError
from pygridjl.network.model import Network
from pygridjl.reconfiguration.ac import AcEvaluator, AcState
from pygridjl.reconfiguration.ac_descent import ac_descent
from pygridjl.reconfiguration.base import BaseState, base_state
from pygridjl.reconfiguration.check import check_configuration
from pygridjl.reconfiguration.methods import Chain, parse_method, start_tree
from pygridjl.reconfiguration.problem import (
    Limit,
    ProblemKind,
    RadialProblem,
    build_problem,
)
from pygridjl.reconfiguration.result import ReconfigurationResult
from pygridjl.results import Status, Stopwatch, engine_versions, relative_gap

if TYPE_CHECKING:
    from pygridjl.reconfiguration.certificates import Certificate

__all__ = ["reconfigure"]

# A proof is complete when bound and objective agree to this relative difference.
PROOF_TOLERANCE = 1e-6
# Largest relative disagreement of the sweep and of Newton's method that is rounding.
CHECK_TOLERANCE = 1e-6

Progress = Callable[[str], None]


@dataclass
class _Run:
    """Everything one call of :func:`reconfigure` collects on its way."""

    problem: RadialProblem
    chain: Chain
    deadline: float
    watch: Stopwatch
    evaluator: AcEvaluator
    say: Progress
    candidates: list[BoolArray] = field(default_factory=list)
    bound: float = -np.inf
    bound_method: str = ""
    ac_bound: float | None = None
    proven_infeasible: bool = False

    @property
    def remaining(self) -> float:
        """Seconds until the deadline, never negative."""
        return max(self.deadline - time.perf_counter(), 0.0)

    def best(self) -> tuple[BoolArray, AcState] | None:
        """Candidate that keeps its limits best and then loses least."""
        if not self.candidates:
            return None
        chosen = min(self.candidates, key=self._rank)
        return chosen, self.evaluator.state(chosen)

    def _rank(self, closed: BoolArray) -> tuple[float, float, float]:
        excess, loss = self.evaluator.rank(closed)
        if not self.problem.limits and not np.isfinite(loss):
            # Without limits an answer needs no AC solution: judge it by the linear model.
            excess = 0.0
        return excess, loss, self.problem.objective(closed)

    def note_bound(self, bound: float, method: str) -> None:
        """Keep the largest bound proven so far."""
        if bound > self.bound:
            self.bound, self.bound_method = bound, method


def reconfigure(
    network: Network,
    method: str = "maxflow+ils",
    *,
    problem: ProblemKind = "substations",
    certify: bool = False,
    seed: int = 0,
    time_limit: float = 60.0,
    switchable: Collection[int] | None = None,
    keep_closed: Collection[int] = (),
    keep_open: Collection[int] = (),
    limits: Collection[Limit] | None = None,
    weight_rule: str = "eq3",
    on_progress: Progress | None = None,
) -> ReconfigurationResult:
    """Find a radial configuration of least loss and say how far from optimal it can be.

    Parameters
    ----------
    network : Network
        The network; :func:`pygridjl.load_network` reads one.
    method : str
        ``start[+improver…]``, e.g. ``"forward"``, ``"forward+exchange"``, ``"maxflow+ils"``, with
        the starts ``forward``, ``forward-faithful``, ``forward-literal``, ``maxflow``, ``mst``,
        ``spt``, ``sequential``, ``base`` and the improvers ``exchange``, ``ils``; or an exact
        method, ``exact``, ``highs``, ``scip`` (linear model) or ``scip-ac`` (AC branch flow).
    problem : {"substations", "balanced"}
        One substation in each tree, or a spanning tree with fixed injections that sum to zero.
    certify : bool
        Whether to run the cycle branch-and-bound for a proven bound, from the answer found. It
        may find a better answer, which is then returned. Without it the bound is the energy of
        the meshed electrical flow.
    seed : int
        Seed of the random parts; the same seed gives the same answer unless the clock stops it.
    time_limit : float
        Seconds for search and proof together; the best answer and bound so far are returned.
    switchable : collection of int, optional
        Ids of the branches that may be switched; by default those the network marks so.
    keep_closed, keep_open : collection of int
        Ids of branches that must be closed or open.
    limits : collection of {"voltage", "ampacity", "capacity"}, optional
        Limits to keep, checked in AC: all in ``substations``, none in ``balanced`` by default.
    weight_rule : str
        Weight rule of FORWARD, ``"eq2"`` or ``"eq3"``.
    on_progress : callable, optional
        Called with one line of text when a phase starts and while a proof advances.

    Returns
    -------
    ReconfigurationResult
        The configuration with its objective (linear model), AC losses, proven bound and gap. When
        no answer keeps the limits, status is ``not_found`` (none seen) or ``infeasible`` (proven)
        and the least bad one seen is reported with its violations.

    Raises
    ------
    InvalidNetworkError
        If the data are not sound.
    InvalidOptionError
        If an option cannot be used.
    UnservedNodesError
        If ``forward-literal`` fails, as it may.
    """
    start = time.perf_counter()
    if not time_limit > 0:
        raise InvalidOptionError(f"time_limit: must be positive, is {time_limit}")
    chain = parse_method(method)
    watch = Stopwatch()
    say = on_progress or (lambda _: None)
    with watch.phase("setup"):
        try:
            radial = build_problem(
                network,
                problem,
                switchable=switchable,
                keep_closed=keep_closed,
                keep_open=keep_open,
                limits=limits,
            )
        except InfeasibleConfigurationError as error:
            base = base_state(network, problem)
            return _impossible(network, problem, method, base, str(error), seed, watch)
        base = base_state(network, problem)
        run = _Run(radial, chain, start + time_limit, watch, AcEvaluator(radial), say)
    if chain.exact:
        _solve_exactly(run)
    else:
        _search(run, weight_rule, np.random.default_rng(seed))
        with watch.phase("bound"):
            from pygridjl.reconfiguration.certificates import electrical_bound

            certificate = electrical_bound(radial)
            run.note_bound(certificate.bound, certificate.method)
        if certify:
            with watch.phase("certify"):
                _certify(run)
    return _conclude(run, base, method, seed, certify=certify)


def _search(run: _Run, weight_rule: str, rng: np.random.Generator) -> None:
    """Run a chain of heuristics; leaves the answers worth comparing in ``run.candidates``."""
    from pygridjl.reconfiguration import heuristics

    run.say(f"{run.chain.start}: {run.problem.n} nodes, {run.problem.m} branches")
    with run.watch.phase(run.chain.start):
        trees = [start_tree(run.problem, run.chain.start, weight_rule)]
    for improver in run.chain.improvers:
        run.say(improver)
        with run.watch.phase(improver):
            if improver == "exchange":
                improved = [
                    heuristics.branch_exchange(run.problem, tree, deadline=run.deadline)
                    for tree in trees
                ]
                trees = improved
            else:
                trees = heuristics.iterated_local_search(
                    run.problem, trees[0], rng=rng, deadline=run.deadline
                )
    if run.chain.improvers:
        trees = _finish_in_ac(run, trees)
    run.candidates = trees


def _finish_in_ac(run: _Run, trees: list[BoolArray]) -> list[BoolArray]:
    """Repair limits and lower AC losses, which the linear model ranks only approximately."""
    with run.watch.phase("ac"):
        _, loss = run.evaluator.rank(trees[0])
        if not np.isfinite(loss) and not run.problem.limits:
            return trees
        best = min(trees, key=run.evaluator.rank)
        return [ac_descent(run.problem, best, run.evaluator, deadline=run.deadline)]


def _certify(run: _Run) -> None:
    """Prove a bound from the best answer so far."""
    from pygridjl.reconfiguration.certificates import cycle_branch_and_bound

    accept = _acceptance(run)
    found = run.best()
    incumbent = None
    if found is not None and (accept is None or accept(found[0])):
        incumbent = found[0]
    run.say("cycle branch-and-bound")
    certificate = cycle_branch_and_bound(
        run.problem,
        incumbent,
        time_limit=run.remaining,
        accept=accept,
        on_progress=run.say,
    )
    _take(run, certificate)


def _solve_exactly(run: _Run) -> None:
    """Run an exact method from the answer of a quick heuristic."""
    from pygridjl.reconfiguration import certificates, heuristics

    with run.watch.phase("start"):
        tree = heuristics.branch_exchange(
            run.problem, heuristics.max_flow_tree(run.problem), deadline=run.deadline
        )
        certificate = certificates.electrical_bound(run.problem)
        run.note_bound(certificate.bound, certificate.method)
    run.candidates = _finish_in_ac(run, [tree])
    name = run.chain.start
    with run.watch.phase(name):
        if name == "exact":
            run.candidates.append(tree)
            _certify(run)
            return
        accept = _acceptance(run)
        incumbent = run.candidates[0] if accept is None or accept(run.candidates[0]) else None
        run.say(name)
        solvers = {
            "highs": certificates.highs_outer_approximation,
            "scip": certificates.scip_linear,
            "scip-ac": certificates.scip_branch_flow,
        }
        _take(run, solvers[name](run.problem, incumbent, time_limit=run.remaining))


def _acceptance(run: _Run) -> Callable[[BoolArray], bool] | None:
    """Lazy constraints: the AC limits, where there are any."""
    if not run.problem.limits:
        return None
    return lambda closed: run.evaluator.rank(closed)[0] == 0.0


def _take(run: _Run, certificate: Certificate) -> None:
    """Note what a certificate proved and the answer it found."""
    if certificate.status is Status.INFEASIBLE:
        run.proven_infeasible = True
        return
    if certificate.model == "ac":
        run.ac_bound = certificate.bound
    else:
        run.note_bound(certificate.bound, certificate.method)
    if certificate.incumbent is None:
        return
    accept = _acceptance(run)
    kept = accept is None or accept(certificate.incumbent)
    if run.chain.exact and certificate.status is Status.OPTIMAL and kept:
        # The proof is about this answer; an equally good one would not carry it.
        run.candidates = [certificate.incumbent]
    else:
        run.candidates.append(certificate.incumbent)


def _conclude(
    run: _Run, base: BaseState, method: str, seed: int, *, certify: bool
) -> ReconfigurationResult:
    """Choose the answer, check it independently and say what is proven about it."""
    problem, network = run.problem, run.problem.network
    found = run.best()
    assert found is not None, "every method leaves a candidate"
    closed, state = found
    open_branches = problem.open_branches(closed)
    objective = problem.objective(closed)
    with run.watch.phase("check"):
        _check(problem, open_branches, objective, state)
    has_ac = bool(np.isfinite(state.loss_kw))
    bound = run.bound if np.isfinite(run.bound) else None
    gap = relative_gap(objective, bound)
    reason = ""
    if state.violations:
        status = Status.INFEASIBLE if run.proven_infeasible else Status.NOT_FOUND
        reason = (
            "no configuration keeps the limits"
            if run.proven_infeasible
            else "no configuration that keeps the limits was found"
        )
        gap = None
    else:
        status = _status(run, gap, relative_gap(state.loss_kw, run.ac_bound), certify=certify)
    before = set(network.open_branches)
    packages = {"scip": ("pyscipopt",), "scip-ac": ("pyscipopt",), "highs": ("highspy",)}
    return ReconfigurationResult(
        network=network.name,
        problem=problem.kind,
        method=method,
        status=status,
        open_branches=open_branches,
        switched_open=tuple(sorted(set(open_branches) - before)),
        switched_closed=tuple(sorted(before - set(open_branches))),
        objective=objective,
        bound=bound,
        bound_method=run.bound_method,
        gap=gap,
        loss_kw=state.loss_kw if has_ac else None,
        ac_bound=run.ac_bound,
        base_objective=base.objective,
        base_loss_kw=base.loss_kw,
        v_min=state.v_min if has_ac else None,
        v_min_bus=state.v_min_bus,
        violations=state.violations,
        reason=reason,
        seconds=run.watch.seconds,
        seed=seed,
        versions=engine_versions("numpy", "scipy", *packages.get(run.chain.start, ())),
    )


def _status(run: _Run, gap: float | None, ac_gap: float | None, *, certify: bool) -> Status:
    deciding = ac_gap if run.chain.start == "scip-ac" else gap
    if deciding is not None and deciding <= PROOF_TOLERANCE:
        return Status.OPTIMAL
    if (certify or run.chain.exact) and run.remaining <= 0:
        return Status.TIME_LIMIT
    return Status.FEASIBLE


def _check(
    problem: RadialProblem, open_branches: tuple[int, ...], objective: float, state: AcState
) -> None:
    """Compare the answer with the independent checker; a disagreement is a defect of ours."""
    report = check_configuration(problem.network, open_branches, problem.kind)
    findings = [str(f) for f in report.findings if f.field != "power flow"]
    if findings:
        raise SolverError(f"the independent check rejects the answer: {'; '.join(findings)}")
    pairs = [("objective", objective, report.objective)]
    if np.isfinite(state.loss_kw) and np.isfinite(report.loss_kw):
        pairs.append(("AC losses", state.loss_kw, report.loss_kw))
    for name, ours, theirs in pairs:
        if abs(ours - theirs) > CHECK_TOLERANCE * max(abs(theirs), 1.0):
            raise SolverError(
                f"the independent check disagrees on the {name}: {ours:.9g} kW against "
                f"{theirs:.9g} kW"
            )


def _impossible(
    network: Network,
    problem: ProblemKind,
    method: str,
    base: BaseState,
    reason: str,
    seed: int,
    watch: Stopwatch,
) -> ReconfigurationResult:
    """Answer of a problem whose switch constraints exclude every tree."""
    return ReconfigurationResult(
        network=network.name,
        problem=problem,
        method=method,
        status=Status.INFEASIBLE,
        open_branches=(),
        switched_open=(),
        switched_closed=(),
        objective=None,
        bound=None,
        bound_method="",
        gap=None,
        loss_kw=None,
        ac_bound=None,
        base_objective=base.objective,
        base_loss_kw=base.loss_kw,
        v_min=None,
        v_min_bus="",
        reason=reason,
        seconds=watch.seconds,
        seed=seed,
        versions=engine_versions("numpy", "scipy"),
    )
