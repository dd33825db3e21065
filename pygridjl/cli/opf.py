"""``pygridjl opf``."""

from __future__ import annotations

from typing import Literal

import click

from pygridjl.cli.options import json_option

__all__ = ["command"]


@click.command("opf", epilog="Example: pygridjl opf case118 --formulation soc --backend julia")
@click.argument("grid")
@click.option(
    "--feeder", "is_feeder", is_flag=True, help="GRID is a three-phase feeder, not a network."
)
@click.option(
    "--formulation",
    help=(
        "Of a network: acp, by either backend; soc, qc, sdp and dc by julia. "
        "Of a feeder: lindist, by either backend; acp, acr, ivr and soc by julia."
    ),
)
@click.option(
    "--backend", type=click.Choice(["python", "julia"]), default="python", show_default=True
)
@click.option("--ignore-ampacity", is_flag=True, help="Of a feeder: ampacities are no limits.")
@click.option(
    "--certify", is_flag=True, help="Of a network's AC cost: prove how far from optimal it can be."
)
@click.option("--time-limit", type=float, metavar="SECONDS")
@json_option
def command(
    grid: str,
    is_feeder: bool,
    formulation: str | None,
    backend: Literal["python", "julia"],
    ignore_ampacity: bool,
    certify: bool,
    time_limit: float | None,
    as_json: bool,
) -> None:
    """Dispatch generators at least cost (a network) or least import (a feeder) within all limits.

    GRID is the name of a bundled case or feeder, or a file. The exit code is 1 if there is no
    answer.
    """
    from pygridjl.grid import load_feeder
    from pygridjl.grid.cases import load_network
    from pygridjl.optimal_flow.solve import opf

    data = load_feeder(grid) if is_feeder else load_network(grid)
    answer = opf(
        data,
        formulation,
        backend=backend,
        ampacity=not ignore_ampacity,
        certify=certify,
        time_limit=time_limit,
    )
    click.echo(answer.to_json() if as_json else answer.summary())
    click.get_current_context().exit(0 if answer.objective is not None else 1)
