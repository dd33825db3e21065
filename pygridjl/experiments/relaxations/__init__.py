"""Benchmark of the relaxations of the AC optimal power flow."""

from dataclasses import dataclass

from pygridjl.core.options import option
from pygridjl.experiments.registry import Experiment

__all__ = ["EXPERIMENT", "Options"]


@dataclass(frozen=True)
class Options:
    """Options of ``pygridjl benchmark relaxations``."""

    cases: str = option("", "Folder with PGLib's .m files; the bundled cases if none is given.")
    most: int = option(120, "Buses of the largest case.", least=3)
    time_limit: float = option(60.0, "Seconds for each proof.", least=1)
    cvxpy: bool = option(False, "Seconds of CVXPY for building the same programs; needs cvxpy.")
    powermodels: bool = option(False, "PowerModels' relaxations beside ours; needs Julia.")


EXPERIMENT = Experiment(
    name="relaxations",
    kind="benchmark",
    text=(
        "Relaxations of the AC optimal power flow: gaps beside PGLib's baseline, and proofs.\n\n"
        "Prints a table and writes it as CSV into the folder --out."
    ),
    plan="pygridjl.experiments.relaxations.tasks:plan",
    page="pygridjl.experiments.relaxations.page:page",
    options=Options,
)
