"""One door to radial reconfiguration: search, repair, certify, check."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from pygridjl.bridge.problems.asking import julia_options
from pygridjl.core.arguments import generator
from pygridjl.core.errors import InfeasibleConfigurationError, InvalidOptionError
from pygridjl.core.jit import working_time
from pygridjl.core.methods import Backend, Chain, Method
from pygridjl.core.options import NoOptions
from pygridjl.core.result import Stopwatch, engine_versions
from pygridjl.core.stopping import is_over
from pygridjl.core.types import BoolArray
from pygridjl.grid.feeder import Feeder
from pygridjl.grid.network import Network
from pygridjl.reconfiguration.ac.descent import ac_descent
from pygridjl.reconfiguration.ac.evaluate import AcEvaluator
from pygridjl.reconfiguration.base_state import base_state
from pygridjl.reconfiguration.build import build_problem
from pygridjl.reconfiguration.conclude import conclude, impossible
from pygridjl.reconfiguration.methods import METHODS
from pygridjl.reconfiguration.problem import Limit, ProblemKind
from pygridjl.reconfiguration.result import FeederReconfigurationResult, ReconfigurationResult
from pygridjl.reconfiguration.search_state import Progress, Run
from pygridjl.reconfiguration.states.evaluate import StatesEvaluator
from pygridjl.reconfiguration.states.finish import base_over_states, repaired
from pygridjl.reconfiguration.states.moments import problem_of_states
from pygridjl.scenarios.model import ScenarioSet

if TYPE_CHECKING:
    from pygridjl.scenarios.load_states import LoadStates

__all__ = ["reconfigure"]

# Share of the time left that the descent in AC may take; a proof needs the rest.
AC_SHARE = 0.3


@overload
def reconfigure(
    network: Network,
    method: str | None = ...,
    *,
    problem: ProblemKind = ...,
    backend: Backend = ...,
    certify: bool = ...,
    seed: int | None = ...,
    time_limit: float | None = ...,
    switchable: Collection[int] | None = ...,
    keep_closed: Collection[int] = ...,
    keep_open: Collection[int] = ...,
    limits: Collection[Limit] | None = ...,
    states: LoadStates | ScenarioSet | None = ...,
    max_operations: int | None = ...,
    operation_cost: float = ...,
    options: Mapping[str, Any] | None = ...,
    solver: str | None = ...,
    solver_options: Mapping[str, Any] | None = ...,
    write_model: str | Path | None = ...,
    verbose: bool = ...,
    on_progress: Progress | None = ...,
) -> ReconfigurationResult: ...


@overload
def reconfigure(
    network: Feeder,
    method: str | None = ...,
    *,
    backend: Backend = ...,
    time_limit: float | None = ...,
    switchable: Collection[str] | None = ...,
    limits: Collection[Limit] | None = ...,
    solver: str | None = ...,
    solver_options: Mapping[str, Any] | None = ...,
    write_model: str | Path | None = ...,
    verbose: bool = ...,
    start: Collection[str] | None = ...,
    solution: bool = ...,
) -> FeederReconfigurationResult: ...


def reconfigure(
    network: Network | Feeder,
    method: str | None = None,
    *,
    problem: ProblemKind = "substations",
    backend: Backend = "python",
    certify: bool = False,
    seed: int | None = None,
    time_limit: float | None = None,
    switchable: Collection[Any] | None = None,
    keep_closed: Collection[int] = (),
    keep_open: Collection[int] = (),
    limits: Collection[Limit] | None = None,
    states: LoadStates | ScenarioSet | None = None,
    max_operations: int | None = None,
    operation_cost: float = 0.0,
    options: Mapping[str, Any] | None = None,
    solver: str | None = None,
    solver_options: Mapping[str, Any] | None = None,
    write_model: str | Path | None = None,
    verbose: bool = False,
    start: Collection[str] | None = None,
    solution: bool = False,
    on_progress: Progress | None = None,
) -> ReconfigurationResult | FeederReconfigurationResult:
    """Find a radial configuration of least loss and say how far from optimal it can be.

    Parameters
    ----------
    network : Network or Feeder
        The network; :func:`pygridjl.load_network` reads one. Of a three-phase feeder the switches
        are chosen by PowerModelsDistribution's equations, which needs ``backend="julia"``.
    method : str, optional
        Of a network ``"maxflow+ils"`` unless given: ``start[+step…][+finish]``, e.g.
        ``"forward"``, ``"forward+exchange"``, with the starts ``forward``, ``forward-faithful``,
        ``forward-literal``, ``maxflow``, ``mst``, ``spt``, ``sequential``, ``base``, the steps
        ``exchange``, ``ils`` and the finishes ``exact``, ``highs``, ``scip`` (linear model) and
        ``exact-ac``, ``scip-ac`` (AC losses), which also stand alone. With ``backend="julia"`` the
        finishes are ``scip``, ``highs``, ``pajarito``, ``juniper`` and ``juniper-plain``, and there
        must be one, or a ``solver``. Of a feeder ``"lindist"`` unless given, ``"acp"``, ``"acr"``,
        ``"ivr"`` or ``"soc"``.
    problem : {"substations", "balanced"}
        One substation in each tree, or a spanning tree with fixed injections that sum to zero.
    backend : {"python", "julia"}
        Where the finish runs. ``"julia"`` starts Julia on first use.
    certify : bool
        Whether to run the cycle branch-and-bound for a proven bound, from the answer found. It
        may find a better answer, which is then returned. Without it the bound is the energy of
        the meshed electrical flow.
    seed : int, optional
        Seed of the random parts, 0 unless given; refused where nothing is random. The same seed
        gives the same answer unless the clock stops it.
    time_limit : float, optional
        Seconds for search and proof together, 60 unless given; infinity for no limit. The best
        answer and bound so far are returned. Compiling and starting Julia do not count.
    switchable : collection of int or str, optional
        Ids of the branches that may be switched; by default those the network marks so, of a
        feeder its switches and what is open.
    keep_closed, keep_open : collection of int
        Ids of branches that must be closed or open.
    limits : collection of {"voltage", "ampacity", "capacity"}, optional
        Limits to keep, checked in AC: all in ``substations``, none in ``balanced`` by default.
    states : LoadStates or ScenarioSet, optional
        Many load states, for which one configuration is sought: losses are then expected ones,
        limits are kept in every state. Scenarios are multipliers of the network's loads.
    max_operations : int, optional
        Branches that may be opened or closed in all.
    operation_cost : float
        Loss that one operation must save, kW. ``objective`` and ``bound`` then hold the loss and
        the cost of all operations.
    options : mapping, optional
        Options of the methods in the chain, such as ``{"weight_rule": "eq2"}`` of FORWARD.
    solver : str, optional
        With ``backend="julia"``: any Julia package of the project that has an ``Optimizer`` with
        integers, such as ``"Gurobi"``, as the finish of a network's method or for a feeder's
        formulation. Local solvers prove nothing.
    solver_options : mapping, optional
        Options of that package, by its own names.
    write_model : path-like, optional
        With ``backend="julia"``: where to write the program that is solved (``.mof.json``,
        ``.lp``, ``.mps`` or ``.nl``).
    verbose : bool
        Whether the solver in Julia prints its log.
    start : collection of str, optional
        Of a feeder: ids of the open branches of the tree to begin with; the base state unless
        given.
    solution : bool
        Of a feeder: whether PowerModelsDistribution's own solution is part of the answer.
    on_progress : callable, optional
        Called with one line of text when a phase starts and while a proof advances.

    Returns
    -------
    ReconfigurationResult or FeederReconfigurationResult
        The configuration with its objective (linear model), AC losses, proven bound and gap. When
        no answer keeps the limits, status is ``not_found`` (none seen) or ``infeasible`` (proven)
        and the least bad one seen is reported with its violations.

    Raises
    ------
    InvalidNetworkError
        If the data are not sound.
    InvalidOptionError
        If a method or an option is unknown or cannot be used.
    UnservedNodesError
        If ``forward-literal`` fails, as it may.
    pygridjl.bridge.JuliaNotFoundError, JuliaPackageError, JuliaSolveError
        If Julia cannot be used or fails.

    Examples
    --------
    >>> import pygridjl
    >>> network = pygridjl.load_network("case33bw")
    >>> result = pygridjl.reconfigure(network, "maxflow+exchange", certify=True)
    >>> print(result.status, result.open_branches, f"{result.loss_kw:.2f} kW")
    optimal (7, 9, 14, 32, 37) 139.55 kW
    >>> result.bound <= result.objective
    True
    """
    how = julia_options(
        backend,
        solver=solver,
        solver_options=solver_options,
        write_model=write_model,
        verbose=verbose,
        solution=solution,
    )
    if isinstance(network, Feeder):
        from pygridjl.reconfiguration.feeder import of_feeder

        of_networks = {
            "problem": problem != "substations",
            "certify": certify,
            "seed": seed is not None,
            "keep_closed": bool(keep_closed),
            "keep_open": bool(keep_open),
            "states": states is not None,
            "max_operations": max_operations is not None,
            "operation_cost": bool(operation_cost),
            "options": bool(options),
        }
        return of_feeder(
            network,
            method,
            backend,
            how,
            of_networks,
            switchable=switchable,
            limits=limits,
            start=start,
            time_limit=time_limit,
        )
    if start is not None or solution:
        raise InvalidOptionError("start, solution: only reconfiguration of a feeder has them")
    method = "maxflow+ils" if method is None else method
    chain = _chain(method, backend, solver)
    own = METHODS.options_of(chain, options or {})
    seed, seconds = METHODS.common_of(chain, seed=seed, time_limit=time_limit, proof=certify)
    watch = Stopwatch()
    say = on_progress or (lambda _: None)
    if states is not None:
        _assert_exact(
            chain, backend, "states: of the finishes only exact works on many load states"
        )
    if max_operations is not None or operation_cost:
        text = "max_operations, operation_cost: of the finishes only exact counts operations"
        _assert_exact(chain, backend, text)
    in_julia = chain.finish if backend == "julia" else None
    began = working_time()
    with watch.phase("setup"):
        try:
            radial = build_problem(
                network,
                problem,
                switchable=switchable,
                keep_closed=keep_closed,
                keep_open=keep_open,
                limits=limits,
                max_operations=max_operations,
                operation_cost=operation_cost,
            )
        except InfeasibleConfigurationError as error:
            base = base_state(network, problem)
            return impossible(network, problem, method, base, str(error), seed, watch)
        network = radial.network
        case, evaluator = None, AcEvaluator(radial)
        checking = working_time()
        if states is None:
            base = base_state(network, problem)
        else:
            case = problem_of_states(radial, _load_states(network, states))
            radial = case.problem
            evaluator = by_state = StatesEvaluator(case)
            base = base_over_states(by_state)
        # The answer is checked as the base state is read.
        checking = working_time() - checking
    if in_julia is not None:
        from pygridjl.reconfiguration.certificates import julia_solvers as julia

        with watch.phase("julia"):
            say("starting Julia")
            how = julia.options_of(in_julia, how)
            julia.start(how)
    deadline = began + seconds + watch.seconds.get("julia", 0.0) - checking
    run = Run(radial, deadline, watch, evaluator, say, case)
    if chain.start is not None:
        _search(run, chain, own, generator(seed or 0))
    with watch.phase("bound"):
        from pygridjl.reconfiguration.certificates import electrical_bound

        certificate = electrical_bound(radial)
        run.note_bound(certificate.bound, certificate.method)
    if in_julia is not None:
        julia.solve(run, in_julia, how)
    elif chain.finish is not None:
        _finish(run, chain)
    if certify and str(chain.finish) != "exact":
        with watch.phase("certify"):
            _certify(run, METHODS["exact"])
    return conclude(run, base, method, seed, certify=certify)


def _load_states(network: Network, states: LoadStates | ScenarioSet) -> LoadStates:
    if not isinstance(states, ScenarioSet):
        return states
    from pygridjl.scenarios.load_states import load_states

    return load_states(network, states)


def _assert_exact(chain: Chain, backend: Backend, text: str) -> None:
    """Refuse finishes that know neither load states nor operations.

    Raises
    ------
    InvalidOptionError
        If there is one.
    """
    if backend != "python" or (chain.finish is not None and str(chain.finish) != "exact"):
        raise InvalidOptionError(f"{text}, not {chain.finish}")


def _chain(method: str, backend: Backend, solver: str | None) -> Chain:
    """Read a method; a solver that is named by its package is its finish."""
    if solver is None:
        return METHODS.parse(method, backend)
    from pygridjl.reconfiguration.certificates.julia_solvers import named_solver

    chain = METHODS.parse(method, "python")
    if chain.finish is not None:
        raise InvalidOptionError(
            f"solver: {method!r} ends in {chain.finish.name!r}, which is a solver already"
        )
    return Chain((*chain.methods, named_solver(solver)))


def _search(run: Run, chain: Chain, own: tuple[Any, ...], rng: np.random.Generator) -> None:
    """Run start and steps; leaves the answers worth comparing in ``run.candidates``."""
    trees: list[BoolArray] = []
    for method, options in zip(chain.methods, own, strict=True):
        if method is chain.finish:
            break
        run.say(f"{method.name}: {run.problem.n} nodes, {run.problem.m} branches")
        with run.watch.phase(method.name):
            function = method.load()
            arguments = () if method.options is NoOptions else (options,)
            if method.role == "start":
                trees = [function(run.problem, *arguments)]
            else:
                trees = function(run, trees, rng, *arguments)
        run.note_tree(trees[0])
    limited = run.problem.switching is not None
    run.candidates = _finish_in_ac(run, trees) if chain.steps or limited else trees


def _finish_in_ac(run: Run, trees: list[BoolArray]) -> list[BoolArray]:
    """Repair limits and lower AC losses, which the linear model ranks only approximately."""
    with run.watch.phase("ac"):
        if run.problem.switching is not None:
            from pygridjl.reconfiguration.heuristics import few_operations

            today = few_operations(run.problem, deadline=run.deadline)
            trees = [*trees, today] if today is not None else trees
            return [tree for tree in trees if run.problem.allows(tree)]
        if isinstance(run.evaluator, StatesEvaluator):
            if not run.problem.limits:
                return trees[:1]
            deadline = run.deadline - (1.0 - AC_SHARE) * run.remaining
            return repaired(run.evaluator, trees, deadline)
        if not np.isfinite(run.evaluator.rank(trees[0])[1]) and not run.problem.limits:
            return trees
        best, least = trees[0], run.evaluator.rank(trees[0])
        for tree in trees[1:]:
            if is_over(run.deadline):
                break
            if (rank := run.evaluator.rank(tree)) < least:
                best, least = tree, rank
        deadline = run.deadline - (1.0 - AC_SHARE) * run.remaining
        return [ac_descent(run.problem, best, run.evaluator, deadline=deadline)]


def _finish(run: Run, chain: Chain) -> None:
    """Prove from the answer of the chain, or of a quick heuristic if there is none."""
    from pygridjl.reconfiguration import heuristics

    finish = chain.finish
    assert finish is not None
    run.exact = finish.proves
    if not run.candidates:
        with run.watch.phase("start"):
            few = run.problem.led
            tree = heuristics.branch_exchange(
                few, heuristics.max_flow_tree(few), deadline=run.deadline
            )
        run.note_tree(tree)
        # The best of the linear model is kept beside the best in AC.
        run.candidates = _finish_in_ac(run, [tree])
        if run.problem.switching is None and not any(tree is other for other in run.candidates):
            run.candidates.append(tree)
    run.versions = engine_versions(*finish.packages)
    with run.watch.phase(finish.name):
        _certify(run, finish)


def _certify(run: Run, finish: Method) -> None:
    """Prove a bound from the best answer so far."""
    found = run.best()
    incumbent = found if found is not None and run.accepts(found) else None
    run.say(finish.text)
    run.take(finish.load()(run, incumbent))
