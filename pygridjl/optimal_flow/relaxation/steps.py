"""Rows that a chain adds to its start."""

from __future__ import annotations

from typing import Any

from pygridjl.core.types import IntArray
from pygridjl.grid.network import Network
from pygridjl.optimal_flow.relaxation.cuts.currents import add_current_limits
from pygridjl.optimal_flow.relaxation.cuts.lifted_nonlinear import add_lifted_nonlinear
from pygridjl.optimal_flow.relaxation.cuts.minors import add_minors, triangles_of
from pygridjl.optimal_flow.relaxation.loops.bilinear import (
    add_recursive,
    add_squares,
    add_triangles,
)
from pygridjl.optimal_flow.relaxation.loops.pieces import chords, squares, triangles
from pygridjl.optimal_flow.relaxation.loops.standard import add_standard
from pygridjl.optimal_flow.relaxation.measures import cycle_basis
from pygridjl.optimal_flow.relaxation.methods import LoopOptions
from pygridjl.optimal_flow.relaxation.state import Relaxation

__all__ = ["artificial_pairs", "currents", "lifted_nonlinear", "loops", "minors"]


def artificial_pairs(network: Network, options: tuple[Any, ...]) -> IntArray | None:
    """Return the pairs that the options of a chain add to those of branches."""
    forms = [own.form for own in options if isinstance(own, LoopOptions)]
    cut = {"three": triangles, "four": squares}
    cycles = cycle_basis(network) if set(forms) & set(cut) else []
    pieces = [p for form in forms if form in cut for cycle in cycles for p in cut[form](cycle)]
    return chords(pieces) if pieces else None


def lifted_nonlinear(relaxation: Relaxation, _options: Any) -> None:
    """Add the lifted nonlinear cuts of every pair."""
    add_lifted_nonlinear(relaxation.program, relaxation.lifted)


def currents(relaxation: Relaxation, _options: Any) -> None:
    """Add limits of the currents of rated branches."""
    add_current_limits(relaxation.program, relaxation.lifted)


def minors(relaxation: Relaxation, _options: Any) -> None:
    """Add the minors of the triangles in the cliques."""
    triangles = triangles_of(relaxation.lifted)
    if not triangles.size:
        relaxation.notes.append("minors: the pairs hold no clique of three buses")
        return
    add_minors(relaxation.program, relaxation.lifted, triangles, "minor")


def loops(relaxation: Relaxation, options: LoopOptions) -> None:
    """Add the loop constraints of the cycle basis in one of their forms."""
    cycles = relaxation.cycles
    if options.form == "three":
        add_triangles(relaxation, [p for cycle in cycles for p in triangles(cycle)])
    elif options.form == "four":
        pieces = [p for cycle in cycles for p in squares(cycle)]
        add_squares(relaxation, [p for p in pieces if len(p) == 4])
        add_triangles(relaxation, [p for p in pieces if len(p) == 3])
    elif options.form == "recursive":
        for number, cycle in enumerate(cycles):
            add_recursive(relaxation, cycle, f"recursive-{number}")
    else:
        relaxation.monomials = add_standard(relaxation, cycles)
        relaxation.flowers = options.form == "flower"
