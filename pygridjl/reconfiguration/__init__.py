"""Radial reconfiguration: the problem, its methods and its certificates."""

from pygridjl.reconfiguration.build import build_problem
from pygridjl.reconfiguration.check import CheckReport, check_configuration
from pygridjl.reconfiguration.problem import RadialProblem
from pygridjl.reconfiguration.result import FeederReconfigurationResult, ReconfigurationResult
from pygridjl.reconfiguration.solve import reconfigure

__all__ = [
    "CheckReport",
    "FeederReconfigurationResult",
    "RadialProblem",
    "ReconfigurationResult",
    "build_problem",
    "check_configuration",
    "reconfigure",
]
