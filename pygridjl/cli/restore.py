"""``pygridjl restore``."""

from __future__ import annotations

import click

from pygridjl.cli.limits import limits_option
from pygridjl.cli.options import json_option
from pygridjl.cli.reading import given_network
from pygridjl.core.arguments import TIME_LIMIT
from pygridjl.core.stopping import answering
from pygridjl.reconfiguration.problem import Limit

__all__ = ["command"]


@click.command("restore")
@click.argument("network")
@click.option("--fault", type=int, required=True, metavar="ID", help="Branch that is out.")
@limits_option("All by default.")
@click.option(
    "--time-limit",
    type=float,
    metavar="SECONDS",
    help=f"For the proof too; inf for no limit ({TIME_LIMIT:g}).",
)
@json_option
def command(
    network: str,
    fault: int,
    limits: tuple[Limit, ...] | None,
    time_limit: float | None,
    as_json: bool,
) -> None:
    """Supply as much load as possible after a fault, with the fewest operations.

    NETWORK is a bundled case (see `pygridjl cases`) or a file. The exit code is 1 if no answer was
    found.
    """
    from pygridjl.reconfiguration.restoration.solve import restore

    loaded = given_network(network)
    with answering():
        result = restore(loaded, fault, limits=limits, time_limit=time_limit)
    click.echo(result.to_json(indent=2) if as_json else result.summary())
    click.get_current_context().exit(0 if result.has_answer else 1)
