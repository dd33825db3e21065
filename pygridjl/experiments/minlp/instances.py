"""What is solved: networks in the linear model, feeders in three phases, and the starts of each."""

from __future__ import annotations

from collections.abc import Collection
from functools import cache
from itertools import combinations

import numpy as np

from pygridjl.core.errors import InvalidNetworkError, PowerFlowError
from pygridjl.core.types import BoolArray
from pygridjl.grid import Feeder, load_feeder
from pygridjl.grid.balanced import balanced_feeder
from pygridjl.grid.cases import get_case
from pygridjl.grid.cases.ties import switches_of
from pygridjl.grid.io.opendss.engine import compiled_circuit
from pygridjl.grid.io.opendss.write import write_opendss
from pygridjl.powerflow.feeder_sweep import feeder_power_flow
from pygridjl.reconfiguration import reconfigure
from pygridjl.reconfiguration.build import build_problem
from pygridjl.reconfiguration.forward import forward
from pygridjl.reconfiguration.heuristics import branch_exchange
from pygridjl.reconfiguration.problem import ProblemKind, RadialProblem

__all__ = [
    "FEEDERS",
    "NETWORKS",
    "ac_losses",
    "every_tree",
    "feeder_of",
    "problem_of",
    "start_of_feeder",
    "start_of_network",
    "switches",
]

NETWORKS: dict[str, ProblemKind] = {
    "forward11": "balanced",
    "forward18": "balanced",
    "forward33": "balanced",
    "case33bw": "substations",
    "case69": "substations",
    "case70da": "substations",
}
# Published feeders with ties, and single-phase cases as three balanced phases.
FEEDERS = ("ieee13-ties", "ieee34-ties", "ieee123-ties", "case33bw", "case69", "case70da")


@cache
def problem_of(instance: str) -> RadialProblem:
    """Return a network as a problem of the linear model."""
    return build_problem(get_case(instance), NETWORKS[instance], limits=())


@cache
def start_of_network(instance: str, start: str) -> BoolArray | None:
    """Return the tree of ``"FORWARD"`` or ``"FORWARD + exchange"``, or None without a start."""
    problem = problem_of(instance)
    if not start:
        return None
    tree = forward(problem)
    return tree if start == "FORWARD" else branch_exchange(problem, tree)


@cache
def feeder_of(instance: str) -> Feeder:
    """Return a feeder whose buses all have a band, so that every formulation has the same."""
    feeder = (
        load_feeder(instance) if instance.endswith("-ties") else balanced_feeder(get_case(instance))
    )
    return feeder.with_band(0.85, 1.12)


def switches(instance: str) -> tuple[str, ...]:
    """Ids of the branches that may be switched."""
    feeder = feeder_of(instance)
    if instance.endswith("-ties"):
        return switches_of(feeder)
    return tuple(map(str, feeder.branches.id))


@cache
def start_of_feeder(instance: str, start: str) -> tuple[str, ...] | None:
    """Return the ids of the open branches of a start, or None without one."""
    if not start:
        return None
    feeder = feeder_of(instance)
    if start == "base":
        return tuple(map(str, feeder.branches.id[~feeder.branches.closed]))
    method = {"FORWARD": "forward", "FORWARD + exchange": "forward+exchange"}[start]
    found = reconfigure(get_case(instance), method, limits=())
    return tuple(map(str, found.open_branches))


def ac_losses(feeder: Feeder, opened: Collection[str], *, opendss: bool = True) -> dict[str, float]:
    """Losses of a configuration in AC, kW, by our sweeps and by OpenDSS.

    Parameters
    ----------
    feeder : Feeder
        The feeder.
    opened : collection of str
        Ids of the open branches.
    opendss : bool
        Whether OpenDSS is asked too.

    Returns
    -------
    dict
        ``loss_kw``, ``v_min`` (p.u.) and ``opendss_kw``; without what has no solution.
    """
    from pathlib import Path
    from tempfile import TemporaryDirectory

    state = feeder.with_open(opened)
    try:
        flow = feeder_power_flow(state)
    except (PowerFlowError, InvalidNetworkError):
        return {}
    losses = {"loss_kw": flow.loss_kw, "v_min": float(np.nanmin(np.abs(flow.v)))}
    if opendss:
        with TemporaryDirectory() as folder:
            path = Path(folder) / "state.dss"
            write_opendss(state, path)
            with compiled_circuit(path) as (dss, _):
                dss.Solution.Solve()
                if dss.Solution.Converged():
                    losses["opendss_kw"] = float(dss.Circuit.Losses()[0]) / 1e3
    return losses


@cache
def every_tree(instance: str) -> tuple[tuple[float, tuple[str, ...]], ...]:
    """Losses in AC, kW, and open branches of every tree that keeps the band, least first.

    Empty where there are too many to look at.
    """
    feeder, free = feeder_of(instance), switches(instance)
    n_open = int((~feeder.branches.closed).sum())
    if not instance.endswith("-ties"):
        return ()
    low, high = feeder.buses.v_min[:, None], feeder.buses.v_max[:, None]
    found = []
    for opened in combinations(free, n_open):
        try:
            flow = feeder_power_flow(feeder.with_open(opened))
        except (PowerFlowError, InvalidNetworkError):
            continue
        size = np.abs(flow.v)
        if not (np.nan_to_num(size, nan=1.0) < low).any() and not (size > high).any():
            found.append((flow.loss_kw, opened))
    return tuple(sorted(found))
