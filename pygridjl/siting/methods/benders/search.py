"""Benders step by step: relax, settle on few sites, descend, search until nothing is better."""

from __future__ import annotations

import numpy as np

from pygridjl.core.errors import SolverError
from pygridjl.core.result import Status, Stopwatch, relative_gap
from pygridjl.core.stopping import hold
from pygridjl.core.types import FloatArray, IntArray
from pygridjl.siting.check import (
    check_units,
)
from pygridjl.siting.conclude import siting_result
from pygridjl.siting.first_stage.allocation import allocate
from pygridjl.siting.first_stage.rows import refilled
from pygridjl.siting.methods.benders.clock import evaluate_within
from pygridjl.siting.methods.benders.master import Master
from pygridjl.siting.methods.benders.settling import Settling
from pygridjl.siting.progress import hold_decision
from pygridjl.siting.result import SitingResult, improvement_captured
from pygridjl.siting.second_stage.protocol import (
    ExpectedValue,
    SecondStage,
    expected_value,
)
from pygridjl.siting.tolerance import Tolerance
from pygridjl.solvers.status import SolverStatus

__all__ = ["BendersSearch"]

# Part of the wanted gap at which the relaxation ends; it also ends when its bound has risen by
# less than PATIENCE_SHARE of the gap in PATIENCE planes.
RELAXED_SHARE = 0.2
PATIENCE, PATIENCE_SHARE = 10, 0.5
# Where between bound and best value the level lies that the next point must be allowed to have.
LEVEL = 0.5
# Planes kept for each group of scenarios, and at least.
PLANES_A_GROUP, PLANES = 30, 160
# Sites whose cap gets a linear program of its own, and the share of the time left they may take.
PROBED, PROBED_TIME = 200, 0.2
# Such a point keeps so many sites at most, and none with fewer units: columns cost time, and a
# plane is valid wherever it is taken.
MOST_SITES, FEWEST = 40, 0.05
# The first search looks at so many times the number of sites that may be used.
CANDIDATES = 3
# Part of the gap by which a neighbour of the incumbent must be able to be better.
DESCENT_SHARE = 0.1
# After so many neighbours in a row that are not better, the search looks elsewhere.
MISSES = 20
# Part of the gap by which the sites of the incumbent must be able to make it better.
POLISH_SHARE = 0.25
# Part of the range between bound and target that the search may leave.
SEARCH_SHARE = 0.5


class BendersSearch:
    """Incumbent and bound between iterations."""

    def __init__(self, second_stage: SecondStage, master: Master, tolerance: Tolerance) -> None:
        self._stage, self._master, self._tolerance = second_stage, master, tolerance
        self.watch = Stopwatch()
        self._units: IntArray | None = None
        self._value: ExpectedValue | None = None
        self._reference: ExpectedValue | None = None
        self._bound = master.floor
        self._lost: dict[str, None] = {}
        self.deadline = np.inf
        # The point the relaxation stays near and the best value it has seen there.
        self._centre: tuple[FloatArray, float] | None = None
        self.relaxing = True
        # What is left of the way from the relaxation to few sites.
        self._settling: Settling | None = None
        self._rises: list[float] = []
        # Only decisions below this value are known to keep the caps of the master.
        self._reach = np.inf
        self._tried: set[bytes] = set()
        # Whether the neighbours of the incumbent may be better than it.
        self._descending, self._misses = False, 0
        # Sites the search looks at: those of the incumbent, then the promising ones, then all.
        self._own, self._promising = False, np.zeros(0, dtype=np.int64)

    @property
    def settled(self) -> bool:
        """Whether the way from the relaxation to whole units has been gone."""
        return not self.relaxing and self._settling is None

    @property
    def units(self) -> FloatArray | None:
        """The incumbent."""
        return None if self._units is None else self._units.astype(np.float64)

    @property
    def centre(self) -> FloatArray | None:
        """Best fractions of units so far."""
        return None if self._centre is None else self._centre[0]

    def __str__(self) -> str:
        stage = "relaxation" if self.relaxing else "settling" if self._settling else "search"
        if self._value is None:
            return f"{stage}, no decision yet, bound {self._bound:.6g}"
        value, no_dg = (
            self._value.value,
            np.inf if self._reference is None else (self._reference.value),
        )
        share = 100 * (relative_gap(value, self._bound) or 0.0)
        text = f"{stage}, value {value:.6g}, bound {self._bound:.6g}, gap {share:.3f} %"
        captured = improvement_captured(no_dg if np.isfinite(no_dg) else None, value, self._bound)
        return text if captured is None else f"{text}, {100 * (1 - captured):.2f} % open"

    def start(self, guess: list[FloatArray]) -> Status | None:
        """Begin with the planes without units, at its best decision and at guessed points."""
        problem = self._stage.problem
        found, status = self._evaluate(np.zeros(problem.n_site))
        self._reference = found
        if status is None and not found.infeasible:
            slopes = np.repeat(found.gradient[:, None], problem.site_limit, axis=1)
            units = allocate(problem, slopes)
            _, status = self._evaluate(units.astype(np.float64))
        for point in guess:
            if status is None:
                _, status = self._evaluate(point)
        return status

    def iterate(self, remaining: float, *, late: bool) -> Status | None:
        """Add planes once, on the relaxation until it is late; a status if that ends the run."""
        if self.relaxing:
            return self._relax(remaining, late)
        if self._settling is not None:
            return self._settle(remaining)
        return self._descend() if self._descending else self._search(remaining)

    def _relax(self, remaining: float, late: bool) -> Status | None:
        """Add a plane at the point nearest to the best one that may be much better.

        A level method (Lemaréchal, Nemirovskii and Nesterov 1995): the planes are asked not for
        their least point, which jumps between extremes, but for one at a level halfway between
        bound and best value. The linear program only gives the bound.
        """
        with self.watch.phase("master"):
            ended, bound, units = self._master.relax(remaining)
        if ended is SolverStatus.INFEASIBLE:
            if self._reach == np.inf:
                return Status.INFEASIBLE
            bound = np.inf
        elif ended is SolverStatus.TIME_LIMIT:
            return Status.TIME_LIMIT
        elif units is None:
            raise SolverError(f"HiGHS: relaxation ended with status {ended.value!r}")
        self._bound = max(self._bound, min(bound, self._reach))
        if self._closed():
            return Status.OPTIMAL
        if units is None:
            self.relaxing = False
            return None
        if self._centre is None:
            return self._evaluate(units)[1]
        centre, best = self._centre
        wanted = self._allowed(best if self._value is None else self._value.value)
        self._rises.append(self._bound)
        slow = (
            len(self._rises) > PATIENCE
            and self._bound - self._rises[-1 - PATIENCE] <= PATIENCE_SHARE * wanted
        )
        if late or slow or best - self._bound <= RELAXED_SHARE * wanted:
            self.relaxing = False
            if self._reach == np.inf:
                self._choose(centre)
                if (centre > 0).sum() > self._stage.problem.most_sites:
                    self._settling = Settling(self._stage.problem, centre)
            return None
        with self.watch.phase("master"):
            near = self._master.project(centre, bound + LEVEL * (best - bound))
        point = self._thinned(units if near is None else near)
        _, status = self._evaluate(point)
        # Thinning may have led to where the plane was known.
        if status is None and self._master.below(units) <= bound + 1e-9 * abs(best):
            stuck = near is not None and np.abs(near - point).sum() > 0.02 * near.sum()
            if stuck:
                _, status = self._evaluate(units)
        with self.watch.phase("master"):
            most = max(PLANES, PLANES_A_GROUP * self._master.n_group)
            self._master.drop_planes(self._centre[0], most)
        return status

    def _settle(self, remaining: float) -> Status | None:
        """Take one step from the fractions at many sites to whole units at few."""
        settling = self._settling
        assert settling is not None
        allowed = self._allowed(np.inf if self._centre is None else self._centre[1])
        with self.watch.phase("master"):
            point = settling.next(self._master, allowed, remaining)
        if point is None:
            self._settling = None
            self._master.restrict(None)
            self._descending = self._own = self._units is not None
            return None
        found, status = self._evaluate(point)
        settling.tell(point, found.value)
        return status

    def _thinned(self, point: FloatArray) -> FloatArray:
        """Move the units of a point to the sites that have most."""
        kept = np.argsort(-point, kind="stable")[:MOST_SITES]
        kept = kept[point[kept] >= FEWEST]
        thin = np.zeros_like(point)
        if kept.size:
            thin[kept] = point[kept]
            thin *= refilled(self._stage.problem, point, thin)
        return np.minimum(thin, self._master.cap)

    def _choose(self, centre: FloatArray) -> None:
        """Note the sites with most units in the relaxation, unless that is nearly all of them."""
        n = CANDIDATES * self._stage.problem.most_sites
        if n < centre.size:
            self._promising = np.argsort(-centre, kind="stable")[:n]

    def _descend(self) -> Status | None:
        """Go to the neighbour of the incumbent that the planes allow to be best.

        Where none may be better by a share of the gap, none is. Each look costs one plane and no
        mixed-integer program.
        """
        assert self._units is not None
        assert self._value is not None
        value = self._value.value
        with self.watch.phase("master"):
            found = self._master.best_neighbour(self._units)
        if (
            found is None
            or found[0] > value - DESCENT_SHARE * self._allowed(value)
            or found[1].tobytes() in self._tried
        ):
            self._descending = False
            return None
        _, status = self._evaluate(found[1].astype(np.float64))
        self._misses = 0 if self._value.value < value else self._misses + 1
        if self._misses > MISSES:
            self._descending, self._misses = False, 0
        return status or (Status.OPTIMAL if self._closed() else None)

    def _search(self, remaining: float) -> Status | None:
        """Look for a decision that the planes allow to be better.

        Few sites come first: a good incumbent is often all that the bound of the relaxation
        lacks, and its own sites make it better at little cost. What is proven counts only when
        all sites take part; then the decision must be better by the gap.
        """
        value = np.inf if self._value is None else self._value.value
        own = np.zeros(0, dtype=np.int64) if self._units is None else np.flatnonzero(self._units)
        polish = self._own and own.size > 0
        few = polish or self._promising.size > 0
        # The last digits belong to the gap, not to the rounding of what is left of it.
        target = value - self._allowed(value) * (POLISH_SHARE if polish else 1 - 1e-6)
        if not few and self._value is not None and target < self._reach:
            return self._tighten(target, remaining)
        with self.watch.phase("master"):
            span = min(target, 2 * abs(self._bound) + 1.0) - self._bound
            ended, bound, units = self._master.solve(
                target,
                max(SEARCH_SHARE * span, 0.0),
                remaining,
                own if polish else np.union1d(self._promising, own) if few else None,
            )
        again = units is not None and units.tobytes() in self._tried
        if few and (units is None or again):
            if polish:
                self._own = False
            else:
                self._promising = self._promising[:0]
            return None
        if ended is SolverStatus.INFEASIBLE:
            if self._value is None:
                return Status.INFEASIBLE
            self._bound = max(self._bound, target)
            return Status.OPTIMAL
        if not few:
            self._bound = max(self._bound, min(bound, target))
        if units is None:
            if ended is SolverStatus.TIME_LIMIT:
                return Status.TIME_LIMIT
            raise SolverError(f"HiGHS: master ended with status {ended.value!r}")
        if again:
            # Only the solver's tolerances let it pass once more; the bound stays as it is.
            return Status.OPTIMAL if self._closed() else Status.FEASIBLE
        _, status = self._evaluate(units.astype(np.float64))
        if self._value is not None and self._value.value < value:
            self._own = self._descending = True
        return status or (Status.OPTIMAL if self._closed() else None)

    def _tighten(self, target: float, remaining: float) -> Status | None:
        """Cap the units of each site by what a better decision can have, and relax again.

        The level of the new relaxation is the target: what is wanted is its proof.
        """
        with self.watch.phase("master"):
            exists = self._master.tighten(target, PROBED, PROBED_TIME * remaining)
        self._reach = target
        if not exists:
            self._bound = max(self._bound, target)
            return Status.OPTIMAL
        assert self._centre is not None  # that of the incumbent at least
        self._centre = np.minimum(self._centre[0], self._master.cap), target
        self.relaxing, self._rises = True, []
        return None

    def _closed(self) -> bool:
        if self._value is None:
            return False
        value = self._value.value
        return value - self._bound <= self._allowed(value)

    def _allowed(self, value: float) -> float:
        """Return how far below a value the bound may stay."""
        no_dg = np.inf if self._reference is None else self._reference.value
        return self._tolerance.allowed(value, no_dg)

    def _evaluate(self, units: FloatArray) -> tuple[ExpectedValue, Status | None]:
        """Solve all scenarios, add what they say, keep the best."""
        if (units == np.rint(units)).all():
            self._tried.add(units.astype(np.int64).tobytes())
        if np.isfinite(self._bound):
            hold(bound=float(self._bound))
        with self.watch.phase("second stage"):
            forced = self._reference is None or self._value is None
            limit = np.inf if forced else self.deadline
            batch = evaluate_within(self._stage, units, limit)
        if batch is None:
            if self._reference is None:
                # Stopped before there is anything to compare with.
                raise KeyboardInterrupt
            return self._reference, Status.TIME_LIMIT
        found = expected_value(self._stage.scenarios, batch, self._stage.problem.risk)
        with self.watch.phase("master"):
            self._master.add_planes(units, batch)
            for cut in batch.cuts:
                if cut.scenario not in found.infeasible:
                    continue
                self._lost[cut.scenario] = None
                if not self._master.add_cut(cut):
                    self._lost = {cut.scenario: None}
                    return found, Status.INFEASIBLE
        if not found.infeasible:
            if self._centre is None or found.value < self._centre[1]:
                self._centre = units, found.value
            better = self._value is None or found.value < self._value.value
            if better and not check_units(self._stage.problem, units):
                self._units, self._value = units.astype(np.int64), found
                hold_decision(self._stage.problem, self._units, found.value)
        return found, None

    def answer(self, status: Status, iterations: int) -> SitingResult:
        """Return the result."""
        proven = status is Status.INFEASIBLE
        if self._units is None and not proven:
            status = Status.NOT_FOUND
        reason = {
            Status.INFEASIBLE: "no decision keeps these scenarios feasible",
            Status.NOT_FOUND: "no decision tried kept every scenario feasible",
        }.get(status, "")
        return siting_result(
            self._stage.problem,
            self._stage,
            None if proven else self._units,
            method="benders",
            watch=self.watch,
            status=status,
            bound=None if proven else self._bound,
            bound_method="Benders planes, bound of HiGHS",
            reason=reason,
            infeasible=tuple(self._lost) if proven else (),
            iterations=iterations,
            packages=("highspy", "numba"),
            full=None if proven else self._value,
            reference=self._reference,
        )
