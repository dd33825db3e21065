"""Weight rules: how probable the step of a random walk over each edge is (FORWARD, section IV).

The paper leaves open what some symbols of eqs (2) and (3) mean. Here they are read so:

* Eq. (2) writes p_j and eq. (3) d_j for the same thing. Both are the power that node j asks for
  *now*: minus the balance of j after the Pre-processor and the Islander, or of the tree that j
  belongs to. (The demand in the data would ignore all that was folded into j.)
* h̃(T) is "the accumulated cost of the line": the sum of the step costs R d² of all edges sampled
  into tree T so far, as estimated when each was sampled. Two trees that merge add theirs.
* Eq. (2) is a cost; its weight is the reciprocal, since the probable step is the cheap one.
* x/0 is infinite (a step that costs nothing is the most probable) and 0/0 is 0 (a walk with no
  power left goes nowhere).
* The normalisation over all candidates divides by one common number and is left out: it changes
  no order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from pygridjl.core.errors import InvalidOptionError
from pygridjl.core.types import FloatArray

__all__ = ["WEIGHT_RULES", "PowerLawRule", "WeightRule", "weight_rule_named"]


@runtime_checkable
class WeightRule(Protocol):
    """What the Sampler asks of a rule. All arrays have one entry a candidate edge i → j."""

    def step_cost(self, resistance: FloatArray, demand: FloatArray) -> FloatArray:
        """Estimate the cost of a step, which h̃ accumulates.

        Parameters
        ----------
        resistance : ndarray, shape (c,)
            R of the edge, p.u.
        demand : ndarray, shape (c,)
            d_j ≥ 0, p.u.

        Returns
        -------
        ndarray, shape (c,)
        """
        ...

    def weight(self, supply: FloatArray, cost: FloatArray, accumulated: FloatArray) -> FloatArray:
        """Weigh the candidates; the largest is the most probable.

        Parameters
        ----------
        supply : ndarray, shape (c,)
            p_i > 0, the power left in the tree of i, p.u.
        cost : ndarray, shape (c,)
            :meth:`step_cost` of the edge.
        accumulated : ndarray, shape (c,)
            h̃ of the tree of i.

        Returns
        -------
        ndarray, shape (c,)
            Never NaN.
        """
        ...


@dataclass(frozen=True)
class PowerLawRule:
    """w = p_i^a / (R d_j^b + c h̃): the family that eqs (2) and (3) belong to.

    In this family the order of the candidates of one tree does not depend on the tree, which is
    what mode ``fast`` lives on.

    Attributes
    ----------
    supply_exponent : float
        a ≥ 0; 1 in eq. (3), 0 in the reciprocal of eq. (2).
    demand_exponent : float
        b ≥ 0; 2 in both.
    accumulation : float
        c ≥ 0; 1 in both.
    """

    supply_exponent: float
    demand_exponent: float = 2.0
    accumulation: float = 1.0

    def step_cost(self, resistance: FloatArray, demand: FloatArray) -> FloatArray:
        """Return R d^b, shape (c,)."""
        return resistance * demand**self.demand_exponent

    def weight(self, supply: FloatArray, cost: FloatArray, accumulated: FloatArray) -> FloatArray:
        """Return p^a / (cost + c h̃), shape (c,), with x/0 = ∞ and 0/0 = 0."""
        numerator = supply**self.supply_exponent
        denominator = cost + self.accumulation * accumulated
        free = np.where(numerator > 0, np.inf, 0.0)
        return np.divide(numerator, denominator, out=free, where=denominator > 0)


WEIGHT_RULES: dict[str, WeightRule] = {
    "eq2": PowerLawRule(supply_exponent=0.0),
    "eq3": PowerLawRule(supply_exponent=1.0),
}
"""Rules by name."""


def weight_rule_named(rule: str | WeightRule) -> WeightRule:
    """Look a rule up by its name; a rule comes back as it is.

    Parameters
    ----------
    rule : str or WeightRule
        A key of :data:`WEIGHT_RULES`, or an object with the methods of :class:`WeightRule`.

    Returns
    -------
    WeightRule

    Raises
    ------
    InvalidOptionError
        If it is neither.
    """
    if isinstance(rule, str):
        if rule not in WEIGHT_RULES:
            raise InvalidOptionError(f"weight_rule: {rule!r} is none of {', '.join(WEIGHT_RULES)}")
        return WEIGHT_RULES[rule]
    if not isinstance(rule, WeightRule):
        raise InvalidOptionError(
            f"weight_rule: {type(rule).__name__} has no methods step_cost and weight"
        )
    return rule
