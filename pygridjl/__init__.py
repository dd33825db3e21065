"""pygridjl: power-grid optimisation with proven bounds.

Names are imported on first use, so that ``import pygridjl`` is quick and never starts Julia.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

# Public name -> module that defines it.
_PUBLIC = {
    "Feeder": "pygridjl.network.feeder",
    "list_feeders": "pygridjl.network.feeder",
    "load_feeder": "pygridjl.network.feeder",
    "save_feeder": "pygridjl.network.feeder",
    "validate_feeder": "pygridjl.network.feeder",
    "CheckReport": "pygridjl.reconfiguration",
    "PyGridJLError": "pygridjl.errors",
    "ReconfigurationResult": "pygridjl.reconfiguration",
    "Status": "pygridjl.results",
    "check_configuration": "pygridjl.reconfiguration",
    "get_case": "pygridjl.cases",
    "list_cases": "pygridjl.cases",
    "load_network": "pygridjl.cases",
    "reconfigure": "pygridjl.reconfiguration",
    "save_network": "pygridjl.network.writers",
    "Branches": "pygridjl.network",
    "Buses": "pygridjl.network",
    "Finding": "pygridjl.network",
    "Generators": "pygridjl.network",
    "Loads": "pygridjl.network",
    "Network": "pygridjl.network",
    "assert_valid": "pygridjl.network",
    "validate": "pygridjl.network",
}

__all__ = sorted(_PUBLIC)


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return getattr(import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module 'pygridjl' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
