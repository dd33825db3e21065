"""What a study can run: the doors of the capabilities, and what it keeps of their answers."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from pygridjl.core.errors import InvalidOptionError
from pygridjl.study.task import Row

__all__ = ["CAPABILITIES", "OF_THE_METHOD", "Capability", "check_options", "solve"]

# Options that change how a problem is solved; all others change the problem.
OF_THE_METHOD = frozenset(
    {"backend", "certify", "engine", "gap", "n_jobs", "options", "time_limit", "weight_rule"}
)


@dataclass(frozen=True)
class Capability:
    """A door and how a study calls it.

    Attributes
    ----------
    door : str
        ``"module:function"``; its first argument is the grid.
    grid : {"network", "feeder", "any"}
        What the first argument is.
    method : str
        Name of the argument that chooses the method.
    more : str
        Arguments that pass through ``**``, as a dataclass ``"module:name"``.
    """

    door: str
    grid: str
    method: str = "method"
    more: str = ""

    def options(self) -> set[str]:
        """Return the names of the options that a study may give."""
        names = {
            p.name
            for p in inspect.signature(_load(self.door)).parameters.values()
            if p.kind in (p.KEYWORD_ONLY, p.POSITIONAL_OR_KEYWORD)
        }
        if self.more:
            names |= set(inspect.signature(_load(self.more)).parameters)
        first = next(iter(inspect.signature(_load(self.door)).parameters))
        return names - {first, self.method, "on_progress", "feeder"}


CAPABILITIES: Mapping[str, Capability] = {
    "reconfiguration": Capability("pygridjl.reconfiguration.solve:reconfigure", "network"),
    "optimal_flow": Capability("pygridjl.optimal_flow.solve:opf", "any", method="formulation"),
    "siting": Capability(
        "pygridjl.siting.solve:site", "feeder", more="pygridjl.siting.problem:PlanningProblem"
    ),
}


def solve(asked: Mapping[str, Any]) -> Row:
    """Solve one problem of a study.

    Parameters
    ----------
    asked : mapping
        ``capability, case, method, options``, and ``seed`` if it has one; ``input``, the digest of
        a file, is for its identity only.

    Returns
    -------
    dict
        ``objective, bound, gap, status``, the seconds by phase, the versions, and whatever else of
        the result is one number or text or a list of few.
    """
    capability = CAPABILITIES[asked["capability"]]
    grid = _grid(capability.grid, asked["case"])
    given = {capability.method: asked["method"], **asked["options"]}
    if asked.get("seed") is not None:
        given["seed"] = asked["seed"]
    result = _load(capability.door)(grid, **given)
    found: Row = result.to_dict()
    if "value" in found:
        # Siting names its number so.
        found["measure"], found["objective"] = found["objective"], found.pop("value")
    return {name: value for name, value in found.items() if _small(value)}


def _grid(kind: str, case: str) -> Any:
    from pygridjl.grid import load_feeder
    from pygridjl.grid.cases import load_network
    from pygridjl.grid.cases.feeder_loading import list_feeders

    if kind == "feeder" or (kind == "any" and case in list_feeders()):
        return load_feeder(case)
    return load_network(case)


def _small(value: Any) -> bool:
    return not isinstance(value, list | dict) or len(value) <= 64


def _load(target: str) -> Callable[..., Any]:
    module, _, name = target.partition(":")
    found: Callable[..., Any] = getattr(import_module(module), name)
    return found


def check_options(
    capability: str, method: str, options: Mapping[str, Any], *, seeded: bool
) -> None:
    """Refuse an option that the door does not have.

    Raises
    ------
    InvalidOptionError
        If the capability is unknown or an option is.
    """
    if capability not in CAPABILITIES:
        known = ", ".join(CAPABILITIES)
        raise InvalidOptionError(f"capability: {capability!r} is none of {known}")
    known_options = CAPABILITIES[capability].options()
    for name in [*options, *(["seed"] if seeded else [])]:
        if name not in known_options:
            has = ", ".join(sorted(known_options))
            raise InvalidOptionError(f"{capability}, {method}: no option {name!r}; it has {has}")
