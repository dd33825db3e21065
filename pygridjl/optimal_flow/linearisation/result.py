"""A linearised model to keep: its point, what was proven on the way, and how to use it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pygridjl.core.errors import InvalidOptionError, NetworkFormatError, SolverError
from pygridjl.core.files import read_text, write_text
from pygridjl.core.result import Result, Status, Stopwatch
from pygridjl.core.types import ComplexArray, FloatArray, StrArray
from pygridjl.grid.network import Network
from pygridjl.optimal_flow.linearisation.evaluate import Evaluation, evaluate_batch
from pygridjl.optimal_flow.linearisation.linear_model import LinearisedOpf, LinearisedPoint
from pygridjl.optimal_flow.linearisation.problem import LinearisationProblem
from pygridjl.scenarios.load_factors import LoadDraws

__all__ = ["Linearisation", "read_point", "save_point"]

_FORMAT = "pygridjl-linearisation-1"


@dataclass(frozen=True, eq=False)
class Linearisation(Result):
    """A linearised optimal power flow (7), ready for many loads.

    Attributes
    ----------
    network, point : str
        Name of the network and of the linearisation point.
    loads : str
        The load model, in words.
    samples, seed : int
        Of the training sample.
    proximal : float
        Weight of the proximal term.
    status : Status
        ``feasible``: the linearised model has an answer at the mean load. ``infeasible``: it has
        none there, and that was proven. ``not_found``: there is no point, and the notes say why.
    bound : float or None
        Proven lower bound on the expected AC cost over the training sample (moment points).
    relaxation : dict
        ``outcome`` (``exact``, ``inexact``, ``infeasible`` or ``failed``), size, engine, residual
        and eigenvalue ratio of the relaxation; empty for other points.
    bus : ndarray of str
        Ids, in the order of ``v``.
    vm, va : ndarray, shape (n_bus,)
        Magnitude, p.u., and angle, rad, of the point; NaN without one.
    notes : tuple of str
        What has to be known, and what to do next.
    seconds, versions : dict
        Wall-clock seconds by phase, versions of packages.
    """

    network: str
    point: str
    loads: str
    samples: int
    seed: int
    proximal: float
    status: Status
    bound: float | None
    relaxation: dict[str, Any]
    bus: StrArray
    vm: FloatArray
    va: FloatArray
    notes: tuple[str, ...] = ()
    seconds: dict[str, float] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    model: LinearisedOpf | None = field(default=None, repr=False)
    problem: LinearisationProblem | None = field(default=None, repr=False)

    @property
    def voltage(self) -> ComplexArray:
        """The point as complex voltages, p.u., shape (n_bus,)."""
        return np.asarray(self.vm * np.exp(1j * self.va))

    def solve(self, demand: ComplexArray) -> LinearisedPoint:
        """Solve the linearised model for one load.

        Parameters
        ----------
        demand : ndarray of complex, shape (n_bus,)
            Net demand by bus, p.u.

        Returns
        -------
        LinearisedPoint
            Status, cost, voltages, injections.

        Raises
        ------
        SolverError
            If there is no point.
        """
        return self._model().solve(demand)

    def evaluate(
        self,
        samples: int | LoadDraws = 1000,
        *,
        seed: int = 1,
        ac_samples: int = 0,
        jobs: int = 1,
    ) -> Evaluation:
        """Solve for many loads and measure how far the AC equations are violated.

        Parameters
        ----------
        samples : int or LoadDraws
            Number of fresh draws of the load model, or the draws.
        seed : int
            Of the fresh draws; another one than that of the training sample.
        ac_samples : int
            The first so many draws are solved by AC optimal flow, too.
        jobs : int
            Processes for the linearised solves.

        Returns
        -------
        Evaluation
            E and σ of ε_P and ε_Q, costs, draws without an answer, times.

        Raises
        ------
        SolverError
            If there is no point.
        InvalidOptionError
            If a number cannot be used, or the model was read from a file and has no load model.
        """
        model, problem = self._model(), self.problem
        if isinstance(samples, LoadDraws):
            draws = samples
        elif problem is None:
            raise InvalidOptionError("samples: a model from a file needs draws, not a number")
        else:
            draws = problem.loads.draw(samples, seed)
        if ac_samples and problem is None:
            raise InvalidOptionError("ac_samples: a model from a file compares with no AC optima")
        watch = Stopwatch()
        with watch.phase("solve"):
            batch = model.solve_many(draws.demand, jobs=jobs)
        costs = np.zeros(0)
        if problem is not None and ac_samples:
            with watch.phase("ac"):
                costs = problem.ac_batch(draws.first(ac_samples)).objective
        return evaluate_batch(
            model, batch, method=self.point, ac_costs=costs, seconds=watch.seconds
        )

    def to_dict(self) -> dict[str, Any]:
        """Return what can be written: everything but the living model."""
        kept = {
            name: getattr(self, name)
            for name in self.__dataclass_fields__
            if name not in ("model", "problem")
        }
        return _Plain(kept).to_dict()["kept"]  # type: ignore[no-any-return]

    def to_frame(self) -> pd.DataFrame:
        """Return one row a bus: magnitude and angle of the point."""
        return pd.DataFrame({"vm": self.vm, "va": self.va}, index=pd.Index(self.bus, name="bus"))

    def _rows(self) -> list[tuple[str, str]]:
        rows = [
            ("network", self.network),
            ("point", self.point),
            ("loads", self.loads),
            ("status", self.status.value),
        ]
        if self.bound is not None:
            rows.append(("proven bound on E[cost]", f"{self.bound:.4f}"))
        if self.relaxation:
            r = self.relaxation
            rows.append(
                (
                    "relaxation",
                    f"{r['outcome']}; {r['moments']} moments, largest block "
                    f"{r['largest_block']}, by {r['engine']}, residual {r['residual']:.0e}",
                )
            )
        return rows

    def plot(self, path: str | Path, *, samples: int = 1000, seed: int = 1) -> Path:
        """Draw the distribution of the errors over fresh draws; see :meth:`Evaluation.plot`."""
        return self.evaluate(samples, seed=seed).plot(path)

    def _model(self) -> LinearisedOpf:
        if self.model is None:
            raise SolverError(f"linearisation point {self.point!r}: {'; '.join(self.notes)}")
        return self.model


@dataclass(frozen=True)
class _Plain(Result):
    kept: dict[str, Any]


def save_point(result: Linearisation, path: str | Path) -> Path:
    """Write a linearisation as one JSON object, whole or not at all.

    Parameters
    ----------
    result : Linearisation
        With a point.
    path : path-like
        The file.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    SolverError
        If there is no point.
    OutputError
        If the file cannot be written.

    Examples
    --------
    >>> import pygridjl
    >>> network = pygridjl.load_network("case9")
    >>> path = pygridjl.save_point(pygridjl.linearize(network, point="flat"), "point.json")
    >>> pygridjl.read_point(path, network).point
    'flat'
    """
    result._model()
    text = json.dumps({"format": _FORMAT, **result.to_dict()}, indent=1, ensure_ascii=False)
    write_text(Path(path), text + "\n")
    return Path(path)


def read_point(path: str | Path, network: Network) -> Linearisation:
    """Read a linearisation and make it ready for a network.

    Parameters
    ----------
    path : path-like
        A file that :func:`save_point` wrote.
    network : Network
        With the buses the point is for.

    Returns
    -------
    Linearisation
        Ready to solve and to evaluate given draws.

    Raises
    ------
    NetworkFormatError
        If the file cannot be read or is for other buses.

    Examples
    --------
    >>> import pygridjl
    >>> network = pygridjl.load_network("case9")
    >>> path = pygridjl.save_point(pygridjl.linearize(network, point="flat"), "point.json")
    >>> pygridjl.read_point(path, network).point
    'flat'
    """
    try:
        data = json.loads(read_text(path))
        if data.pop("format") != _FORMAT:
            raise NetworkFormatError(path, "format", f"is not {_FORMAT}")
        for name in ("vm", "va"):
            data[name] = np.array(data[name], dtype=np.float64)
        data["bus"] = np.array(data["bus"], dtype=np.str_)
        data["status"] = Status(data["status"])
        data["notes"] = tuple(data["notes"])
        result = Linearisation(**data)
    except OSError as error:
        raise NetworkFormatError(path, "file", error.strerror or str(error)) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise NetworkFormatError(path, "linearisation", str(error)) from error
    if result.bus.tolist() != network.buses.id.tolist():
        raise NetworkFormatError(
            path, "bus", f"the point is for other buses than those of {network.name!r}"
        )
    model = LinearisedOpf(network, result.voltage, proximal=result.proximal)
    values = {name: getattr(result, name) for name in result.__dataclass_fields__}
    return Linearisation(**{**values, "model": model})
