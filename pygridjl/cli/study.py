"""``pygridjl study``: grids of cases, methods, options and seeds that survive everything."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from pygridjl.cli.options import json_option
from pygridjl.cli.running import Bars, kept, restart_option
from pygridjl.study.definition import Study, read_study
from pygridjl.study.page import write_report
from pygridjl.study.run import Standing, open_study, run_study, study_status
from pygridjl.study.task import Plan

__all__ = ["command"]

F = TypeVar("F", bound=Callable[..., Any])

_folder = click.argument("folder", type=click.Path(file_okay=False, path_type=Path))


@click.group("study")
def command() -> None:
    """Run a grid of cases, methods, options and seeds; every finished task is kept.

    Whatever ends a run, the same command goes on where it was; several may run at the same time.
    """


def _run_options(function: F) -> F:
    for option in (
        click.option("--retry", is_flag=True, help="Try again what ended in an error."),
        click.option(
            "--scheduler",
            metavar="ADDRESS",
            help="A Dask scheduler, tcp://…, or local for a cluster on this machine.",
        ),
        click.option(
            "--n-jobs",
            default=1,
            show_default=True,
            metavar="N",
            type=int,
            help="Tasks at the same time; -1 is one a core.",
        ),
    ):
        function = option(function)
    return function


@command.command("run", epilog="Example: pygridjl study run feeders.toml --n-jobs 4")
@click.argument("file", type=click.Path(path_type=Path))
@_run_options
@restart_option
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for the store of rows and the logs; study-NAME unless given.",
)
@json_option
def run(
    file: Path,
    n_jobs: int,
    scheduler: str | None,
    retry: bool,
    resume: bool,
    out: Path | None,
    as_json: bool,
) -> None:
    """Run the study in FILE (TOML).

    \b
    name = "feeders"
    [[runs]]
    capability = "reconfiguration"
    cases = ["case33bw", "case69", "my-network.m"]
    methods = ["forward", "maxflow+ils"]
    seeds = 5
    options = { certify = [false, true] }
    [limits]
    seconds = 120
    memory_mb = 4000
    """  # noqa: D301
    study = read_study(file)
    place = out or Path("study-" + re.sub(r"\W+", "-", study.name).strip("-"))
    _go(study, place, n_jobs, scheduler, retry=retry, restart=not resume, as_json=as_json)


@command.command("resume", epilog="Example: pygridjl study resume study-feeders --retry")
@_folder
@_run_options
@json_option
def resume(folder: Path, n_jobs: int, scheduler: str | None, retry: bool, as_json: bool) -> None:
    """Go on with the study in FOLDER, without its file."""
    study, _ = open_study(folder)
    _go(study, folder, n_jobs, scheduler, retry=retry, restart=False, as_json=as_json)


def _go(
    study: Study,
    folder: Path,
    n_jobs: int,
    scheduler: str | None,
    *,
    retry: bool,
    restart: bool,
    as_json: bool,
) -> None:
    with kept(folder), Bars(Plan({study.name: study.tasks()})) as bars:
        run_study(
            study,
            folder,
            n_jobs=n_jobs,
            scheduler=scheduler,
            retry=retry,
            restart=restart,
            progress=bars,
        )
    _say(study_status(folder), folder, as_json=as_json)


@command.command("status", epilog="Example: pygridjl study status study-feeders")
@_folder
@json_option
def status(folder: Path, as_json: bool) -> None:
    """Say how far the study in FOLDER is; it may be running."""
    _say(study_status(folder), folder, as_json=as_json)


def _say(standing: Standing, folder: Path, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(dataclasses.asdict(standing)))
        return
    text = f"{standing.study}: {standing.finished} of {standing.tasks} tasks finished"
    if standing.failed:
        # Only what printed something has a log; the report has every message.
        text += f", {standing.failed} of them ended in an error (pygridjl study report {folder})"
    if standing.running:
        text += f", {standing.running} running"
    if standing.stale:
        text += f"; {standing.stale} more were computed by other code and would be run again"
    click.echo(text)


@command.command("report", epilog="Example: pygridjl study report study-feeders")
@_folder
@click.option("--parquet", is_flag=True, help="Write rows.parquet too; needs pyarrow.")
def report(folder: Path, parquet: bool) -> None:
    """Write report.html and rows.csv of the rows in FOLDER.

    FOLDER may also be that of a benchmark or of a reproduction.
    """
    written = write_report(folder, parquet=parquet)
    click.echo("written: " + ", ".join(str(path) for path in written))
