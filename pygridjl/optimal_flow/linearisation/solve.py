"""One door to linearised optimal power flow under uncertain loads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from pygridjl.core.result import Status, Stopwatch, engine_versions
from pygridjl.grid.network import Network
from pygridjl.optimal_flow.linearisation.linear_model import LinearisedOpf
from pygridjl.optimal_flow.linearisation.methods import POINTS
from pygridjl.optimal_flow.linearisation.points import PointAnswer
from pygridjl.optimal_flow.linearisation.problem import (
    PROXIMAL,
    LinearisationProblem,
    linearisation_problem,
)
from pygridjl.optimal_flow.linearisation.result import Linearisation
from pygridjl.scenarios.load_factors import LoadModel, two_factor_loads

__all__ = ["linearize", "linearize_problem"]


def linearize(
    network: Network,
    *,
    loads: LoadModel | None = None,
    point: str = "ac-mean",
    samples: int = 1000,
    seed: int = 0,
    proximal: float = PROXIMAL,
    options: Mapping[str, Any] | None = None,
) -> Linearisation:
    """Linearise the optimal power flow where uncertain loads make it hold best.

    Parameters
    ----------
    network : Network
        The network; its base state says which branches are closed.
    loads : LoadModel, optional
        What its loads may be; :func:`pygridjl.scenarios.two_factor_loads` by default.
    point : str
        ``flat``, ``no-load``, ``order1``, ``order2``, ``ac-mean``, ``monte-carlo`` or ``fitted``.
    samples : int
        Size of the training sample, whose moments the relaxations know.
    seed : int
        Of the training sample.
    proximal : float
        Weight of ‖V − V0‖² beside scaled costs; 0 is the paper's model.
    options : mapping, optional
        Of the point: ``engine`` (order1, order2), ``grouping``, ``relax_seconds`` (order2),
        ``optima`` (monte-carlo), ``fit_draws``, ``steps``, ``fit_seconds`` (fitted).

    Returns
    -------
    Linearisation
        A model to keep: ``solve(demand)``, ``evaluate(samples)``.

    Raises
    ------
    InvalidNetworkError
        If the data are not sound.
    InvalidOptionError
        If an option cannot be used.

    Examples
    --------
    >>> import pygridjl
    >>> found = pygridjl.linearize(pygridjl.get_case("case9"), point="flat", samples=10)
    >>> found.status.value
    'feasible'
    """
    chain = POINTS.parse(point)
    (chosen,) = POINTS.options_of(chain, options or {})
    loads = two_factor_loads(network) if loads is None else loads
    problem = linearisation_problem(network, loads, samples=samples, seed=seed, proximal=proximal)
    return linearize_problem(problem, point, chosen)


def linearize_problem(problem: LinearisationProblem, point: str, options: Any) -> Linearisation:
    """Compute one point of a problem and set up its linearised model.

    Parameters
    ----------
    problem : LinearisationProblem
        The problem.
    point : str
        A name of :data:`POINTS`.
    options : object
        Its options, as the registry makes them.

    Returns
    -------
    Linearisation
        The model, with the status it has at the mean load.
    """
    watch = Stopwatch()
    with watch.phase("point"):
        answer: PointAnswer = POINTS[point].load()(problem, options)
    network = problem.network
    notes = list(answer.notes)
    model, status, bound = None, Status.NOT_FOUND, None
    vm = va = np.full(network.n_bus, np.nan)
    if answer.voltage is not None:
        vm, va = abs(answer.voltage), np.angle(answer.voltage)
        with watch.phase("model"):
            model = LinearisedOpf(network, answer.voltage, proximal=problem.proximal)
            at_mean = model.solve(problem.draws.mean).status
        status = Status.FEASIBLE if at_mean is Status.OPTIMAL else at_mean
        if status is Status.INFEASIBLE:
            notes.append(
                "the linearised model is infeasible at the mean load: choose another point "
                "('ac-mean' or 'fitted'), lower the loads or widen limits"
            )
        elif status is not Status.FEASIBLE:
            notes.append(
                "the linearised model was not solved at the mean load: choose another point "
                "('ac-mean' or 'fitted')"
            )
    branch = network.branches
    if ((branch.angle_min > -np.pi / 2) | (branch.angle_max < np.pi / 2)).any():
        notes.append("limits on angle differences are left out, as in the paper's model")
    found = answer.relaxation
    about: dict[str, Any] = {}
    if found is not None:
        bound = found.bound if np.isfinite(found.bound) else None
        about = {
            "engine": found.engine,
            "status": found.status.value,
            "outcome": found.outcome,
            "value": found.value,
            "residual": found.residual,
            "eigenvalue_ratio": found.eigenvalue_ratio,
            "moments": found.moments,
            "equalities": found.equalities,
            "largest_block": found.largest_block,
            **{f"{phase}_seconds": spent for phase, spent in found.seconds.items()},
        }
    return Linearisation(
        network=network.name,
        point=point,
        loads=problem.loads.name,
        samples=len(problem.draws),
        seed=problem.seed,
        proximal=problem.proximal,
        status=status,
        bound=bound,
        relaxation=about,
        bus=network.buses.id,
        vm=vm,
        va=va,
        notes=tuple(notes),
        seconds=watch.seconds,
        versions=engine_versions("clarabel", "casadi"),
        model=model,
        problem=problem,
    )
