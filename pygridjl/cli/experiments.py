"""Commands made from the registered experiments."""

from __future__ import annotations

import dataclasses
import json
import logging
import math
import typing
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import pandas as pd
from tqdm import tqdm

from pygridjl.cli.options import json_option, progress
from pygridjl.core.errors import InvalidOptionError
from pygridjl.core.files import write_text
from pygridjl.experiments.registry import Experiment, Kind, Page, experiments
from pygridjl.report.tables import write_csv
from pygridjl.study.store import TaskStore
from pygridjl.study.task import Plan, Row

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
        _run(experiment, experiment.options(**given), out, resume=resume, as_json=as_json)

    function: Any = json_option(run)
    for option in (
        click.option(
            "--resume", is_flag=True, help="Go on from an interrupted run in the same folder."
        ),
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


def _run(experiment: Experiment, options: Any, out: Path, *, resume: bool, as_json: bool) -> None:
    plan = experiment.make_plan(options)
    if plan.prepare is not None:
        # Nothing is written where nothing can be run.
        plan.prepare()
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidOptionError(f"--out: cannot make {out}: {error.strerror}") from error
    store = TaskStore(out / "finished.sqlite", resume=resume)
    with _kept(out):
        rows = _finished(plan, store)
    page = experiment.make_page(rows, options, out)
    written = _write(page, out)
    if as_json:
        click.echo(json.dumps(page.found, indent=2))
        return
    click.echo(page.text)
    click.echo("\nwritten: " + ", ".join(str(path) for path in written))


def _finished(plan: Plan, store: TaskStore) -> dict[str, list[Row]]:
    """Take every row from the store or compute it, saying which one is under way."""
    rows: dict[str, list[Row]] = {}
    for part, tasks in plan.parts.items():
        rows[part] = []
        with progress(part, len(tasks)) as bar, _said(bar) as shown:
            for task in tasks:
                shown.task = str(task)
                bar.set_postfix_str(shown.task)
                rows[part].append(store.run(task))
                bar.update()
    return rows


def _write(page: Page, out: Path) -> list[Path]:
    written = [
        write_csv(out / f"{name}.csv", pd.DataFrame(rows)) for name, rows in page.tables.items()
    ]
    if page.report:
        write_text(out / "report.md", page.text)
        written.append(out / "report.md")
    return [*written, *page.figures]


class _Shown(logging.Handler):
    """Shows what the task under way says beside its progress."""

    def __init__(self, bar: tqdm[Any]) -> None:
        super().__init__(logging.INFO)
        self._bar = bar
        self.task = ""

    def emit(self, record: logging.LogRecord) -> None:
        self._bar.set_postfix_str(f"{self.task}: {record.getMessage()}")


@contextmanager
def _said(bar: tqdm[Any]) -> Iterator[_Shown]:
    log, shown = logging.getLogger("pygridjl.study"), _Shown(bar)
    before = log.level
    log.addHandler(shown)
    log.setLevel(logging.INFO)
    try:
        yield shown
    finally:
        log.removeHandler(shown)
        log.setLevel(before)


@contextmanager
def _kept(out: Path) -> Iterator[None]:
    """Tell who interrupts a long run that it can go on."""
    try:
        yield
    except KeyboardInterrupt:
        click.echo(f"\nfinished rows are kept in {out}: go on with --resume", err=True)
        raise
