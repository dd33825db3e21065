"""The answer of a reconfiguration."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pygridjl.core.result import Result, Status, relative_gap
from pygridjl.reconfiguration.ac.evaluate import Violation
from pygridjl.reconfiguration.states.table import StateLosses

if TYPE_CHECKING:
    from pygridjl.grid.feeder import Feeder
    from pygridjl.grid.network import Network

__all__ = ["FeederReconfigurationResult", "ReconfigurationResult"]


@dataclass(frozen=True)
class ReconfigurationResult(Result):
    """A radial configuration, what it costs and what was proven about it.

    Attributes
    ----------
    network : str
        Name of the network.
    problem : str
        ``"substations"`` or ``"balanced"``.
    method : str
        The method as asked for.
    status : Status
        ``optimal`` only if ``bound`` proves ``objective`` optimal in the linear model (methods
        ``exact-ac`` or ``scip-ac``: if ``ac_bound`` proves ``loss_kw``).
    open_branches : tuple of int
        Ids of the open branches; empty if there is no answer.
    switched_open, switched_closed : tuple of int
        What changes against the base state.
    objective : float or None
        Loss of the linear model, Σ r (p² + q²) at 1 p.u. voltage, kW.
    bound : float or None
        Proven lower bound on the objective of every allowed configuration, kW.
    bound_method : str
        What proved it.
    gap : float or None
        (objective − bound) / objective.
    loss_kw : float or None
        AC losses, kW; None if the power flow has no solution.
    ac_bound : float or None
        Proven lower bound on the AC losses, kW, where a method proves one.
    base_objective, base_loss_kw : float or None
        The same figures of the base state; None if it is not radial or has no solution.
    v_min, v_min_bus
        Lowest voltage, p.u., and its bus.
    violations : tuple of Violation
        Limits the answer does not keep; empty unless status is ``not_found`` or ``infeasible``.
    by_state : StateLosses or None
        With many load states, the losses in each; ``objective``, ``loss_kw`` and the base figures
        are then expected values, voltages and violations the worst of all states.
    reason : str
        Why there is no feasible answer; empty otherwise.
    notes : tuple of str
        What one must know about the answer, such as a solver's claim that is no proof.
    seconds : dict
        Wall-clock seconds by phase.
    seed : int or None
        Seed of the random parts.
    engine : str
        ``"python"`` or ``"julia"``.
    versions : dict
        Versions of the packages that computed the answer.
    raw_status : str
        How a solver in Julia itself names its end; empty in Python.
    trace : tuple
        What a solver in Julia knew when: seconds, objective of its best answer and bound, kW, with
        None where there was none.
    """

    network: str
    problem: str
    method: str
    status: Status
    open_branches: tuple[int, ...]
    switched_open: tuple[int, ...]
    switched_closed: tuple[int, ...]
    objective: float | None
    bound: float | None
    bound_method: str
    gap: float | None
    loss_kw: float | None
    ac_bound: float | None
    base_objective: float | None
    base_loss_kw: float | None
    v_min: float | None
    v_min_bus: str
    violations: tuple[Violation, ...] = ()
    by_state: StateLosses | None = None
    reason: str = ""
    notes: tuple[str, ...] = ()
    seconds: dict[str, float] = field(default_factory=dict)
    seed: int | None = None
    engine: str = "python"
    versions: dict[str, str] = field(default_factory=dict)
    raw_status: str = ""
    trace: tuple[tuple[float, float | None, float | None], ...] = ()

    @property
    def operations(self) -> int:
        """Number of branches to open or to close."""
        return len(self.switched_open) + len(self.switched_closed)

    def _rows(self) -> list[tuple[str, str]]:
        rows = [
            ("network", self.network),
            ("problem", self.problem),
            ("method", self.method),
            ("status", self.status.value + (f": {self.reason}" if self.reason else "")),
            ("open branches", _ids(self.open_branches)),
            ("switch open", _ids(self.switched_open)),
            ("switch closed", _ids(self.switched_closed)),
            ("operations", str(self.operations)),
            ("AC losses", _against(self.loss_kw, self.base_loss_kw)),
            ("linear objective", _against(self.objective, self.base_objective)),
        ]
        if self.bound is not None:
            gap = "" if self.gap is None else f", gap {100 * self.gap:.3f} %"
            rows.append(("proven bound", f"{self.bound:.3f} kW ({self.bound_method}){gap}"))
        if self.ac_bound is not None:
            ac_gap = relative_gap(self.loss_kw, self.ac_bound)
            gap = "" if ac_gap is None else f", gap {100 * ac_gap:.3f} %"
            rows.append(("proven AC bound", f"{self.ac_bound:.3f} kW{gap}"))
        if self.by_state is not None:
            energy = _against(self.by_state.energy_mwh, self.by_state.base_energy_mwh, "MWh")
            hours = float(self.by_state.hours.sum())
            rows.append(("energy lost", f"{energy} in {hours:.0f} h"))
        if self.v_min is not None:
            rows.append(("lowest voltage", f"{self.v_min:.4f} p.u. at bus {self.v_min_bus}"))
        for violation in self.violations[:5]:
            rows.append(("violated", str(violation)))
        if len(self.violations) > 5:
            rows.append(("violated", f"and {len(self.violations) - 5} more limits"))
        return rows

    def plot(self, network: Network, path: str | Path) -> Path:
        """Draw before and after with switches, and the voltage profile.

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

        return plot_reconfiguration(network, self.open_branches, self._title(), path)

    def _title(self) -> str:
        parts = [f"{self.network}, {self.method}"]
        if self.loss_kw is not None:
            base = "" if self.base_loss_kw is None else f"{self.base_loss_kw:.2f} → "
            parts.append(f"AC losses {base}{self.loss_kw:.2f} kW")
        if self.gap is not None:
            parts.append(f"linear-model gap {100 * self.gap:.3f} % ({self.bound_method})")
        return "   ·   ".join(parts)


@dataclass(frozen=True)
class FeederReconfigurationResult(Result):
    """Switch states of a three-phase feeder, what they cost and what was proven about them.

    Attributes
    ----------
    feeder : str
        Name of the feeder.
    method : str
        Formulation: ``lindist``, ``acp``, ``acr``, ``ivr`` or ``soc``.
    status : Status
        ``optimal`` only if ``bound`` proves ``objective`` optimal in this formulation.
    open_branches : tuple of str
        Ids of the open branches; empty if there is no answer.
    switched_open, switched_closed : tuple of str
        What changes against the base state.
    objective : float or None
        Losses in the formulation, kW: of currents at nominal voltages (``lindist``), in AC, or of
        the relaxation (``soc``).
    bound : float or None
        Proven lower bound on the objective of every allowed configuration, kW; that of ``soc``
        also holds for the AC losses.
    gap : float or None
        (objective − bound) / objective.
    loss_kw, base_loss_kw : float or None
        AC losses of the answer and of the base state by sweeps of our own, kW; None without a
        solution.
    v_min : float or None
        Lowest voltage in AC, p.u.
    engine, solver : str
        ``"julia"`` and the package that solved it.
    raw_status : str
        How the solver itself names its end; a claim of a local solver is no proof.
    trace : tuple
        What was known when: seconds, objective of the best answer and bound, kW.
    notes : tuple of str
        What was assumed, and what is wrong with a claim.
    solution : dict
        PowerModelsDistribution's own solution, where it was asked for.
    seconds : dict
        Wall-clock seconds by phase.
    versions : dict
        Versions of the packages that computed the answer.
    """

    feeder: str
    method: str
    status: Status
    open_branches: tuple[str, ...]
    switched_open: tuple[str, ...]
    switched_closed: tuple[str, ...]
    objective: float | None
    bound: float | None
    gap: float | None
    loss_kw: float | None
    base_loss_kw: float | None
    v_min: float | None
    engine: str
    solver: str
    raw_status: str
    trace: tuple[tuple[float, float | None, float | None], ...] = ()
    notes: tuple[str, ...] = ()
    solution: dict[str, Any] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)

    def _rows(self) -> list[tuple[str, str]]:
        rows = [
            ("feeder", self.feeder),
            ("method", f"{self.method} by {self.solver} ({self.engine})"),
            ("status", f"{self.status.value} ({self.raw_status})"),
            ("open branches", _ids(self.open_branches)),
            ("switch open", _ids(self.switched_open)),
            ("switch closed", _ids(self.switched_closed)),
            ("AC losses", _against(self.loss_kw, self.base_loss_kw)),
            ("objective", "none" if self.objective is None else f"{self.objective:.3f} kW"),
        ]
        if self.bound is not None:
            gap = "" if self.gap is None else f", gap {100 * self.gap:.3f} %"
            rows.append(("proven bound", f"{self.bound:.3f} kW{gap}"))
        if self.v_min is not None:
            rows.append(("lowest voltage", f"{self.v_min:.4f} p.u."))
        return rows

    def plot(self, feeder: Feeder, path: str | Path) -> Path:
        """Draw the voltage magnitudes of the answer in AC, lowest first.

        Parameters
        ----------
        feeder : Feeder
            The feeder the result belongs to.
        path : path-like
            Where to write; the suffix chooses the format.

        Returns
        -------
        Path
            The file written.

        Raises
        ------
        PowerFlowError
            If the answer has no AC solution.
        """
        from pygridjl.core.figures import plot_voltages
        from pygridjl.powerflow.feeder_sweep import feeder_power_flow

        flow = feeder_power_flow(feeder.with_open(self.open_branches))
        return plot_voltages(np.abs(flow.v), f"{self.feeder}, {self.method}", path)


def _ids(ids: tuple[object, ...]) -> str:
    return ", ".join(str(i) for i in ids) if ids else "none"


def _against(value: float | None, base: float | None, unit: str = "kW") -> str:
    if value is None:
        return "none (the power flow has no solution)"
    text = f"{value:.3f} {unit}"
    if base is not None and base > 0:
        text += f" (base {base:.3f} {unit}, {100 * (value - base) / base:+.1f} %)"
    return text
