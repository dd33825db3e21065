"""The three-phase feeder: phases that exist only, as arrays in per unit of one phase."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from pygridjl.core.types import ComplexArray, FloatArray, IntArray
from pygridjl.grid.feeder_tables import (
    PHASES,
    Capacitors,
    FeederBranches,
    FeederBuses,
    FeederGenerators,
    FeederLoads,
    PhaseTable,
)
from pygridjl.grid.nominal import nominal_voltages
from pygridjl.grid.radial_tree import RadialTree, build_tree

__all__ = ["PHASES", "Feeder"]


def _no_rows(table: type[PhaseTable]) -> Any:
    return dataclasses.field(
        default_factory=lambda: table(
            **{
                c.name: np.zeros((0, 3) if c.name in table._by_phase else 0)
                for c in dataclasses.fields(table)
            }
        )
    )


@dataclass(frozen=True, eq=False)
class Feeder:
    """A three-phase feeder with one source, radial or meshed. Immutable: changes make copies.

    **Per unit.** One convention throughout: powers are per phase on ``phase_mva`` (MVA of *one*
    phase), voltages are line to neutral on ``kv_ln`` of the bus. Hence
    ``z_base = kv_ln**2 / phase_mva`` ohm and ``i_base = 1000 * phase_mva / kv_ln`` ampere.

    **Nodes.** A node is a phase that exists at a bus. Nodes are numbered bus by bus, phases in
    the order a, b, c; arrays "by node" have shape (n_node,).

    Construction checks only what the arrays need to hang together (shapes, bus positions);
    :func:`pygridjl.grid.validate_feeder` looks for everything that is wrong.

    Attributes
    ----------
    name : str
        Name of the feeder.
    phase_mva : float
        Power base of one phase, MVA.
    buses, branches, loads, capacitors, generators
        The tables.
    source_bus : int
        Position of the bus held at ``v_set``.
    v_set : ndarray, shape (3,)
        Voltage magnitude of each phase of the source, p.u.; balanced in angle.
    source : str
        Where the data come from, for credits.
    notes : tuple of str
        Every simplification a reader made, in plain words.
    """

    name: str
    phase_mva: float
    buses: FeederBuses
    branches: FeederBranches
    loads: FeederLoads
    source_bus: int
    v_set: FloatArray
    capacitors: Capacitors = _no_rows(Capacitors)
    generators: FeederGenerators = _no_rows(FeederGenerators)
    source: str = ""
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        v_set = np.array(np.broadcast_to(np.asarray(self.v_set, dtype=np.float64), (3,)))
        v_set.setflags(write=False)
        object.__setattr__(self, "v_set", v_set)
        object.__setattr__(self, "notes", tuple(self.notes))
        for component, column, positions in (
            ("branch", "from_bus", self.branches.from_bus),
            ("branch", "to_bus", self.branches.to_bus),
            ("load", "bus", self.loads.bus),
            ("capacitor", "bus", self.capacitors.bus),
            ("generator", "bus", self.generators.bus),
            ("feeder", "source_bus", np.array([self.source_bus])),
        ):
            wrong = np.flatnonzero((positions < 0) | (positions >= len(self.buses)))
            if wrong.size:
                raise ValueError(
                    f"{component} row {wrong[0] + 1}: {column} is not the position of a bus"
                )

    # ---------------------------------------------------------------------- sizes and numbering
    @property
    def n_bus(self) -> int:
        """Number of buses."""
        return len(self.buses)

    @property
    def n_branch(self) -> int:
        """Number of branches."""
        return len(self.branches)

    @property
    def n_node(self) -> int:
        """Number of nodes: phases that exist, summed over the buses."""
        return int(self.node_bus.shape[0])

    @cached_property
    def node_bus(self) -> IntArray:
        """Bus of each node, shape (n_node,)."""
        return np.nonzero(self.buses.phases)[0]

    @cached_property
    def node_phase(self) -> IntArray:
        """Phase (0, 1, 2) of each node, shape (n_node,)."""
        return np.nonzero(self.buses.phases)[1]

    @cached_property
    def node_of(self) -> IntArray:
        """Node of each bus and phase, shape (n_bus, 3); −1 where the phase does not exist."""
        numbers = np.full((self.n_bus, 3), -1, dtype=np.int64)
        numbers[self.node_bus, self.node_phase] = np.arange(self.n_node)
        return numbers

    @property
    def node_ids(self) -> tuple[str, ...]:
        """Names of the nodes, such as ``"632.a"``, in node order."""
        return tuple(
            f"{self.buses.id[bus]}.{PHASES[phase]}"
            for bus, phase in zip(self.node_bus, self.node_phase, strict=True)
        )

    @cached_property
    def tree(self) -> RadialTree:
        """The closed branches as a tree rooted at the source.

        Raises
        ------
        InvalidNetworkError
            If the closed branches form a loop or do not reach every bus.
        """
        return build_tree(self)

    @cached_property
    def nominal(self) -> ComplexArray:
        """Nominal voltages, p.u., shape (n_bus, 3); see :func:`grid.nominal.nominal_voltages`."""
        return nominal_voltages(self)

    # ------------------------------------------------------------------------- powers by node
    def by_node(self, values: FloatArray) -> FloatArray:
        """Pick the nodes out of an array of shape (n_bus, 3); shape (n_node,)."""
        return np.asarray(values[self.node_bus, self.node_phase])

    def _sum_by_node(self, bus: IntArray, values: FloatArray) -> FloatArray:
        total = np.zeros((self.n_bus, 3))
        np.add.at(total, bus, values)
        return self.by_node(total)

    @property
    def load_p(self) -> FloatArray:
        """Active demand by node, p.u."""
        return self._sum_by_node(self.loads.bus, self.loads.p)

    @property
    def load_q(self) -> FloatArray:
        """Reactive demand by node, p.u."""
        return self._sum_by_node(self.loads.bus, self.loads.q)

    @property
    def generation_p(self) -> FloatArray:
        """Active injection of the generators by node, p.u."""
        return self._sum_by_node(self.generators.bus, self.generators.p)

    @property
    def generation_q(self) -> FloatArray:
        """Reactive injection of the generators by node, p.u."""
        return self._sum_by_node(self.generators.bus, self.generators.q)

    @property
    def shunt_q(self) -> FloatArray:
        """Reactive injection of capacitors and line charging at 1 p.u. voltage, by node, p.u."""
        live = self.branches.take(self.branches.closed)
        buses = np.concatenate([self.capacitors.bus, live.from_bus, live.to_bus])
        return self._sum_by_node(buses, np.vstack([self.capacitors.q, live.b / 2, live.b / 2]))

    @property
    def shunt_p(self) -> FloatArray:
        """Active injection of capacitors and cores at 1 p.u. voltage, by node, p.u."""
        return self._sum_by_node(self.capacitors.bus, self.capacitors.p)

    @property
    def cores(self) -> Capacitors:
        """Shunts that lose active power: the iron of transformers."""
        # What a capacitor between two phases moves from one to the other sums to nothing.
        p = self.capacitors.p
        return self.capacitors.take(p.sum(axis=1) < -1e-9 * np.abs(p).sum(axis=1))

    @property
    def iron_p(self) -> FloatArray:
        """Active power lost in the iron of transformers at 1 p.u. voltage, by node, p.u."""
        cores = self.cores
        return self._sum_by_node(cores.bus, -cores.p)

    def injection(self) -> tuple[FloatArray, FloatArray]:
        """Return the net active and reactive injection by node, p.u.

        Generators plus shunts and line charging minus loads.
        """
        p = self.generation_p + self.shunt_p - self.load_p
        q = self.generation_q + self.shunt_q - self.load_q
        return p, q

    # ------------------------------------------------------------------------------- units
    @property
    def z_base(self) -> FloatArray:
        """Impedance base of each bus, ohm, shape (n_bus,)."""
        return np.asarray(self.buses.kv_ln**2 / self.phase_mva)

    @property
    def i_base(self) -> FloatArray:
        """Current base of each bus, A, shape (n_bus,)."""
        return np.asarray(1e3 * self.phase_mva / self.buses.kv_ln)

    def to_kw(self, power: ArrayLike) -> FloatArray:
        """Convert powers from p.u. to kW (or kvar, kVA)."""
        return np.asarray(power, dtype=np.float64) * (self.phase_mva * 1e3)

    # -------------------------------------------------------------------------------- copies
    def replace(self, **changes: Any) -> Feeder:
        """Return a copy with some attributes replaced."""
        return dataclasses.replace(self, **changes)

    def with_band(self, v_min: ArrayLike, v_max: ArrayLike) -> Feeder:
        """Return a copy with this voltage band.

        Parameters
        ----------
        v_min, v_max : float or array of shape (n_bus,)
            Limits, p.u.
        """
        return self.replace(buses=self.buses.replace(v_min=v_min, v_max=v_max))

    def with_open(self, branch_ids: Iterable[str]) -> Feeder:
        """Return a copy whose base state has exactly these branches open.

        Parameters
        ----------
        branch_ids : iterable of str
            Ids of :attr:`FeederBranches.id`.

        Raises
        ------
        KeyError
            If an id is unknown.
        """
        wanted = np.array(list(branch_ids), dtype=np.str_)
        unknown = np.setdiff1d(wanted, self.branches.id)
        if unknown.size:
            raise KeyError(f"feeder {self.name!r} has no branch {str(unknown[0])!r}")
        closed = ~np.isin(self.branches.id, wanted)
        return self.replace(branches=self.branches.replace(closed=closed))

    def rebase(self, phase_mva: float) -> Feeder:
        """Return the same feeder on another power base.

        Parameters
        ----------
        phase_mva : float
            New power base of one phase, MVA.
        """
        k = self.phase_mva / phase_mva
        branch, gen = self.branches, self.generators
        return self.replace(
            phase_mva=phase_mva,
            branches=branch.replace(
                r=branch.r / k, x=branch.x / k, b=branch.b * k, rating=branch.rating * k
            ),
            loads=self.loads.replace(p=self.loads.p * k, q=self.loads.q * k),
            capacitors=self.capacitors.replace(q=self.capacitors.q * k, p=self.capacitors.p * k),
            generators=gen.replace(p=gen.p * k, q=gen.q * k, s_max=gen.s_max * k),
        )

    def __repr__(self) -> str:
        return (
            f"<Feeder {self.name!r}: {self.n_bus} buses, {self.n_node} nodes, "
            f"{self.n_branch} branches, {len(self.loads)} loads, "
            f"{self.to_kw(self.loads.p.sum()):.6g} kW>"
        )
