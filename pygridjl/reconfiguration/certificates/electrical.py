"""The cheapest certificate: one linear solve."""

from __future__ import annotations

from pygridjl.core.jit import working_time
from pygridjl.core.result import Status
from pygridjl.reconfiguration.certificates.certificate import Certificate
from pygridjl.reconfiguration.electrical import electrical_flow
from pygridjl.reconfiguration.problem import RadialProblem

__all__ = ["electrical_bound"]


def electrical_bound(problem: RadialProblem) -> Certificate:
    """Bound every configuration by the loss of the network with all branches closed.

    Parameters
    ----------
    problem : RadialProblem
        The problem.

    Returns
    -------
    Certificate
        Energy of the electrical flow, kW; no incumbent.
    """
    start = working_time()
    bound = electrical_flow(problem).energy * problem.kw
    return Certificate(
        bound=bound,
        incumbent=None,
        objective=None,
        status=Status.NOT_FOUND,
        nodes=0,
        seconds=working_time() - start,
        method="electrical_bound",
        engine="pygridjl",
    )
