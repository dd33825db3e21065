"""``pygridjl hosting``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from pygridjl.cli.asked_scenarios import asked_scenarios, scenario_options
from pygridjl.cli.candidates import (
    candidate_problem,
    existing_units,
    feeder_options,
    sites_option,
)
from pygridjl.cli.method_options import field_options, given
from pygridjl.cli.options import FIGURE, json_option
from pygridjl.cli.reading import given_feeder, script_options
from pygridjl.core.stopping import answering
from pygridjl.siting.problem import PlanningProblem

__all__ = ["command"]

_LIMITS = ("unit_kw", "v_source", "v_min", "v_max", "standard_ratings")


@click.command("hosting", epilog="Example: pygridjl hosting ieee123 --share 0.99")
@click.argument("feeder")
@scenario_options
@click.option(
    "--share", type=float, default=1.0, show_default=True, help="Of the hours that keep limits."
)
@click.option(
    "--curtailment",
    type=float,
    default=0.0,
    show_default=True,
    help="Share of the energy that may be curtailed; needs --share 1.",
)
@click.option("--gap", type=float, default=1e-3, show_default=True, help="Of all sites together.")
@click.option("--time-limit", type=float, metavar="SECONDS", help="For all sites together (60).")
@field_options(PlanningProblem, _LIMITS)
@sites_option("bus, phases, power_factor and profile (a column of --profile)")
@feeder_options
@click.option("--plot", type=FIGURE, help="Draw what each site takes alone and all together.")
@script_options
@json_option
def command(
    feeder: str,
    scenarios: str,
    share: float,
    curtailment: float,
    gap: float,
    time_limit: float | None,
    sites: str | None,
    existing: str | None,
    power_factor: float,
    regulators: str,
    no_line_limits: bool,
    plot: Path | None,
    as_json: bool,
    **rest: Any,
) -> None:
    """Say how much PV a feeder takes, at each site alone and at all together, with a proof.

    FEEDER is a bundled feeder, an OpenDSS script, a .json file or a folder of feeder tables. The
    exit code is 1 if no number of units keeps the limits.
    """
    from pygridjl.siting.hosting.solve import hosting_capacity

    fate = existing_units(existing)
    problem = candidate_problem(
        given_feeder(feeder),
        sites,
        existing=fate,
        power_factor=power_factor,
        regulators=regulators,
        no_line_limits=no_line_limits,
        **given({name: rest[name] for name in _LIMITS}),
    )
    drawn = asked_scenarios(scenarios, problem, fate, rest)
    with answering():
        result = hosting_capacity(
            problem,
            drawn,
            share=share,
            curtailment=curtailment,
            gap=gap,
            time_limit=time_limit,
        )
    if plot is not None:
        result.plot(plot)
    click.echo(result.to_json(indent=2) if as_json else result.summary())
    click.get_current_context().exit(0 if result.has_answer else 1)
