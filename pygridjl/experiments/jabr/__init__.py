"""The experiment of the slides on Jabr's relaxation and loop constraints."""

from pygridjl.experiments.registry import Experiment

__all__ = ["EXPERIMENT"]

EXPERIMENT = Experiment(
    name="jabr",
    kind="reproduce",
    text=(
        "Jabr's relaxation and loop constraints: the slides' table, and what stands behind it.\n\n"
        "Writes report.md with its tables into the folder --out."
    ),
    plan="pygridjl.experiments.jabr.tasks:plan",
    page="pygridjl.experiments.jabr.page:page",
)
