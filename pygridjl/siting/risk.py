"""Expectation and conditional value at risk: how much each scenario counts at a decision."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pygridjl.core.types import FloatArray

__all__ = ["Risk"]


@dataclass(frozen=True)
class Risk:
    """(1 − share) · expectation + share · CVaR.

    CVaR is the mean of the worst 1 − level of the hours (Rockafellar and Uryasev 2000). Over
    finitely many scenarios it is the largest mean under weights of at most p / (1 − level), so
    that the weights found at one decision give a plane below it everywhere.

    Attributes
    ----------
    share : float
        Weight of the CVaR, above 0 and at most 1.
    level : float
        Share of the hours that are not among the worst, at least 0 and below 1.
    """

    share: float
    level: float

    def __str__(self) -> str:
        return (
            f"{self.share:g} of CVaR over the worst {100 * (1 - self.level):g} % of the hours, "
            f"{1 - self.share:g} of the expectation"
        )

    def weights(self, probability: FloatArray, value: FloatArray) -> FloatArray:
        """Return the weight of each scenario; they sum to one.

        Parameters
        ----------
        probability : ndarray, shape (S,)
            Sum one.
        value : ndarray, shape (S,)
            What each scenario is worth; the larger the worse.
        """
        most = probability / (1 - self.level)
        order = np.argsort(-value, kind="stable")
        before = np.concatenate([[0.0], np.cumsum(most[order])[:-1]])
        worst = np.zeros_like(probability)
        worst[order] = np.clip(1.0 - before, 0.0, most[order])
        return np.asarray((1 - self.share) * probability + self.share * worst)
