"""Commands made from the registered experiments."""

from __future__ import annotations

import dataclasses
import json
import math
import typing
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import click
import pandas as pd

from pygridjl.bridge.errors import JuliaNotFoundError
from pygridjl.cli.options import json_option
from pygridjl.cli.running import Bars, kept, restart_option
from pygridjl.core.errors import OutputError
from pygridjl.core.files import write_text
from pygridjl.experiments.registry import Experiment, Kind, Page, experiments
from pygridjl.report.tables import write_csv
from pygridjl.study.page import write_report
from pygridjl.study.runner import run_here
from pygridjl.study.store import STORE_NAME, Store

__all__ = ["experiment_group"]

F = TypeVar("F", bound=Callable[..., Any])


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
        ``--json``; ``all`` runs them as one study.
    """
    group = click.Group(kind, help=text)
    for experiment in experiments(kind).values():
        group.add_command(_command(experiment))
    group.add_command(_command_of_all(kind))
    return group


def _out_option(folder: str) -> Callable[[F], F]:
    return click.option(
        "--out",
        default=folder,
        show_default=True,
        type=click.Path(file_okay=False, path_type=Path),
        help="Folder for tables, figures and the store of finished rows.",
    )


def _command(experiment: Experiment) -> click.Command:
    def run(out: Path, resume: bool, as_json: bool, **given: Any) -> None:
        _run(experiment, experiment.options(**given), out, restart=not resume, as_json=as_json)

    function: Any = json_option(run)
    for option in (
        restart_option,
        _out_option(f"{experiment.kind}-{experiment.name}"),
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


def _command_of_all(kind: Kind) -> click.Command:
    @click.command("all", epilog=f"Example: pygridjl {kind} all --out results")
    @_out_option(f"{kind}-all")
    @restart_option
    @click.option("--full", is_flag=True, help="The full runs of those that have them: hours.")
    @json_option
    def run(out: Path, resume: bool, full: bool, as_json: bool) -> None:
        """Run all of them as one study, each with its own folder of tables and figures.

        Also writes report.html and rows.csv of all rows.
        """
        store = Store(out / STORE_NAME, f"{kind} all", restart=not resume)
        found: dict[str, Any] = {}
        for name, experiment in experiments(kind).items():
            has_full = "full" in {field.name for field in dataclasses.fields(experiment.options)}
            options = experiment.options(full=True) if full and has_full else experiment.options()
            try:
                page, written = _compute(experiment, options, store, out / name)
            except JuliaNotFoundError as error:
                # The others need no Julia.
                found[name] = {"not_run": str(error)}
                click.echo(f"{name}: not run: {error}", err=True)
                continue
            found[name] = page.found
            if not as_json:
                click.echo(f"{page.text}\n\nwritten: " + ", ".join(map(str, written)) + "\n")
        written = write_report(out)
        if as_json:
            click.echo(json.dumps(found, indent=2))
        else:
            click.echo("written: " + ", ".join(map(str, written)))

    return run


def _options(declared: type) -> Iterator[Any]:
    """Make an option of each field of a dataclass, the first one outermost."""
    hints = typing.get_type_hints(declared)
    for field in reversed(dataclasses.fields(declared)):
        kind, least = hints[field.name], field.metadata["least"]
        name = "--" + field.name.replace("_", "-")
        common = {"help": field.metadata["text"], "default": field.default}
        if kind is bool:
            yield click.option(name, is_flag=True, **common)
        elif kind is str:
            yield click.option(name, metavar="TEXT", **common)
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
    store = Store(out / STORE_NAME, f"{experiment.kind} {experiment.name}", restart=restart)
    page, written = _compute(experiment, options, store, out)
    if as_json:
        click.echo(json.dumps(page.found, indent=2))
        return
    click.echo(page.text)
    click.echo("\nwritten: " + ", ".join(str(path) for path in written))


def _compute(
    experiment: Experiment, options: Any, store: Store, out: Path
) -> tuple[Page, list[Path]]:
    plan = experiment.make_plan(options)
    with kept(store.path.parent), Bars(plan) as bars:
        rows = run_here(store, plan, progress=bars)
    try:
        out.mkdir(exist_ok=True)
    except OSError as error:
        raise OutputError(out, error.strerror or str(error)) from error
    page = experiment.make_page(rows, options, out)
    return page, _write(page, out)


def _write(page: Page, out: Path) -> list[Path]:
    written = [
        write_csv(out / f"{name}.csv", pd.DataFrame(rows)) for name, rows in page.tables.items()
    ]
    if page.report:
        write_text(out / "report.md", page.text)
        written.append(out / "report.md")
    return [*written, *page.figures]
