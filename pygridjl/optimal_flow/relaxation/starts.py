"""Where a chain of relaxations begins."""

from __future__ import annotations

import numpy as np

from pygridjl.core.types import IntArray
from pygridjl.grid.network import Network
from pygridjl.optimal_flow.relaxation.base import add_angle_rows, base_program
from pygridjl.optimal_flow.relaxation.box import first_box
from pygridjl.optimal_flow.relaxation.cones import add_jabr, add_semidefinite
from pygridjl.optimal_flow.relaxation.cuts.currents import add_current_limits
from pygridjl.optimal_flow.relaxation.cuts.envelopes import add_quadratic_envelopes
from pygridjl.optimal_flow.relaxation.cuts.minors import triangles_of
from pygridjl.optimal_flow.relaxation.lifted import lift
from pygridjl.optimal_flow.relaxation.state import Relaxation

__all__ = ["no_jabr", "qc", "sdp", "soc"]


def _begin(network: Network, *, chordal: bool, artificial: IntArray | None) -> Relaxation:
    lifted = lift(network, chordal=chordal, artificial=artificial)
    box = first_box(lifted)
    triangles = triangles_of(lifted)
    box.propagate(lifted, triangles)
    program = base_program(lifted)
    add_angle_rows(program, lifted)
    return Relaxation(lifted, program, box, triangles)


def no_jabr(network: Network, artificial: IntArray | None) -> Relaxation:
    """Slides' model (2): nothing joins c and s to the magnitudes but their bounds."""
    return _begin(network, chordal=False, artificial=artificial)


def soc(network: Network, artificial: IntArray | None) -> Relaxation:
    """Jabr's inequality on every pair."""
    relaxation = _begin(network, chordal=False, artificial=artificial)
    add_jabr(relaxation.program, relaxation.lifted)
    return relaxation


def qc(network: Network, artificial: IntArray | None) -> Relaxation:
    """Jabr's inequality, envelopes of sines, cosines and products, limits of currents."""
    relaxation = soc(network, artificial)
    lifted = relaxation.lifted
    wide = lifted.real & (abs(relaxation.box.angle).max(axis=0) > np.pi / 2)
    if wide.any():
        relaxation.notes.append(
            f"{int(wide.sum())} pairs of buses have angle limits beyond a quarter turn: their "
            "sines and cosines have no envelope"
        )
    add_quadratic_envelopes(relaxation.program, lifted, relaxation.cycles)
    add_current_limits(relaxation.program, lifted)
    return relaxation


def sdp(network: Network, artificial: IntArray | None) -> Relaxation:
    """Positive semidefinite cliques of a chordal extension."""
    relaxation = _begin(network, chordal=True, artificial=artificial)
    add_semidefinite(relaxation.program, relaxation.lifted)
    return relaxation
