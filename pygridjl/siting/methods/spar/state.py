"""Where a SPAR run is, saved so that it can go on."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pygridjl.core.errors import InvalidOptionError
from pygridjl.core.files import replacing_file
from pygridjl.core.types import FloatArray, IntArray
from pygridjl.siting.problem import PlanningProblem
from pygridjl.siting.registry import SparOptions
from pygridjl.siting.second_stage.protocol import FeasibilityCut, SecondStage

__all__ = ["SparState", "fingerprint", "load_state", "save_state"]

FORMAT = "pygridjl-spar-1"


@dataclass
class SparState:
    """Everything the next iteration needs, and the history so far.

    Attributes
    ----------
    slopes : ndarray, shape (n_site, L + 1)
        Learned slopes.
    rng : numpy Generator
        Source of scenarios and exploration.
    cuts : list of FeasibilityCut
        Rows (18) found so far.
    units : list of ndarray
        Decision of each iteration.
    approximate, sampled : list of float
        Approximate objective at the decision, and mean value of the scenarios drawn (NaN if one
        was infeasible), of each iteration.
    snapshots : list of ndarray
        Slopes after each of the first iterations.
    """

    slopes: FloatArray
    rng: np.random.Generator
    cuts: list[FeasibilityCut] = field(default_factory=list)
    units: list[IntArray] = field(default_factory=list)
    approximate: list[float] = field(default_factory=list)
    sampled: list[float] = field(default_factory=list)
    snapshots: list[FloatArray] = field(default_factory=list)


def fingerprint(second_stage: SecondStage, options: SparOptions, seed: int) -> str:
    """Return a hash of all that a run depends on.

    Parameters
    ----------
    second_stage : SecondStage
        With its problem and scenarios.
    options : SparOptions
        The options.
    seed : int
        The seed.
    """
    digest = hashlib.sha256()

    def add(name: str, value: Any) -> None:
        array = np.asarray(value)
        digest.update(f"{name}:{array.dtype.str}:{array.shape};".encode())
        digest.update(np.ascontiguousarray(array).tobytes())

    problem: PlanningProblem = second_stage.problem
    for item in dataclasses.fields(problem):
        value = getattr(problem, item.name)
        if item.name != "feeder":
            add(item.name, str(value) if value is None else value)
    feeder = problem.feeder
    for table in (
        feeder.buses,
        feeder.branches,
        feeder.loads,
        feeder.capacitors,
        feeder.generators,
    ):
        for name, values in table.columns():
            add(f"{type(table).__name__}.{name}", values)
    add("feeder", [feeder.phase_mva, feeder.source_bus, *feeder.v_set])
    scenarios = second_stage.scenarios
    for name in ("probability", "load", "id"):
        add(name, getattr(scenarios, name))
    for name, values in scenarios.outputs.items():
        add(name, values)
    chosen = {k: v for k, v in dataclasses.asdict(options).items() if k != "state"}
    add("run", f"{second_stage.engine} {sorted(chosen.items())} {seed}")
    return digest.hexdigest()


def save_state(path: Path, state: SparState, mark: str) -> None:
    """Write a state: all of it or nothing.

    Parameters
    ----------
    path : Path
        Where to (an ``.npz`` without pickled objects).
    state : SparState
        The state.
    mark : str
        :func:`fingerprint` of the run.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    n_site = state.slopes.shape[0]
    head = {
        "format": FORMAT,
        "mark": mark,
        "rng": state.rng.bit_generator.state,
        "cuts": [cut.scenario for cut in state.cuts],
    }
    arrays: dict[str, NDArray[Any]] = {
        "head": np.array(json.dumps(head)),
        "slopes": state.slopes,
        "cut_coefficient": np.array([c.coefficient for c in state.cuts]).reshape(-1, n_site),
        "cut_constant": np.array([c.constant for c in state.cuts], dtype=np.float64),
        "units": np.array(state.units, dtype=np.int64).reshape(-1, n_site),
        "approximate": np.array(state.approximate),
        "sampled": np.array(state.sampled),
        "snapshots": np.array(state.snapshots).reshape(-1, *state.slopes.shape),
    }
    with replacing_file(path) as temporary, temporary.open("wb") as stream:
        np.savez(stream, allow_pickle=False, **arrays)


def load_state(path: Path, mark: str) -> SparState:
    """Read a state back.

    Parameters
    ----------
    path : Path
        The file.
    mark : str
        :func:`fingerprint` of the run that wants it.

    Raises
    ------
    InvalidOptionError
        If it is no state, or one of another run.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        head = json.loads(str(arrays["head"]))
        if head["format"] != FORMAT:
            raise ValueError(f"format is not {FORMAT!r}")
        rng = np.random.default_rng()
        rng.bit_generator.state = head["rng"]
        state = SparState(
            slopes=arrays["slopes"],
            rng=rng,
            cuts=[
                FeasibilityCut(scenario, coefficient, float(constant))
                for scenario, coefficient, constant in zip(
                    head["cuts"], arrays["cut_coefficient"], arrays["cut_constant"], strict=True
                )
            ],
            units=list(arrays["units"]),
            approximate=arrays["approximate"].tolist(),
            sampled=arrays["sampled"].tolist(),
            snapshots=list(arrays["snapshots"]),
        )
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise InvalidOptionError(f"state {path}: is not a saved run: {error}") from None
    if head["mark"] != mark:
        raise InvalidOptionError(
            f"state {path}: belongs to another run (problem, scenarios, options or seed differ)"
        )
    return state
