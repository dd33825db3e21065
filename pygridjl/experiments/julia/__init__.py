"""Benchmark of the Julia half."""

from dataclasses import dataclass

from pygridjl.core.options import option
from pygridjl.experiments.registry import Experiment

__all__ = ["EXPERIMENT", "Options"]


@dataclass(frozen=True)
class Options:
    """Options of ``pygridjl benchmark julia``."""

    time_limit: float = option(20.0, "Seconds for each run of a solver.", least=0.1)


EXPERIMENT = Experiment(
    name="julia",
    kind="benchmark",
    text=(
        "Measure the Julia half: crossing, first calls, JuMP against Python.\n\n"
        "Prints three tables and writes them as CSV files with a picture into the folder --out."
    ),
    plan="pygridjl.experiments.julia.tasks:plan",
    page="pygridjl.experiments.julia.page:page",
    options=Options,
)
