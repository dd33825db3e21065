"""``pygridjl site``."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import click

from pygridjl.cli.asked_scenarios import YEAR, asked_scenarios, scenario_options
from pygridjl.cli.candidates import (
    SITE_COLUMNS,
    candidate_problem,
    existing_units,
    feeder_options,
    sites_option,
)
from pygridjl.cli.method_options import field_options, given, method_options, method_table
from pygridjl.cli.options import FIGURE, Reporter, json_option
from pygridjl.cli.reading import given_feeder, script_options
from pygridjl.core.arguments import TIME_LIMIT
from pygridjl.core.methods import Backend
from pygridjl.core.stopping import answering
from pygridjl.siting.problem import PlanningProblem
from pygridjl.siting.registry import METHODS

if TYPE_CHECKING:
    from pygridjl.grid.feeder import Feeder
    from pygridjl.scenarios.model import ScenarioSet
    from pygridjl.siting.result import SitingResult

__all__ = ["command"]

_EPILOG = (
    method_table(METHODS)
    + "\nExample: pygridjl site ieee123 --scenarios 96 --measure voltage --method spar"
)

# Options of the command that are attributes of the problem under the same name.
_PLANNING = (
    "measure",
    "import_price",
    "export_price",
    "budget",
    "unit_kw",
    "unit_cost",
    "max_units",
    "min_units",
    "min_sites",
    "max_sites",
    "curtailment_price",
    "unit_penalty",
    "slack_price",
    "limit_share",
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


@click.command("site", epilog=_EPILOG)
@click.argument("feeder")
@scenario_options
@click.option("--method", type=click.Choice(list(METHODS)), default="spar", show_default=True)
@click.option(
    "--backend",
    type=click.Choice(get_args(Backend)),
    default="python",
    show_default=True,
    help="Where the second stage is solved.",
)
@click.option(
    "--engine",
    type=click.Choice(["condensed", "full"]),
    help="Engine of the Python second stage; condensed if none is given.",
)
@click.option("--seed", type=click.IntRange(min=0), help="Seed of what is random (0).")
@click.option(
    "--time-limit",
    type=float,
    metavar="SECONDS",
    help=f"For the method; inf for no limit ({TIME_LIMIT:g}).",
)
@method_options(METHODS)
@field_options(PlanningProblem, _PLANNING)
@sites_option(SITE_COLUMNS)
@feeder_options
@click.option(
    "--validate",
    type=click.Choice(["opendss"]),
    help="Re-run the decision in OpenDSS, with the controls of FEEDER live if it is a script.",
)
@click.option(
    "--validate-worst",
    type=click.IntRange(min=1),
    metavar="N",
    help="Only the N scenarios that come nearest to a limit; all if none is given.",
)
@click.option(
    "--export",
    "exports",
    multiple=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the decision: .dss generators, .geojson sites, .csv dispatch, .html page; "
    "repeatable.",
)
@click.option(
    "--plot",
    type=FIGURE,
    help="Draw the units on the one-line diagram.",
)
@click.option(
    "--plot-scenarios",
    type=FIGURE,
    help="Draw load and PV of the scenarios.",
)
@click.option(
    "--plot-functions",
    type=FIGURE,
    help="SPAR: draw learned functions over the first iterations.",
)
@click.option(
    "--plot-iterations",
    type=FIGURE,
    help="SPAR: draw what each iteration's decision is worth on all scenarios.",
)
@script_options
@json_option
def command(
    feeder: str,
    scenarios: str,
    method: str,
    backend: Backend,
    engine: Literal["condensed", "full"] | None,
    seed: int | None,
    time_limit: float | None,
    sites: str | None,
    existing: str | None,
    power_factor: float,
    regulators: str,
    no_line_limits: bool,
    validate: str | None,
    validate_worst: int | None,
    exports: tuple[Path, ...],
    plot: Path | None,
    plot_scenarios: Path | None,
    plot_functions: Path | None,
    plot_iterations: Path | None,
    as_json: bool,
    **rest: Any,
) -> None:
    """Decide where to put how many PV units on a feeder.

    FEEDER is a bundled feeder (ieee13, ieee34, ieee37, ieee123, ieee8500, ieee9500), an OpenDSS
    script, a .json file or a folder of feeder tables. The exit code is 1 if there is no answer.
    """
    from pygridjl.siting.solve import site

    for name, path in (("functions", plot_functions), ("iterations", plot_iterations)):
        if path is not None and method != "spar":
            raise click.UsageError(f"--plot-{name} needs --method spar")
    if validate_worst is not None and validate is None:
        raise click.UsageError("--validate-worst needs --validate")
    _assert_exports(exports)
    own = {name: value for name, value in rest.items() if name not in (*_PLANNING, *YEAR)}
    options = given(own)
    _assert_declared(method, backend, options, seed, time_limit)
    fate = existing_units(existing)
    if fate and validate is not None and _is_script(feeder):
        raise click.UsageError("--existing: --validate runs the script as it is")
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
            result = site(
                problem,
                drawn,
                method=method,
                seed=seed,
                backend=backend,
                engine=engine,
                time_limit=time_limit,
                options=options,
                on_progress=report,
            )
        if validate is not None and result.has_answer:
            result = _validated(feeder, problem, drawn, result, validate_worst)
    finally:
        report.close()
    click.echo(result.to_json(indent=2) if as_json else result.summary())
    drawings = (
        (plot, partial(_draw_placement, problem.feeder, result)),
        (plot_scenarios, partial(_draw_scenarios, drawn)),
        (plot_functions, partial(_draw_functions, result)),
        (plot_iterations, partial(_draw_iterations, problem, drawn, result)),
        *((path, partial(_export, result, problem, drawn)) for path in exports),
    )
    for path, draw in drawings:
        if path is not None:
            written = draw(path)
            if not as_json:
                click.echo(f"written to {written}")
    click.get_current_context().exit(0 if result.has_answer else 1)


def _assert_declared(
    method: str,
    backend: Backend,
    options: Mapping[str, Any],
    seed: int | None,
    time_limit: float | None,
) -> None:
    """Refuse what has no effect before anything is read."""
    chain = METHODS.parse(method, backend)
    METHODS.options_of(chain, options)
    METHODS.common_of(chain, seed=seed, time_limit=time_limit)


def _is_script(feeder: str) -> bool:
    return feeder.lower().endswith(".dss")


def _validated(
    feeder: str,
    problem: PlanningProblem,
    scenarios: ScenarioSet,
    result: SitingResult,
    worst: int | None,
) -> SitingResult:
    """Re-run a decision in OpenDSS: the script itself, or the tables written as one."""
    from pygridjl.siting.validation import validate_in_opendss

    script = feeder if _is_script(feeder) else None
    told = validate_in_opendss(problem, scenarios, result.units, script=script, worst=worst)
    return dataclasses.replace(result, validation=told)


def _assert_exports(paths: tuple[Path, ...]) -> None:
    from pygridjl.siting.export import EXPORTS

    for path in paths:
        if path.suffix.lower() not in EXPORTS:
            endings = ", ".join(EXPORTS)
            raise click.UsageError(f"--export: {path.name!r} ends in none of {endings}")


def _export(
    result: SitingResult, problem: PlanningProblem, scenarios: ScenarioSet, path: Path
) -> Path:
    from pygridjl.siting.export import export_decision

    return export_decision(result, problem, scenarios, path)


def _draw_placement(feeder: Feeder, result: SitingResult, path: Path) -> Path:
    from pygridjl.siting.figures import plot_placement

    return plot_placement(feeder, result, path)


def _draw_scenarios(scenarios: ScenarioSet, path: Path) -> Path:
    from pygridjl.siting.curves import plot_scenarios

    return plot_scenarios(scenarios, path)


def _draw_functions(result: SitingResult, path: Path) -> Path:
    from pygridjl.siting.figures import plot_coordinate_functions
    from pygridjl.siting.methods.spar import SparResult

    assert isinstance(result, SparResult)
    return plot_coordinate_functions(result, path)


def _draw_iterations(
    problem: PlanningProblem, scenarios: ScenarioSet, result: SitingResult, path: Path
) -> Path:
    from pygridjl.siting.curves import plot_iterations
    from pygridjl.siting.defaults import with_default_limits
    from pygridjl.siting.methods.spar import SparResult
    from pygridjl.siting.methods.spar.quality import value_over_iterations
    from pygridjl.siting.solve import build_engine

    assert isinstance(result, SparResult)
    problem, _ = with_default_limits(problem, scenarios)
    values = value_over_iterations(result, build_engine(problem, scenarios, result.engine))
    return plot_iterations({"spar": values}, result.measure, path, no_dg=result.no_dg)
