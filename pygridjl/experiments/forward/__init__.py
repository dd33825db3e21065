"""The experiments of FORWARD."""

from dataclasses import dataclass

from pygridjl.core.options import option
from pygridjl.experiments.registry import Experiment

__all__ = ["EXPERIMENT", "Options"]


@dataclass(frozen=True)
class Options:
    """Options of ``pygridjl reproduce forward``."""

    seed: int = option(0, "Seed of the random parts.", least=0)
    time_limit: float = option(60.0, "Seconds for each run of a solver in Julia.", least=1.0)


EXPERIMENT = Experiment(
    name="forward",
    kind="reproduce",
    text=(
        "FORWARD: Table I, the pseudo-code as printed, and what cannot be reproduced.\n\n"
        "Writes report.md with its tables and figure into the folder --out; with Julia the MINLP "
        "of the paper too, as in `pygridjl benchmark minlp`."
    ),
    plan="pygridjl.experiments.forward.tasks:plan",
    page="pygridjl.experiments.forward.page:page",
    options=Options,
)
