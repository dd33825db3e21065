"""A decision re-run in OpenDSS: its voltages, loadings and losses beside the linear model's."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from pygridjl.core.errors import InvalidOptionError
from pygridjl.core.result import Result, Stopwatch, engine_versions
from pygridjl.core.types import FloatArray, IntArray
from pygridjl.grid.feeder import Feeder
from pygridjl.grid.io.opendss.process import replay_apart
from pygridjl.grid.io.opendss.write import opendss_names, write_opendss
from pygridjl.scenarios.model import ScenarioSet
from pygridjl.siting.check import assert_valid_planning, assert_valid_scenarios_for
from pygridjl.siting.defaults import HOURS, with_default_limits
from pygridjl.siting.dispatch import Dispatch, OperatingStage, operating_stage
from pygridjl.siting.problem import PlanningProblem

__all__ = ["ValidationReport", "validate_in_opendss"]

# Nodes times scenarios the engine may be asked for at once.
MOST = 4_000_000
TIME_LIMIT = 600.0
# A voltage outside its band or a loading above 1 by less than this is rounding.
ROUNDING = 1e-4


@dataclass(frozen=True, eq=False)
class ValidationReport(Result):
    """What OpenDSS says of a decision.

    Attributes
    ----------
    feeder, scenarios : str
        Names of the feeder and of the scenario set.
    circuit : str
        ``"script"``, the feeder's own with its controls live, or ``"tables"``, the model written
        as a script, whose regulators stand still.
    table : DataFrame
        A row for each scenario: ``scenario, hours, converged``, lowest and highest voltage,
        largest loading and losses by both models (``v_min, v_min_linear, v_max, v_max_linear,
        loading, loading_linear, loss_kw, loss_linear_kw``), and ``outside``, whether OpenDSS
        leaves band or ratings by more than rounding.
    largest_error : float
        Largest difference of a voltage between the models, p.u.
    mean_error : float
        Its mean over nodes and hours.
    loss_kw, loss_linear_kw : float
        Mean losses over the hours looked at; the linear model's are at nominal voltages.
    hours : float
        Hours a year of the scenarios looked at.
    hours_outside : float
        Hours in which OpenDSS leaves band or ratings, or does not converge.
    worst : tuple of str
        Where it leaves them furthest.
    unknown : tuple of str
        Nodes and branches that the circuit does not have.
    seconds : dict
        Seconds by phase.
    versions : dict
        Versions of the packages.
    """

    feeder: str
    scenarios: str
    circuit: str
    table: pd.DataFrame
    largest_error: float
    mean_error: float
    loss_kw: float
    loss_linear_kw: float
    hours: float
    hours_outside: float
    worst: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    seconds: dict[str, float] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)

    def to_frame(self) -> pd.DataFrame:
        """Return the scenarios."""
        return self.table.copy()

    def told(self) -> list[tuple[str, str]]:
        """Return what planners ask first, as lines with a name."""
        live = "controls live" if self.circuit == "script" else "regulators as modelled"
        rows = [
            ("OpenDSS", f"{len(self.table)} scenarios, {self.hours:.0f} h a year, {live}"),
            (
                "voltages",
                f"differ by {self.mean_error:.4f} p.u. on average, "
                f"{self.largest_error:.4f} at most",
            ),
            ("losses", f"{self.loss_kw:.4g} kW on average, linear {self.loss_linear_kw:.4g} kW"),
            ("outside", f"limits left in {self.hours_outside:.0f} h a year"),
        ]
        lost = int((~self.table["converged"]).sum())
        if lost:
            rows.append(("", f"{lost} scenarios did not converge"))
        rows += [("", text) for text in self.worst]
        if self.unknown:
            rows.append(("not compared", f"{len(self.unknown)} nodes and branches"))
        return rows

    def _rows(self) -> list[tuple[str, str]]:
        return self.told()


def validate_in_opendss(
    problem: PlanningProblem,
    scenarios: ScenarioSet,
    units: ArrayLike,
    *,
    script: str | Path | None = None,
    root: str | Path | None = None,
    worst: int | None = None,
    time_limit: float = TIME_LIMIT,
) -> ValidationReport:
    """Run the dispatch of a decision in OpenDSS and compare.

    Parameters
    ----------
    problem : PlanningProblem
        The problem.
    scenarios : ScenarioSet
        The scenarios.
    units : array_like, shape (n_site,)
        Units at each site.
    script : str or Path, optional
        The script the feeder was read from: regulators and capacitor controls then act. Without
        it the feeder is written as a script and stands as the linear model has it.
    root : str or Path, optional
        Folder below which all files the script reads must lie; its own unless given.
    worst : int, optional
        Only so many scenarios, those that come nearest to a limit in the linear model or leave
        it furthest; all unless given.
    time_limit : float
        Seconds for the engine.

    Returns
    -------
    ValidationReport
        Both models side by side.

    Raises
    ------
    InvalidPlanningError, InvalidScenariosError, InvalidOptionError
        If problem, scenarios or units are not sound, or there is too much to ask for at once.
    NetworkFormatError
        If OpenDSS cannot read the script, crashes or takes too long.
    """
    assert_valid_planning(problem)
    assert_valid_scenarios_for(problem, scenarios)
    if worst is not None and worst < 1:
        raise InvalidOptionError(f"worst: must be at least 1, is {worst}")
    problem, _ = with_default_limits(problem, scenarios)
    watch = Stopwatch()
    with watch.phase("dispatch"):
        stage = operating_stage(problem, scenarios)
        operation = stage.operation
        n = operation.check_units(units)
        index = np.arange(len(scenarios))
        injected, _ = Dispatch(stage).of(index, n)
        linear = _Linear(stage, index, injected)
    if worst is not None and worst < index.size:
        kept = np.sort(np.argsort(-linear.margin, kind="stable")[:worst])
        index, injected = index[kept], injected[kept]
        linear = linear.take(kept)
    if index.size * operation.n_node > MOST:
        raise InvalidOptionError(
            f"worst: {index.size} scenarios on {operation.n_node} nodes are too many at once; "
            f"ask for {MOST // operation.n_node} or fewer"
        )
    with watch.phase("opendss"):
        found = _replayed(stage, index, injected, script, root, time_limit)
    return _compared(stage, index, linear, found, watch, "tables" if script is None else "script")


class _Linear:
    """States of the linear model."""

    def __init__(self, stage: OperatingStage, index: IntArray, injected: FloatArray) -> None:
        operation = stage.operation
        size = max(1, 2_000_000 // operation.n_node)
        parts = [
            operation.states(index[k : k + size], injected[k : k + size])
            for k in range(0, index.size, size)
        ]
        P, Q, U = (np.concatenate([part[k] for part in parts]) for k in range(3))
        self.voltage = np.sqrt(np.maximum(U, 0.0))
        self.loading = np.hypot(P, Q) / (operation.limit[:, 0] / np.sqrt(3))
        self.loss = operation.kw * operation.loss.value(P, Q)
        low, high = _bands(stage)
        outside = np.maximum(self.voltage - high, low - self.voltage).max(axis=1)
        self.margin = np.maximum(outside, self.loading.max(axis=1) - 1)

    def take(self, rows: IntArray) -> _Linear:
        part = object.__new__(_Linear)
        part.voltage, part.loading = self.voltage[rows], self.loading[rows]
        part.loss, part.margin = self.loss[rows], self.margin[rows]
        return part


def _bands(stage: OperatingStage) -> tuple[FloatArray, FloatArray]:
    """Band by node; none at the source, which is held."""
    limit = stage.operation.limit
    low = np.where(np.isfinite(limit[:, 7]), np.sqrt(np.maximum(-limit[:, 7], 0.0)), -np.inf)
    high = np.where(np.isfinite(limit[:, 6]), np.sqrt(np.maximum(limit[:, 6], 0.0)), np.inf)
    return low, high


def _replayed(
    stage: OperatingStage,
    index: IntArray,
    injected: FloatArray,
    script: str | Path | None,
    root: str | Path | None,
    time_limit: float,
) -> dict[str, FloatArray]:
    operation, scenarios = stage.operation, stage.scenarios
    feeder: Feeder = operation.feeder
    ids = feeder.buses.id.tolist()
    bus = opendss_names(ids) if script is None else [name.lower() for name in ids]
    used = np.flatnonzero(injected.max(axis=0, initial=0.0) > 0)
    power = operation.kw * operation.gain[used] * injected[:, used]
    node = operation.col_node[used]
    extra = np.stack([power, operation.tan[used] * power], axis=2)
    if script is None:
        # Existing units that follow the weather are written as units of their own.
        p, q = operation.followed(index)
        rooftop = np.flatnonzero(((p != 0) | (q != 0)).any(axis=0))
        roofs = operation.kw * np.stack([p[:, rooftop], q[:, rooftop]], axis=2)
        node, extra = np.append(node, rooftop), np.concatenate([extra, roofs], axis=1)
    asked = {
        "buses": bus,
        "nodes": [
            f"{bus[b]}.{phase + 1}"
            for b, phase in zip(feeder.node_bus.tolist(), feeder.node_phase.tolist(), strict=True)
        ],
        "node_kv": feeder.buses.kv_ln[feeder.node_bus].tolist(),
        "branches": [
            f"line.l{k}" if script is None else str(name)
            for k, name in enumerate(feeder.branches.id.tolist())
            if _compared_branch(feeder, k)
        ],
        "units": [
            {
                "bus": bus[int(feeder.node_bus[k])],
                "phase": int(feeder.node_phase[k]) + 1,
                "kv": float(feeder.buses.kv_ln[feeder.node_bus[k]]),
            }
            for k in node.tolist()
        ],
        "load": scenarios.load[index].tolist(),
        "sun": scenarios.pv[index].tolist(),
        "injected": extra.tolist(),
    }
    if script is not None:
        below = None if root is None else Path(root)
        answer = replay_apart(Path(script), time_limit=time_limit, root=below, **asked)
    else:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "feeder.dss"
            write_opendss(operation.steady, path)
            answer = replay_apart(path, time_limit=time_limit, **asked)
    # A script of ours leaves out the bus before the source's impedance, and nothing else.
    missing = tuple(answer.pop("unknown"))
    unknown = missing if script is not None else ()
    found = {name: np.array(values, dtype=np.float64) for name, values in answer.items()}
    return {**found, "unknown": np.array(unknown, dtype=np.str_)}


def _compared_branch(feeder: Feeder, k: int) -> bool:
    """Whether a branch is a line in service whose rating is known."""
    branch = feeder.branches
    rated = np.isfinite(branch.rating[k][branch.phases[k]]).any()
    return bool(branch.closed[k] and rated and branch.kind[k] in ("line", "switch"))


def _compared(
    stage: OperatingStage,
    index: IntArray,
    linear: _Linear,
    found: dict[str, FloatArray],
    watch: Stopwatch,
    circuit: str,
) -> ValidationReport:
    operation, scenarios = stage.operation, stage.scenarios
    feeder = operation.feeder
    weight = scenarios.probability[index]
    hours = HOURS * weight
    converged = found["converged"] > 0
    voltage = np.where(converged[:, None], found["voltage"], np.nan)
    error = np.abs(voltage - linear.voltage)
    seen = ~np.isnan(error)
    branches = [k for k in range(feeder.n_branch) if _compared_branch(feeder, k)]
    branch = feeder.branches
    amps = np.array(
        [
            np.min(branch.rating[k][branch.phases[k]]) * feeder.i_base[branch.to_bus[k]]
            for k in branches
        ]
    )
    loading = found["current"].reshape(index.size, -1) / amps
    low, high = _bands(stage)
    beyond = np.maximum(voltage - high, low - voltage)
    over = np.nan_to_num(loading - 1, nan=-1.0)
    outside = ~converged | (np.nan_to_num(beyond, nan=-1.0).max(axis=1) > ROUNDING)
    outside |= over.max(axis=1, initial=-1.0) > ROUNDING
    table = pd.DataFrame(
        {
            "scenario": scenarios.id[index],
            "hours": hours,
            "converged": converged,
            "v_min": np.nanmin(np.where(seen, voltage, np.inf), axis=1),
            "v_min_linear": linear.voltage.min(axis=1),
            "v_max": np.nanmax(np.where(seen, voltage, -np.inf), axis=1),
            "v_max_linear": linear.voltage.max(axis=1),
            "loading": np.nan_to_num(loading).max(axis=1, initial=0.0),
            "loading_linear": linear.loading.max(axis=1),
            "loss_kw": found["loss"],
            "loss_linear_kw": linear.loss,
            "outside": outside,
        }
    )
    counted = seen * weight[:, None]
    mean = float(np.nansum(error * counted) / max(counted.sum(), 1e-300))
    part = weight * converged
    total = max(float(part.sum()), 1e-300)
    return ValidationReport(
        feeder.name,
        scenarios.name,
        circuit,
        table,
        float(np.nanmax(np.where(seen, error, 0.0), initial=0.0)),
        mean,
        float(part @ np.nan_to_num(found["loss"])) / total,
        float(part @ linear.loss) / total,
        float(hours.sum()),
        float(hours[outside].sum()),
        _worst(stage, branches, np.nan_to_num(beyond, nan=-1.0), over, hours),
        tuple(found["unknown"].tolist()),
        dict(watch.seconds),
        engine_versions("opendssdirect.py"),
    )


def _worst(
    stage: OperatingStage,
    branches: list[int],
    beyond: FloatArray,
    over: FloatArray,
    hours: FloatArray,
    most: int = 3,
) -> tuple[str, ...]:
    """Name the nodes and branches that leave their limits furthest."""
    feeder = stage.operation.feeder
    names = feeder.node_ids
    lines = []
    by_node = beyond.max(axis=0)
    for node in np.argsort(-by_node)[:most].tolist():
        if by_node[node] > ROUNDING:
            time = hours[beyond[:, node] > ROUNDING].sum()
            lines.append(
                f"bus {names[node]}: {by_node[node]:.4f} p.u. outside, {time:.0f} h a year"
            )
    by_branch = over.max(axis=0, initial=-1.0)
    for k in np.argsort(-by_branch)[:most].tolist():
        if by_branch[k] > ROUNDING:
            time = hours[over[:, k] > ROUNDING].sum()
            name = feeder.branches.id[branches[k]]
            lines.append(
                f"branch {name}: loading {100 * (1 + by_branch[k]):.0f} %, {time:.0f} h a year"
            )
    return tuple(lines)
