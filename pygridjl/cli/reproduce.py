"""``pygridjl reproduce``: the experiments that repeat a paper's."""

from __future__ import annotations

from pygridjl.cli.experiments import experiment_group

__all__ = ["command"]

command = experiment_group("reproduce", "Repeat a paper's experiments beside its figures.")
