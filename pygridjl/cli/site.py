"""``pygridjl site``."""

from __future__ import annotations

import math
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import click

from pygridjl.cli.options import Reporter, json_option
from pygridjl.siting.problem import Objective, PlanningProblem, with_neutral_regulators
from pygridjl.siting.solve import METHODS

if TYPE_CHECKING:
    from pygridjl.grid.feeder import Feeder
    from pygridjl.scenarios.model import ScenarioSet
    from pygridjl.scenarios.profile import HourlyProfile
    from pygridjl.siting.result import SitingResult

__all__ = ["command"]

_EPILOG = (
    "\b\nMethods:\n"
    + "\n".join(f"  {name:<10} {text}" for name, (_, _, text) in METHODS.items())
    + "\n\nExample: pygridjl site ieee123 --scenarios 96 --objective voltage --method spar"
)

# Options of the command that are attributes of the problem under the same name.
_PLANNING = (
    "budget",
    "unit_kw",
    "unit_cost",
    "max_units",
    "min_units",
    "min_sites",
    "max_sites",
    "v_source",
    "v_ref",
    "v_min",
    "v_max",
)
# Options of the command that only SPAR takes; None means not given.
_SPAR = ("max_iterations", "batch", "step_rule", "sides", "explore", "master", "tolerance")


@click.command("site", epilog=_EPILOG)
@click.argument("feeder")
@click.option(
    "--scenarios",
    default="96",
    show_default=True,
    metavar="N|FOLDER",
    help="How many to make of a year of hours (a multiple of 24), or a folder of scenarios.",
)
@click.option("--objective", type=click.Choice(get_args(Objective)), default="voltage")
@click.option("--method", type=click.Choice(list(METHODS)), default="spar", show_default=True)
@click.option(
    "--backend",
    type=click.Choice(["python", "julia"]),
    default="python",
    show_default=True,
    help="Where the second stage is solved.",
)
@click.option(
    "--engine",
    type=click.Choice(["condensed", "full"]),
    help="Engine of the Python second stage; condensed if none is given.",
)
@click.option(
    "--seed",
    default=0,
    show_default=True,
    type=click.IntRange(min=0),
    help="Seed of the method.",
)
@click.option("--time-limit", type=float, metavar="SECONDS")
@click.option("--gap", type=float, help="Relative gap at which a method with a bound may stop.")
@click.option("--budget", type=float, default=1500.0, show_default=True, metavar="K$")
@click.option("--unit-kw", type=float, default=6.0, show_default=True)
@click.option("--unit-cost", type=float, default=1500.0, show_default=True, metavar="$/KW")
@click.option("--max-units", default=166, show_default=True, help="Most units at one site.")
@click.option("--min-units", default=1, show_default=True, help="Fewest units at a used site.")
@click.option("--min-sites", default=0, show_default=True)
@click.option("--max-sites", default=10, show_default=True)
@click.option("--sites", metavar="BUSES", help="Candidate buses, separated by commas; all if none.")
@click.option("--v-source", type=float, help="Source voltage, p.u.; that of the feeder if none.")
@click.option("--v-ref", type=float, default=1.0, show_default=True)
@click.option("--v-min", type=float, help="Voltage band, p.u.; that of the feeder if none.")
@click.option("--v-max", type=float)
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
@click.option(
    "--profile",
    type=click.Path(path_type=Path),
    help="Year of hours as CSV with columns load and pv; the bundled synthetic year if none.",
)
@click.option(
    "--nsrdb", type=click.Path(path_type=Path), help="NSRDB weather (CSV) instead; needs --ercot."
)
@click.option(
    "--ercot", type=click.Path(path_type=Path), help="ERCOT hourly load (CSV or workbook)."
)
@click.option("--zone", default="FWEST", show_default=True, help="Weather zone of --ercot.")
@click.option("--deviation", default=0.1, show_default=True, help="Spread between buses.")
@click.option(
    "--scenario-seed",
    default=0,
    show_default=True,
    type=click.IntRange(min=0),
    help="Seed of that spread.",
)
@click.option("--iterations", "max_iterations", type=int, help="SPAR: iterations at most.")
@click.option(
    "--batch",
    type=int,
    help="SPAR: scenarios an iteration (paper: 1; 8 is steadier).",
)
@click.option("--step-rule", type=int, help="SPAR: 1, 2 or 3.")
@click.option("--sides", help="SPAR: slopes updated: right, left or both.")
@click.option(
    "--explore",
    type=int,
    help="SPAR: random decisions in so many first iterations; 20, or a quarter if fewer.",
)
@click.option("--master", help="SPAR: auto, epigraph or lambda.")
@click.option("--tolerance", type=float, help="SPAR: rest of the moving average that ends a run.")
@click.option(
    "--state", type=click.Path(dir_okay=False), help="SPAR: file to save to and to go on from."
)
@click.option(
    "--plot",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Draw the units on the one-line diagram.",
)
@click.option(
    "--plot-scenarios",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Draw load and PV of the scenarios.",
)
@click.option(
    "--plot-functions",
    type=click.Path(dir_okay=False, path_type=Path),
    help="SPAR: draw learned functions over the first iterations.",
)
@click.option(
    "--plot-iterations",
    type=click.Path(dir_okay=False, path_type=Path),
    help="SPAR: draw what each iteration's decision is worth on all scenarios.",
)
@json_option
def command(
    feeder: str,
    scenarios: str,
    objective: Objective,
    method: str,
    backend: Literal["python", "julia"],
    engine: str | None,
    seed: int,
    time_limit: float | None,
    gap: float | None,
    sites: str | None,
    power_factor: float,
    regulators: str,
    no_line_limits: bool,
    profile: Path | None,
    nsrdb: Path | None,
    ercot: Path | None,
    zone: str,
    deviation: float,
    scenario_seed: int,
    state: str | None,
    plot: Path | None,
    plot_scenarios: Path | None,
    plot_functions: Path | None,
    plot_iterations: Path | None,
    as_json: bool,
    **rest: Any,
) -> None:
    """Decide where to put how many PV units on a feeder.

    FEEDER is a bundled feeder (ieee13, ieee34, ieee37, ieee123, ieee8500, ieee9500), an OpenDSS
    script or a folder of feeder tables.
    """
    from pygridjl.grid import load_feeder
    from pygridjl.scenarios.files import read_scenarios
    from pygridjl.scenarios.generate import generate_scenarios
    from pygridjl.siting.solve import site

    for name, path in (("functions", plot_functions), ("iterations", plot_iterations)):
        if path is not None and method != "spar":
            raise click.UsageError(f"--plot-{name} needs --method spar")
    loaded = load_feeder(feeder)
    if regulators == "neutral":
        loaded = with_neutral_regulators(loaded)
    planning = {
        **{name: rest[name] for name in _PLANNING},
        "objective": objective,
        "power_factor_angle": math.acos(power_factor),
        "line_limits": not no_line_limits,
    }
    if sites is None:
        problem = PlanningProblem(loaded, **planning)
    else:
        names = [name.strip() for name in sites.split(",") if name.strip()]
        problem = PlanningProblem.on_buses(loaded, names, **planning)
    if scenarios.isdigit():
        drawn = generate_scenarios(
            loaded.n_bus,
            int(scenarios),
            profile=_year(profile, nsrdb, ercot, zone),
            deviation=deviation,
            seed=scenario_seed,
        )
    else:
        drawn = read_scenarios(scenarios, loaded.buses.id)
    options = {name: rest[name] for name in _SPAR if rest[name] is not None}
    if state is not None:
        options["state"] = state
    report = Reporter()
    try:
        result = site(
            problem,
            drawn,
            method=method,
            seed=seed,
            backend=backend,
            engine=engine,
            time_limit=time_limit,
            gap=gap,
            options=options,
            on_progress=report,
        )
    finally:
        report.close()
    click.echo(result.to_json(indent=2) if as_json else result.summary())
    drawings = (
        (plot, partial(_draw_placement, loaded, result)),
        (plot_scenarios, partial(_draw_scenarios, drawn)),
        (plot_functions, partial(_draw_functions, result)),
        (plot_iterations, partial(_draw_iterations, problem, drawn, result)),
    )
    for path, draw in drawings:
        if path is not None:
            written = draw(path)
            if not as_json:
                click.echo(f"drawn to {written}")


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
    from pygridjl.siting.methods.spar import SparResult
    from pygridjl.siting.methods.spar.quality import value_over_iterations
    from pygridjl.siting.solve import build_engine

    assert isinstance(result, SparResult)
    values = value_over_iterations(result, build_engine(problem, scenarios, result.engine))
    return plot_iterations({"spar": values}, result.objective, path, no_dg=result.no_dg)


def _year(
    profile: Path | None, nsrdb: Path | None, ercot: Path | None, zone: str
) -> HourlyProfile | None:
    """Return the year of hours asked for; None for the bundled one."""
    from pygridjl.scenarios.measured import measured_year
    from pygridjl.scenarios.profile import read_profile

    if (nsrdb is None) != (ercot is None):
        raise click.UsageError("--nsrdb and --ercot belong together")
    if nsrdb is not None and ercot is not None:
        if profile is not None:
            raise click.UsageError("--profile cannot be combined with --nsrdb and --ercot")
        return measured_year(nsrdb, ercot, zone=zone)
    return None if profile is None else read_profile(profile)
