"""Problem (7): the optimal power flow with its equalities linearised, kept alive for many loads."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import block_diag, csc_array, csr_array, diags_array, hstack, vstack

from pygridjl.core.arguments import check_time_limit
from pygridjl.core.errors import InvalidOptionError
from pygridjl.core.result import Status
from pygridjl.core.types import BoolArray, ComplexArray, FloatArray
from pygridjl.grid.network import Network
from pygridjl.grid.network_checks import assert_one_angle
from pygridjl.optimal_flow.problem import assert_solvable, cost_lines
from pygridjl.powerflow.admittance import branch_admittances, bus_admittance
from pygridjl.solvers.conic import Cone, ConicModel, ConicSolver
from pygridjl.solvers.status import SolverStatus
from pygridjl.solvers.warm_qp import WarmQp, WarmQpModel

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
        self._units = np.flatnonzero(network.generators.in_service)
        self._unit_cost = network.generators.cost[self._units]
        self._unit_count = len(network.generators)
        free = np.ones(2 * network.n_bus, dtype=bool)
        free[network.n_bus + network.slack_buses] = False
        self._columns = np.flatnonzero(free)
        self._flows, self._flow_constant, self._ratings = self._linear_flows()
        self._balances()
        self._held: BoolArray = np.zeros(self._ratings.size, dtype=bool)
        self._solver: ConicSolver | None = None
        self._warm = self._warm_program() if proximal > 0 else None

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
        balance = np.concatenate([demand.real, demand.imag])
        if self._warm is not None:
            rhs = self._fixed_rhs[: self._equal].copy()
            rhs[: balance.size] = self._constant - balance
            found = self._warm.solve(rhs)
            if found is not None:
                return self._point(found.x)
        while True:
            if self._solver is None:
                self._solver = ConicSolver(self._model(), scale=self._scale, tolerance=_TOLERANCE)
            self._rhs[: balance.size] = self._constant - balance
            self._solver.set_rhs(self._rhs)
            answer = self._solver.solve(time_limit=limit)
            status = _STATUS.get(answer.status, Status.NOT_FOUND)
            if answer.status is SolverStatus.INACCURATE and (
                max(answer.primal_residual, answer.dual_residual) > _RESIDUAL
            ):
                status = Status.NOT_FOUND
            if status is not Status.OPTIMAL:
                return self._without_answer(status)
            flow = np.abs(self._flows @ answer.x[: self._columns.size] + self._flow_constant)
            exceeded = (flow > self._ratings * (1.0 + _EXCESS)) & ~self._held
            if not exceeded.any():
                if self._warm is not None:
                    self._remember(self._warm, answer.z / self._scale)
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

    def _balances(self) -> None:
        """Set up what no load changes: balances, voltage bands, boxes, costs."""
        network, v0 = self.network, self.point
        n, units = network.n_bus, network.generators.take(self._units)
        current = self._admittance @ v0
        # S̃(V) = V0 conj(Y V) + V conj(Y V0) − V0 conj(Y V0), as real columns of Re V and Im V.
        conjugate = diags_array(v0) @ self._admittance.conj()
        plain = diags_array(np.conj(current))
        carried = csr_array(hstack([conjugate + plain, -1j * conjugate + 1j * plain]))
        carried = csr_array(carried[:, self._columns])
        feeds = csr_array(
            (np.ones(units.bus.size), (units.bus, np.arange(units.bus.size))),
            shape=(n, units.bus.size),
        )
        balance = hstack(
            [vstack([carried.real, carried.imag]), block_diag([-feeds, -feeds])], format="csr"
        )
        constant = v0 * np.conj(current)
        self._constant = np.concatenate([constant.real, constant.imag])
        square = csr_array(
            hstack([diags_array(2 * v0.real), diags_array(2 * v0.imag)])[:, self._columns]
        )
        size = abs(v0) ** 2
        rows: list[csr_array] = [csr_array(balance)]
        rhs: list[FloatArray] = [np.zeros(2 * n)]
        wide = csr_array((n, 2 * units.bus.size))
        banded = csr_array(hstack([square, wide]))
        low, high = network.buses.v_min**2, network.buses.v_max**2
        given = high - low <= 1e-9 * np.where(np.isfinite(high), high, 1.0)
        self._equal = 2 * n + int(given.sum())
        if given.any():
            rows.append(csr_array(banded[given]))
            rhs.append(high[given] + size[given])
        for sign, bound in ((1.0, high), (-1.0, -low)):
            kept = ~given & np.isfinite(bound)
            rows.append(csr_array(sign * banded[kept]))
            rhs.append(bound[kept] + sign * size[kept])
        box = csr_array(
            hstack(
                [
                    csr_array((2 * units.bus.size, self._columns.size)),
                    diags_array(np.ones(2 * units.bus.size)),
                ]
            )
        )
        upper = np.concatenate([units.p_max, units.q_max])
        lower = np.concatenate([units.p_min, units.q_min])
        for sign, bound in ((1.0, upper), (-1.0, -lower)):
            kept = np.isfinite(bound)
            rows.append(csr_array(sign * box[kept]))
            rhs.append(bound[kept])
        self._fixed_rows = csr_array(vstack(rows))
        self._fixed_rhs = np.concatenate(rhs)
        c2, c1 = units.cost[:, 0], units.cost[:, 1]
        self._scale = float(max(abs(2 * c2).max(initial=0.0), abs(c1).max(initial=0.0))) or 1.0
        weight = self.proximal * self._scale
        split = np.concatenate([v0.real, v0.imag])[self._columns]
        none = np.zeros(units.bus.size)
        self._quadratic = csc_array(
            diags_array(np.concatenate([np.full(split.size, 2 * weight), 2 * c2, none]))
        )
        self._cost = np.concatenate([-2 * weight * split, c1, none])
        self._offset = float(units.cost[:, 2].sum())

    def _linear_flows(self) -> tuple[csr_array, ComplexArray, FloatArray]:
        """Complex flows into both ends of rated branches: matrix, constant, rating."""
        network, v0, n = self.network, self.point, self.network.n_bus
        branch = network.branches.take(
            network.branches.closed & np.isfinite(network.branches.rating)
        )
        own_from, cross_from, cross_to, own_to = branch_admittances(branch)
        near = np.concatenate([branch.from_bus, branch.to_bus])
        far = np.concatenate([branch.to_bus, branch.from_bus])
        own = np.concatenate([own_from, own_to])
        cross = np.concatenate([cross_from, cross_to])
        row = np.arange(near.size)
        shape = (near.size, n)
        current = csr_array(
            (np.concatenate([own, cross]), (np.tile(row, 2), np.concatenate([near, far]))), shape
        )
        start = csr_array((np.ones(near.size), (row, near)), shape)
        at = current @ v0
        conjugate = diags_array(v0[near]) @ current.conj()
        plain = diags_array(np.conj(at)) @ start
        matrix = csr_array(
            hstack([conjugate + plain, -1j * conjugate + 1j * plain]), dtype=np.complex128
        )
        constant = -v0[near] * np.conj(at)
        return csr_array(matrix[:, self._columns]), constant, np.tile(branch.rating, 2)

    def _model(self) -> ConicModel:
        """Assemble the program with the ratings that have bound so far."""
        g = self._units.size
        rows, rhs = [self._fixed_rows], [self._fixed_rhs]
        held = self._fixed_rhs.size - self._equal
        cones = [Cone("zero", self._equal), *([Cone("nonnegative", held)] if held else [])]
        wide = csr_array((1, 2 * g))
        empty = csr_array((1, self._columns.size + 2 * g))
        for k in np.flatnonzero(self._held).tolist():
            flow = csr_array(self._flows[[k]])
            parts = [csr_array(hstack([-part, wide])) for part in (flow.real, flow.imag)]
            rows += [empty, *parts]
            constant = self._flow_constant[k]
            rhs.append(np.array([self._ratings[k], constant.real, constant.imag]))
            cones.append(Cone("second_order", 3))
        round_ = np.flatnonzero(np.isfinite(self.network.generators.s_max[self._units]))
        for k in round_.tolist():
            columns = self._columns.size + np.array([k, g + k])
            rows.append(
                csr_array((-np.ones(2), ([1, 2], columns)), shape=(3, self._columns.size + 2 * g))
            )
            rhs.append(np.array([self.network.generators.s_max[self._units[k]], 0.0, 0.0]))
            cones.append(Cone("second_order", 3))
        self._rhs = np.concatenate(rhs)
        return ConicModel(
            self._cost, csc_array(vstack(rows)), self._rhs, cones, quadratic=self._quadratic
        )

    def _warm_program(self) -> WarmQp | None:
        """Set up the program for warm solves; None if its answers are not unique."""
        units = self.network.generators.take(self._units)
        g, n = self._units.size, self._cost.size
        held = np.flatnonzero(np.isfinite(units.s_max))
        self._circles = held.size
        circles = csr_array(
            (
                np.concatenate([np.ones(held.size), np.full(held.size, 1j)]),
                (
                    np.tile(np.arange(held.size), 2),
                    self._columns.size + np.concatenate([held, g + held]),
                ),
            ),
            shape=(held.size, n),
        )
        flows = csr_array(hstack([self._flows, csr_array((self._ratings.size, 2 * g))]))
        warm = WarmQp(
            WarmQpModel(
                curvature=self._quadratic.diagonal() / self._scale,
                cost=self._cost / self._scale,
                equal=csr_array(self._fixed_rows[: self._equal]),
                rows=csr_array(self._fixed_rows[self._equal :]),
                limit=self._fixed_rhs[self._equal :],
                disc=csr_array(vstack([flows, circles])),
                centre=np.concatenate([self._flow_constant, np.zeros(held.size)]),
                radius=np.concatenate([self._ratings, units.s_max[held]]),
            )
        )
        return warm if warm.usable else None

    def _remember(self, warm: WarmQp, z: FloatArray) -> None:
        """Tell the program for warm solves what binds at an answer of the conic solver."""
        count = self._fixed_rhs.size
        pressure = z[self._equal : count]
        cone = z[count:].reshape(-1, 3)
        held = np.flatnonzero(np.concatenate([self._held, np.ones(self._circles, dtype=bool)]))
        row, disc = (np.flatnonzero(size > _BINDING) for size in (pressure, cone[:, 0]))
        warm.remember(
            self._rhs[: self._equal],
            row,
            pressure[row],
            held[disc],
            -cone[disc, 1] - 1j * cone[disc, 2],
        )

    def _point(self, x: FloatArray) -> LinearisedPoint:
        n, cost = self.point.size, self._unit_cost
        parts = np.zeros(2 * n)
        parts[self._columns] = x[: self._columns.size]
        p, q = x[self._columns.size :].reshape(2, -1)
        power = np.zeros(self._unit_count, dtype=complex)
        power[self._units] = p + 1j * q
        return LinearisedPoint(
            Status.OPTIMAL,
            float(cost[:, 0] @ p**2 + cost[:, 1] @ p) + self._offset,
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
