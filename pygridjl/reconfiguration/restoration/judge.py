"""AC judge of networks that are supplied in part."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from pygridjl.core.types import BoolArray
from pygridjl.graphs.forest import rooted_forest
from pygridjl.powerflow.sweep import MAX_SWEEPS, VOLTAGE_TOLERANCE, solve_sweep
from pygridjl.reconfiguration.ac.evaluate import AcEvaluator

__all__ = ["Judge", "Live"]


class Live(NamedTuple):
    """AC state of what is supplied: kW, kW, p.u., excess over the limits, buses reached."""

    load: float
    loss: float
    v_min: float
    excess: float
    reached: BoolArray


class Judge:
    """AC judge of partly supplied networks."""

    def __init__(self, evaluator: AcEvaluator) -> None:
        self.evaluator = evaluator
        self.kw = evaluator.problem.kw

    def look(self, states: BoolArray) -> Live:
        """Evaluate switch states of all branches."""
        evaluator = self.evaluator
        network, roots = evaluator.problem.network, evaluator.problem.roots
        forest = rooted_forest(evaluator.graph, states, roots)
        reached = np.zeros(network.n_bus, dtype=bool)
        reached[forest.order] = True
        load = float(network.load_p[reached].sum()) * self.kw
        v, current, loss, source, sweeps = solve_sweep(
            forest.order,
            forest.parent,
            forest.edge,
            evaluator.sweep,
            VOLTAGE_TOLERANCE,
            MAX_SWEEPS,
        )
        if sweeps < 0:
            return Live(load, np.inf, np.nan, np.inf, reached)
        size = np.abs(v)
        live = np.flatnonzero(reached)
        branches = np.arange(network.n_branch)
        excess = evaluator.excess_at(live, size[live], branches, current)
        excess += evaluator.source_excess(source[roots])
        return Live(load, loss * self.kw, float(size[live].min()), excess, reached)
