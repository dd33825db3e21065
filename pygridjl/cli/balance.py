"""``pygridjl balance``."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pygridjl.balancing.methods import METHODS
from pygridjl.balancing.problem import MOST_CIRCUITS
from pygridjl.cli.options import FIGURE, Output, Reporter, count_of, json_option
from pygridjl.cli.reading import given_network, script_options
from pygridjl.core.jit import working_time
from pygridjl.core.stopping import answering
from pygridjl.report.page3d import check_page_path

if TYPE_CHECKING:
    from pygridjl.balancing.files import LoadPaths
    from pygridjl.balancing.topology import FeederCoupling

__all__ = ["command"]

# Megawatts in each unit a file may hold.
UNITS = {"kW": 1e-3, "MW": 1.0}

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
@click.option(
    "--network",
    metavar="NETWORK",
    help="Radial network the service points sit on: its voltage band then holds. A circuit is "
    "named like the bus of its substation.",
)
@click.option(
    "--connections",
    type=click.Path(path_type=Path),
    help="CSV file with columns sp, circuit and bus: who can be connected where. With --network.",
)
@click.option(
    "--unit",
    type=click.Choice(list(UNITS)),
    help="Unit of the loads in DATA.  [with --network; default: kW]",
)
@click.option(
    "--tan-phi",
    type=click.FloatRange(min=0),
    help="Reactive for each unit of active load.  [with --network; default: 0.3]",
)
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
@script_options
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
    network: str | None,
    connections: Path | None,
    unit: str | None,
    tan_phi: float | None,
    time_limit: float,
    **rest: Any,
) -> None:
    """Redistribute service points over circuits at least deviation risk.

    DATA is "example" or a CSV file with columns sp, time, actual, predicted and, where today's
    circuits are known, circuit.
    """
    from pygridjl.balancing.files import load_paths
    from pygridjl.balancing.problem import build_problem
    from pygridjl.balancing.solve import solve_problem
    from pygridjl.balancing.topology import feeder_problem

    begun = working_time()
    loads = load_paths(data)
    names = _circuits(circuits, loads.circuits)
    start = loads.circuits
    if start is not None and not set(start) <= set(names):
        gone = ", ".join(sorted(set(start) - set(names))[:5])
        raise click.UsageError(f"--circuits: today's circuits {gone} are not among them")
    coupling = None
    if network is not None:
        coupling = _coupling(network, connections, unit, tan_phi, loads, names)
    else:
        only = {"--connections": connections, "--unit": unit, "--tan-phi": tan_phi}
        if given := [option for option, value in only.items() if value is not None]:
            raise click.UsageError(f"{given[0]} needs --network")
    report = Reporter()
    try:
        with answering():
            build = build_problem
            if coupling is not None:
                build = partial(feeder_problem, coupling)
            problem = build(
                loads.deviations,
                circuits=names,
                capacity=capacity,
                demand=loads.demand,
                risk=measure,
                start=start,
                forbidden=forbid,
                fixed=dict(fix),
                service_points=loads.service_points,
                name=loads.name,
                **{key: rest.pop(key) for key in ("cardinality", "max_moves", "move_cost")},
            )
            result = solve_problem(
                problem,
                method,
                time_limit=time_limit,
                begun=begun,
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


def _coupling(
    network: str,
    connections: Path | None,
    unit: str | None,
    tan_phi: float | None,
    loads: LoadPaths,
    circuits: list[str],
) -> FeederCoupling:
    """Put the service points on a network."""
    from pygridjl.balancing.connections import read_connections
    from pygridjl.balancing.topology import couple

    if connections is None:
        raise click.UsageError("--network needs --connections")
    grid = given_network(network)
    return couple(
        grid,
        read_connections(connections, loads.service_points),
        loads.actual * UNITS[unit or "kW"] / grid.base_mva,
        circuits=circuits,
        service_points=loads.service_points,
        tan_phi=0.3 if tan_phi is None else tan_phi,
    )


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
