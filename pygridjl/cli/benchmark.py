"""``pygridjl benchmark``."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import pandas as pd

from pygridjl.cli.options import json_option, open_store, progress, study_options
from pygridjl.experiments.reconfiguration import page as report
from pygridjl.report.tables import text_table, write_csv
from pygridjl.study.store import TaskStore

if TYPE_CHECKING:
    from pygridjl.experiments.siting.tasks import Task

__all__ = ["both_tables", "collect", "command"]

Row = dict[str, Any]

# Time limit of one proof: most cases need well under a second, three Watts–Strogatz ones all of it.
_PROOF_SECONDS = 10.0


class _Seconds(click.FloatRange):
    """A range that no NaN or infinity slips through."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        seconds = float(super().convert(value, param, ctx))
        if not math.isfinite(seconds):
            self.fail(f"{value} is not a number of seconds.", param, ctx)
        return seconds


@click.group("benchmark")
def command() -> None:
    """Compare methods on the standard cases."""


@command.command(
    "reconfiguration", epilog="Example: pygridjl benchmark reconfiguration --out results"
)
@click.option("--scale", is_flag=True, help="Growth from 100 to 100,000 buses instead.")
@study_options("benchmark-reconfiguration")
@json_option
def reconfiguration(scale: bool, out: Path, resume: bool, seed: int, as_json: bool) -> None:
    """Radial reconfiguration: Table I of FORWARD and the standard cases.

    Prints two tables and writes them as CSV files with a picture into the folder --out.
    """
    from pygridjl.experiments.reconfiguration import tasks as study

    store = open_store(out, resume=resume)
    compiling = study.compile_kernels()
    if scale:
        rows = collect("networks", study.scale_rows(store, seed=seed), 24)
        written = [
            write_csv(out / "scale.csv", pd.DataFrame(rows)),
            report.plot_scale(rows, out / "scale.png"),
        ]
        if as_json:
            click.echo(json.dumps({"scale": rows}, indent=2))
            return
        click.echo(text_table(rows, report.scale_columns()))
        click.echo("\n" + "\n".join(_growth(rows)))
    else:
        table, standard, written = both_tables(store, out, seed)
        if as_json:
            click.echo(json.dumps({"table_I": table, "standard": standard}, indent=2))
            return
        _print_tables(table, standard)
    click.echo(f"\ncompiling the kernels took {compiling:.1f} s (once for an installation)")
    click.echo("written: " + ", ".join(str(path) for path in written))


def both_tables(store: TaskStore, out: Path, seed: int) -> tuple[list[Row], list[Row], list[Path]]:
    """Compute Table I and the standard cases and write them with their picture into ``out``."""
    from pygridjl.experiments.reconfiguration import tasks as study

    instances = len(study.FORWARD_TABLE_I) * len(study.TABLE_METHODS)
    table = collect(
        "Table I", study.table_rows(store, proof_seconds=_PROOF_SECONDS, seed=seed), instances
    )
    standard = collect(
        "standard cases",
        study.standard_rows(store, proof_seconds=_PROOF_SECONDS, seed=seed),
        len(study.BEST_KNOWN),
    )
    written = [
        write_csv(out / "table-I.csv", pd.DataFrame(table)),
        write_csv(out / "standard.csv", pd.DataFrame(standard)),
        report.plot_benchmark(table, standard, out / "benchmark.png"),
    ]
    return table, standard, written


def _print_tables(table: list[Row], standard: list[Row]) -> None:
    from pygridjl.experiments.reconfiguration import tasks as study

    click.echo("(a) Table I of FORWARD (balanced problem): cost ÷ best proven bound, seconds")
    click.echo(text_table(*report.table_by_instance(table)))
    click.echo("    * proven optimal; elsewhere the ratio also holds what the bound leaves open")
    click.echo("    paper seconds: another machine, printed for orientation only")
    click.echo(
        f"\n(b) Standard cases (substations problem), method {study.STANDARD_METHOD}, AC losses"
    )
    click.echo(text_table(standard, report.standard_columns()))
    click.echo("    bound and gap are those of the linear model (column linear kW)")


def collect(what: str, rows: Iterable[Row], total: int) -> list[Row]:
    """Draw the rows one by one, with progress."""
    with progress(what, total) as bar:
        collected = []
        for row in rows:
            collected.append(row)
            bar.update()
    return collected


def _growth(rows: list[Row]) -> list[str]:
    from pygridjl.study.growth import growth_exponent

    lines = []
    for family in dict.fromkeys(row["family"] for row in rows):
        for method in dict.fromkeys(row["method"] for row in rows):
            points = [
                r for r in rows
                if r["family"] == family and r["method"] == method and r["buses"] >= 1000
            ]  # fmt: skip
            slope = growth_exponent([r["buses"] for r in points], [r["seconds"] for r in points])
            lines.append(f"{family}, {method}: seconds grow as buses^{slope:.2f} above 1,000 buses")
    return lines


@command.command("julia", epilog="Example: pygridjl benchmark julia --out julia")
@click.option(
    "--time-limit",
    default=20.0,
    show_default=True,
    metavar="SECONDS",
    type=_Seconds(min=0.1),
    help="For each run of a solver.",
)
@click.option("--resume", is_flag=True, help="Go on from an interrupted run in the same folder.")
@click.option(
    "--out",
    default="benchmark-julia",
    show_default=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for tables, figure and the store of finished rows.",
)
@json_option
def julia(time_limit: float, out: Path, resume: bool, as_json: bool) -> None:
    """Measure the Julia half: crossing, first calls, JuMP against Python, FORWARD and the MINLP.

    Prints four tables and writes them as CSV files with a picture into the folder --out.
    """
    from pygridjl.bridge import runtime
    from pygridjl.experiments.julia import page as julia_report

    # Nothing is written where nothing can be measured.
    began = time.perf_counter()
    runtime.start()
    started = time.perf_counter() - began
    from pygridjl.experiments.julia import tasks as study

    store = open_store(out, resume=resume)
    solvers = len(study.BASELINE_SOLVERS)
    parts = {
        "first calls": (
            collect("first calls", study.first_call_rows(store, started=started), 6 + solvers),
            julia_report.first_call_columns(),
        ),
        "crossing": (
            collect("crossing", study.crossing_rows(store), 4),
            julia_report.crossing_columns(),
        ),
        "engines": (
            collect("engines", study.engine_rows(store, time_limit=time_limit), 8),
            julia_report.engine_columns(),
        ),
        "baselines": (
            collect(
                "baselines",
                study.baseline_rows(store, time_limit=time_limit),
                len(study.BASELINE_INSTANCES) * (2 + 2 * solvers),
            ),
            julia_report.baseline_columns(),
        ),
    }
    written = [
        write_csv(out / f"{name.replace(' ', '-')}.csv", pd.DataFrame(rows))
        for name, (rows, _) in parts.items()
    ]
    picture = out / "julia.png"
    written.append(julia_report.plot_julia(parts["first calls"][0], parts["baselines"][0], picture))
    versions = runtime.versions("JuMP", "HiGHS", "Ipopt", "SCIP", "Pajarito", "Juniper")
    if as_json:
        found = {name.replace(" ", "_"): rows for name, (rows, _) in parts.items()}
        click.echo(json.dumps({**found, "versions": versions}, indent=2))
        return
    for name, (rows, columns) in parts.items():
        click.echo(f"{name}\n{text_table(rows, columns)}\n")
    click.echo("    seconds of solvers in Julia to feasible and optimal: within a factor of two")
    click.echo("    " + ", ".join(f"{name} {version}" for name, version in versions.items()))
    click.echo("written: " + ", ".join(str(path) for path in written))


@command.command("stochastic", epilog="Example: pygridjl benchmark stochastic --out siting")
@click.option(
    "--full",
    is_flag=True,
    help="Also 1200 scenarios on the 9500-node feeder, more seeds and timings: some 20 minutes.",
)
@click.option(
    "--time-limit",
    metavar="SECONDS",
    type=_Seconds(min=0.1),
    help="For each run of SPAR and Benders; 20 unless given, 60 with --full.",
)
@study_options("benchmark-stochastic")
@json_option
def stochastic(
    full: bool, time_limit: float | None, out: Path, resume: bool, seed: int, as_json: bool
) -> None:
    """Siting under uncertainty: second stage, methods beside each other, growth.

    Prints four tables and writes them as CSV files with two pictures into the folder --out, in
    some four minutes.
    """
    from pygridjl.experiments.siting import page as report_siting, tasks as study
    from pygridjl.experiments.siting.summary import growth_curves, method_summary

    plan = study.FULL if full else study.DEFAULT
    limit = plan.time_limit if time_limit is None else time_limit
    store = open_store(out, resume=resume)
    with _kept(out):
        study.compile_kernels()
        feeders = _run("feeders", store, study.feeder_tasks(plan))
        stage = _run("second stage", store, study.stage_tasks(plan, seed=seed))
        runs = _run("methods", store, study.method_tasks(plan, time_limit=limit, seed=seed))
        growth = _run("growth", store, study.growth_tasks(plan, time_limit=limit, seed=seed))
    methods, curves = method_summary(runs), growth_curves(growth)
    tables = {
        "feeders": feeders,
        "second_stage": stage,
        "methods": methods,
        "runs": runs,
        "growth": growth,
        "exponents": curves,
    }
    written = [
        write_csv(out / f"{name.replace('_', '-')}.csv", pd.DataFrame(rows))
        for name, rows in tables.items()
    ]
    written.append(report_siting.plot_methods(methods, out / "methods.png"))
    written.append(report_siting.plot_growth(growth, curves, out / "growth.png"))
    if as_json:
        click.echo(json.dumps(tables, indent=2))
        return
    click.echo(report_siting.benchmark_text(feeders, stage, methods, growth, curves))
    click.echo("\nwritten: " + ", ".join(str(path) for path in written))


def _run(what: str, store: TaskStore, tasks: Sequence[Task]) -> list[Row]:
    """Take every row from the store or compute it, saying which one is under way."""
    rows = []
    with progress(what, len(tasks)) as bar:
        for task in tasks:
            bar.set_postfix_str(str(task))
            rows.append(
                store.run(
                    task.asked,
                    lambda t=task: t.compute(lambda line: bar.set_postfix_str(f"{t}: {line}")),  # type: ignore[misc]
                )
            )
            bar.update()
    return rows


@contextmanager
def _kept(out: Path) -> Iterator[None]:
    """Tell who interrupts a long run that it can go on."""
    try:
        yield
    except KeyboardInterrupt:
        click.echo(f"\nfinished rows are kept in {out}: go on with --resume", err=True)
        raise
