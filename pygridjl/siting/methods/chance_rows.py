"""Limits as rows that a binary column of their scenario gives up."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pygridjl.core.types import FloatArray, IntArray
from pygridjl.siting.second_stage.operation import LIMIT_KINDS, Operation

__all__ = ["ChanceRows", "chance_rows"]

# Added to the most by which a limit can be passed, for rounding.
ROOM = 1e-6


@dataclass(frozen=True, eq=False)
class ChanceRows:
    """Rows ``kind · (P, Q, U)_node − most · b_scenario ≤ bound``.

    Attributes
    ----------
    scenario, node, kind : ndarray of int, shape (r,)
        Which limit of which scenario; those that no decision can pass are left out.
    bound, most : ndarray, shape (r,)
        The limit, and the most by which a decision can pass it, p.u.
    """

    scenario: IntArray
    node: IntArray
    kind: IntArray
    bound: FloatArray
    most: FloatArray


def chance_rows(operation: Operation) -> ChanceRows:
    """List the limits that some decision can pass, and by how much at most.

    Flows and voltages are affine in what units inject, and what they inject is bounded by their
    sun and by the units that site and budget allow.

    Parameters
    ----------
    operation : Operation
        The problem with its limits.
    """
    problem, n_scenario = operation.problem, len(operation.scenarios)
    effect = _effects(operation)
    held = problem.site_limits.astype(np.float64)
    parts: list[tuple[IntArray, ...]] = []
    sizes: list[tuple[FloatArray, ...]] = []
    for scenario in range(n_scenario):
        index = np.array([scenario])
        P, Q, U = (x[0] for x in operation.states(index, np.zeros((1, operation.n_col))))
        sun = operation.per_unit[scenario]
        for kind, (by_p, by_q, by_u) in enumerate(LIMIT_KINDS):
            bound = operation.limit[:, kind]
            rise = sun[:, None] * effect[:, :, kind]
            added = np.minimum(held @ rise, problem.budget_units * rise.max(axis=0, initial=0.0))
            most = by_p * P + by_q * Q + by_u * U + added - np.where(np.isinf(bound), 0.0, bound)
            node = np.flatnonzero(np.isfinite(bound) & (most > 0))
            here = np.full(node.size, scenario), node, np.full(node.size, kind)
            parts.append(here)
            sizes.append((bound[node], most[node] + ROOM))
    scenarios, nodes, kinds = (np.concatenate(part) for part in zip(*parts, strict=True))
    bounds, mosts = (np.concatenate(part) for part in zip(*sizes, strict=True))
    return ChanceRows(scenarios, nodes, kinds, bounds, mosts)


def _effects(operation: Operation) -> FloatArray:
    """Most that a p.u. of a site adds on the left of each limit, (n_site, n_node, n_kind)."""
    n_site, n_kind = operation.problem.n_site, len(LIMIT_KINDS)
    effect = np.zeros((n_site, operation.n_node, n_kind))
    for column, node in enumerate(operation.col_node.tolist()):
        p = np.zeros(operation.n_node)
        p[node] = 1.0
        P, Q = operation.model.flows(p, operation.tan[column] * p)
        U = operation.model.sensitivity([node], operation.tan[column])[:, 0]
        here = np.stack([a * P + b * Q + c * U for a, b, c in LIMIT_KINDS], axis=1)
        site = operation.col_site[column]
        effect[site] = np.maximum(effect[site], here)
    return effect
