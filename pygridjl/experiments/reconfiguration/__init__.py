"""Benchmark of reconfiguration methods."""

from dataclasses import dataclass

from pygridjl.core.options import option
from pygridjl.experiments.registry import Experiment

__all__ = ["EXPERIMENT", "Options"]


@dataclass(frozen=True)
class Options:
    """Options of ``pygridjl benchmark reconfiguration``."""

    scale: bool = option(False, "Growth from 100 to 100,000 buses instead.")
    year: bool = option(False, "8,760 load states instead, beside mean and peak.")
    ac_proof: bool = option(False, "Proofs of the least AC loss instead, beside SCIP's.")
    seed: int = option(0, "Seed of the random parts.", least=0)


EXPERIMENT = Experiment(
    name="reconfiguration",
    kind="benchmark",
    text=(
        "Radial reconfiguration: Table I of FORWARD and the standard cases.\n\n"
        "Prints two tables and writes them as CSV files with a picture into the folder --out."
    ),
    plan="pygridjl.experiments.reconfiguration.tasks:plan",
    page="pygridjl.experiments.reconfiguration.page:page",
    options=Options,
)
