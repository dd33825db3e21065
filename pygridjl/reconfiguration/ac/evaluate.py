"""AC evaluation of configurations: losses and how far they are from keeping the limits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pygridjl.core.types import BoolArray, ComplexArray, FloatArray, IntArray, StrArray
from pygridjl.graphs.forest import adjacency, rooted_forest
from pygridjl.powerflow.sweep import solve_held_sweep, sweep_data, voltage_holders
from pygridjl.reconfiguration.problem import RadialProblem

__all__ = ["AcEvaluator", "AcState", "Violation"]

# Excess below this fraction of a limit is rounding of the sweep.
LIMIT_TOLERANCE = 1e-7


@dataclass(frozen=True)
class Violation:
    """A limit that an answer does not keep.

    Attributes
    ----------
    limit : str
        ``"voltage"``, ``"ampacity"`` or ``"capacity"``.
    component : str
        ``"bus"``, ``"branch"`` or ``"source at bus"``, with its id.
    value, bound : float
        What was found and what is allowed, p.u.
    """

    limit: str
    component: str
    value: float
    bound: float

    def __str__(self) -> str:
        if self.value != self.value:
            return "the power flow has no solution: the load is beyond what the branches can carry"
        return f"{self.component}: {self.limit} {self.value:.4f} p.u., limit {self.bound:.4f}"


@dataclass(frozen=True)
class AcState:
    """What a configuration does in AC.

    Attributes
    ----------
    loss_kw : float
        Losses, kW; infinity if the power flow has no solution.
    excess : float
        Sum over all violated limits of the relative excess; 0 when all are kept.
    v_min, v_max : float
        Extreme voltage magnitudes, p.u.; NaN without a solution.
    v_min_bus : str
        Id of the bus with the lowest voltage; empty without a solution.
    violations : tuple of Violation
        The limits that are not kept, worst first.
    """

    loss_kw: float
    excess: float
    v_min: float
    v_max: float
    v_min_bus: str
    violations: tuple[Violation, ...]


@dataclass(frozen=True, eq=False)
class _Band:
    """One family of limits: low ≤ value ≤ high, with what to call its members."""

    limit: str
    component: str
    ids: StrArray
    low: FloatArray
    high: FloatArray

    def excess(self, value: FloatArray, members: IntArray | slice = slice(None)) -> FloatArray:
        """Excess of some members (all by default) relative to their limits, 0 where kept."""
        low, high = self.low[members], self.high[members]
        over = np.maximum(value / high - 1.0, 0.0)
        # A lower limit of 0 cannot be undercut by a magnitude.
        under = np.maximum(1.0 - value / np.where(low > 0, low, -np.inf), 0.0)
        under[low <= 0] = 0.0
        total = over + under
        total[total < LIMIT_TOLERANCE] = 0.0
        return np.asarray(total)

    def violations(self, value: FloatArray) -> list[tuple[float, Violation]]:
        """Every member that is outside, with its relative excess."""
        excess = self.excess(value)
        found = []
        for k in np.flatnonzero(excess):
            bound = self.high[k] if value[k] > self.high[k] else self.low[k]
            name = f"{self.component} {self.ids[k]}"
            violation = Violation(self.limit, name, float(value[k]), float(bound))
            found.append((float(excess[k]), violation))
        return found


class AcEvaluator:
    """Evaluates configurations of one problem in AC.

    Parameters
    ----------
    problem : RadialProblem
        The problem; its ``limits`` say what counts as a violation.

    Attributes
    ----------
    sweep : SweepData
        What a sweep needs of the network.
    holders : VoltageHolders
        Buses that hold their voltage.
    graph : Adjacency
        Of the buses, by all branches.
    """

    def __init__(self, problem: RadialProblem) -> None:
        network = problem.network
        self.problem = problem
        self.sweep = sweep_data(network, problem.roots)
        self.holders = voltage_holders(network, problem.roots)
        self.graph = adjacency(network.n_bus, network.branches.from_bus, network.branches.to_bus)
        self._bands = _bands(problem)

    def _solve(self, closed: BoolArray) -> tuple[float, FloatArray, list[FloatArray]] | None:
        """Loss in kW, |v|, and the values of the bands; None without a solution."""
        problem = self.problem
        forest = rooted_forest(self.graph, problem.branch_states(closed), problem.roots)
        v, current, loss, source, sweeps = solve_held_sweep(forest, self.sweep, self.holders)
        if sweeps < 0:
            return None
        size = np.abs(v)
        at_roots = source[problem.roots]
        values = {
            "bus": size,
            "branch": current,
            "active": at_roots.real,
            "apparent": np.abs(at_roots),
        }
        return float(loss) * problem.kw, size, [values[name] for name, _ in self._bands]

    def rank(self, closed: BoolArray) -> tuple[float, float]:
        """Sort key of a spanning tree: (excess, loss in kW), so that limits come first.

        Parameters
        ----------
        closed : ndarray of bool, shape (m,)
            A spanning tree of the problem.

        Returns
        -------
        tuple of float
            Both infinite if the power flow has no solution.
        """
        solved = self._solve(closed)
        if solved is None:
            return np.inf, np.inf
        loss, _, values = solved
        pairs = zip(self._bands, values, strict=True)
        return float(sum(band.excess(v).sum() for (_, band), v in pairs)), loss

    def keeps(self, closed: BoolArray) -> bool:
        """Whether a spanning tree of the problem keeps the limits."""
        return self.rank(closed)[0] == 0.0

    def excess_at(
        self, buses: IntArray, size: FloatArray, branches: IntArray, current: FloatArray
    ) -> float:
        """Excess over the limits of some buses and branches, at |v| and currents of these."""
        values = {"bus": (size, buses), "branch": (current, branches)}
        bands = [(band, values[name]) for name, band in self._bands if name in values]
        return float(sum(band.excess(*value).sum() for band, value in bands))

    def source_excess(self, power: ComplexArray) -> float:
        """Excess over the capacities of the sources at complex powers by root, p.u."""
        values = {"active": power.real, "apparent": np.abs(power)}
        bands = [(band, values[name]) for name, band in self._bands if name in values]
        return float(sum(band.excess(value).sum() for band, value in bands))

    def state(self, closed: BoolArray) -> AcState:
        """Full account of a spanning tree; arguments as :meth:`rank`."""
        solved = self._solve(closed)
        if solved is None:
            collapse = Violation("voltage", "network", float("nan"), float("nan"))
            broken = (collapse,) if self.problem.limits else ()
            return AcState(np.inf, np.inf, np.nan, np.nan, "", broken)
        loss, size, values = solved
        found: list[tuple[float, Violation]] = []
        for (_, band), value in zip(self._bands, values, strict=True):
            found += band.violations(value)
        found.sort(key=lambda item: -item[0])
        lowest = int(np.argmin(size))
        return AcState(
            loss_kw=loss,
            excess=sum(excess for excess, _ in found),
            v_min=float(size[lowest]),
            v_max=float(size.max()),
            v_min_bus=str(self.problem.network.buses.id[lowest]),
            violations=tuple(violation for _, violation in found),
        )


def _bands(problem: RadialProblem) -> list[tuple[str, _Band]]:
    """Collect the limits the problem enforces, each with the name of the value it bounds."""
    network, roots = problem.network, problem.roots
    bands = []
    if "voltage" in problem.limits:
        low, high = network.buses.v_min.copy(), network.buses.v_max.copy()
        # A substation's own voltage is given, not decided.
        low[roots], high[roots] = 0.0, np.inf
        bands.append(("bus", _Band("voltage", "bus", network.buses.id, low, high)))
    if "ampacity" in problem.limits and np.isfinite(network.branches.rating).any():
        ids = network.branches.id.astype(np.str_)
        low = np.zeros(network.n_branch)
        bands.append(("branch", _Band("ampacity", "branch", ids, low, network.branches.rating)))
    if "capacity" in problem.limits:
        gen = network.generators
        ids = network.buses.id[roots]
        at_root = [gen.in_service & (gen.bus == bus) for bus in roots]
        for name, capacity in (("active", gen.p_max), ("apparent", gen.s_max)):
            # A root without a unit of its own has no capacity to keep.
            high = np.array([capacity[rows].sum() if rows.any() else np.inf for rows in at_root])
            band = _Band("capacity", "source at bus", ids, np.zeros(roots.size), high)
            bands.append((name, band))
    return bands
