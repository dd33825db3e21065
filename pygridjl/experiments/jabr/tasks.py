"""The slides' four configurations, every form of the loop constraint, and tightening."""

from __future__ import annotations

import time
from collections.abc import Mapping
from itertools import pairwise
from typing import Any, get_args

import numpy as np

from pygridjl.core.options import NoOptions
from pygridjl.core.types import FloatArray
from pygridjl.grid.cases import get_case
from pygridjl.grid.network import Branches, Buses, Generators, Loads, Network
from pygridjl.optimal_flow.relaxation.lifted import Lifted
from pygridjl.optimal_flow.relaxation.measures import loop_errors
from pygridjl.optimal_flow.relaxation.methods import METHODS, LoopForm, LoopOptions, MixedOptions
from pygridjl.optimal_flow.relaxation.mixed import with_signs
from pygridjl.optimal_flow.relaxation.root import solve_root
from pygridjl.optimal_flow.relaxation.solve import relax
from pygridjl.optimal_flow.relaxation.state import Relaxation, Run
from pygridjl.optimal_flow.relaxation.steps import loops
from pygridjl.study.task import Plan, Row, Task

__all__ = ["plan", "rings", "slides_network", "unoriented_norm"]

# Seconds for the mixed-integer model: it ends at its gap long before on an idle machine.
TREE_SECONDS = 60.0


def plan(_options: NoOptions) -> Plan:
    """List the table of the slides, the forms on two networks, and what closes the gap."""
    table = [
        Task({"jabr": jabr, "loops": with_loops}, _configuration)
        for with_loops in (False, True)
        for jabr in (False, True)
    ]
    forms = [
        Task({"network": network, "form": form}, _form)
        for network in ("case14", "rings")
        for form in ("none", *get_args(LoopForm))
    ]
    closing = [
        Task({"method": method, "tolerance": tolerance}, _closing)
        for method, tolerance in (
            ("soc", 1e-4),
            ("soc+loops+obbt", 1e-4),
            ("soc+loops+obbt", 5e-7),
            ("sdp", 1e-4),
            ("sdp+lnc+currents+minors+obbt", 1e-6),
        )
    ]
    return Plan({"table": table, "forms": forms, "closing": closing})


def slides_network() -> Network:
    """Return case14 as the slides' model (2) has it: no bus shunts, cosines not negative."""
    network = get_case("case14")
    half = np.pi / 2
    return network.replace(
        buses=network.buses.replace(gs=0.0, bs=0.0),
        branches=network.branches.replace(
            angle_min=np.maximum(network.branches.angle_min, -half),
            angle_max=np.minimum(network.branches.angle_max, half),
        ),
    )


def rings() -> Network:
    """Return a network of three cycles with five, six and seven buses that share one bus."""
    ends: list[tuple[int, int]] = []
    last = 0
    for size in (5, 6, 7):
        ends += list(pairwise([0, *range(last + 1, last + size), 0]))
        last += size - 1
    f, t = np.array(ends).T
    n, m = last + 1, len(ends)
    turn = np.full(m, np.pi / 6)
    return Network(
        "rings",
        100.0,
        Buses(np.arange(n).astype(np.str_), v_min=np.full(n, 0.94), v_max=np.full(n, 1.06)),
        Branches(
            np.arange(1, m + 1),
            f,
            t,
            0.01 + 0.04 * ((7 * np.arange(m)) % 10) / 10,
            0.05 + 0.15 * ((3 * np.arange(m)) % 10) / 10,
            angle_min=-turn,
            angle_max=turn,
        ),
        Generators(
            np.array(["a", "b"]),
            np.array([0, 7]),
            p_min=np.zeros(2),
            p_max=np.array([3.0, 1.0]),
            q_min=np.array([-2.0, -1.0]),
            q_max=np.array([2.0, 1.0]),
            slack=np.array([True, False]),
            cost=np.array([[20.0, 2000.0, 0.0], [30.0, 1500.0, 0.0]]),
        ),
        Loads(np.arange(1, n).astype(np.str_), np.arange(1, n), np.full(n - 1, 0.1)),
    )


def unoriented_norm(
    lifted: Lifted, relaxation: Relaxation, point: tuple[FloatArray, FloatArray, FloatArray]
) -> float:
    """Return the slides' measure: (5) with s of every pair taken as it is stored.

    It is no error of the loop: s changes its sign with the sense in which a branch is walked, so
    operating points do not have zero here.
    """
    w, c, s = point
    pair_of = lifted.pair_of()
    total = 0.0
    for cycle in relaxation.cycles:
        pairs = [pair_of[min(e), max(e)] for e in cycle.steps()]
        around = np.prod(c[pairs] + 1j * s[pairs])
        total += float(around.real - np.prod(w[list(cycle.nodes)])) ** 2
    return float(np.sqrt(total))


def _configuration(asked: Mapping[str, Any]) -> Row:
    """One cell of the slides' table, with integers where they have loops."""
    network = slides_network()
    relaxation: Relaxation = METHODS["soc" if asked["jabr"] else "no-jabr"].load()(network, None)
    if asked["loops"]:
        loops(relaxation, LoopOptions(form="standard"))
    answer = solve_root(relaxation.compile(), relaxation.box)
    convex = relaxation.point(answer.x)
    begun = time.perf_counter()
    run = Run(begun, begun + TREE_SECONDS, None, 1e-4)
    run.better("root", answer.bound, begun)
    if asked["loops"]:
        answer = with_signs(relaxation, MixedOptions(), run, answer)
    point = relaxation.point(answer.x)
    errors = loop_errors(relaxation.lifted, relaxation.cycles, *point)
    return {
        "objective": answer.objective,
        "unoriented": 100 * unoriented_norm(relaxation.lifted, relaxation, point),
        "oriented_real": 100 * errors.real_norm,
        "oriented_complex": 100 * errors.complex_norm,
        "convex_unoriented": 100 * unoriented_norm(relaxation.lifted, relaxation, convex),
    }


def _form(asked: Mapping[str, Any]) -> Row:
    network = get_case("case14") if asked["network"] == "case14" else rings()
    bare = asked["form"] == "none"
    answer = (
        relax(network, "soc")
        if bare
        else relax(network, "soc+loops", options={"form": asked["form"]})
    )
    return {
        "objective": answer.objective,
        "gap_percent": None if answer.gap is None else 100 * answer.gap,
        "complex_error": answer.loop_error,
        "lengths": list(answer.loop_lengths),
        "seconds": answer.seconds["build"] + answer.seconds["solve"],
    }


def _closing(asked: Mapping[str, Any]) -> Row:
    answer = relax(get_case("case14"), asked["method"], tolerance=asked["tolerance"])
    return {
        "bound": answer.bound,
        "gap_percent": None if answer.gap is None else 100 * answer.gap,
        "real_error": answer.loop_error_real,
        "complex_error": answer.loop_error,
        "rounds": len(answer.rounds) - 1,
        "seconds": sum(answer.seconds.values()) - answer.seconds.get("ac", 0.0),
    }
