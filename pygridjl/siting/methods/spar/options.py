"""What a SPAR run can be told."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import get_args

from pygridjl.core.errors import InvalidOptionError
from pygridjl.siting.methods.spar.masters import MasterKind
from pygridjl.siting.methods.spar.slopes import Sides
from pygridjl.siting.methods.spar.steps import StepRule, step_size

__all__ = ["SparOptions"]

EXPLORED = 20


@dataclass(frozen=True)
class SparOptions:
    """Options of Algorithms 1 and 3.

    Attributes
    ----------
    max_iterations : int
        Iterations at most. The paper needed 80 on average.
    batch : int
        Scenarios drawn an iteration; their mean subgradient updates the slopes. One, as in the
        paper, is noisy where hours differ much; some eight give steadier and better decisions
        for little more time.
    step_rule : {1, 2, 3}
        See :func:`~pygridjl.siting.methods.spar.steps.step_size`.
    sides : {"right", "left", "both"}
        Which slopes a subgradient updates; see
        :func:`~pygridjl.siting.methods.spar.slopes.update_slopes`.
    explore : int, optional
        So many first iterations take random decisions instead of the best of the approximation
        (offered by the paper, which does not say how many it took). By default 20, at most a
        quarter of ``max_iterations``: without any, the sites whose first samples were best keep
        the number of sites to themselves, which on the 9500-node feeder cost a third of the
        improvement.
    master : {"auto", "epigraph", "lambda"}
        See :func:`~pygridjl.siting.methods.spar.masters.solve_master`.
    window : int
        Length of the moving average of the approximate objective.
    tolerance : float
        The run ends when the moving average moves by less than this share of itself (lost in the
        paper). 0, the default, runs all iterations: on samples of one scenario a small move is
        often chance.
    snapshots : int
        So many first iterations whose learned slopes are kept in the result.
    save_every : int
        Iterations between saved states; the second stage is reset at the same points, so that a
        resumed run goes the same way.
    """

    max_iterations: int = 80
    batch: int = 1
    step_rule: StepRule = 1
    sides: Sides = "both"
    explore: int | None = None
    master: MasterKind = "auto"
    window: int = 20
    tolerance: float = 0.0
    snapshots: int = 5
    save_every: int = 20

    def __post_init__(self) -> None:
        for name, least in (
            ("max_iterations", 1),
            ("batch", 1),
            ("window", 1),
            ("snapshots", 0),
            ("save_every", 1),
        ):
            value = getattr(self, name)
            if value < least:
                raise InvalidOptionError(f"{name} must be at least {least}, not {value}")
        if self.exploration < 0:
            raise InvalidOptionError(f"explore must be at least 0, not {self.explore}")
        if not (math.isfinite(self.tolerance) and self.tolerance >= 0):
            raise InvalidOptionError(f"tolerance must be at least 0, not {self.tolerance}")
        for name, kinds in (("sides", Sides), ("master", MasterKind)):
            value = getattr(self, name)
            if value not in get_args(kinds):
                allowed = ", ".join(repr(v) for v in get_args(kinds))
                raise InvalidOptionError(f"{name} must be one of {allowed}, not {value!r}")
        step_size(self.step_rule, 1)

    @property
    def exploration(self) -> int:
        """Number of first iterations with random decisions."""
        if self.explore is not None:
            return self.explore
        return min(EXPLORED, self.max_iterations // 4)
