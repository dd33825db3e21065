"""Problem (3) of the paper as polynomial data: complex voltages, scaled powers and parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pygridjl.core.errors import InvalidOptionError
from pygridjl.core.types import ComplexArray, FloatArray, IntArray
from pygridjl.grid.network import Network
from pygridjl.optimal_flow.linearisation.monomials import Polynomial, Variables
from pygridjl.powerflow.admittance import branch_admittances, bus_admittance
from pygridjl.scenarios.load_factors import LoadDraws

__all__ = ["Flow", "Parameters", "PolynomialProgram", "polynomial_program"]

# Directions of the sample with less than this share of the largest variance are no parameters.
_RANK_TOLERANCE = 1e-9
# A voltage band narrower than this share of itself is a given voltage.
_FIXED = 1e-9


@dataclass(frozen=True, eq=False)
class Parameters:
    """The uncertain loads as affine functions of uncorrelated parameters of mean 0 within [−1, 1].

    Attributes
    ----------
    values : ndarray, shape (S, k)
        The parameters u of every draw.
    mean : ndarray of complex, shape (n_bus,)
        Demand at u = 0, p.u.
    weight : ndarray of complex, shape (n_bus, k)
        Change of the demand with u.
    """

    values: FloatArray
    mean: ComplexArray
    weight: ComplexArray

    @classmethod
    def of(cls, draws: LoadDraws) -> Parameters:
        """Turn factors to the principal axes of a sample; what does not move is left out."""
        centre = draws.factors.mean(axis=0)
        deviation = draws.factors - centre
        covariance = deviation.T @ deviation / max(len(draws), 1)
        variance, direction = np.linalg.eigh(covariance)
        # The sign of an eigenvector is arbitrary: fix it, so that equal data give equal answers.
        turn = np.sign(direction[np.abs(direction).argmax(axis=0), np.arange(variance.size)])
        direction = direction * np.where(turn == 0, 1.0, turn)
        kept = variance > _RANK_TOLERANCE * max(variance.max(initial=0.0), 1e-12)
        axes = direction[:, kept]
        spread = abs(deviation @ axes).max(axis=0, initial=0.0)
        weight = draws.weight @ (axes * spread)
        return cls(deviation @ axes / spread, draws.constant + draws.weight @ centre, weight)

    def moments(self, powers: IntArray) -> FloatArray:
        """Return the sample mean of products of parameters.

        Parameters
        ----------
        powers : ndarray of int, shape (r, D)
            Each row lists 1-based parameter numbers, 0 for none.
        """
        padded = np.concatenate([np.ones((self.values.shape[0], 1)), self.values], axis=1)
        return np.array([padded[:, row].prod(axis=1).mean() for row in powers])


@dataclass(frozen=True, eq=False)
class Flow:
    """The complex power that enters one end of a rated branch.

    Attributes
    ----------
    rating : float
        Largest magnitude, p.u.
    power : Polynomial
        The complex flow.
    """

    rating: float
    power: Polynomial


@dataclass(frozen=True, eq=False)
class PolynomialProgram:
    """Minimise a polynomial over real equalities and inequalities, and flows within ratings.

    Attributes
    ----------
    variables : Variables
        Voltages, their conjugates, powers scaled to [−1, 1], parameters.
    objective : Polynomial
        Generation cost per hour.
    equalities : list of Polynomial
        Active and reactive balance of every bus, and voltages that are given, = 0.
    inequalities : list of Polynomial
        Voltage bands, boxes of powers and parameters, ≥ 0.
    flows : list of Flow
        Both ends of every rated branch in service.
    voltage : ndarray of int, shape (n_bus,)
        Variable number of every voltage.
    powers : list of ndarray of int
        Variable numbers of the powers at each bus.
    parameter : ndarray of int, shape (k,)
        Variable numbers of the parameters.
    parameters : Parameters
        What is known of them.
    """

    variables: Variables
    objective: Polynomial
    equalities: list[Polynomial]
    inequalities: list[Polynomial]
    flows: list[Flow]
    voltage: IntArray
    powers: list[IntArray]
    parameter: IntArray
    parameters: Parameters


def polynomial_program(network: Network, draws: LoadDraws) -> PolynomialProgram:
    """Write problem (3) for a network whose loads follow a sample.

    The squared voltages E and the flows of (3) are eliminated: they are quadratic in V. The
    limits on angle differences, which (3) does not have, are left out; what bounds the program
    from below therefore bounds the one with them, too.

    Parameters
    ----------
    network : Network
        Sound, with a finite voltage band.
    draws : LoadDraws
        The loads.

    Returns
    -------
    PolynomialProgram
        Powers scaled by their limits, parameters white.

    Raises
    ------
    InvalidOptionError
        If a bus has no upper voltage limit.
    """
    bus = network.buses
    if not np.isfinite(bus.v_max).all():
        row = int(np.flatnonzero(~np.isfinite(bus.v_max))[0])
        raise InvalidOptionError(
            f"bus {bus.id[row]} v_max: moment relaxations need a finite voltage band; set one"
        )
    parameters = Parameters.of(draws)
    n, k = network.n_bus, parameters.weight.shape[1]
    voltage = np.arange(1, n + 1)
    units = np.flatnonzero(network.generators.in_service)
    centre, half = _power_boxes(network, parameters)
    moving = half.ravel() > 0
    number: IntArray = np.zeros((2, units.size), dtype=np.int64)
    number.ravel()[moving] = 2 * n + 1 + np.arange(moving.sum())
    parameter = 2 * n + 1 + int(moving.sum()) + np.arange(k)
    low, high = parameters.values.min(axis=0, initial=0), parameters.values.max(axis=0, initial=0)
    total = 2 * n + 1 + int(moving.sum()) + k
    conjugate = np.arange(total)
    conjugate[voltage], conjugate[voltage + n] = voltage + n, voltage
    charge = np.zeros(total, dtype=np.int64)
    charge[voltage], charge[voltage + n] = 1, -1
    magnitude = np.ones(total)
    magnitude[voltage] = magnitude[voltage + n] = bus.v_max
    magnitude[parameter] = np.maximum(abs(low), abs(high))
    variables = Variables(conjugate, charge, magnitude)
    given, banded = _bands(network, voltage)
    power = _Powers(number, centre, half)
    unit_bus = network.generators.bus[units]
    demand = [
        _line(
            complex(parameters.mean[i]),
            dict(zip(parameter.tolist(), parameters.weight[i], strict=True)),
        )
        for i in range(n)
    ]
    equalities = [*_balances(network, voltage, power, unit_bus, demand), *given]
    inequalities = [
        *banded,
        *(_between(u, -1.0, 1.0) for u in number[number > 0].tolist()),
        *(_between(u, a, b) for u, a, b in zip(parameter.tolist(), low, high, strict=True)),
    ]
    return PolynomialProgram(
        variables=variables,
        objective=_cost(power, network.generators.cost[units]),
        equalities=equalities,
        inequalities=inequalities,
        flows=_flows(network, voltage),
        voltage=voltage,
        powers=[_used(number[:, unit_bus == row]) for row in range(n)],
        parameter=parameter,
        parameters=parameters,
    )


@dataclass(frozen=True, eq=False)
class _Powers:
    """Active (row 0) and reactive (row 1) power of the units as centre + half · variable."""

    number: IntArray
    centre: FloatArray
    half: FloatArray

    def polynomial(self, kind: int, unit: int) -> Polynomial:
        factors = {int(self.number[kind, unit]): float(self.half[kind, unit])}
        return _line(float(self.centre[kind, unit]), factors)


def _power_boxes(network: Network, parameters: Parameters) -> tuple[FloatArray, FloatArray]:
    """Middle and half width of every unit's active and reactive limits, p.u.

    A missing limit is replaced by what no voltage in its band can exceed: all that the branches
    can carry away, the largest demand and the largest limits of the other units of the bus.
    """
    unit = network.generators.take(network.generators.in_service)
    v = network.buses.v_max
    reach = v * (abs(bus_admittance(network)) @ v)
    size = abs(parameters.values).max(axis=0, initial=0.0)
    reach = reach + abs(parameters.mean) + abs(parameters.weight) @ size
    lower, upper = np.stack([unit.p_min, unit.q_min]), np.stack([unit.p_max, unit.q_max])
    widest = np.where(np.isfinite(lower), abs(lower), 0) + np.where(
        np.isfinite(upper), abs(upper), 0
    )
    others = np.zeros((2, network.n_bus))
    for kind in (0, 1):
        np.add.at(others[kind], unit.bus, widest[kind])
    far = reach[unit.bus] + others[:, unit.bus]
    lower, upper = np.maximum(lower, -far), np.minimum(upper, far)
    return (lower + upper) / 2, (upper - lower) / 2


def _bands(network: Network, voltage: IntArray) -> tuple[list[Polynomial], list[Polynomial]]:
    """Voltages that are given, and bands of the others."""
    given, banded = [], []
    n = network.n_bus
    for v, low, high in zip(
        voltage.tolist(), network.buses.v_min, network.buses.v_max, strict=True
    ):
        square = _terms([(1.0, (v, v + n))])
        if high - low <= _FIXED * high:
            given.append(square.plus(_terms([(-high * low, ())])))
            continue
        banded.append(_terms([(high**2, ())]).plus(square.scaled(-1)))
        if low > 0:
            banded.append(square.plus(_terms([(-(low**2), ())])))
    return given, banded


def _balances(
    network: Network,
    voltage: IntArray,
    power: _Powers,
    unit_bus: IntArray,
    demand: list[Polynomial],
) -> list[Polynomial]:
    """Power of the units less demand less what the branches and shunts carry away, by bus."""
    n = network.n_bus
    matrix = bus_admittance(network)
    balances = []
    for k in range(n):
        begin, end = matrix.indptr[k : k + 2]
        columns, entries = matrix.indices[begin:end], matrix.data[begin:end]
        away = _terms(
            [
                (-complex(np.conj(entry)), (int(voltage[k]), int(voltage[m]) + n))
                for m, entry in zip(columns, entries, strict=True)
            ]
        ).plus(demand[k].scaled(-1))
        for kind, part in enumerate(_parts(away, n)):
            total = part
            for unit in np.flatnonzero(unit_bus == k):
                total = total.plus(power.polynomial(kind, int(unit)))
            balances.append(total)
    return balances


def _flows(network: Network, voltage: IntArray) -> list[Flow]:
    n = network.n_bus
    branch = network.branches.take(network.branches.closed & np.isfinite(network.branches.rating))
    ends = branch_admittances(branch)
    flows = []
    for near, far, own, cross in (
        (branch.from_bus, branch.to_bus, ends[0], ends[1]),
        (branch.to_bus, branch.from_bus, ends[3], ends[2]),
    ):
        for f, t, y, z, rating in zip(near, far, own, cross, branch.rating, strict=True):
            v, w = int(voltage[f]), int(voltage[t])
            power = [(complex(np.conj(y)), (v, v + n)), (complex(np.conj(z)), (v, w + n))]
            flows.append(Flow(float(rating), _terms(power)))
    return flows


def _cost(power: _Powers, cost: FloatArray) -> Polynomial:
    total = _terms([(float(cost[:, 2].sum()), ())])
    for unit, (c2, c1, _) in enumerate(cost):
        produced = power.polynomial(0, unit)
        total = total.plus(produced.scaled(c1)).plus(produced.times(produced).scaled(c2))
    return total


def _between(variable: int, low: float, high: float) -> Polynomial:
    """(x − low)(high − x), which is nonnegative within and implies both ends in a relaxation."""
    return _line(-low, {variable: 1.0}).times(_line(high, {variable: -1.0}))


def _line(constant: complex, factors: Mapping[int, complex]) -> Polynomial:
    """Return an affine function."""
    return _terms([(constant, ()), *((factor, (v,)) for v, factor in factors.items() if factor)])


def _parts(polynomial: Polynomial, n: int) -> tuple[Polynomial, Polynomial]:
    """Real and imaginary part of a polynomial of voltages and parameters."""
    rows = polynomial.rows
    turned = np.where(
        (rows > 0) & (rows <= n), rows + n, np.where((rows > n) & (rows <= 2 * n), rows - n, rows)
    )
    mirror = Polynomial(np.sort(turned, axis=1), np.conj(polynomial.coefficients))
    return (
        polynomial.plus(mirror).scaled(0.5),
        polynomial.plus(mirror.scaled(-1)).scaled(-0.5j),
    )


def _terms(terms: Sequence[tuple[complex, tuple[int, ...]]]) -> Polynomial:
    width = max(1, *(len(numbers) for _, numbers in terms))
    rows = [(0,) * (width - len(numbers)) + tuple(sorted(numbers)) for _, numbers in terms]
    return Polynomial(
        np.array(rows, dtype=np.int64), np.array([c for c, _ in terms], dtype=complex)
    )


def _used(numbers: IntArray) -> IntArray:
    flat = numbers.ravel()
    return flat[flat > 0]
