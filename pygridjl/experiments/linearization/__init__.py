"""The experiments of the paper on optimal linearisation points."""

from dataclasses import dataclass

from pygridjl.core.options import option
from pygridjl.experiments.registry import Experiment

__all__ = ["EXPERIMENT", "Options"]


@dataclass(frozen=True)
class Options:
    """Options of ``pygridjl reproduce linearization``."""

    full: bool = option(
        False,
        "Also order 2 on 57 and 118 buses, and with whole constraints in each moment matrix.",
    )
    samples: int = option(1000, "Draws a point is computed from, and as many to judge it.", least=2)
    seed: int = option(0, "Seed of the draws.", least=0)


EXPERIMENT = Experiment(
    name="linearization",
    kind="reproduce",
    text=(
        "Optimal linearisation points: the error table, its figures, dense against sparse.\n\n"
        "Writes report.md with its tables and figures into the folder --out, in some ten minutes."
    ),
    plan="pygridjl.experiments.linearization.tasks:plan",
    page="pygridjl.experiments.linearization.page:page",
    options=Options,
)
