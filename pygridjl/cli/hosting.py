"""``pygridjl hosting``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from pygridjl.cli.candidates import candidate_problem, feeder_options, hours_option, sites_option
from pygridjl.cli.method_options import field_options, given
from pygridjl.cli.options import FIGURE, json_option
from pygridjl.core.stopping import answering
from pygridjl.siting.problem import PlanningProblem

__all__ = ["command"]

_LIMITS = ("unit_kw", "v_source", "v_min", "v_max", "standard_ratings")


@click.command("hosting", epilog="Example: pygridjl hosting ieee123 --share 0.99")
@click.argument("feeder")
@hours_option
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
@sites_option("bus, phases, max_units and power_factor")
@feeder_options
@click.option("--plot", type=FIGURE, help="Draw what each site takes alone and all together.")
@json_option
def command(
    feeder: str,
    scenarios: int,
    share: float,
    curtailment: float,
    gap: float,
    time_limit: float | None,
    sites: str | None,
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
    from pygridjl.grid import load_feeder
    from pygridjl.scenarios.generate import generate_scenarios
    from pygridjl.siting.hosting.solve import hosting_capacity

    problem = candidate_problem(
        load_feeder(feeder),
        sites,
        power_factor=power_factor,
        regulators=regulators,
        no_line_limits=no_line_limits,
        **given(rest),
    )
    with answering():
        result = hosting_capacity(
            problem,
            generate_scenarios(problem.feeder.n_bus, scenarios),
            share=share,
            curtailment=curtailment,
            gap=gap,
            time_limit=time_limit,
        )
    if plot is not None:
        result.plot(plot)
    click.echo(result.to_json(indent=2) if as_json else result.summary())
    click.get_current_context().exit(0 if result.has_answer else 1)
