"""Benchmark of the linearised optimal power flow."""

from dataclasses import dataclass

from pygridjl.core.options import option
from pygridjl.experiments.registry import Experiment

__all__ = ["EXPERIMENT", "Options"]


@dataclass(frozen=True)
class Options:
    """Options of ``pygridjl benchmark linearization``."""

    draws: int = option(200, "Loads that are solved for.", least=2)
    seed: int = option(0, "Seed of the loads.", least=0)


EXPERIMENT = Experiment(
    name="linearization",
    kind="benchmark",
    text=(
        "Linearised optimal power flow: warm solves beside AC optimal flow, points and their "
        "time.\n\nPrints one table and writes it as a CSV file with a picture into the folder "
        "--out, in about a minute."
    ),
    plan="pygridjl.experiments.linearized_opf.tasks:plan",
    page="pygridjl.experiments.linearized_opf.page:page",
    options=Options,
)
