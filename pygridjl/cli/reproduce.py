"""``pygridjl reproduce``."""

from __future__ import annotations

import json
from pathlib import Path

import click

from pygridjl.cli.benchmark import both_tables, collect
from pygridjl.cli.options import json_option, open_store, study_options
from pygridjl.files import write_text
from pygridjl.report.forward_paper import forward_report

__all__ = ["command"]

_INSTANCES = 10


@click.group("reproduce")
def command() -> None:
    """Repeat a paper's experiments beside its figures."""


@command.command("forward", epilog="Example: pygridjl reproduce forward --out forward")
@study_options("reproduce-forward")
@json_option
def forward(out: Path, resume: bool, seed: int, as_json: bool) -> None:
    """FORWARD: Table I, the pseudo-code as printed, and what cannot be reproduced.

    Writes report.md with its tables and figure into the folder --out.
    """
    from pygridjl.studies import forward_paper as paper
    from pygridjl.studies import reconfiguration as study

    store = open_store(out, resume=resume)
    study.compile_kernels()
    table, standard, written = both_tables(store, out, seed)
    runs = len(paper.RANDOM_SIZES) * _INSTANCES * len(study.TABLE_METHODS)
    random = collect(
        "random instances",
        study.random_rows(store, seed=seed, sizes=paper.RANDOM_SIZES, instances=_INSTANCES),
        runs,
    )
    summary, costs = paper.random_summary(random), paper.cost_comparison(table)
    example = paper.counterexample()
    text = forward_report(
        study.TABLE_METHODS, table, standard, summary, costs, paper.data_notes(), example
    )
    write_text(out / "report.md", text)
    written.append(out / "report.md")
    if as_json:
        found = {"table_I": table, "standard": standard, "random": summary, "costs": costs}
        click.echo(json.dumps(found, indent=2))
    else:
        click.echo(text)
        click.echo("written: " + ", ".join(str(path) for path in written))
