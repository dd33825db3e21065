"""AC power flow of a radial three-phase feeder by backward/forward sweeps over all its phases."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pygridjl.core.errors import PowerFlowError
from pygridjl.core.types import ComplexArray, FloatArray, IntArray
from pygridjl.grid.feeder import Feeder
from pygridjl.grid.nominal import BALANCED
from pygridjl.grid.services import refuse_gains

__all__ = ["FeederFlow", "feeder_power_flow"]

TOLERANCE = 1e-10
MAX_SWEEPS = 200
# A feeder whose voltages fall this far is beyond its limit of loadability.
COLLAPSE = 0.3


@dataclass(frozen=True, eq=False)
class FeederFlow:
    """The AC state of a feeder.

    Attributes
    ----------
    v : ndarray of complex, shape (n_bus, 3)
        Voltages, p.u.; NaN on absent phases.
    s_from, s_to : ndarray of complex, shape (n_branch, 3)
        Powers into the branches at their two ends, p.u.; 0 on open branches and absent phases.
    loss_kw : float
        Active losses of the branches, kW, without those of the impedance of the source itself.
    sweeps : int
        How many it took.
    """

    v: ComplexArray
    s_from: ComplexArray
    s_to: ComplexArray
    loss_kw: float
    sweeps: int


def feeder_power_flow(feeder: Feeder, *, load_scale: FloatArray | float = 1.0) -> FeederFlow:
    """Solve the AC power flow of a feeder with constant-power loads between phase and ground.

    Backward sweeps sum the currents towards the source, forward sweeps the voltage drops away from
    it, mutual impedances of the phases included, until no voltage moves. Capacitors, cores and
    line charging are admittances; ratios are fixed.

    Parameters
    ----------
    feeder : Feeder
        A sound feeder.
    load_scale : float or ndarray of shape (n_bus,)
        Factors on the loads.

    Returns
    -------
    FeederFlow
        Voltages, flows and losses.

    Raises
    ------
    InvalidNetworkError
        If the closed branches are no tree, or a branch has a gain.
    PowerFlowError
        If there is no solution, or the sweeps do not find it.
    """
    refuse_gains(feeder, "the sweep does not take: use power_flow(feeder, 'z-bus')")
    case = _Case(feeder, load_scale)
    v = np.where(feeder.buses.phases, case.start, 1.0)
    for sweep in range(1, MAX_SWEEPS + 1):
        current = case.backward(v)
        moved = case.forward(current)
        change = float(np.abs(moved - v)[feeder.buses.phases].max())
        v = moved
        low = float(np.abs(v)[feeder.buses.phases].min())
        if not np.isfinite(change) or low < COLLAPSE:
            break
        if change < TOLERANCE:
            return case.flow(v, case.backward(v), sweep)
    raise PowerFlowError(f"feeder {feeder.name!r}: no AC power flow was found")


class _Case:
    """The arrays of a feeder in the order of its tree, one group of branches for each depth."""

    def __init__(self, feeder: Feeder, load_scale: FloatArray | float) -> None:
        self.feeder, tree = feeder, feeder.tree
        scale = np.broadcast_to(np.asarray(load_scale, dtype=np.float64), (feeder.n_bus,))
        self.power = np.zeros((feeder.n_bus, 3), dtype=np.complex128)
        self.admitted = np.zeros((feeder.n_bus, 3), dtype=np.complex128)
        node = (feeder.node_bus, feeder.node_phase)
        by_node = scale[feeder.node_bus]
        self.power[node] = (feeder.load_p + 1j * feeder.load_q) * by_node - (
            feeder.generation_p + 1j * feeder.generation_q
        )
        self.admitted[node] = -(feeder.shunt_p + 1j * feeder.shunt_q)
        self.present = feeder.buses.phases
        self.start = np.broadcast_to(feeder.v_set * BALANCED, (feeder.n_bus, 3)).copy()
        branch = feeder.branches
        z = branch.r + 1j * branch.x
        self.groups: list[tuple[IntArray, IntArray, IntArray]] = []
        for depth in range(1, int(tree.depth.max(initial=0)) + 1):
            bus = tree.order[tree.depth[tree.order] == depth]
            self.groups.append((bus, tree.parent[bus], tree.branch[bus]))
        self.z, self.ratio, self.reversed = z, branch.ratio, tree.reversed

    def backward(self, v: ComplexArray) -> ComplexArray:
        """Return the current that each bus takes from its feeding branch, of its own p.u."""
        current = np.where(self.present, np.conj(self.power / v) + np.conj(self.admitted) * v, 0.0)
        for bus, parent, row in reversed(self.groups):
            ratio = self._ratio(bus, row)
            # What enters the branch at its fed end: the ratio lies between the two.
            np.add.at(current, parent, ratio * current[bus])
        return current

    def _ratio(self, bus: IntArray, row: IntArray) -> FloatArray:
        """No-load voltage of each bus over that of its parent."""
        ratio = self.ratio[row]
        return np.where(self.reversed[bus][:, None], 1.0 / ratio, ratio)

    def forward(self, current: ComplexArray) -> ComplexArray:
        """Return the voltages that the currents leave."""
        v = self.start.copy()
        for bus, parent, row in self.groups:
            ratio, back = self._ratio(bus, row), self.reversed[bus][:, None]
            # The impedance lies on the to side: behind the ratio, or before it if fed from there.
            through = np.where(back, ratio * current[bus], current[bus])
            drop = np.einsum("kij,kj->ki", self.z[row], through)
            v[bus] = np.where(back, ratio * (v[parent] - drop), ratio * v[parent] - drop)
        return np.where(self.present, v, 1.0)

    def flow(self, v: ComplexArray, current: ComplexArray, sweeps: int) -> FeederFlow:
        """Lay the answer out by branch."""
        feeder, shape = self.feeder, (self.feeder.n_branch, 3)
        s_from, s_to = np.zeros((2, *shape), dtype=np.complex128)
        for bus, parent, row in self.groups:
            carried = feeder.branches.phases[row]
            enters = np.where(
                carried, v[parent] * np.conj(self._ratio(bus, row) * current[bus]), 0.0
            )
            leaves = np.where(carried, -v[bus] * np.conj(current[bus]), 0.0)
            back = self.reversed[bus][:, None]
            s_from[row] = np.where(back, leaves, enters)
            s_to[row] = np.where(back, enters, leaves)
        lost = (s_from + s_to).real.sum(axis=1)[feeder.branches.kind != "source"].sum()
        return FeederFlow(
            v=np.where(self.present, v, np.nan),
            s_from=s_from,
            s_to=s_to,
            loss_kw=float(feeder.to_kw(lost)),
            sweeps=sweeps,
        )
