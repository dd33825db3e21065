"""Two-stage stochastic siting and sizing of distributed generation.

Names are imported on first use: methods and engines load their solvers, this package does not.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

# Public name -> module that defines it.
_PUBLIC = {
    "BoundsResult": "pygridjl.stochastic.bounds",
    "FeasibilityCut": "pygridjl.stochastic.recourse",
    "HourlyProfile": "pygridjl.stochastic.scenarios.profile",
    "PVWattsOptions": "pygridjl.stochastic.scenarios.pvwatts",
    "PlanningProblem": "pygridjl.stochastic.planning",
    "ScenarioSet": "pygridjl.stochastic.scenarios.model",
    "ScenarioStatus": "pygridjl.stochastic.recourse",
    "SecondStage": "pygridjl.stochastic.recourse",
    "SecondStageBatch": "pygridjl.stochastic.recourse",
    "SitingResult": "pygridjl.stochastic.result",
    "SparOptions": "pygridjl.stochastic.spar.options",
    "SparResult": "pygridjl.stochastic.spar.driver",
    "build_engine": "pygridjl.stochastic.solve",
    "bundled_year": "pygridjl.stochastic.scenarios.profile",
    "generate_scenarios": "pygridjl.stochastic.scenarios.generate",
    "greedy": "pygridjl.stochastic.rivals",
    "measured_year": "pygridjl.stochastic.scenarios.measured",
    "no_dg": "pygridjl.stochastic.rivals",
    "random_siting": "pygridjl.stochastic.rivals",
    "read_profile": "pygridjl.stochastic.scenarios.profile",
    "read_scenarios": "pygridjl.stochastic.scenarios.files",
    "save_profile": "pygridjl.stochastic.scenarios.profile",
    "save_scenarios": "pygridjl.stochastic.scenarios.files",
    "site": "pygridjl.stochastic.solve",
    "statistical_bounds": "pygridjl.stochastic.bounds",
    "validate_planning": "pygridjl.stochastic.validation",
    "validate_scenarios": "pygridjl.stochastic.scenarios.model",
    "value_over_iterations": "pygridjl.stochastic.spar.quality",
}

__all__ = sorted(_PUBLIC)


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return getattr(import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module 'pygridjl.stochastic' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
