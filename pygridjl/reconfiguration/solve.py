"""One door to radial reconfiguration: search, repair, certify, check."""

from __future__ import annotations

import time
from collections.abc import Collection
from typing import Literal

import numpy as np

from pygridjl.core.arguments import check_time_limit, generator
from pygridjl.core.errors import InfeasibleConfigurationError, InvalidOptionError
from pygridjl.core.result import Stopwatch, engine_versions
from pygridjl.core.types import BoolArray
from pygridjl.grid.network import Network
from pygridjl.reconfiguration.ac.descent import ac_descent
from pygridjl.reconfiguration.ac.evaluate import AcEvaluator
from pygridjl.reconfiguration.base_state import base_state
from pygridjl.reconfiguration.conclude import conclude, impossible
from pygridjl.reconfiguration.methods import (
    Chain,
    JuliaSolver,
    parse_julia_method,
    parse_method,
    start_tree,
)
from pygridjl.reconfiguration.problem import Limit, ProblemKind, build_problem
from pygridjl.reconfiguration.result import ReconfigurationResult
from pygridjl.reconfiguration.search_state import Progress, Run
from pygridjl.reconfiguration.warmup import compile_kernels

__all__ = ["Backend", "reconfigure"]

Backend = Literal["python", "julia"]


def reconfigure(
    network: Network,
    method: str = "maxflow+ils",
    *,
    problem: ProblemKind = "substations",
    backend: Backend = "python",
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
        With ``backend="julia"`` ``[start[+improver…]+]solver`` with the solvers ``scip``,
        ``highs``, ``pajarito``, ``juniper`` and ``juniper-plain``, which start from the tree of
        what precedes them.
    problem : {"substations", "balanced"}
        One substation in each tree, or a spanning tree with fixed injections that sum to zero.
    backend : {"python", "julia"}
        Where the exact solver runs. ``"julia"`` starts Julia on first use.
    certify : bool
        Whether to run the cycle branch-and-bound for a proven bound, from the answer found. It
        may find a better answer, which is then returned. Without it the bound is the energy of
        the meshed electrical flow.
    seed : int
        Seed of the random parts; the same seed gives the same answer unless the clock stops it.
    time_limit : float
        Seconds for search and proof together; the best answer and bound so far are returned.
        Compiling, which happens once for an installation, does not count.
        Starting Julia and compiling do not count.
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
    pygridjl.bridge.JuliaNotFoundError, JuliaPackageError, JuliaSolveError
        If Julia cannot be used or fails.
    """
    check_time_limit(time_limit)
    chain, solver = _parse(method, backend)
    watch = Stopwatch()
    say = on_progress or (lambda _: None)
    with watch.phase("compile"):
        say("compiling (once for an installation)")
        compile_kernels(chain or Chain("base", ()), certify=certify)
    start = time.perf_counter()
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
            return impossible(network, problem, method, base, str(error), seed, watch)
        base = base_state(network, problem)
    if solver is not None:
        from pygridjl.reconfiguration.certificates import julia_solvers as julia

        with watch.phase("julia"):
            say("starting Julia")
            julia.start(solver)
    deadline = start + time_limit + watch.seconds.get("julia", 0.0)
    run = Run(radial, deadline, watch, AcEvaluator(radial), say)
    if chain is not None and chain.exact:
        _solve_exactly(run, chain.start)
        return conclude(run, base, method, seed, certify=certify)
    if chain is not None:
        _search(run, chain, weight_rule, generator(seed))
    with watch.phase("bound"):
        from pygridjl.reconfiguration.certificates import electrical_bound

        certificate = electrical_bound(radial)
        run.note_bound(certificate.bound, certificate.method)
    if solver is not None:
        julia.solve(run, solver)
    if certify:
        with watch.phase("certify"):
            _certify(run)
    return conclude(run, base, method, seed, certify=certify)


def _parse(method: str, backend: str) -> tuple[Chain | None, JuliaSolver | None]:
    """Split a method into what runs in Python and the solver that runs in Julia."""
    if backend == "python":
        return parse_method(method), None
    if backend == "julia":
        return parse_julia_method(method)
    raise InvalidOptionError(f"backend: {backend!r} is neither 'python' nor 'julia'")


def _search(run: Run, chain: Chain, weight_rule: str, rng: np.random.Generator) -> None:
    """Run a chain of heuristics; leaves the answers worth comparing in ``run.candidates``."""
    from pygridjl.reconfiguration import heuristics

    run.say(f"{chain.start}: {run.problem.n} nodes, {run.problem.m} branches")
    with run.watch.phase(chain.start):
        trees = [start_tree(run.problem, chain.start, weight_rule)]
    for improver in chain.improvers:
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
    if chain.improvers:
        trees = _finish_in_ac(run, trees)
    run.candidates = trees


def _finish_in_ac(run: Run, trees: list[BoolArray]) -> list[BoolArray]:
    """Repair limits and lower AC losses, which the linear model ranks only approximately."""
    with run.watch.phase("ac"):
        _, loss = run.evaluator.rank(trees[0])
        if not np.isfinite(loss) and not run.problem.limits:
            return trees
        best = min(trees, key=run.evaluator.rank)
        return [ac_descent(run.problem, best, run.evaluator, deadline=run.deadline)]


def _certify(run: Run) -> None:
    """Prove a bound from the best answer so far."""
    from pygridjl.reconfiguration.certificates import cycle_branch_and_bound

    found = run.best()
    incumbent = found[0] if found is not None and run.accepts(found[0]) else None
    run.say("cycle branch-and-bound")
    certificate = cycle_branch_and_bound(
        run.problem,
        incumbent,
        time_limit=run.remaining,
        accept=run.acceptance,
        on_progress=run.say,
    )
    run.take(certificate)


def _solve_exactly(run: Run, name: str) -> None:
    """Run an exact method from the answer of a quick heuristic."""
    from pygridjl.reconfiguration import certificates, heuristics

    with run.watch.phase("start"):
        tree = heuristics.branch_exchange(
            run.problem, heuristics.max_flow_tree(run.problem), deadline=run.deadline
        )
        certificate = certificates.electrical_bound(run.problem)
        run.note_bound(certificate.bound, certificate.method)
    run.exact = True
    run.candidates = _finish_in_ac(run, [tree])
    with run.watch.phase(name):
        if name == "exact":
            run.candidates.append(tree)
            _certify(run)
            return
        incumbent = run.candidates[0] if run.accepts(run.candidates[0]) else None
        run.say(name)
        solvers = {
            "highs": (certificates.highs_outer_approximation, "highspy"),
            "scip": (certificates.scip_linear, "pyscipopt"),
            "scip-ac": (certificates.scip_branch_flow, "pyscipopt"),
        }
        solve, package = solvers[name]
        run.versions = engine_versions(package)
        run.take(solve(run.problem, incumbent, time_limit=run.remaining))
