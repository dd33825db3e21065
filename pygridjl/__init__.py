"""pygridjl: power-grid optimisation with proven bounds.

Names are imported on first use, so that ``import pygridjl`` is quick and never starts Julia.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

# Public name -> module that defines it.
_PUBLIC = {
    "Branches": "pygridjl.network",
    "Buses": "pygridjl.network",
    "CaseInfo": "pygridjl.cases",
    "CaseNotFoundError": "pygridjl.errors",
    "CheckReport": "pygridjl.reconfiguration",
    "Feeder": "pygridjl.network.feeder",
    "Finding": "pygridjl.network",
    "Generators": "pygridjl.network",
    "InvalidNetworkError": "pygridjl.errors",
    "InvalidOptionError": "pygridjl.errors",
    "Loads": "pygridjl.network",
    "Network": "pygridjl.network",
    "NetworkFormatError": "pygridjl.errors",
    "OpfResult": "pygridjl.optimal_flow.result",
    "PlanningProblem": "pygridjl.stochastic",
    "PyGridJLError": "pygridjl.errors",
    "ReconfigurationResult": "pygridjl.reconfiguration",
    "ScenarioSet": "pygridjl.stochastic",
    "SitingResult": "pygridjl.stochastic",
    "Status": "pygridjl.results",
    "UnservedNodesError": "pygridjl.errors",
    "assert_valid": "pygridjl.network",
    "check_configuration": "pygridjl.reconfiguration",
    "feeder_like": "pygridjl.cases",
    "from_pandapower": "pygridjl.network.readers.pandapower_net",
    "generate_scenarios": "pygridjl.stochastic",
    "get_case": "pygridjl.cases",
    "list_cases": "pygridjl.cases",
    "list_feeders": "pygridjl.network.feeder",
    "load_feeder": "pygridjl.network.feeder",
    "load_network": "pygridjl.cases",
    "opf": "pygridjl.optimal_flow.solve",
    "reconfigure": "pygridjl.reconfiguration",
    "save_feeder": "pygridjl.network.feeder",
    "save_network": "pygridjl.network.writers",
    "site": "pygridjl.stochastic",
    "to_frames": "pygridjl.network.views",
    "to_networkx": "pygridjl.network.views",
    "validate": "pygridjl.network",
    "validate_feeder": "pygridjl.network.feeder",
    "watts_strogatz": "pygridjl.cases",
}

__all__ = sorted(_PUBLIC)


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return getattr(import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module 'pygridjl' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
