"""``pygridjl schedule``."""

from __future__ import annotations

from pathlib import Path

import click

from pygridjl.cli.limits import limits_option
from pygridjl.cli.options import FIGURE, Reporter, json_option
from pygridjl.cli.reading import given_network, given_states
from pygridjl.core.arguments import TIME_LIMIT
from pygridjl.core.stopping import answering
from pygridjl.reconfiguration.problem import Limit

__all__ = ["command"]


@click.command("schedule")
@click.argument("network")
@click.option(
    "--states",
    "states_path",
    required=True,
    type=click.Path(exists=True, path_type=Path),
    help="Load states in the order of time: a CSV table or a folder of scenarios.",
)
@click.option(
    "--periods",
    type=click.IntRange(min=1),
    required=True,
    help="Periods of about equal length, each with a configuration of its own.",
)
@click.option(
    "--operation-cost",
    type=click.FloatRange(min=0),
    default=0.0,
    metavar="KWH",
    help="Energy that one operation must save.",
)
@click.option("--max-operations", type=click.IntRange(min=0), help="Operations in all.")
@click.option("--max-operations-each", type=click.IntRange(min=0), help="Operations each time.")
@limits_option("All by default.")
@click.option(
    "--time-limit",
    type=float,
    metavar="SECONDS",
    help=f"For all of it; inf for no limit ({TIME_LIMIT:g}).",
)
@click.option("--plot", type=FIGURE, help="Draw the timetable.")
@json_option
def command(
    network: str,
    states_path: Path,
    periods: int,
    operation_cost: float,
    max_operations: int | None,
    max_operations_each: int | None,
    limits: tuple[Limit, ...] | None,
    time_limit: float | None,
    plot: Path | None,
    as_json: bool,
) -> None:
    """Find a configuration for every period, with what switching costs.

    NETWORK is a bundled case (see `pygridjl cases`) or a file. The exit code is 1 if no answer was
    found.

    Example: pygridjl schedule case33bw --states year.csv --periods 12 --operation-cost 10
    """
    from pygridjl.reconfiguration.schedule.solve import schedule

    loaded = given_network(network)
    states = given_states(states_path, loaded)
    report = Reporter()
    try:
        with answering():
            result = schedule(
                loaded,
                states,
                periods,
                operation_cost=operation_cost,
                max_operations=max_operations,
                max_operations_each=max_operations_each,
                limits=limits,
                time_limit=time_limit,
                on_progress=report,
            )
    finally:
        report.close()
    click.echo(result.to_json(indent=2) if as_json else result.summary())
    if plot is not None and result.has_answer:
        written = result.plot(plot)
        if not as_json:
            click.echo(f"drawn to {written}")
    click.get_current_context().exit(0 if result.has_answer else 1)
