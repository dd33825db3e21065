"""``pygridjl expand``."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import click

from pygridjl.cli.method_options import field_options, given
from pygridjl.cli.options import FIGURE, Reporter, json_option
from pygridjl.cli.site import candidate_problem
from pygridjl.core.stopping import answering
from pygridjl.siting.problem import PlanningProblem, with_neutral_regulators

__all__ = ["command"]

_PLANNING = (
    "measure",
    "unit_kw",
    "unit_cost",
    "max_units",
    "min_units",
    "max_sites",
    "curtailment_price",
    "unit_penalty",
    "slack_price",
    "v_source",
    "v_ref",
    "v_min",
    "v_max",
    "standard_ratings",
)


@click.command("expand", epilog="Example: pygridjl expand ieee123 stages.csv --measure loss")
@click.argument("feeder")
@click.argument("stages", type=click.Path(path_type=Path))
@click.option(
    "--scenarios",
    type=click.IntRange(min=24),
    default=96,
    show_default=True,
    help="How many to make of a year of hours, a multiple of 24.",
)
@click.option(
    "--gap",
    type=float,
    help="Relative gap to stop at; 1 % of the possible improvement if none is given.",
)
@click.option("--time-limit", type=float, metavar="SECONDS", help="For the search (60).")
@field_options(PlanningProblem, _PLANNING)
@click.option(
    "--sites",
    metavar="BUSES|FILE.csv",
    help="Candidate buses as bus or bus:phases, separated by commas, or a CSV file with columns "
    "bus, phases, max_units and cost in $/kW; all if none.",
)
@click.option(
    "--power-factor",
    type=click.FloatRange(0, 1, min_open=True),
    default=1.0,
    show_default=True,
    help="Of the units, which inject reactive power.",
)
@click.option(
    "--regulators",
    type=click.Choice(["neutral", "fixed"]),
    default="neutral",
    show_default=True,
    help="At the neutral tap or at the ratios of the feeder.",
)
@click.option("--no-line-limits", is_flag=True, help="Leave the ampacity of lines out.")
@click.option("--plot", type=FIGURE, help="Draw what each stage adds.")
@json_option
def command(
    feeder: str,
    stages: Path,
    scenarios: int,
    gap: float | None,
    time_limit: float | None,
    sites: str | None,
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
    from pygridjl.grid import load_feeder
    from pygridjl.scenarios.generate import generate_scenarios
    from pygridjl.siting.expansion.solve import expansion_plan
    from pygridjl.siting.expansion.tree import read_stages

    tree = read_stages(stages)
    loaded = load_feeder(feeder)
    if regulators == "neutral":
        loaded = with_neutral_regulators(loaded)
    problem = candidate_problem(
        loaded,
        sites,
        power_factor_angle=math.acos(power_factor),
        line_limits=not no_line_limits,
        **given(rest),
    )
    report = Reporter()
    try:
        with answering():
            result = expansion_plan(
                problem,
                generate_scenarios(loaded.n_bus, scenarios),
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
