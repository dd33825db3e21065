"""Power flows of one state or many: voltages, losses, and how each state ended."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pygridjl.core.errors import PowerFlowError
from pygridjl.core.result import Result, Status
from pygridjl.core.types import BoolArray, FloatArray, StrArray
from pygridjl.grid.feeder import Feeder
from pygridjl.grid.network import Network

__all__ = ["PowerFlowResult"]


@dataclass(frozen=True, eq=False)
class PowerFlowResult(Result):
    """Voltages, flows and losses of one state or of many.

    With variations the arrays have one more dimension in front, of length n_variation. What has no
    solution is NaN and not ``converged``.

    Attributes
    ----------
    grid : str
        Name of the network or feeder.
    method : str
        ``"newton"``, ``"sweep"``, ``"lindistflow"`` or ``"z-bus"``.
    status : Status
        ``feasible`` if every state has a solution, ``not_found`` if some has none.
    bus : ndarray of str, shape (n_bus,)
        Ids, the order of the voltages.
    branch : ndarray of str, shape (n_branch,)
        Ids, the order of the flows.
    converged : ndarray of bool, shape () or (n_variation,)
        Whether there is a solution.
    vm, va : ndarray, shape (…, n_bus), of a feeder (…, n_bus, 3)
        Voltage magnitude, p.u., and angle, rad; NaN on absent phases, and all angles of the
        linearised flow, which has none.
    p_from, q_from, p_to, q_to : ndarray, shape (…, n_branch), of a feeder (…, n_branch, 3)
        Powers into the branch at its two ends, p.u.; 0 on open branches.
    loss_kw : ndarray, shape () or (n_variation,)
        Active losses of branches and iron, kW; what a source loses in its own impedance is not in
        it. Of the linearised flow Re(Iᴴ R I) of its flows at nominal voltages: its balance itself
        leaves losses out.
    iron_kw : ndarray, shape () or (n_variation,)
        The part of ``loss_kw`` in the iron of transformers, kW.
    source_loss_kw : ndarray, shape () or (n_variation,)
        Active losses in the impedances of the sources, kW.
    seconds : dict
        Wall-clock seconds by phase.
    versions : dict
        Versions of the packages that computed the answer.
    """

    grid: str
    method: str
    status: Status
    bus: StrArray
    branch: StrArray
    converged: BoolArray
    vm: FloatArray
    va: FloatArray
    p_from: FloatArray
    q_from: FloatArray
    p_to: FloatArray
    q_to: FloatArray
    loss_kw: FloatArray
    iron_kw: FloatArray
    source_loss_kw: FloatArray
    seconds: dict[str, float] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)

    @property
    def has_answer(self) -> bool:
        """Whether every state has a solution."""
        return bool(self.converged.all())

    def _rows(self) -> list[tuple[str, str]]:
        rows = [("grid", self.grid), ("method", self.method), ("status", self.status.value)]
        if self.converged.ndim:
            solved = f"{int(self.converged.sum())} of {self.converged.size} solved"
            rows.append(("variations", solved))
        if self.converged.any():
            low, high = np.nanmin(self.vm), np.nanmax(self.vm)
            rows.append(("voltages", f"{low:.4f} to {high:.4f} p.u."))
            rows.append(("losses", _spread(self.loss_kw)))
            for name, parts in (
                ("of which iron", self.iron_kw),
                ("in the source besides", self.source_loss_kw),
            ):
                if np.nanmax(parts) > 0:
                    rows.append((name, _spread(parts)))
        return rows

    def to_frame(self) -> pd.DataFrame:
        """Return one row a bus, and a variation where there are some: magnitudes and angles."""
        count = self.converged.size
        shape = (count, self.bus.size, -1)
        vm, va = self.vm.reshape(shape), self.va.reshape(shape)
        columns = {}
        for k in range(vm.shape[2]):
            phase = f"_{'abc'[k]}" if vm.shape[2] > 1 else ""
            columns[f"vm{phase}"], columns[f"va{phase}"] = vm[..., k].ravel(), va[..., k].ravel()
        bus = np.tile(self.bus, count)
        index = (
            pd.MultiIndex.from_arrays(
                [np.repeat(np.arange(count), self.bus.size), bus], names=["variation", "bus"]
            )
            if self.converged.ndim
            else pd.Index(bus, name="bus")
        )
        return pd.DataFrame(columns, index=index)

    def branch_frame(self, grid: Network | Feeder) -> pd.DataFrame:
        """Return one row a branch, and a variation where there are some: flows and loading.

        Parameters
        ----------
        grid : Network or Feeder
            The grid that was solved; it knows ends and ratings.

        Returns
        -------
        DataFrame
            ``from_bus``, ``to_bus``, ``p_from``, ``q_from``, ``p_to``, ``q_to`` in p.u. (of a
            feeder the sums of the phases) and ``loading``: of a network the larger current of both
            ends over the rating read as ampacity, 0 where there is no rating.
        """
        count, m = self.converged.size, self.branch.size
        flows = {
            name: getattr(self, name).reshape(count, m, -1).sum(axis=2)
            for name in ("p_from", "q_from", "p_to", "q_to")
        }
        ends = (grid.branches.from_bus, grid.branches.to_bus)
        columns: dict[str, Any] = {
            "from_bus": np.tile(self.bus[ends[0]], count),
            "to_bus": np.tile(self.bus[ends[1]], count),
            **{name: values.ravel() for name, values in flows.items()},
        }
        if isinstance(grid, Network):
            vm = self.vm.reshape(count, -1)
            at_from = np.hypot(flows["p_from"], flows["q_from"]) / vm[:, ends[0]]
            at_to = np.hypot(flows["p_to"], flows["q_to"]) / vm[:, ends[1]]
            current = np.maximum(at_from, at_to)
            columns["loading"] = (current / grid.branches.rating).ravel()
        branch = np.tile(self.branch, count)
        index = (
            pd.MultiIndex.from_arrays(
                [np.repeat(np.arange(count), m), branch], names=["variation", "branch"]
            )
            if self.converged.ndim
            else pd.Index(branch, name="branch")
        )
        return pd.DataFrame(columns, index=index)

    def plot(self, path: str | Path) -> Path:
        """Draw the voltage magnitudes in rising order; of variations the lowest of each bus.

        Parameters
        ----------
        path : path-like
            Where to write; the suffix chooses the format.

        Returns
        -------
        Path
            The file written.

        Raises
        ------
        PowerFlowError
            If no state has a solution.
        """
        from pygridjl.core.figures import plot_voltages

        if not self.converged.any():
            raise PowerFlowError(f"{self.grid!r}: there is no solution to draw")
        vm = self.vm
        if self.converged.ndim:
            vm = self.vm[self.converged].min(axis=0)
        return plot_voltages(vm, f"{self.grid}, {self.method}", path)


def _spread(kw: FloatArray) -> str:
    least, most = np.nanmin(kw), np.nanmax(kw)
    return f"{least:.3f} kW" if least == most else f"{least:.3f} to {most:.3f} kW"
