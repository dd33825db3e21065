"""Benchmark of siting under uncertainty."""

from dataclasses import dataclass

from pygridjl.core.options import option
from pygridjl.experiments.registry import Experiment

__all__ = ["EXPERIMENT", "Options"]


@dataclass(frozen=True)
class Options:
    """Options of ``pygridjl benchmark stochastic``."""

    full: bool = option(
        False,
        "Also 1200 scenarios on the 9500-node feeder, more seeds and timings: some 20 minutes.",
    )
    time_limit: float | None = option(
        None,
        "Seconds for each run of SPAR and Benders; 20 unless given, 60 with --full.",
        least=0.1,
    )
    seed: int = option(0, "First seed of what is random.", least=0)


EXPERIMENT = Experiment(
    name="stochastic",
    kind="benchmark",
    text=(
        "Siting under uncertainty: second stage, methods beside each other, growth.\n\n"
        "Prints four tables and writes them as CSV files with two pictures into the folder --out, "
        "in some four minutes."
    ),
    plan="pygridjl.experiments.siting.tasks:plan",
    page="pygridjl.experiments.siting.page:page",
    options=Options,
)
