"""The methods of siting and their options."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pygridjl.core.methods import Method, Registry
from pygridjl.core.options import Options, option
from pygridjl.siting.tolerance import Tolerance

__all__ = [
    "METHODS",
    "BendersOptions",
    "ExtensiveOptions",
    "HedgingOptions",
    "MasterKind",
    "Sides",
    "SparOptions",
    "StepRule",
]

StepRule = Literal[1, 2, 3]
Sides = Literal["right", "left", "both"]
MasterKind = Literal["auto", "epigraph", "lambda"]

_EXPLORED = 20
_IMPROVEMENT_GAP = 0.01
_GAP = "relative gap between answer and bound at which to stop"
_OPEN = "share of the possible improvement that may stay open; 0.01 unless a gap is given"


@dataclass(frozen=True)
class _ProvingOptions(Options):
    """What methods share that stop once their bound is near enough."""

    improvement_gap: float | None = option(None, _OPEN, above=0, most=0.5)
    gap: float | None = option(None, f"{_GAP} instead, or as well", least=1e-6)

    @property
    def tolerance(self) -> Tolerance:
        """When to stop."""
        shared = _IMPROVEMENT_GAP if self.gap is None else None
        return Tolerance(self.improvement_gap or shared, self.gap)


@dataclass(frozen=True)
class SparOptions(Options):
    """Options of SPAR, Algorithms 1 and 3 of the paper.

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
    state : str, optional
        File the run is saved to every ``save_every`` iterations and continued from if it exists.
        It is kept at the end.
    """

    max_iterations: int = option(80, "iterations at most", least=1, most=1_000_000)
    batch: int = option(
        1, "scenarios an iteration (paper: 1; 8 is steadier)", least=1, most=1_000_000
    )
    step_rule: StepRule = option(1, "how fast steps shrink")
    sides: Sides = option("both", "slopes that a subgradient updates")
    explore: int | None = option(
        None, "random decisions in so many first iterations; 20, or a quarter if fewer", least=0
    )
    master: MasterKind = option("auto", "how the learned functions are minimised")
    window: int = option(20, "iterations of the moving average", least=1)
    tolerance: float = option(0.0, "rest of the moving average that ends a run", least=0)
    snapshots: int = option(5, "first iterations whose slopes are kept", least=0)
    save_every: int = option(20, "iterations between saved states", least=1)
    state: str | None = option(None, "file to save to and to go on from")

    @property
    def exploration(self) -> int:
        """Number of first iterations with random decisions."""
        if self.explore is not None:
            return self.explore
        return min(_EXPLORED, self.max_iterations // 4)


@dataclass(frozen=True)
class BendersOptions(_ProvingOptions):
    """Options of the Benders decomposition.

    Attributes
    ----------
    improvement_gap : float, optional
        Share of the possible improvement (value without units minus bound) that may stay open;
        0.01 unless ``gap`` is given.
    gap : float, optional
        Relative gap between incumbent and bound at which the search ends; with
        ``improvement_gap`` both must be reached.
    multi_cut : bool
        One plane for each scenario instead of one for the expectation: fewer iterations of a
        larger master. It pays where scenarios are few or bend at different decisions.
    max_iterations : int
        Iterations at most.
    """

    multi_cut: bool = option(False, "one plane for each scenario instead of one for all")
    max_iterations: int = option(1000, "iterations at most", least=1, most=1_000_000)


@dataclass(frozen=True)
class ExtensiveOptions(_ProvingOptions):
    """Options of the extensive form.

    Attributes
    ----------
    improvement_gap, gap : float, optional
        As in :class:`BendersOptions`.
    """


@dataclass(frozen=True)
class HedgingOptions(Options):
    """Options of progressive hedging.

    Attributes
    ----------
    gap : float
        Relative gap of each scenario's program.
    rho : float, optional
        Penalty of one unit; by default that of the mean subgradient without units.
    max_iterations : int
        Iterations at most.
    convergence : float
        mpi-sppy's measure of disagreement at which it stops.
    """

    gap: float = option(1e-3, _GAP, above=0)
    rho: float | None = option(None, "penalty of one unit; that of the mean gradient", above=0)
    max_iterations: int = option(20, "iterations at most", least=1, most=1_000_000)
    convergence: float = option(1e-3, "disagreement of the scenarios at which to stop", least=0)


# A method is function(problem, scenarios, second_stage[, options], *, …) -> SitingResult with seed
# where it is seeded, time_limit and on_progress where it watches the clock.
METHODS = Registry(
    "siting",
    [
        Method(
            "spar",
            "learned separable approximation: fast, without bound",
            "pygridjl.siting.methods.spar:spar",
            SparOptions,
            backends=("python", "julia"),
            seeded=True,
        ),
        Method(
            "benders",
            "cuts from every scenario: proves its bound",
            "pygridjl.siting.methods.benders:benders",
            BendersOptions,
            backends=("python", "julia"),
            packages=("highspy",),
            proves=True,
        ),
        Method(
            "extensive",
            "all scenarios in one mixed-integer program",
            "pygridjl.siting.methods.extensive:extensive",
            ExtensiveOptions,
            backends=("python", "julia"),
            packages=("highspy",),
            proves=True,
        ),
        Method(
            "hedging",
            "progressive hedging by mpi-sppy, scenario by scenario",
            "pygridjl.siting.methods.hedging:hedging",
            HedgingOptions,
            backends=("python", "julia"),
            packages=("highspy", "pyomo", "mpi-sppy"),
            proves=True,
        ),
        Method(
            "greedy",
            "one look at the mean gradient without units",
            "pygridjl.siting.methods.baselines:greedy",
            backends=("python", "julia"),
            proves=True,
            timed=False,
        ),
        Method(
            "random",
            "one random decision",
            "pygridjl.siting.methods.baselines:random_siting",
            backends=("python", "julia"),
            seeded=True,
            timed=False,
        ),
        Method(
            "none",
            "the feeder as it is",
            "pygridjl.siting.methods.baselines:no_dg",
            backends=("python", "julia"),
            timed=False,
        ),
    ],
)
"""Backend "julia" solves the second stage in Julia, under any method."""
