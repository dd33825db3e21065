"""The formulations of optimal power flow, of a network and of a feeder."""

from __future__ import annotations

from pygridjl.core.methods import Backend, Method, Registry

__all__ = ["FEEDER_FORMULATIONS", "NETWORK_FORMULATIONS"]

_BOTH: tuple[Backend, ...] = ("python", "julia")
_JULIA: tuple[Backend, ...] = ("julia",)

NETWORK_FORMULATIONS = Registry(
    "a network",
    [
        # In Python a formulation is function(grid, *, …, time_limit) -> result.
        Method(
            "acp",
            "the AC equations in polar voltages: a local optimum",
            "pygridjl.optimal_flow.forms.acp:ac_opf",
            backends=_BOTH,
            packages=("casadi",),
        ),
        Method("soc", "second-order cone relaxation", backends=_JULIA, proves=True),
        Method("qc", "quadratic convex relaxation", backends=_JULIA, proves=True),
        Method("sdp", "semidefinite relaxation", backends=_JULIA, proves=True),
        Method("dc", "linear approximation without losses", backends=_JULIA),
    ],
    word="formulation",
)

FEEDER_FORMULATIONS = Registry(
    "a feeder",
    [
        Method(
            "lindist",
            "LinDist3Flow, losses left out",
            "pygridjl.optimal_flow.forms.lindist:lindist_opf",
            backends=_BOTH,
            packages=("highspy",),
        ),
        Method("acp", "the AC equations in polar voltages: a local optimum", backends=_JULIA),
        Method("acr", "the AC equations in rectangular voltages", backends=_JULIA),
        Method("ivr", "the AC equations in currents and voltages", backends=_JULIA),
        Method("soc", "second-order cone relaxation of the branch flow", backends=_JULIA),
    ],
    word="formulation",
)
