"""The methods of radial reconfiguration: ``start[+step…][+finish]``, or a finish alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pygridjl.core.methods import Backend, Method, Registry
from pygridjl.core.options import NoOptions, Options, option

__all__ = ["FEEDER_METHODS", "METHODS", "ForwardOptions"]

_BOTH: tuple[Backend, ...] = ("python", "julia")


@dataclass(frozen=True)
class ForwardOptions(Options):
    """Options of FORWARD.

    Attributes
    ----------
    weight_rule : {"eq2", "eq3"}
        Equation of the paper that weighs the edges of its Sampler.
    """

    weight_rule: Literal["eq2", "eq3"] = option("eq3", "equation that weighs the edges")


def _start(name: str, text: str, function: str, options: type[Options] = NoOptions) -> Method:
    """Return a start: ``function(problem[, options]) -> tree``."""
    return Method(
        name,
        text,
        f"pygridjl.reconfiguration.{function}",
        role="start",
        timed=False,
        options=options,
    )


METHODS = Registry(
    "reconfiguration",
    [
        _start("forward", "FORWARD, fast mode", "stages:forward_fast", ForwardOptions),
        _start(
            "forward-faithful",
            "FORWARD as the text of the paper means it",
            "stages:forward_faithful",
            ForwardOptions,
        ),
        _start(
            "forward-literal",
            "FORWARD as its pseudo-code is printed; may fail",
            "stages:forward_literal",
            ForwardOptions,
        ),
        _start(
            "maxflow",
            "maximum spanning tree on the meshed electrical flow",
            "heuristics:max_flow_tree",
        ),
        _start("mst", "minimum spanning tree on resistance", "heuristics:minimum_spanning_tree"),
        _start("spt", "shortest-path tree on resistance", "heuristics:shortest_path_tree"),
        _start(
            "sequential",
            "sequential opening of the branch of least current",
            "heuristics:sequential_opening",
        ),
        _start("base", "the base state of the network", "stages:base_tree"),
        # A step is function(run, trees, rng) -> trees.
        Method(
            "exchange",
            "branch exchange with exact deltas",
            "pygridjl.reconfiguration.stages:exchange",
            role="step",
        ),
        Method(
            "ils",
            "iterated local search",
            "pygridjl.reconfiguration.stages:local_search",
            role="step",
            seeded=True,
        ),
        # In Python a finish is function(run, incumbent) -> Certificate.
        Method(
            "exact",
            "cycle branch-and-bound on the linear model",
            "pygridjl.reconfiguration.stages:by_cycles",
            role="finish",
            proves=True,
        ),
        Method(
            "exact-ac",
            "cycle branch-and-bound on AC losses, for loads that only consume",
            "pygridjl.reconfiguration.stages:by_ac_cycles",
            role="finish",
            proves=True,
        ),
        Method(
            "highs",
            "outer approximation of the linear model by HiGHS",
            "pygridjl.reconfiguration.stages:by_highs",
            role="finish",
            backends=_BOTH,
            packages=("highspy",),
            proves=True,
        ),
        Method(
            "scip",
            "mixed-integer quadratic program of the linear model by SCIP",
            "pygridjl.reconfiguration.stages:by_scip",
            role="finish",
            backends=_BOTH,
            packages=("pyscipopt",),
            proves=True,
        ),
        Method(
            "scip-ac",
            "mixed-integer second-order cone program of the AC branch flow by SCIP",
            "pygridjl.reconfiguration.stages:by_scip_ac",
            role="finish",
            packages=("pyscipopt",),
            proves=True,
        ),
        Method(
            "pajarito",
            "outer approximation by Pajarito with HiGHS and Clarabel",
            role="finish",
            backends=("julia",),
            proves=True,
        ),
        Method(
            "juniper",
            "nonlinear branch and bound by Juniper with a tight Ipopt; proves nothing",
            role="finish",
            backends=("julia",),
        ),
        Method(
            "juniper-plain",
            "the same with Ipopt as it comes; has claimed false optima",
            role="finish",
            backends=("julia",),
        ),
    ],
)
"""What precedes a finish runs in Python; the finish runs where the backend says."""

_JULIA: tuple[Backend, ...] = ("julia",)

FEEDER_METHODS = Registry(
    "reconfiguration of a feeder",
    [
        Method(
            "lindist",
            "LinDist3Flow with quadratic losses, by HiGHS unless another solver is named",
            backends=_JULIA,
            proves=True,
        ),
        Method("acp", "the AC equations in polar voltages, by Juniper", backends=_JULIA),
        Method("acr", "the AC equations in rectangular voltages, by Juniper", backends=_JULIA),
        Method("ivr", "the AC equations in currents and voltages, by Juniper", backends=_JULIA),
        Method(
            "soc",
            "second-order cone relaxation of the branch flow, by Pajarito; its bound holds in AC",
            backends=_JULIA,
            proves=True,
        ),
    ],
    word="method",
)
"""The formulations of PowerModelsDistribution with states of switches."""
