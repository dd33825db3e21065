"""Commands made from the registered experiments."""

from __future__ import annotations

import dataclasses
import json
import math
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pandas as pd

from pygridjl.cli.options import json_option
from pygridjl.cli.running import Bars, kept, restart_option
from pygridjl.core.files import write_text
from pygridjl.experiments.registry import Experiment, Kind, Page, experiments
from pygridjl.report.tables import write_csv
from pygridjl.study.runner import run_here
from pygridjl.study.store import STORE_NAME, Store

__all__ = ["experiment_group"]


class _Finite(click.FloatRange):
    """A range that no NaN or infinity slips through."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        number = float(super().convert(value, param, ctx))
        if not math.isfinite(number):
            self.fail(f"{value} is not a finite number.", param, ctx)
        return number


def experiment_group(kind: Kind, text: str) -> click.Group:
    """Make the group of a kind: one command for each registered experiment.

    Parameters
    ----------
    kind : {"benchmark", "reproduce"}
        The kind.
    text : str
        One line about it.

    Returns
    -------
    click.Group
        Its commands take the options of their experiments, ``--out``, ``--resume`` and
        ``--json``.
    """
    group = click.Group(kind, help=text)
    for experiment in experiments(kind).values():
        group.add_command(_command(experiment))
    return group


def _command(experiment: Experiment) -> click.Command:
    def run(out: Path, resume: bool, as_json: bool, **given: Any) -> None:
        _run(experiment, experiment.options(**given), out, restart=not resume, as_json=as_json)

    function: Any = json_option(run)
    for option in (
        restart_option,
        click.option(
            "--out",
            default=f"{experiment.kind}-{experiment.name}",
            show_default=True,
            type=click.Path(file_okay=False, path_type=Path),
            help="Folder for tables, figures and the store of finished rows.",
        ),
        *_options(experiment.options),
    ):
        function = option(function)
    command = f"{experiment.kind} {experiment.name}"
    made: click.Command = click.command(
        experiment.name,
        help=experiment.text,
        epilog=f"Example: pygridjl {command} --out results",
    )(function)
    return made


def _options(declared: type) -> Iterator[Any]:
    """Make an option of each field of a dataclass, the first one outermost."""
    hints = typing.get_type_hints(declared)
    for field in reversed(dataclasses.fields(declared)):
        kind, least = hints[field.name], field.metadata["least"]
        name = "--" + field.name.replace("_", "-")
        common = {"help": field.metadata["text"], "default": field.default}
        if kind is bool:
            yield click.option(name, is_flag=True, **common)
        elif kind is int:
            yield click.option(name, type=click.IntRange(min=least), show_default=True, **common)
        else:
            yield click.option(
                name,
                type=_Finite(min=least),
                show_default=field.default is not None,
                metavar="NUMBER",
                **common,
            )


def _run(experiment: Experiment, options: Any, out: Path, *, restart: bool, as_json: bool) -> None:
    plan = experiment.make_plan(options)
    store = Store(out / STORE_NAME, f"{experiment.kind} {experiment.name}", restart=restart)
    with kept(out), Bars(plan) as bars:
        rows = run_here(store, plan, progress=bars)
    page = experiment.make_page(rows, options, out)
    written = _write(page, out)
    if as_json:
        click.echo(json.dumps(page.found, indent=2))
        return
    click.echo(page.text)
    click.echo("\nwritten: " + ", ".join(str(path) for path in written))


def _write(page: Page, out: Path) -> list[Path]:
    written = [
        write_csv(out / f"{name}.csv", pd.DataFrame(rows)) for name, rows in page.tables.items()
    ]
    if page.report:
        write_text(out / "report.md", page.text)
        written.append(out / "report.md")
    return [*written, *page.figures]
