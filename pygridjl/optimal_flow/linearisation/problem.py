"""What a linearisation point is chosen for: a network, its uncertain loads, a training sample."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from pygridjl.core.arguments import generator
from pygridjl.core.errors import InvalidOptionError
from pygridjl.core.result import Status
from pygridjl.core.types import ComplexArray, FloatArray
from pygridjl.grid.network import Network
from pygridjl.optimal_flow.forms.acp import AcOpf
from pygridjl.optimal_flow.linearisation.linear_model import assert_linearisable
from pygridjl.scenarios.load_factors import LoadDraws, LoadModel

__all__ = ["PROXIMAL", "AcBatch", "LinearisationProblem", "linearisation_problem", "with_ratings"]

# Weight of the proximal term unless another is asked for: it decides among answers of nearly the
# same cost, and changes the cost itself by about a millionth.
PROXIMAL = 1e-3


@dataclass(frozen=True, eq=False)
class AcBatch:
    """AC optima of many loads, one row each; rows without an answer hold NaN.

    Attributes
    ----------
    objective : ndarray, shape (S,)
        Cost per hour.
    voltage : ndarray of complex, shape (S, n_bus)
        Voltages, p.u.
    """

    objective: FloatArray
    voltage: ComplexArray


@dataclass(frozen=True, eq=False)
class LinearisationProblem:
    """A network with uncertain loads, checked once.

    Attributes
    ----------
    network : Network
        The network.
    loads : LoadModel
        What its loads may be.
    draws : LoadDraws
        Training sample: what points are computed from.
    seed : int
        Of the training sample.
    proximal : float
        Weight of the proximal term of the linearised model.
    """

    network: Network
    loads: LoadModel
    draws: LoadDraws
    seed: int
    proximal: float
    _known: dict[bytes, tuple[float, ComplexArray]] = field(default_factory=dict, repr=False)

    @cached_property
    def ac(self) -> AcOpf:
        """The AC optimal power flow, kept alive."""
        return AcOpf(self.network)

    def ac_point(self, demand: ComplexArray) -> tuple[float, ComplexArray]:
        """Return cost and voltages of the AC optimum for a load; NaN where none is found."""
        key = demand.tobytes()
        if key not in self._known:
            loads = (np.ascontiguousarray(demand.real), np.ascontiguousarray(demand.imag))
            point = self.ac.solve(loads, start="previous")
            if point.status is not Status.FEASIBLE:
                point = self.ac.solve(loads)
            found = point.status is Status.FEASIBLE and point.objective is not None
            voltage = point.vm * np.exp(1j * point.va) if found else np.full(demand.size, np.nan)
            cost = point.objective if found and point.objective is not None else np.nan
            self._known[key] = (cost, voltage.astype(complex))
        return self._known[key]

    def ac_batch(self, draws: LoadDraws) -> AcBatch:
        """Solve the AC optimal power flow for every draw."""
        points = [self.ac_point(row) for row in draws.demand]
        return AcBatch(np.array([cost for cost, _ in points]), np.array([v for _, v in points]))


def with_ratings(network: Network, mva: float) -> Network:
    """Return a copy whose branches all have one rating.

    Parameters
    ----------
    network : Network
        The network.
    mva : float
        The rating, MVA.

    Raises
    ------
    InvalidOptionError
        If it is not positive.
    """
    if not (np.isfinite(mva) and mva > 0):
        raise InvalidOptionError(f"line limit: must be a positive number of MVA, is {mva}")
    rating = np.full(network.n_branch, mva / network.base_mva)
    return network.replace(branches=network.branches.replace(rating=rating))


def linearisation_problem(
    network: Network, loads: LoadModel, *, samples: int, seed: int, proximal: float
) -> LinearisationProblem:
    """Check a network and its loads, and draw the training sample.

    Parameters
    ----------
    network : Network
        The network.
    loads : LoadModel
        Its loads.
    samples : int
        Size of the training sample.
    seed : int
        Of the sample.
    proximal : float
        Weight of the proximal term.

    Returns
    -------
    LinearisationProblem
        The problem.

    Raises
    ------
    InvalidNetworkError, InvalidOptionError
        If something cannot be used.
    """
    assert_linearisable(network)
    if loads.constant.size != network.n_bus:
        raise InvalidOptionError(
            f"loads {loads.name!r}: are for {loads.constant.size} buses, the network has "
            f"{network.n_bus}"
        )
    if not (np.isfinite(proximal) and proximal >= 0):
        raise InvalidOptionError(f"proximal: must be a number of at least 0, is {proximal}")
    draws = loads.draw(samples, generator(seed))
    return LinearisationProblem(network, loads, draws, seed, proximal)
