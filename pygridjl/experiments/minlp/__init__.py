"""FORWARD and our own searches against the mixed-integer programs of Julia."""

from dataclasses import dataclass

from pygridjl.core.options import option
from pygridjl.experiments.registry import Experiment

__all__ = ["EXPERIMENT", "Options"]


@dataclass(frozen=True)
class Options:
    """Options of ``pygridjl benchmark minlp``."""

    time_limit: float = option(60.0, "Seconds for each run of a solver.", least=1.0)


EXPERIMENT = Experiment(
    name="minlp",
    kind="benchmark",
    text=(
        "FORWARD, our searches and proofs, and the MINLP of JuMP and PowerModelsDistribution.\n\n"
        "Linear model and three-phase feeders, each solver with and without a start: seconds to "
        "the first answer, the best one and the proof, losses in AC by two engines. Prints the "
        "tables, writes them as CSV files with a picture into the folder --out. Needs Julia; takes "
        "about a hundred runs of --time-limit seconds at most."
    ),
    plan="pygridjl.experiments.minlp.tasks:plan",
    page="pygridjl.experiments.minlp.page:page",
    options=Options,
)
