"""The road to Julia: find it, start it once, call PyGridJL, translate what goes wrong.

Importing this package neither starts nor looks for Julia.
"""

from __future__ import annotations

from pygridjl.bridge.errors import (
    JuliaBridgeError,
    JuliaForkError,
    JuliaNotFoundError,
    JuliaPackageError,
    JuliaSolveError,
    JuliaSolverMissingError,
)

__all__ = [
    "JuliaBridgeError",
    "JuliaForkError",
    "JuliaNotFoundError",
    "JuliaPackageError",
    "JuliaSolveError",
    "JuliaSolverMissingError",
]
