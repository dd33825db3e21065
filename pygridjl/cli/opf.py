"""``pygridjl opf``."""

from __future__ import annotations

from typing import Literal

import click

from pygridjl.cli.options import json_option

__all__ = ["command"]


@click.command("opf", epilog="Example: pygridjl opf case118 --formulation soc --backend julia")
@click.argument("network")
@click.option(
    "--formulation",
    default="acp",
    show_default=True,
    help="acp, by either backend; soc, qc, sdp and dc by julia.",
)
@click.option(
    "--backend", type=click.Choice(["python", "julia"]), default="python", show_default=True
)
@click.option("--time-limit", type=float, metavar="SECONDS")
@json_option
def command(
    network: str,
    formulation: str,
    backend: Literal["python", "julia"],
    time_limit: float | None,
    as_json: bool,
) -> None:
    """Dispatch generators at least cost within all limits of NETWORK.

    NETWORK is the name of a bundled case or a file. The exit code is 1 if there is no answer.
    """
    from pygridjl.cases import load_network
    from pygridjl.opf.solve import opf

    answer = opf(load_network(network), formulation, backend=backend, time_limit=time_limit)
    click.echo(answer.to_json() if as_json else answer.summary())
    click.get_current_context().exit(0 if answer.objective is not None else 1)
