"""The methods of circuit balancing beside each other."""

from dataclasses import dataclass

from pygridjl.core.options import option
from pygridjl.experiments.registry import Experiment

__all__ = ["EXPERIMENT", "Options"]


@dataclass(frozen=True)
class Options:
    """Options of ``pygridjl benchmark balance``."""

    full: bool = option(False, "Also 100,000 service points, and proofs that take minutes.")
    time_limit: float = option(60.0, "Seconds for each run.", least=0.1)
    seed: int = option(0, "Seed of the random parts.", least=0)


EXPERIMENT = Experiment(
    name="balance",
    kind="benchmark",
    text=(
        "Circuit balancing: exact methods against each other, local search against proven "
        "optima, growth with service points.\n\n"
        "Prints three tables and writes them as CSV files into the folder --out, in some two "
        "minutes."
    ),
    plan="pygridjl.experiments.balance.tasks:plan",
    page="pygridjl.experiments.balance.page:page",
    options=Options,
)
