"""The answer of a restoration."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from pygridjl.core.result import Result, Status

if TYPE_CHECKING:
    from pygridjl.grid.network import Network

__all__ = ["RestorationResult"]


@dataclass(frozen=True)
class RestorationResult(Result):
    """What can be supplied after a fault and how.

    Attributes
    ----------
    network : str
        Name of the network.
    fault : int
        Id of the branch that is out.
    status : Status
        ``optimal`` if both the load and then the number of operations are proven best.
    objective : float or None
        Load supplied, kW.
    bound : float or None
        Proven upper bound on the load that any configuration within the limits can supply, kW.
    lost_kw : float or None
        Load that stays without supply, kW.
    lost_by_fault_kw : float
        Load without supply if nothing is switched, kW.
    operations : int or None
        Branches to open or to close, the isolation of the fault not counted.
    operations_bound : int or None
        Proven: fewer operations cannot supply as much.
    switched_open, switched_closed : tuple of int
        Ids of these branches; the open ones first, then the closed ones.
    dark_buses : tuple of str
        Ids of the buses that stay without supply.
    loss_kw : float or None
        AC losses of what is supplied, kW.
    v_min : float or None
        Its lowest voltage, p.u.
    seconds : dict
        Wall-clock seconds by phase.
    """

    network: str
    fault: int
    status: Status
    objective: float | None
    bound: float | None
    lost_kw: float | None
    lost_by_fault_kw: float
    operations: int | None
    operations_bound: int | None
    switched_open: tuple[int, ...]
    switched_closed: tuple[int, ...]
    dark_buses: tuple[str, ...]
    loss_kw: float | None
    v_min: float | None
    seconds: dict[str, float] = field(default_factory=dict)

    def plot(self, network: Network, path: str | Path) -> Path:
        """Draw the switches before the fault and after restoration, and both voltage profiles.

        Parameters
        ----------
        network : Network
            The network the result belongs to.
        path : path-like
            Where to write; the suffix chooses the format.

        Returns
        -------
        Path
            The file written.
        """
        from pygridjl.report.oneline import plot_reconfiguration

        after = (set(network.open_branches) | {self.fault, *self.switched_open}) - {
            *self.switched_closed
        }
        title = f"{self.network}, branch {self.fault} out"
        if self.lost_kw is not None:
            title += f"   ·   {self.lost_kw:.1f} kW stay dark"
        return plot_reconfiguration(network, sorted(after), title, path)

    def _rows(self) -> list[tuple[str, str]]:
        rows = [
            ("network", self.network),
            ("fault", f"branch {self.fault}, {self.lost_by_fault_kw:.1f} kW without supply"),
            ("status", self.status.value),
        ]
        if self.objective is None or self.bound is None:
            return rows
        rows += [
            ("supplied", f"{self.objective:.1f} kW (at most {self.bound:.1f} kW possible)"),
            ("still dark", f"{self.lost_kw:.1f} kW, {len(self.dark_buses)} buses"),
            ("operations", f"{self.operations} (at least {self.operations_bound})"),
            ("open", ", ".join(map(str, self.switched_open)) or "none"),
            ("then close", ", ".join(map(str, self.switched_closed)) or "none"),
            ("lowest voltage", f"{self.v_min:.4f} p.u."),
            ("AC losses", f"{self.loss_kw:.3f} kW"),
        ]
        return rows
