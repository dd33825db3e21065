"""Rows that a chain adds to its start."""

from __future__ import annotations

from typing import Any

from pygridjl.optimal_flow.relaxation.cuts.lifted_nonlinear import add_lifted_nonlinear
from pygridjl.optimal_flow.relaxation.cuts.minors import add_minors, triangles_of
from pygridjl.optimal_flow.relaxation.state import Relaxation

__all__ = ["lifted_nonlinear", "minors"]


def lifted_nonlinear(relaxation: Relaxation, _options: Any) -> None:
    """Add the lifted nonlinear cuts of every pair."""
    add_lifted_nonlinear(relaxation.program, relaxation.lifted)


def minors(relaxation: Relaxation, _options: Any) -> None:
    """Add the minors of the triangles in the cliques."""
    triangles = triangles_of(relaxation.lifted)
    if not triangles.size:
        relaxation.notes.append("minors: the pairs hold no clique of three buses")
        return
    add_minors(relaxation.program, relaxation.lifted, triangles, "minor")
