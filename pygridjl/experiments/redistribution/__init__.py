"""The claims of the redistribution paper, measured."""

from dataclasses import dataclass

from pygridjl.core.options import option
from pygridjl.experiments.registry import Experiment

__all__ = ["EXPERIMENT", "Options"]


@dataclass(frozen=True)
class Options:
    """Options of ``pygridjl reproduce redistribution``."""

    seed: int = option(0, "Seed of the random parts.", least=0)


EXPERIMENT = Experiment(
    name="redistribution",
    kind="reproduce",
    text=(
        "Redistribution: the theorems, where they break, and the demo.\n\n"
        "Writes report.md with its tables, two figures and the 3-D page of the demo into the "
        "folder --out, in some two minutes."
    ),
    plan="pygridjl.experiments.redistribution.tasks:plan",
    page="pygridjl.experiments.redistribution.page:page",
    options=Options,
)
