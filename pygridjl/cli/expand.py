"""``pygridjl expand``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from pygridjl.cli.asked_scenarios import asked_scenarios, scenario_options
from pygridjl.cli.candidates import (
    SITE_COLUMNS,
    candidate_problem,
    existing_units,
    feeder_options,
    sites_option,
)
from pygridjl.cli.method_options import field_options, given
from pygridjl.cli.options import FIGURE, Reporter, json_option
from pygridjl.cli.reading import given_feeder, script_options
from pygridjl.core.stopping import answering
from pygridjl.siting.problem import PlanningProblem

__all__ = ["command"]

_PLANNING = (
    "measure",
    "import_price",
    "export_price",
    "unit_kw",
    "unit_cost",
    "max_units",
    "min_units",
    "max_sites",
    "curtailment_price",
    "unit_penalty",
    "slack_price",
    "cvar_share",
    "cvar_level",
    "v_source",
    "v_ref",
    "v_min",
    "v_max",
    "standard_ratings",
    "reactive",
    "storage_hours",
    "storage_efficiency",
)


@click.command("expand", epilog="Example: pygridjl expand ieee123 stages.csv --measure loss")
@click.argument("feeder")
@click.argument("stages", type=click.Path(path_type=Path))
@scenario_options
@click.option(
    "--gap",
    type=float,
    help="Relative gap to stop at; 1 % of the possible improvement if none is given.",
)
@click.option("--time-limit", type=float, metavar="SECONDS", help="For the search (60).")
@field_options(PlanningProblem, _PLANNING)
@sites_option(SITE_COLUMNS)
@feeder_options
@click.option("--plot", type=FIGURE, help="Draw what each stage adds.")
@script_options
@json_option
def command(
    feeder: str,
    stages: Path,
    scenarios: str,
    gap: float | None,
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
    """Decide what to build now and what at later stages, while load grows.

    FEEDER is a bundled feeder, an OpenDSS script, a .json file or a folder of feeder tables.
    STAGES is a CSV file with the columns name, parent, load (factor), budget (k$), probability
    and years, a row a stage, the first one first. The exit code is 1 if there is no plan.
    """
    from pygridjl.siting.expansion.solve import expansion_plan
    from pygridjl.siting.expansion.tree import read_stages

    tree = read_stages(stages)
    fate = existing_units(existing)
    problem = candidate_problem(
        given_feeder(feeder),
        sites,
        existing=fate,
        power_factor=power_factor,
        regulators=regulators,
        no_line_limits=no_line_limits,
        **given({name: rest[name] for name in _PLANNING}),
    )
    drawn = asked_scenarios(scenarios, problem, fate, rest)
    report = Reporter()
    try:
        with answering():
            result = expansion_plan(
                problem,
                drawn,
                tree,
                gap=gap,
                time_limit=time_limit,
                on_progress=report,
            )
    finally:
        report.close()
    if plot is not None:
        result.plot(plot)
    click.echo(result.to_json(indent=2) if as_json else result.summary())
    click.get_current_context().exit(0 if result.has_answer else 1)
