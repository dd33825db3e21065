"""``pygridjl balance``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from pygridjl.balancing.methods import METHODS
from pygridjl.balancing.problem import MOST_CIRCUITS
from pygridjl.cli.options import FIGURE, Output, Reporter, count_of, json_option
from pygridjl.core.stopping import answering
from pygridjl.report.page3d import check_page_path

__all__ = ["command"]

_EPILOG = (
    "\b\nMethods (auto chooses by size):\n"
    + "\n".join(
        f"  {'+' if m.role == 'step' else ''}{m.name:<10} {m.text}" for m in METHODS.values()
    )
    + "\n\nExample: pygridjl balance example --circuits 4 --cap 5 --page balance.html"
)


def _pairs(
    _context: click.Context, parameter: click.Parameter, values: tuple[str, ...]
) -> tuple[tuple[str, str], ...]:
    found = []
    for value in values:
        left, sign, right = value.rpartition("=")
        if not sign or not left or not right:
            raise click.BadParameter(f"{value!r} is not SP=CIRCUIT", param=parameter)
        found.append((left, right))
    return tuple(found)


@click.command("balance", epilog=_EPILOG)
@click.argument("data")
@click.option(
    "--circuits",
    metavar="N|NAMES",
    help="How many, or names separated by commas; those of the data if not given.",
)
@click.option(
    "--cap", "cardinality", type=click.IntRange(min=0), help="Most service points on a circuit."
)
@click.option(
    "--capacity",
    type=click.FloatRange(min=0),
    help="Most mean predicted load on a circuit, in units of the data.",
)
@click.option(
    "--measure",
    type=click.Choice(["rms", "l1"]),
    default="rms",
    show_default=True,
    help="RMS risk J or absolute risk J~.",
)
@click.option("--method", default="auto", show_default=True)
@click.option("--max-moves", type=click.IntRange(min=0), help="Most service points that move.")
@click.option(
    "--move-cost", type=click.FloatRange(min=0), help="Price of a move, units of the objective."
)
@click.option("--forbid", multiple=True, callback=_pairs, metavar="SP=CIRCUIT")
@click.option("--fix", multiple=True, callback=_pairs, metavar="SP=CIRCUIT")
@click.option("--gap", default=1e-6, show_default=True, help="Relative gap that counts as proven.")
@click.option("--time-limit", default=60.0, show_default=True, metavar="SECONDS")
@click.option("--seed", default=0, show_default=True, type=click.IntRange(min=0))
@click.option("--fit", is_flag=True, help="Also say whether the collapse applies to these data.")
@click.option(
    "--plot",
    type=FIGURE,
    help="Draw circuits and risks before and after.",
)
@click.option(
    "--page",
    type=Output(check_page_path),
    help="Write the 3-D page: one HTML file that opens without a network.",
)
@click.option(
    "--embedding",
    type=click.Choice(["symbolic", "pca"]),
    default="symbolic",
    show_default=True,
    help="Places of the service points on the page at first.",
)
@json_option
def command(
    data: str,
    circuits: str | None,
    measure: Any,
    method: str,
    forbid: tuple[tuple[str, str], ...],
    fix: tuple[tuple[str, str], ...],
    fit: bool,
    plot: Path | None,
    page: Path | None,
    embedding: Any,
    as_json: bool,
    capacity: float | None,
    **rest: Any,
) -> None:
    """Redistribute service points over circuits at least deviation risk.

    DATA is "example" or a CSV file with columns sp, time, actual, predicted and, where today's
    circuits are known, circuit.
    """
    from pygridjl.balancing.files import load_paths
    from pygridjl.balancing.solve import balance

    loads = load_paths(data)
    names = _circuits(circuits, loads.circuits)
    start = loads.circuits
    if start is not None and not set(start) <= set(names):
        gone = ", ".join(sorted(set(start) - set(names))[:5])
        raise click.UsageError(f"--circuits: today's circuits {gone} are not among them")
    report = Reporter()
    try:
        with answering():
            result = balance(
                loads.deviations,
                circuits=names,
                capacity=capacity,
                demand=loads.demand,
                measure=measure,
                method=method,
                start=start,
                forbidden=forbid,
                fixed=dict(fix),
                service_points=loads.service_points,
                name=loads.name,
                on_progress=report,
                **rest,
            )
    finally:
        report.close()
    fitted = None
    if fit:
        from pygridjl.balancing.estimate import fit_deviations

        fitted = fit_deviations(
            loads.deviations, circuits=len(names), service_points=loads.service_points
        )
    if as_json:
        plain = result.to_dict()
        if fitted is not None:
            plain["fit"] = fitted.to_dict()
        click.echo(json.dumps(plain, indent=2, allow_nan=False, ensure_ascii=False))
    else:
        click.echo(result.summary())
        if fitted is not None:
            click.echo("\n" + fitted.summary())
    written = []
    if plot is not None:
        written.append(result.plot(loads, plot))
    if page is not None:
        from pygridjl.balancing.figures import write_balance_page

        written.append(write_balance_page(loads, result, page, embedding=embedding))
    if not as_json:
        for path in written:
            click.echo(f"written to {path}")


def _circuits(given: str | None, today: tuple[str, ...] | None) -> list[str]:
    """Names of the circuits: a number keeps today's names first and adds new ones."""
    known = sorted(set(today or ()))
    if given is None:
        if not known:
            raise click.UsageError("--circuits: the data name none, say how many there are")
        return known
    if not given.strip().isdecimal():
        return [name.strip() for name in given.split(",") if name.strip()]
    count = count_of(given, "--circuits")
    if count > MOST_CIRCUITS:
        raise click.UsageError(f"--circuits: at most {MOST_CIRCUITS}, not {count}")
    fresh = (name for k in range(1, count + len(known) + 1) if (name := f"C{k}") not in known)
    return (known + [next(fresh) for _ in range(count - len(known))])[: max(count, len(known))]
