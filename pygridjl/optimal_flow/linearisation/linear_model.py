"""Problem (7): the optimal power flow with its equalities linearised, kept alive for many loads."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csc_array, csr_array, diags_array, vstack

from pygridjl.core.arguments import check_time_limit
from pygridjl.core.errors import InvalidOptionError
from pygridjl.core.result import Status
from pygridjl.core.types import BoolArray, ComplexArray, FloatArray
from pygridjl.grid.network import Network
from pygridjl.grid.network_checks import assert_one_angle
from pygridjl.optimal_flow.linearisation.linear_rows import linear_rows
from pygridjl.optimal_flow.problem import assert_solvable, cost_lines
from pygridjl.powerflow.admittance import bus_admittance
from pygridjl.solvers.conic import Cone, ConicModel, ConicSolver
from pygridjl.solvers.status import SolverStatus
from pygridjl.solvers.warm_qp import WarmAnswer, WarmQp, WarmQpModel

__all__ = ["LinearisedBatch", "LinearisedOpf", "LinearisedPoint", "assert_linearisable"]

# A rating exceeded by more than this share brings its cone into the model.
_EXCESS = 1e-6
# Relative gap and feasibility of a solve.
_TOLERANCE = 1e-7
# Reduced accuracy is still an answer if neither residual exceeds this.
_RESIDUAL = 1e-5
# Multipliers above this, in the units of scaled costs, are those of rows that bind.
_BINDING = 1e-5

_STATUS = {
    SolverStatus.OPTIMAL: Status.OPTIMAL,
    SolverStatus.INACCURATE: Status.OPTIMAL,
    SolverStatus.INFEASIBLE: Status.INFEASIBLE,
    SolverStatus.TIME_LIMIT: Status.TIME_LIMIT,
}


@dataclass(frozen=True, eq=False)
class LinearisedPoint:
    """The answer for one load.

    Attributes
    ----------
    status : Status
        ``optimal`` (of the linearised model), ``infeasible``, ``time_limit`` or ``not_found``.
    objective : float
        Generation cost per hour, without the proximal term; NaN without an answer.
    voltage : ndarray of complex, shape (n_bus,)
        Voltages, p.u.
    power : ndarray of complex, shape (n_generator,)
        Injections, p.u.; 0 for units out of service.
    """

    status: Status
    objective: float
    voltage: ComplexArray
    power: ComplexArray


@dataclass(frozen=True, eq=False)
class LinearisedBatch:
    """The answers for many loads, one row each; rows without an answer hold NaN.

    Attributes
    ----------
    demand : ndarray of complex, shape (S, n_bus)
        What was asked, p.u.
    status : tuple of Status
        How each ended.
    objective : ndarray, shape (S,)
        Cost per hour.
    voltage : ndarray of complex, shape (S, n_bus)
        Voltages, p.u.
    power : ndarray of complex, shape (S, n_generator)
        Injections, p.u.
    """

    demand: ComplexArray
    status: tuple[Status, ...]
    objective: FloatArray
    voltage: ComplexArray
    power: ComplexArray

    @property
    def solved(self) -> BoolArray:
        """Rows that have an answer."""
        return np.isfinite(self.objective)


def assert_linearisable(network: Network) -> None:
    """Raise unless the network can be solved and every cost is a polynomial.

    Raises
    ------
    InvalidNetworkError
        If the data are not sound, or the angles of slacks differ.
    InvalidOptionError
        If a unit has a piecewise-linear cost.
    """
    assert_solvable(network)
    assert_one_angle(network, "linearisation")
    owner, _, _ = cost_lines(network)
    if owner.size:
        raise InvalidOptionError(
            f"generator {network.generators.id[owner[0]]} cost: linearisation needs quadratic "
            "costs; replace the piecewise-linear one"
        )


class LinearisedOpf:
    """A convex program with balances, flows and squared voltages linearised about one point.

    Loads change right-hand sides alone. With a proximal term, which makes the answer unique, the
    rows that bound last give the next answer in a few steps; where they do not, and without the
    term, a conic solver is asked, which also proves what is infeasible. Only what may bind is in
    its model: a rating enters when a solution first exceeds it, and stays.

    Parameters
    ----------
    network : Network
        The network in its base state.
    point : ndarray of complex, shape (n_bus,)
        Voltages V0 to linearise about, p.u.; a slack bus has angle 0.
    proximal : float
        ε of a term ε ‖V − V0‖² beside costs scaled to a largest coefficient of 1. It chooses
        among answers of (nearly) the same cost the one where the linearisation holds best.

    Raises
    ------
    InvalidNetworkError
        If the data are not sound.
    InvalidOptionError
        If the point does not fit the network or ``proximal`` is negative.
    """

    def __init__(self, network: Network, point: ComplexArray, *, proximal: float = 0.0) -> None:
        assert_linearisable(network)
        point = np.asarray(point, dtype=np.complex128)
        if point.shape != (network.n_bus,) or not np.isfinite(point).all():
            raise InvalidOptionError(
                f"point: needs one finite voltage for each of {network.n_bus} buses"
            )
        if not (np.isfinite(proximal) and proximal >= 0):
            raise InvalidOptionError(f"proximal: must be a number of at least 0, is {proximal}")
        self.network, self.point, self.proximal = network, point, float(proximal)
        self._admittance = bus_admittance(network)
        self.rows = linear_rows(network, point, self.proximal)
        self._unit_cost = network.generators.cost[self.rows.units]
        self._unit_count = len(network.generators)
        # The ratings of the conic model; circles of units belong to it from the start.
        self._held: BoolArray = np.arange(self.rows.radius.size) >= self.rows.near.size
        self._solver: ConicSolver | None = None
        self.warm = self._warm_program() if proximal > 0 else None

    def solve(self, demand: ComplexArray, *, time_limit: float | None = None) -> LinearisedPoint:
        """Solve for one load.

        Parameters
        ----------
        demand : ndarray of complex, shape (n_bus,)
            Net demand, p.u.
        time_limit : float, optional
            Seconds for each run of the solver.

        Returns
        -------
        LinearisedPoint
            The answer.

        Raises
        ------
        InvalidOptionError
            If the demand does not fit the network.
        """
        check_time_limit(time_limit)
        demand = np.asarray(demand, dtype=np.complex128)
        if demand.shape != (self.network.n_bus,) or not np.isfinite(demand).all():
            raise InvalidOptionError(
                f"demand: needs one finite number for each of {self.network.n_bus} buses"
            )
        limit = np.inf if time_limit is None else time_limit
        found = self.warm_answer(demand)
        return self._conic(demand, limit) if found is None else self._point(found.x)

    def warm_answer(self, demand: ComplexArray) -> WarmAnswer | None:
        """Return the optimum with its multipliers where the nearest load answered leads to it.

        Parameters
        ----------
        demand : ndarray of complex, shape (n_bus,)
            Net demand, p.u.

        Returns
        -------
        WarmAnswer or None
            Of the program :attr:`rows`, costs divided by their scale.
        """
        return None if self.warm is None else self.warm.solve(self.rows.rhs(demand))

    def _conic(self, demand: ComplexArray, time_limit: float) -> LinearisedPoint:
        rows = self.rows
        while True:
            if self._solver is None:
                self._solver = ConicSolver(self._model(), scale=rows.scale, tolerance=_TOLERANCE)
            rhs = rows.rhs(demand)
            self._rhs[: rhs.size] = rhs
            self._solver.set_rhs(self._rhs)
            answer = self._solver.solve(time_limit=time_limit)
            status = _STATUS.get(answer.status, Status.NOT_FOUND)
            if answer.status is SolverStatus.INACCURATE and (
                max(answer.primal_residual, answer.dual_residual) > _RESIDUAL
            ):
                status = Status.NOT_FOUND
            if status is not Status.OPTIMAL:
                return self._without_answer(status)
            flow = abs(rows.disc @ answer.x + rows.centre)
            exceeded = (flow > rows.radius * (1.0 + _EXCESS)) & ~self._held
            if not exceeded.any():
                if self.warm is not None:
                    self._remember(self.warm, rhs, answer.z / rows.scale)
                return self._point(answer.x)
            self._held |= exceeded
            self._solver = None

    def solve_many(self, demand: ComplexArray, *, jobs: int = 1) -> LinearisedBatch:
        """Solve for many loads.

        Parameters
        ----------
        demand : ndarray of complex, shape (S, n_bus)
            Net demand, p.u.
        jobs : int
            Processes; each takes an equal share of the rows.

        Returns
        -------
        LinearisedBatch
            One row a load, in their order.
        """
        demand = np.atleast_2d(np.asarray(demand, dtype=np.complex128))
        if jobs < 1:
            raise InvalidOptionError(f"jobs: must be at least 1, is {jobs}")
        if jobs > 1:
            from joblib import Parallel, cpu_count, delayed

            jobs = min(jobs, len(demand), cpu_count())
            shares = [share for share in np.array_split(demand, jobs) if share.size]
            parts = Parallel(n_jobs=jobs)(
                delayed(_batch)(self.network, self.point, self.proximal, share) for share in shares
            )
            points = [point for part in parts for point in part]
        else:
            points = [self.solve(row) for row in demand]
        return LinearisedBatch(
            demand=demand,
            status=tuple(point.status for point in points),
            objective=np.array([point.objective for point in points]),
            voltage=np.array([point.voltage for point in points]),
            power=np.array([point.power for point in points]),
        )

    def mismatch(
        self, demand: ComplexArray, voltage: ComplexArray, power: ComplexArray
    ) -> ComplexArray:
        """Return the error of the AC power balance (1) at every bus, p.u.

        Parameters
        ----------
        demand, voltage : ndarray of complex, shape (…, n_bus)
            Demand and voltages, p.u.
        power : ndarray of complex, shape (…, n_generator)
            Injections, p.u.

        Returns
        -------
        ndarray of complex, shape (…, n_bus)
            Active errors ε_P as real, reactive errors ε_Q as imaginary parts.
        """
        injected = np.zeros(voltage.shape, dtype=complex)
        np.add.at(injected.T, self.network.generators.bus, power.T)
        current = (self._admittance @ voltage.T).T
        return np.asarray(injected - demand - voltage * np.conj(current))

    def _model(self) -> ConicModel:
        """Assemble the program with the ratings that have bound so far."""
        rows = self.rows
        held = np.flatnonzero(self._held)
        # Radius, real and imaginary part of one disc after another.
        order = np.arange(3 * held.size).reshape(3, -1).T.ravel()
        disc = rows.disc[held]
        parts = vstack([csr_array(disc.shape), -disc.real, -disc.imag], format="csr")[order]
        centre = rows.centre[held]
        values = np.concatenate([rows.radius[held], centre.real, centre.imag])[order]
        self._rhs = np.concatenate([rows.equal_rhs, rows.limit, values])
        cones = [Cone("zero", rows.equal_rhs.size)]
        cones += [Cone("nonnegative", rows.limit.size)] if rows.limit.size else []
        cones += [Cone("second_order", 3)] * held.size
        return ConicModel(
            rows.cost,
            csc_array(vstack([rows.equal, rows.rows, parts])),
            self._rhs,
            cones,
            quadratic=csc_array(diags_array(rows.curvature)),
        )

    def _warm_program(self) -> WarmQp | None:
        """Set up the program for warm solves; None if its answers are not unique."""
        rows = self.rows
        warm = WarmQp(
            WarmQpModel(
                curvature=rows.curvature / rows.scale,
                cost=rows.cost / rows.scale,
                equal=rows.equal,
                rows=rows.rows,
                limit=rows.limit,
                disc=rows.disc,
                centre=rows.centre,
                radius=rows.radius,
            )
        )
        return warm if warm.usable else None

    def _remember(self, warm: WarmQp, rhs: FloatArray, z: FloatArray) -> None:
        """Tell the program for warm solves what binds at an answer of the conic solver."""
        begin = rhs.size + self.rows.limit.size
        pressure, cone = z[rhs.size : begin], z[begin:].reshape(-1, 3)
        row, disc = (np.flatnonzero(size > _BINDING) for size in (pressure, cone[:, 0]))
        held = np.flatnonzero(self._held)[disc]
        warm.remember(rhs, row, pressure[row], held, -cone[disc, 1] - 1j * cone[disc, 2])

    def _point(self, x: FloatArray) -> LinearisedPoint:
        n, cost = self.point.size, self._unit_cost
        parts = np.zeros(2 * n)
        parts[self.rows.columns] = x[: self.rows.columns.size]
        p, q = x[self.rows.columns.size :].reshape(2, -1)
        power = np.zeros(self._unit_count, dtype=complex)
        power[self.rows.units] = p + 1j * q
        return LinearisedPoint(
            Status.OPTIMAL,
            float(cost[:, 0] @ p**2 + cost[:, 1] @ p) + self.rows.offset,
            parts[:n] + 1j * parts[n:],
            power,
        )

    def _without_answer(self, status: Status) -> LinearisedPoint:
        none = complex(np.nan, np.nan)
        return LinearisedPoint(
            status,
            np.nan,
            np.full(self.network.n_bus, none),
            np.full(self._unit_count, none),
        )


def _batch(
    network: Network, point: ComplexArray, proximal: float, demand: ComplexArray
) -> list[LinearisedPoint]:
    model = LinearisedOpf(network, point, proximal=proximal)
    return [model.solve(row) for row in demand]
