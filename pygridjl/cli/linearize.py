"""``pygridjl linearize``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from pygridjl.cli.method_options import given, method_options, method_table
from pygridjl.cli.options import FIGURE, OUTPUT, json_option
from pygridjl.cli.reading import given_network, script_options
from pygridjl.core.result import Status
from pygridjl.optimal_flow.linearisation.methods import POINTS

__all__ = ["command"]

_POINTS = (
    method_table(POINTS)
    + "\nExample: pygridjl linearize case14 --line-limit 25 --point order2 --samples 1000"
)


@click.command("linearize", epilog=_POINTS)
@click.argument("network")
@click.option("--point", default="ac-mean", show_default=True, help="See below.")
@click.option("--line-limit", type=float, metavar="MVA", help="One rating for all branches.")
@click.option(
    "--samples",
    default=1000,
    show_default=True,
    type=click.IntRange(min=1),
    help="Draws the point is computed from, and as many fresh ones it is judged on.",
)
@click.option(
    "--ac-samples",
    default=0,
    show_default=True,
    type=click.IntRange(min=0),
    help="Fresh draws also solved by AC optimal flow.",
)
@click.option("--seed", default=0, show_default=True, type=click.IntRange(min=0))
@click.option("--mean", type=float, help="Of both load factors (0.9).")
@click.option("--deviation", type=float, help="Of both load factors (0.05).")
@click.option("--correlation", type=float, help="Of the load factors (0.5).")
@click.option("--clip", nargs=2, type=float, metavar="LOW HIGH", help="Range of both (0.8 1.0).")
@click.option(
    "--loads",
    type=click.Path(dir_okay=False, path_type=Path),
    help="CSV of measured loads instead: columns p:<bus> (MW) and q:<bus> (Mvar).",
)
@click.option("--smooth", is_flag=True, help="A kernel around the measured loads.")
@click.option(
    "--renewable",
    multiple=True,
    metavar="BUS=MW",
    help="Generation that is not dispatched, at a bus; may be repeated.",
)
@click.option("--proximal", type=float, help="Weight of the proximal term (0.001); 0 for none.")
@click.option("--jobs", default=1, show_default=True, type=click.IntRange(min=1))
@method_options(POINTS)
@click.option(
    "--save",
    type=OUTPUT,
    help="Write the point as JSON, to be read by pygridjl.read_point.",
)
@click.option(
    "--plot",
    type=FIGURE,
    help="Draw the distribution of the errors.",
)
@script_options
@json_option
def command(
    network: str,
    point: str,
    line_limit: float | None,
    samples: int,
    ac_samples: int,
    seed: int,
    mean: float | None,
    deviation: float | None,
    correlation: float | None,
    clip: tuple[float, float] | None,
    loads: Path | None,
    smooth: bool,
    renewable: tuple[str, ...],
    proximal: float | None,
    jobs: int,
    save: Path | None,
    plot: Path | None,
    as_json: bool,
    **own: Any,
) -> None:
    """Linearise the optimal power flow where uncertain loads make it hold best.

    NETWORK is the name of a bundled case, or a file. The exit code is 1 if there is no point, the
    linearised model is infeasible at the mean load, or the relaxation asked for failed.
    """
    import json

    from pygridjl.optimal_flow.linearisation.problem import PROXIMAL, with_ratings
    from pygridjl.optimal_flow.linearisation.result import save_point
    from pygridjl.optimal_flow.linearisation.solve import linearize
    from pygridjl.scenarios import read_loads, two_factor_loads, with_generation

    grid = given_network(network)
    if line_limit is not None:
        grid = with_ratings(grid, line_limit)
    shape = given({"mean": mean, "deviation": deviation, "correlation": correlation})
    if clip is not None:
        shape |= {"low": clip[0], "high": clip[1]}
    if loads is not None and shape:
        raise click.UsageError(f"--loads cannot be combined with --{next(iter(shape))}")
    if smooth and loads is None:
        raise click.UsageError("--smooth needs --loads")
    model = (
        two_factor_loads(grid, **shape) if loads is None else read_loads(loads, grid, smooth=smooth)
    )
    if renewable:
        buses, ratings = zip(*map(_renewable, renewable), strict=True)
        model = with_generation(model, grid, buses, [mw / grid.base_mva for mw in ratings])
    found = linearize(
        grid,
        loads=model,
        point=point,
        samples=samples,
        seed=seed,
        proximal=PROXIMAL if proximal is None else proximal,
        options=given(own),
    )
    evaluation = None
    if found.status is not Status.NOT_FOUND:
        evaluation = found.evaluate(samples, seed=seed + 1, ac_samples=ac_samples, jobs=jobs)
        if plot is not None:
            evaluation.plot(plot)
        if save is not None:
            save_point(found, save)
    if as_json:
        judged = None if evaluation is None else evaluation.to_dict()
        click.echo(json.dumps({**found.to_dict(), "evaluation": judged}))
    else:
        click.echo(found.summary())
        if evaluation is not None:
            click.echo("\n" + evaluation.summary())
    failed = found.relaxation.get("outcome") == "failed"
    click.get_current_context().exit(0 if found.status is Status.FEASIBLE and not failed else 1)


def _renewable(text: str) -> tuple[str, float]:
    bus, _, rating = text.partition("=")
    try:
        return bus, float(rating)
    except ValueError:
        raise click.BadParameter(f"{text!r} is not BUS=MW", param_hint="--renewable") from None
