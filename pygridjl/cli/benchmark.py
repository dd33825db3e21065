"""``pygridjl benchmark``: the experiments that compare methods."""

from __future__ import annotations

from pygridjl.cli.experiments import experiment_group

__all__ = ["command"]

command = experiment_group("benchmark", "Compare methods on the standard cases.")
