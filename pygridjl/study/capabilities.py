"""What a study can run: the doors of the capabilities, and what it keeps of their answers."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from pygridjl.core.errors import InvalidOptionError
from pygridjl.core.methods import Registry
from pygridjl.study.task import Row

__all__ = ["CAPABILITIES", "OF_THE_METHOD", "Capability", "capability_of", "solve"]

# Options that change how a problem is solved; all others change the problem.
OF_THE_METHOD = frozenset(
    {"backend", "certify", "engine", "gap", "options", "time_limit", "tolerance"}
)
# Longest list of an answer that is kept: a decision, not the state of every bus.
LONGEST = 256


@dataclass(frozen=True)
class Capability:
    """A door and how a study calls it.

    Attributes
    ----------
    door : str
        ``"module:function"``.
    read : str
        Function of this module that reads a case: the first argument and others that follow from
        the case.
    registry : str
        ``"module:name"`` of its methods; empty if it has none.
    method : str
        Name of the argument that chooses the method.
    more : str
        What the door passes ``**`` on to, ``"module:name"``; unless given, to its methods.
    judge : str
        Function of this module that says what the result is worth, if the result does not.
    """

    door: str
    read: str
    registry: str = ""
    method: str = "method"
    more: str = ""
    judge: str = ""

    def options(self) -> set[str]:
        """Return the names of the options that a study may give."""
        first, *others = inspect.signature(_load(self.door)).parameters.values()
        names = {p.name for p in others if p.kind != p.VAR_KEYWORD}
        if self.more:
            names |= set(inspect.signature(_load(self.more)).parameters)
        elif any(p.kind == p.VAR_KEYWORD for p in others):
            registry: Registry = _load(self.registry)
            names |= {f.name for m in registry.values() for f in dataclasses.fields(m.options)}
        return names - {first.name, self.method, "on_progress"}

    def seeded(self, method: str, backend: str = "python") -> bool:
        """Whether a method takes a seed, or the door where no registry tells.

        Raises
        ------
        InvalidOptionError
            If the capability has no such method.
        """
        if not self.registry:
            return "seed" in self.options()
        registry: Registry = _load(self.registry)
        return method == "auto" or registry.parse(method, backend).seeded


CAPABILITIES: Mapping[str, Capability] = {
    "reconfiguration": Capability(
        "pygridjl.reconfiguration.solve:reconfigure",
        "_network",
        "pygridjl.reconfiguration.methods:METHODS",
    ),
    "optimal_flow": Capability("pygridjl.optimal_flow.solve:opf", "_any", method="formulation"),
    "relaxation": Capability(
        "pygridjl.optimal_flow.relaxation.solve:relax",
        "_network",
        "pygridjl.optimal_flow.relaxation.methods:METHODS",
    ),
    "linearisation": Capability(
        "pygridjl.optimal_flow.linearisation.solve:linearize",
        "_network",
        "pygridjl.optimal_flow.linearisation.methods:POINTS",
        method="point",
        judge="_errors",
    ),
    "siting": Capability(
        "pygridjl.siting.solve:site",
        "_feeder",
        "pygridjl.siting.registry:METHODS",
        more="pygridjl.siting.problem:PlanningProblem",
    ),
    "balancing": Capability(
        "pygridjl.balancing.solve:balance", "_loads", "pygridjl.balancing.methods:METHODS"
    ),
}


def solve(asked: Mapping[str, Any]) -> Row:
    """Solve one problem of a study.

    Parameters
    ----------
    asked : mapping
        ``capability, case, method, options, seed`` (None for none); ``input``, the digest of a
        file, is for its identity only.

    Returns
    -------
    dict
        The fields of the result but long lists: ``objective, bound, gap, status``, the seconds by
        phase, the versions, the decision.
    """
    capability = CAPABILITIES[asked["capability"]]
    grid, more = globals()[capability.read](asked["case"])
    given = {**more, **asked["options"], capability.method: asked["method"]}
    if asked["seed"] is not None:
        given["seed"] = asked["seed"]
    result = _load(capability.door)(grid, **given)
    found: Row = result.to_dict()
    if capability.judge:
        found |= globals()[capability.judge](result)
    return {
        name: value
        for name, value in found.items()
        if not isinstance(value, list | dict) or len(value) <= LONGEST
    }


def _errors(result: Any) -> Row:
    """Judge a linearisation by its error on as many fresh draws as it was made from."""
    if result.model is None:
        return {"objective": None}
    seen = result.evaluate(result.samples, seed=result.seed + 1)
    return {
        "objective": seen.criterion,
        # The relaxation bounds the cost, not the error.
        "bound": None,
        "cost": seen.objective,
        "cost_bound": result.bound,
        **{name: getattr(seen, name) for name in ("mean_p", "deviation_p", "mean_q")},
        **{name: getattr(seen, name) for name in ("deviation_q", "infeasible", "failed")},
    }


def _network(case: str) -> tuple[Any, Mapping[str, Any]]:
    from pygridjl.grid.load import load_network

    return load_network(case), {}


def _feeder(case: str) -> tuple[Any, Mapping[str, Any]]:
    from pygridjl.grid import load_feeder

    return load_feeder(case), {}


def _any(case: str) -> tuple[Any, Mapping[str, Any]]:
    from pygridjl.grid.cases.catalogue import feeder_names

    return _feeder(case) if case in feeder_names() else _network(case)


def _loads(case: str) -> tuple[Any, Mapping[str, Any]]:
    from pygridjl.balancing.files import load_paths

    loads = load_paths(case)
    more: dict[str, Any] = {
        "demand": loads.demand,
        "start": loads.circuits,
        "service_points": loads.service_points,
        "name": loads.name,
    }
    if loads.circuits is not None:
        more["circuits"] = sorted(set(loads.circuits))
    return loads.deviations, more


def _load(target: str) -> Any:
    module, _, name = target.partition(":")
    return getattr(import_module(module), name)


def capability_of(name: str) -> Capability:
    """Return a capability by name.

    Raises
    ------
    InvalidOptionError
        If there is none.
    """
    if name not in CAPABILITIES:
        raise InvalidOptionError(f"capability: {name!r} is none of {', '.join(CAPABILITIES)}")
    return CAPABILITIES[name]
