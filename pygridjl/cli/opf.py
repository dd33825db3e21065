"""``pygridjl opf``."""

from __future__ import annotations

from typing import Any, get_args

import click

from pygridjl.cli.julia_options import julia_solver_options
from pygridjl.cli.method_options import method_table
from pygridjl.cli.options import json_option
from pygridjl.cli.reading import given_feeder, given_network, script_options, script_settings
from pygridjl.core.arguments import TIME_LIMIT
from pygridjl.core.methods import Backend
from pygridjl.core.stopping import answering
from pygridjl.optimal_flow.methods import FEEDER_FORMULATIONS, NETWORK_FORMULATIONS

__all__ = ["command"]


_FORMULATIONS = (
    method_table(NETWORK_FORMULATIONS, FEEDER_FORMULATIONS)
    + "\nExample: pygridjl opf case118 --formulation soc --backend julia"
)


@click.command("opf", epilog=_FORMULATIONS)
@click.argument("grid")
@click.option(
    "--feeder", "is_feeder", is_flag=True, help="GRID is a three-phase feeder, not a network."
)
@click.option(
    "--formulation",
    help="See below; by default the first that the backend has.",
)
@click.option(
    "--backend", type=click.Choice(get_args(Backend)), default="python", show_default=True
)
@click.option("--ignore-ampacity", is_flag=True, help="Of a feeder: ampacities are no limits.")
@click.option(
    "--certify", is_flag=True, help="Of a network's AC cost: prove how far from optimal it can be."
)
@click.option(
    "--time-limit",
    type=float,
    metavar="SECONDS",
    help=f"The certificate included; inf for no limit ({TIME_LIMIT:g}).",
)
@script_options
@julia_solver_options
@json_option
def command(
    grid: str,
    is_feeder: bool,
    formulation: str | None,
    backend: Backend,
    ignore_ampacity: bool,
    certify: bool,
    time_limit: float | None,
    as_json: bool,
    **julia: Any,
) -> None:
    """Dispatch generators at least cost (a network) or least import (a feeder) within all limits.

    GRID is the name of a bundled case or feeder, or a file. With --backend julia an OpenDSS script
    is solved as PowerModelsDistribution reads it, unless --feeder says that pygridjl reads it. The
    exit code is 1 if there is no answer.
    """
    from pygridjl.grid.cases.catalogue import feeder_names
    from pygridjl.grid.cases.ties import SUFFIX
    from pygridjl.optimal_flow.solve import opf

    data: Any
    if is_feeder or grid.removesuffix(SUFFIX) in feeder_names():
        data = given_feeder(grid)
    elif backend == "julia" and grid.lower().endswith(".dss"):
        data = grid
        settings = script_settings()
        if not settings["strict"]:
            raise click.UsageError("--no-strict: needs --feeder, so that pygridjl reads the script")
        if settings["lump_services"]:
            raise click.UsageError("--lump-services: needs --feeder, so that pygridjl reads it")
        julia["root"] = settings["root"]
    else:
        data = given_network(grid)
    with answering():
        # What a network or a feeder does not have is for the door to refuse.
        door: Any = opf
        answer = door(
            data,
            formulation,
            backend=backend,
            ampacity=not ignore_ampacity,
            certify=certify,
            time_limit=time_limit,
            **julia,
        )
    click.echo(answer.to_json() if as_json else answer.summary())
    click.get_current_context().exit(0 if answer.objective is not None else 1)
