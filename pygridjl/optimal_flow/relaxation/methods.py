"""The relaxations by name: a start, then what tightens it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from pygridjl.core.methods import Method, Registry
from pygridjl.core.options import Options, option

__all__ = ["METHODS", "LoopForm", "LoopOptions", "MixedOptions", "TightenOptions"]

LoopForm: TypeAlias = Literal["three", "four", "recursive", "standard", "flower"]

_ROOM = "pygridjl.optimal_flow.relaxation"


@dataclass(frozen=True)
class LoopOptions(Options):
    """Options of the loop constraints."""

    form: LoopForm = option(
        "three",
        "triangles or squares by artificial branches, products step by step, or the standard "
        "relaxation of every monomial without or with flower inequalities",
    )


@dataclass(frozen=True)
class MixedOptions(Options):
    """Options of the models with signs or equalities."""

    gap: float = option(1e-4, "relative gap at which the tree search stops", above=0)


@dataclass(frozen=True)
class TightenOptions(Options):
    """Options of optimisation-based bound tightening."""

    max_rounds: int = option(100, "rounds of tightening at most", least=1)
    n_jobs: int = option(2, "processes", least=1)
    share: float = option(0.34, "share of the pairs, widest first, in a round", above=0)


METHODS = Registry(
    "relaxations",
    [
        Method(
            "soc",
            "Jabr's inequality on every pair of buses: second-order cones",
            f"{_ROOM}.starts:soc",
            role="start",
            proves=True,
        ),
        Method(
            "no-jabr",
            "squares, sines and cosines as free products: linear flows alone",
            f"{_ROOM}.starts:no_jabr",
            role="start",
            proves=True,
        ),
        Method(
            "qc",
            "second-order cones, envelopes of sines, cosines and products, limits of currents",
            f"{_ROOM}.starts:qc",
            role="start",
            proves=True,
        ),
        Method(
            "sdp",
            "positive semidefinite cliques of a chordal extension",
            f"{_ROOM}.starts:sdp",
            role="start",
            proves=True,
        ),
        Method(
            "lnc",
            "lifted nonlinear cuts of the bounds on magnitudes and angles",
            f"{_ROOM}.steps:lifted_nonlinear",
            role="step",
            proves=True,
        ),
        Method(
            "currents",
            "squared currents that ratings and voltages allow; part of qc",
            f"{_ROOM}.steps:currents",
            role="step",
            proves=True,
        ),
        Method(
            "minors",
            "2×2 minors around the triangles of the cliques, products in envelopes",
            f"{_ROOM}.steps:minors",
            role="step",
            proves=True,
        ),
        Method(
            "loops",
            "loop constraints of a minimum cycle basis, in the form of --form",
            f"{_ROOM}.steps:loops",
            LoopOptions,
            role="step",
            proves=True,
        ),
        Method(
            "obbt",
            "optimisation-based bound tightening below the cost of an AC operating point",
            f"{_ROOM}.tighten.rounds:bound_tightening",
            TightenOptions,
            role="finish",
            proves=True,
        ),
        Method(
            "signs",
            "the sign variables of form standard or flower as integers, by HiGHS on cone cuts",
            f"{_ROOM}.mixed:with_signs",
            MixedOptions,
            role="finish",
        ),
        Method(
            "equality",
            "Jabr's equality instead of the cone: nonconvex, by SCIP, for small networks",
            f"{_ROOM}.mixed:with_equality",
            MixedOptions,
            role="finish",
        ),
    ],
)
