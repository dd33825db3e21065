"""The experiments of SPAR-OPF."""

from dataclasses import dataclass

from pygridjl.core.options import option
from pygridjl.experiments.registry import Experiment

__all__ = ["EXPERIMENT", "Options"]


@dataclass(frozen=True)
class Options:
    """Options of ``pygridjl reproduce spar``."""

    full: bool = option(
        False, "The paper's sizes, up to 1200 scenarios on the 9500-node feeder: hours."
    )
    seed: int = option(0, "Seed of the first run and of the first sample.", least=0)


EXPERIMENT = Experiment(
    name="spar",
    kind="reproduce",
    text=(
        "SPAR-OPF: Tables I-VI, Figures 1-3 and what cannot be reproduced.\n\n"
        "Writes report.md with its tables and figures into the folder --out. Without --full only "
        "IEEE 123 with 96 scenarios is run."
    ),
    plan="pygridjl.experiments.spar.tasks:plan",
    page="pygridjl.experiments.spar.page:page",
    options=Options,
)
