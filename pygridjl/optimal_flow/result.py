"""The answers of an optimal power flow."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pygridjl.core.figures import plot_voltages
from pygridjl.core.result import Result, Status, relative_gap
from pygridjl.core.types import FloatArray, StrArray

__all__ = ["FeederOpfResult", "OpfResult"]


@dataclass(frozen=True, eq=False)
class OpfResult(Result):
    """Dispatch, voltages and cost of a single-phase network.

    Attributes
    ----------
    network : str
        Name of the network.
    formulation : str
        ``acp`` (the AC equations), ``soc``, ``qc``, ``sdp`` (relaxations of them) or ``dc``
        (linear approximation).
    engine : str
        ``"python"`` or ``"julia"``.
    solver : str
        What solved it.
    status : Status
        ``optimal`` only where the optimum of this formulation is proven: by the solver of a conic
        relaxation or of ``dc``, or by a relaxation that certifies ``acp``. A local solution of
        the AC equations alone is ``feasible``.
    objective : float or None
        Generation cost per hour in this formulation.
    bound : float or None
        Proven lower bound on the cost of every AC operating point: of a relaxation, or a
        certificate.
    bus, generator : ndarray of str
        Ids, in the order of the arrays below.
    vm, va : ndarray, shape (n_bus,)
        Voltage magnitude (p.u.) and angle (rad); NaN where the formulation has none.
    pg, qg : ndarray, shape (n_generator,)
        Injections, p.u.; 0 for units out of service.
    p_from, q_from, p_to, q_to : ndarray, shape (n_branch,)
        Flows into the branches, p.u.; 0 on open branches, NaN where the formulation has none.
    violation : float or None
        Largest violation of a balance or a limit, p.u. or rad, found by a check that shares no
        code with the solver's model; None where the answer is no AC operating point.
    notes : tuple of str
        What was assumed, in plain words.
    seconds : dict
        Wall-clock seconds by phase.
    versions : dict
        Versions of the packages that computed the answer.
    raw_status : str
        How the solver itself names its end; a claim of a local solver is no proof.
    solution : dict
        What a Julia package itself calls its solution, where it was asked for.
    """

    network: str
    formulation: str
    engine: str
    solver: str
    status: Status
    objective: float | None
    bound: float | None
    bus: StrArray
    generator: StrArray
    vm: FloatArray
    va: FloatArray
    pg: FloatArray
    qg: FloatArray
    p_from: FloatArray
    q_from: FloatArray
    p_to: FloatArray
    q_to: FloatArray
    violation: float | None
    notes: tuple[str, ...] = ()
    seconds: dict[str, float] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    raw_status: str = ""
    solution: dict[str, Any] = field(default_factory=dict)

    @property
    def loss(self) -> float:
        """Active losses in the branches, p.u."""
        return float((self.p_from + self.p_to).sum())

    def to_frame(self) -> pd.DataFrame:
        """Return one row a bus: voltage, angle and the sum of the injections there."""
        return pd.DataFrame({"vm": self.vm, "va": self.va}, index=pd.Index(self.bus, name="bus"))

    def _rows(self) -> list[tuple[str, str]]:
        rows = [
            ("network", self.network),
            ("formulation", f"{self.formulation} by {self.solver} ({self.engine})"),
            ("status", self.status.value),
            ("cost per hour", "none" if self.objective is None else f"{self.objective:.4f}"),
        ]
        if self.bound is not None:
            rows.append(("proven lower bound", f"{self.bound:z.4f}"))
            gap = relative_gap(self.objective, self.bound)
            if gap is not None and self.formulation == "acp":
                rows.append(("proven gap", f"{100 * gap:z.4f} %"))
        if self.violation is not None:
            rows.append(("largest violation", f"{self.violation:.1e} p.u."))
        return rows

    def plot(self, path: str | Path) -> Path:
        """Draw the voltage magnitudes, lowest first.

        Parameters
        ----------
        path : path-like
            Where to write; the suffix chooses the format.

        Returns
        -------
        Path
            The file written.
        """
        return plot_voltages(self.vm, f"{self.network}, {self.formulation}", path)


@dataclass(frozen=True, eq=False)
class FeederOpfResult(Result):
    """Dispatch, voltages and import of a three-phase feeder.

    Attributes
    ----------
    feeder : str
        Name of the feeder.
    formulation : str
        ``acp``, ``acr``, ``ivr`` (the AC equations), ``soc`` (a relaxation of them) or
        ``lindist`` (LinDist3Flow).
    engine : str
        ``"python"`` or ``"julia"``.
    solver : str
        What solved it.
    status : Status
        ``optimal`` only where the solver proves the optimum of this formulation (``lindist``,
        ``soc``); a local solution of the AC equations is ``feasible``.
    objective : float or None
        Import from the source over all phases, p.u. of one phase.
    bus : ndarray of str, shape (n_bus,)
        Ids, in the order of the arrays below.
    vm, va : ndarray, shape (n_bus, 3)
        Voltage magnitude (p.u.) and angle (rad); NaN on absent phases and where the formulation
        has none.
    p_source, q_source : ndarray, shape (3,)
        Import by phase, p.u.
    pg, qg : ndarray, shape (n_generator, 3)
        Injections of the generators, p.u.
    notes : tuple of str
        What was assumed, in plain words.
    seconds : dict
        Wall-clock seconds by phase.
    versions : dict
        Versions of the packages that computed the answer.
    raw_status : str
        How the solver itself names its end; a claim of a local solver is no proof.
    solution : dict
        What a Julia package itself calls its solution, where it was asked for.
    """

    feeder: str
    formulation: str
    engine: str
    solver: str
    status: Status
    objective: float | None
    bus: StrArray
    vm: FloatArray
    va: FloatArray
    p_source: FloatArray
    q_source: FloatArray
    pg: FloatArray
    qg: FloatArray
    notes: tuple[str, ...] = ()
    seconds: dict[str, float] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    raw_status: str = ""
    solution: dict[str, Any] = field(default_factory=dict)

    def _rows(self) -> list[tuple[str, str]]:
        rows = [
            ("feeder", self.feeder),
            ("formulation", f"{self.formulation} by {self.solver} ({self.engine})"),
            ("status", self.status.value),
        ]
        if self.objective is not None:
            rows.append(("import", f"{self.objective:.6f} p.u."))
            low, high = np.nanmin(self.vm), np.nanmax(self.vm)
            rows.append(("voltages", f"{low:.4f} to {high:.4f} p.u."))
        return rows

    def to_frame(self) -> pd.DataFrame:
        """Return one row a bus: magnitude and angle by phase."""
        columns = {
            f"{name}_{phase}": values[:, k]
            for name, values in (("vm", self.vm), ("va", self.va))
            for k, phase in enumerate("abc")
        }
        return pd.DataFrame(columns, index=pd.Index(self.bus, name="bus"))

    def plot(self, path: str | Path) -> Path:
        """Draw the voltage magnitudes, lowest first.

        Parameters
        ----------
        path : path-like
            Where to write; the suffix chooses the format.

        Returns
        -------
        Path
            The file written.
        """
        return plot_voltages(self.vm, f"{self.feeder}, {self.formulation}", path)
