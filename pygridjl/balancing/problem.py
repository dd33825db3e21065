"""The balancing problem: deviations of service points, circuits and what the operator may do."""

from __future__ import annotations

import operator
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pygridjl.core.errors import InvalidBalancingError
from pygridjl.core.findings import Finding
from pygridjl.core.types import BoolArray, FloatArray, IntArray

if TYPE_CHECKING:
    from pygridjl.balancing.coupling import Coupling

__all__ = ["MOST_CIRCUITS", "BalancingProblem", "Risk", "build_problem"]

Risk = Literal["rms", "l1"]

MOST_CIRCUITS = 100_000
"""More circuits than any operator has; a slip of the pen must not fill the memory."""


@dataclass(frozen=True, eq=False)
class BalancingProblem:
    """Assign every service point (SP) to one circuit at least risk; made by :func:`build_problem`.

    With x the assignment and Δ_i(t) = Σ_j x_ij δ_j(t), one draw of the deviations costs

        ℓ(x) = Σ_i √(Σ_t w_it Δ_i(t)²)  (``rms``)   or   ℓ(x) = Σ_i Σ_t w_it |Δ_i(t)|  (``l1``),

    and the objective is the mean of ℓ over the draws, plus ``tail_weight`` times its conditional
    value at risk at level ``tail``, plus the costs of the moves.

    Attributes
    ----------
    name : str
        What the data are called.
    deviations : ndarray, shape (n_draw, n, n_time)
        δ_j(t) of every draw.
    service_points : tuple of str, length n
        Ids.
    circuits : tuple of str, length m
        Names.
    risk : {"rms", "l1"}
        The norm of a circuit.
    weights : ndarray, shape (m, n_time)
        w_it ≥ 0; 1/n_time unless given.
    demand : ndarray, shape (n,)
        What each SP takes of the capacity of its circuit.
    capacity : ndarray, shape (m,)
        Most demand on each circuit; infinity for none.
    cardinality : ndarray of int, shape (m,)
        Most SPs on each circuit.
    allowed : ndarray of bool, shape (n, m)
        Which assignments are allowed.
    start : ndarray of int, shape (n,), or None
        Circuits today.
    max_moves : int or None
        Most SPs that leave their circuit of today.
    move_cost : ndarray, shape (n,)
        Price of moving an SP away from it, in units of the objective.
    tail_weight, tail : float
        Weight and level α of the conditional value at risk.
    coupling : Coupling or None
        Voltage limits of the feeders on which the SPs sit.
    """

    name: str
    deviations: FloatArray
    service_points: tuple[str, ...]
    circuits: tuple[str, ...]
    risk: Risk
    weights: FloatArray
    demand: FloatArray
    capacity: FloatArray
    cardinality: IntArray
    allowed: BoolArray
    start: IntArray | None
    max_moves: int | None
    move_cost: FloatArray
    tail_weight: float
    tail: float
    coupling: Coupling | None = None

    @property
    def n_draw(self) -> int:
        """Number of draws."""
        return int(self.deviations.shape[0])

    @property
    def n(self) -> int:
        """Number of service points."""
        return int(self.deviations.shape[1])

    @property
    def m(self) -> int:
        """Number of circuits."""
        return len(self.circuits)

    @property
    def n_time(self) -> int:
        """Number of time steps."""
        return int(self.deviations.shape[2])

    @property
    def move_costs(self) -> FloatArray:
        """Cost of each assignment, shape (n, m): the move cost off the circuit of today."""
        costs = np.repeat(self.move_cost[:, None], self.m, axis=1)
        if self.start is None:
            return np.zeros_like(costs)
        costs[np.arange(self.n), self.start] = 0.0
        return costs

    @property
    def weights_alike(self) -> bool:
        """Whether the weights are the same for all circuits."""
        return bool((self.weights == self.weights[0]).all())

    def classes(self) -> list[IntArray]:
        """Circuits that can be exchanged without changing anything, as lists of their indices."""
        loose = self.max_moves is None and not self.move_cost.any() and self.coupling is None
        groups: dict[bytes, list[int]] = {}
        for i in range(self.m):
            parts = (self.weights[i], self.capacity[i], self.cardinality[i], self.allowed[:, i])
            key = b"".join(np.ascontiguousarray(part).tobytes() for part in parts)
            groups.setdefault(key if loose else str(i).encode(), []).append(i)
        return [np.array(group, dtype=np.int64) for group in groups.values()]


def build_problem(
    deviations: ArrayLike,
    *,
    circuits: int | Sequence[str],
    risk: Risk = "rms",
    capacity: float | ArrayLike | None = None,
    cardinality: int | ArrayLike | None = None,
    demand: ArrayLike | None = None,
    start: ArrayLike | None = None,
    max_moves: int | None = None,
    move_cost: float | ArrayLike | None = None,
    forbidden: Collection[tuple[str, str]] = (),
    fixed: Mapping[str, str] | None = None,
    weights: ArrayLike | None = None,
    tail_weight: float = 0.0,
    tail: float = 0.95,
    service_points: Sequence[str] | None = None,
    coupling: Coupling | None = None,
    name: str = "data",
) -> BalancingProblem:
    """Check the data once and make the problem; the arguments are those of :func:`balance`.

    Returns
    -------
    BalancingProblem
        With arrays of its own.

    Raises
    ------
    InvalidBalancingError
        If the data are unsound; every fault is listed.
    """
    findings: list[Finding] = []
    paths = _numbers(findings, "deviations", deviations)
    if paths.ndim == 2:
        paths = paths[None]
    if paths.ndim != 3 or 0 in paths.shape:
        text = f"must have the shape (n_sp, n_time) or (n_draw, n_sp, n_time), has {paths.shape}"
        raise InvalidBalancingError(name, [*findings, _wrong("deviations", text)])
    n, steps = paths.shape[1:]
    points = _names(findings, "service_points", service_points, n, "SP")
    lines = _circuits(findings, circuits)
    m = len(lines)
    for _, j, t in np.argwhere(~np.isfinite(paths))[:20]:
        findings.append(Finding("sp", (points[j],), "deviations", f"is no number at step {t}"))
    shares = np.full((m, steps), 1.0 / steps)
    if weights is not None:
        shares = _weights(findings, weights, (m, steps))
    need = _per(findings, "demand", 0.0 if demand is None else demand, n)
    room = _per(findings, "capacity", np.inf if capacity is None else capacity, m, infinite=True)
    if capacity is not None and demand is None:
        findings.append(_wrong("capacity", "needs the demand of every SP: give demand"))
    most = _per(findings, "cardinality", n if cardinality is None else cardinality, m)
    cost = _per(findings, "move_cost", 0.0 if move_cost is None else move_cost, n)
    begin = None if start is None else _start(findings, start, points, lines)
    if begin is None and start is None and (max_moves is not None or cost.any()):
        findings.append(_wrong("max_moves, move_cost", "need the circuits of today: give start"))
    if max_moves is not None and max_moves < 0:
        findings.append(_wrong("max_moves", f"must be at least 0, is {max_moves}"))
    if not tail_weight >= 0 or not np.isfinite(tail_weight):
        findings.append(_wrong("tail_weight", f"must be a number of at least 0, is {tail_weight}"))
    if not 0 < tail < 1:
        findings.append(_wrong("tail", f"must lie between 0 and 1, is {tail}"))
    if risk not in ("rms", "l1"):
        findings.append(_wrong("measure", f"must be 'rms' or 'l1', is {risk!r}"))
    allowed = _allowed(findings, points, lines, forbidden, fixed or {})
    if not findings:
        findings += _room(points, need, room, np.floor(most), allowed)
    if findings:
        raise InvalidBalancingError(name, findings)
    return BalancingProblem(
        name=name,
        deviations=paths,
        service_points=points,
        circuits=lines,
        risk=risk,
        weights=shares,
        demand=need,
        capacity=room,
        cardinality=np.minimum(np.floor(most), n).astype(np.int64),
        allowed=allowed,
        start=begin,
        max_moves=max_moves,
        move_cost=cost,
        tail_weight=float(tail_weight),
        tail=float(tail),
        coupling=coupling,
    )


def _wrong(field: str, message: str) -> Finding:
    return Finding("problem", (), field, message)


def _numbers(findings: list[Finding], field: str, values: Any) -> FloatArray:
    try:
        # Rows of unequal length have no array: numpy refuses them here.
        return np.array(values, dtype=np.float64, order="C")
    except (TypeError, ValueError):
        findings.append(_wrong(field, "must be numbers, with equally many for every row"))
        return np.empty(0)


def _names(
    findings: list[Finding], field: str, given: Sequence[str] | None, n: int, kind: str
) -> tuple[str, ...]:
    if given is None:
        return tuple(f"{kind}{k + 1}" for k in range(n))
    names = tuple(str(name) for name in given)
    if len(names) != n:
        findings.append(_wrong(field, f"names {len(names)}, expected {n}"))
        return tuple(f"{kind}{k + 1}" for k in range(n))
    if len(set(names)) < n:
        twice = sorted({name for name in names if names.count(name) > 1})
        findings.append(Finding("sp", tuple(twice), field, "is named more than once"))
    return names


def _circuits(findings: list[Finding], circuits: int | Sequence[str]) -> tuple[str, ...]:
    if not isinstance(circuits, str) and isinstance(circuits, Sequence):
        if not circuits or len(set(circuits)) < len(circuits):
            findings.append(_wrong("circuits", "must be different names, at least one"))
        return tuple(str(name) for name in circuits) or ("C1",)
    try:
        count = operator.index(circuits)  # type: ignore[arg-type]
    except TypeError:
        count = 0
    if not 1 <= count <= MOST_CIRCUITS:
        text = f"must be names or a number from 1 to {MOST_CIRCUITS}, is {circuits!r}"
        findings.append(_wrong("circuits", text))
        count = 1
    return tuple(f"C{k + 1}" for k in range(count))


def _per(
    findings: list[Finding], field: str, values: Any, size: int, *, infinite: bool = False
) -> FloatArray:
    array = _numbers(findings, field, values)
    if array.ndim == 0:
        array = np.repeat(array[None], size)
    if array.shape != (size,):
        if array.size:
            findings.append(_wrong(field, f"has the shape {array.shape}, expected ({size},)"))
        return np.zeros(size)
    bad = ~(array >= 0) | (np.isinf(array) & (not infinite))
    if bad.any():
        where = int(np.flatnonzero(bad)[0])
        findings.append(
            _wrong(field, f"must be numbers of at least 0, entry {where} is {array[where]:g}")
        )
    return array


def _weights(findings: list[Finding], weights: ArrayLike, shape: tuple[int, int]) -> FloatArray:
    array = _numbers(findings, "weights", weights)
    try:
        array = np.broadcast_to(array if array.ndim != 1 else array[:, None], shape).copy()
    except ValueError:
        text = f"has the shape {array.shape}, expected {shape[:1]} or {shape}"
        findings.append(_wrong("weights", text))
        return np.ones(shape)
    if not ((array >= 0) & np.isfinite(array)).all():
        findings.append(_wrong("weights", "must be numbers of at least 0"))
    return array


def _start(
    findings: list[Finding], start: Any, points: tuple[str, ...], lines: tuple[str, ...]
) -> IntArray | None:
    values = np.asarray(start)
    if values.shape != (len(points),):
        text = f"has the shape {values.shape}, expected ({len(points)},)"
        findings.append(_wrong("start", text))
        return None
    if values.dtype.kind in "US":
        place = {name: i for i, name in enumerate(lines)}
        values = np.array([place.get(str(v), -1) for v in values], dtype=np.int64)
    elif values.dtype.kind not in "iu":
        findings.append(_wrong("start", "must be names of circuits or their indices"))
        return None
    unknown = (values < 0) | (values >= len(lines))
    if unknown.any():
        ids = tuple(np.array(points, dtype=object)[unknown])
        findings.append(Finding("sp", ids, "start", "is on a circuit that does not exist"))
        return None
    return values.astype(np.int64)


def _allowed(
    findings: list[Finding],
    points: tuple[str, ...],
    lines: tuple[str, ...],
    forbidden: Collection[tuple[str, str]],
    fixed: Mapping[str, str],
) -> BoolArray:
    allowed: NDArray[np.bool_] = np.ones((len(points), len(lines)), dtype=np.bool_)
    if not forbidden and not fixed:
        return allowed
    rows = {name: j for j, name in enumerate(points)}
    columns = {name: i for i, name in enumerate(lines)}
    for field, pairs in (("forbidden", forbidden), ("fixed", fixed.items())):
        for point, line in pairs:
            if point not in rows:
                findings.append(Finding("sp", (str(point),), field, "does not exist"))
            elif line not in columns:
                findings.append(Finding("circuit", (str(line),), field, "does not exist"))
            elif field == "forbidden":
                allowed[rows[point], columns[line]] = False
            else:
                others = np.arange(len(lines)) != columns[line]
                allowed[rows[point], others] = False
    return allowed


def _room(
    points: tuple[str, ...],
    need: FloatArray,
    room: FloatArray,
    most: FloatArray,
    allowed: BoolArray,
) -> list[Finding]:
    """Find what can be seen at once: circuits that cannot hold the service points."""
    findings = []
    nowhere = np.flatnonzero(~allowed.any(axis=1))
    if nowhere.size:
        ids = tuple(points[j] for j in nowhere)
        findings.append(Finding("sp", ids, "forbidden", "no circuit is left"))
    if most.sum() < len(points):
        text = f"circuits hold {most.sum():.0f} SPs together, there are {len(points)}"
        findings.append(_wrong("cardinality", text))
    if room.sum() < need.sum() * (1 - 1e-12):
        text = f"circuits hold {room.sum():g} together, the SPs demand {need.sum():g}"
        findings.append(_wrong("capacity", text))
    fits = allowed & (need[:, None] <= room[None, :] * (1 + 1e-12))
    big = np.flatnonzero(allowed.any(axis=1) & ~fits.any(axis=1))
    if big.size:
        ids = tuple(points[j] for j in big)
        findings.append(Finding("sp", ids, "capacity", "demands more than any circuit holds"))
    return findings
