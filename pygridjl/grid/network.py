"""The single-phase network: buses, branches, generators and loads as arrays in per unit."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pygridjl.core.types import BoolArray, FloatArray, IntArray, StrArray

__all__ = ["Branches", "Buses", "Generators", "Loads", "Network"]


def _column(name: str, values: ArrayLike | None, n: int, dtype: Any, default: Any) -> NDArray[Any]:
    """Own read-only copy of a column, filled with ``default`` where it was not given."""
    if values is None:
        # Not np.full: with dtype str it cuts every text to one letter.
        array: NDArray[Any] = np.repeat(np.array([default], dtype=dtype), n)
    else:
        array = np.array(values, dtype=dtype, copy=True)
        if array.ndim == 0:
            array = np.repeat(array[None], n)
    if array.shape[0] != n:
        raise ValueError(f"column {name!r} has {array.shape[0]} rows, expected {n}")
    array.setflags(write=False)
    return array


def _column_field(dtype: Any, default: Any = None) -> Any:
    return field(default=None, metadata={"dtype": dtype, "default": default})


@dataclass(frozen=True, eq=False)
class _Table:
    """Columns of equal length; the first one sets the length. Subclasses declare the columns."""

    def __post_init__(self) -> None:
        columns = dataclasses.fields(self)
        first = np.asarray(getattr(self, columns[0].name))
        n = first.shape[0] if first.ndim else 1
        for column in columns:
            meta = column.metadata
            values = getattr(self, column.name)
            if values is None and meta["default"] is None:
                raise ValueError(f"column {column.name!r} is required")
            array = _column(column.name, values, n, meta["dtype"], meta["default"])
            object.__setattr__(self, column.name, array)

    def __len__(self) -> int:
        return int(getattr(self, dataclasses.fields(self)[0].name).shape[0])

    def columns(self) -> Iterator[tuple[str, NDArray[Any]]]:
        """Yield ``(name, array)`` of every column, in declaration order."""
        for column in dataclasses.fields(self):
            yield column.name, getattr(self, column.name)

    def replace(self, **changes: ArrayLike) -> Self:
        """Return a copy with some columns replaced."""
        return dataclasses.replace(self, **changes)

    def take(self, rows: ArrayLike) -> Self:
        """Return the table of the given rows (positions or a Boolean mask)."""
        index = np.asarray(rows)
        return type(self)(**{name: values[index] for name, values in self.columns()})

    def join(self, other: Self) -> Self:
        """Return the table with the rows of another below its own."""
        return type(self)(
            **{
                name: np.concatenate([values, getattr(other, name)])
                for name, values in self.columns()
            }
        )


@dataclass(frozen=True, eq=False)
class Buses(_Table):
    """Buses.

    Attributes
    ----------
    id : ndarray of str, shape (n,)
        Unique ids as the source writes them.
    base_kv : ndarray, shape (n,)
        Voltage base in kV (line to line).
    v_min, v_max : ndarray, shape (n,)
        Voltage band, p.u.; 0 and infinity where there is none.
    gs, bs : ndarray, shape (n,)
        Shunt conductance and susceptance, p.u. (a capacitor has ``bs > 0``).
    iron : ndarray, shape (n,)
        The part of ``gs`` that is the iron of transformers or the leakage of lines, p.u.: a loss,
        not a load.
    x, y : ndarray, shape (n,)
        Drawing coordinates in any unit; NaN where unknown.
    v_start, angle_start : ndarray, shape (n,)
        Voltage (p.u.) and angle (rad) that the source of the data knows for the base state: where
        iterations may begin; NaN where it knows none.
    """

    id: StrArray = _column_field(np.str_)
    base_kv: FloatArray = _column_field(np.float64, 1.0)
    v_min: FloatArray = _column_field(np.float64, 0.0)
    v_max: FloatArray = _column_field(np.float64, np.inf)
    gs: FloatArray = _column_field(np.float64, 0.0)
    bs: FloatArray = _column_field(np.float64, 0.0)
    x: FloatArray = _column_field(np.float64, np.nan)
    y: FloatArray = _column_field(np.float64, np.nan)
    iron: FloatArray = _column_field(np.float64, 0.0)
    v_start: FloatArray = _column_field(np.float64, np.nan)
    angle_start: FloatArray = _column_field(np.float64, np.nan)


@dataclass(frozen=True, eq=False)
class Branches(_Table):
    """Lines, transformers and tie switches, as π-models.

    Attributes
    ----------
    id : ndarray of int, shape (m,)
        1-based row of the source's branch table (REDS: branches, then ties).
    from_bus, to_bus : ndarray of int, shape (m,)
        Positions in :class:`Buses`.
    r, x : ndarray, shape (m,)
        Series impedance, p.u.
    b : ndarray, shape (m,)
        Total charging susceptance, p.u.
    tap : ndarray, shape (m,)
        Off-nominal ratio at the from side, 1 for a line.
    shift : ndarray, shape (m,)
        Phase shift at the from side, rad.
    rating : ndarray, shape (m,)
        Apparent-power rating in p.u.; read at 1 p.u. voltage it is the ampacity in p.u. of current.
        Infinity where there is none.
    angle_min, angle_max : ndarray, shape (m,)
        Bounds on the voltage angle difference, rad.
    closed : ndarray of bool, shape (m,)
        Base state: False for an open tie switch.
    switchable : ndarray of bool, shape (m,)
        Whether the branch may be opened or closed. A branch that is not switchable keeps its
        base state.
    source : ndarray of bool, shape (m,)
        True for the impedance of a source itself: what it loses is no loss of the network.
    """

    id: IntArray = _column_field(np.int64)
    from_bus: IntArray = _column_field(np.int64)
    to_bus: IntArray = _column_field(np.int64)
    r: FloatArray = _column_field(np.float64)
    x: FloatArray = _column_field(np.float64, 0.0)
    b: FloatArray = _column_field(np.float64, 0.0)
    tap: FloatArray = _column_field(np.float64, 1.0)
    shift: FloatArray = _column_field(np.float64, 0.0)
    rating: FloatArray = _column_field(np.float64, np.inf)
    angle_min: FloatArray = _column_field(np.float64, -np.pi)
    angle_max: FloatArray = _column_field(np.float64, np.pi)
    closed: BoolArray = _column_field(np.bool_, True)
    switchable: BoolArray = _column_field(np.bool_, True)
    source: BoolArray = _column_field(np.bool_, False)

    @property
    def loss_r(self) -> FloatArray:
        """Resistances whose losses are the network's: 0 for those of sources, p.u."""
        return np.where(self.source, 0.0, self.r)


@dataclass(frozen=True, eq=False)
class Generators(_Table):
    """Generators and substations.

    Attributes
    ----------
    id : ndarray of str, shape (g,)
        Unique ids.
    bus : ndarray of int, shape (g,)
        Positions in :class:`Buses`.
    p, q : ndarray, shape (g,)
        Scheduled injection, p.u.; for a slack only a start value.
    p_min, p_max, q_min, q_max : ndarray, shape (g,)
        Limits, p.u.
    s_max : ndarray, shape (g,)
        Apparent-power capacity, p.u. (a substation transformer); infinity where there is none.
    v_set : ndarray, shape (g,)
        Voltage set-point, p.u.
    holds_v : ndarray of bool, shape (g,)
        True for a unit that keeps its bus at ``v_set`` as long as ``q_min`` and ``q_max`` allow;
        all others deliver ``p`` and ``q``.
    slack : ndarray of bool, shape (g,)
        True for a substation (slack): it keeps ``v_set`` and delivers whatever is asked of it.
    angle_set : ndarray, shape (g,)
        Voltage angle of a slack, rad; only differences between slacks that are connected matter.
    cost : ndarray, shape (g, 3)
        Coefficients ``c2, c1, c0`` of the cost per hour, for P in p.u. NaN where the source has a
        cost that cannot be represented: only an optimal power flow minds.
    cost_points : ndarray, shape (g, k, 2)
        Breakpoints ``(P in p.u., cost per hour)`` of a piecewise-linear cost, P increasing; rows
        beyond a unit's last point are NaN. A unit that has points has zeros in ``cost``.
    in_service : ndarray of bool, shape (g,)
        Whether the unit exists in this study.
    """

    id: StrArray = _column_field(np.str_)
    bus: IntArray = _column_field(np.int64)
    p: FloatArray = _column_field(np.float64, 0.0)
    q: FloatArray = _column_field(np.float64, 0.0)
    p_min: FloatArray = _column_field(np.float64, -np.inf)
    p_max: FloatArray = _column_field(np.float64, np.inf)
    q_min: FloatArray = _column_field(np.float64, -np.inf)
    q_max: FloatArray = _column_field(np.float64, np.inf)
    s_max: FloatArray = _column_field(np.float64, np.inf)
    v_set: FloatArray = _column_field(np.float64, 1.0)
    slack: BoolArray = _column_field(np.bool_, False)
    cost: FloatArray = _column_field(np.float64, 0.0)
    in_service: BoolArray = _column_field(np.bool_, True)
    holds_v: BoolArray = _column_field(np.bool_, False)
    cost_points: FloatArray = _column_field(np.float64, np.nan)
    angle_set: FloatArray = _column_field(np.float64, 0.0)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.cost.ndim == 1:
            self._own("cost", np.zeros((len(self), 3)))
        if self.cost_points.ndim == 1:
            self._own("cost_points", np.zeros((len(self), 0, 2)))
        if self.cost_points.ndim != 3 or self.cost_points.shape[2] != 2:
            shape = self.cost_points.shape
            raise ValueError(f"column 'cost_points' has shape {shape}, expected (units, points, 2)")

    def join(self, other: Generators) -> Generators:
        """Return the table with the rows of another below its own."""
        widths = (self.cost_points.shape[1], other.cost_points.shape[1])
        most = max(widths)
        parts = [
            np.pad(t.cost_points, ((0, 0), (0, most - w), (0, 0)), constant_values=np.nan)
            for t, w in zip((self, other), widths, strict=True)
        ]
        columns = {
            name: np.concatenate([values, getattr(other, name)])
            for name, values in self.columns()
            if name != "cost_points"
        }
        return Generators(**columns, cost_points=np.concatenate(parts))

    def _own(self, name: str, values: FloatArray) -> None:
        values.setflags(write=False)
        object.__setattr__(self, name, values)

    @property
    def n_cost_points(self) -> IntArray:
        """Breakpoints of each unit's piecewise-linear cost, 0 where it has none, shape (g,)."""
        return np.asarray((~np.isnan(self.cost_points[:, :, 0])).sum(axis=1))


@dataclass(frozen=True, eq=False)
class Loads(_Table):
    """Constant-power loads.

    Attributes
    ----------
    id : ndarray of str, shape (l,)
        Unique ids.
    bus : ndarray of int, shape (l,)
        Positions in :class:`Buses`.
    p, q : ndarray, shape (l,)
        Demand, p.u.
    """

    id: StrArray = _column_field(np.str_)
    bus: IntArray = _column_field(np.int64)
    p: FloatArray = _column_field(np.float64, 0.0)
    q: FloatArray = _column_field(np.float64, 0.0)


@dataclass(frozen=True, eq=False)
class Network:
    """A single-phase (balanced) network in per unit. Immutable: changes make copies.

    Construction checks only what the arrays need to hang together (lengths, bus positions);
    :func:`pygridjl.validate` looks for everything that is wrong with the data.

    Attributes
    ----------
    name : str
        Name of the case.
    base_mva : float
        Power base, MVA (three-phase).
    buses, branches, generators, loads
        The tables.
    source : str
        Where the data come from, for credits.
    notes : tuple of str
        What a reader changed or assumed, in plain words.
    """

    name: str
    base_mva: float
    buses: Buses
    branches: Branches
    generators: Generators
    loads: Loads
    source: str = ""
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "notes", tuple(self.notes))
        n = len(self.buses)
        for component, column, positions in (
            ("branch", "from_bus", self.branches.from_bus),
            ("branch", "to_bus", self.branches.to_bus),
            ("generator", "bus", self.generators.bus),
            ("load", "bus", self.loads.bus),
        ):
            if positions.size and (positions.min() < 0 or positions.max() >= n):
                row = int(np.flatnonzero((positions < 0) | (positions >= n))[0])
                raise ValueError(
                    f"{component} row {row + 1}: {column} is not the position of a bus"
                )

    @property
    def n_bus(self) -> int:
        """Number of buses."""
        return len(self.buses)

    @property
    def n_branch(self) -> int:
        """Number of branches."""
        return len(self.branches)

    @property
    def load_p(self) -> FloatArray:
        """Active demand by bus, p.u., shape (n_bus,)."""
        return self._per_bus(self.loads.p)

    @property
    def load_q(self) -> FloatArray:
        """Reactive demand by bus, p.u., shape (n_bus,)."""
        return self._per_bus(self.loads.q)

    def _per_bus(self, load: FloatArray) -> FloatArray:
        total = np.zeros(self.n_bus)
        np.add.at(total, self.loads.bus, load)
        return total

    @property
    def slack_buses(self) -> IntArray:
        """Sorted positions of the buses that carry a substation (slack) in service."""
        rows = self.generators.slack & self.generators.in_service
        return np.unique(self.generators.bus[rows])

    @property
    def slack_angles(self) -> FloatArray:
        """Voltage angles of :attr:`slack_buses` against the first of them, rad."""
        gen = self.generators
        rows = np.flatnonzero(gen.slack & gen.in_service)
        _, first = np.unique(gen.bus[rows], return_index=True)
        angle = gen.angle_set[rows[first]]
        return np.asarray(angle - angle[:1])

    @property
    def open_branches(self) -> tuple[int, ...]:
        """Ids of the branches open in the base state."""
        return tuple(int(i) for i in self.branches.id[~self.branches.closed])

    def replace(self, **changes: Any) -> Network:
        """Return a copy with some attributes replaced."""
        return dataclasses.replace(self, **changes)

    def with_open(self, branch_ids: tuple[int, ...] | list[int]) -> Network:
        """Return a copy whose base state has exactly these branches open.

        Parameters
        ----------
        branch_ids : sequence of int
            Ids of :attr:`Branches.id`.

        Raises
        ------
        KeyError
            If an id is unknown.
        """
        wanted = np.asarray(branch_ids, dtype=np.int64)
        unknown = np.setdiff1d(wanted, self.branches.id)
        if unknown.size:
            raise KeyError(f"network {self.name!r} has no branch {int(unknown[0])}")
        closed = ~np.isin(self.branches.id, wanted)
        return self.replace(branches=self.branches.replace(closed=closed))

    def __repr__(self) -> str:
        return (
            f"<Network {self.name!r}: {self.n_bus} buses, {self.n_branch} branches, "
            f"{len(self.generators)} generators, {len(self.loads)} loads>"
        )
