"""``pygridjl reconfigure``."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import click

from pygridjl.cli.julia_options import julia_solver_options
from pygridjl.cli.limits import limits_option
from pygridjl.cli.method_options import given, method_options, method_table
from pygridjl.cli.options import FIGURE, Reporter, ids_option, json_option
from pygridjl.cli.reading import given_feeder, given_network, given_states, script_options
from pygridjl.core.arguments import TIME_LIMIT
from pygridjl.core.methods import Backend
from pygridjl.core.stopping import answering
from pygridjl.reconfiguration.methods import FEEDER_METHODS, METHODS
from pygridjl.reconfiguration.problem import Limit, ProblemKind

__all__ = ["command"]

_METHODS = (
    "\b\nA method is START[+STEP...][+FINISH], or a FINISH alone.\n"
    + method_table(METHODS, FEEDER_METHODS)
    + "\nExample: pygridjl reconfigure case33bw --method forward+exchange --certify"
)


@click.command("reconfigure", epilog=_METHODS)
@click.argument("network")
@click.option(
    "--feeder",
    "is_feeder",
    is_flag=True,
    help="NETWORK is a three-phase feeder, whose switches PowerModelsDistribution chooses.",
)
@click.option("--method", help="See below (maxflow+ils, lindist of a feeder).")
@click.option(
    "--problem",
    type=click.Choice(get_args(ProblemKind)),
    help="By default what the bundled case is meant for; substations for files.",
)
@click.option(
    "--backend",
    type=click.Choice(get_args(Backend)),
    default="python",
    show_default=True,
    help="Where the finish runs.",
)
@click.option("--certify", is_flag=True, help="Prove a bound by cycle branch-and-bound.")
@click.option("--seed", type=click.IntRange(min=0), help="Seed of what is random (0).")
@click.option(
    "--time-limit",
    type=float,
    metavar="SECONDS",
    help=f"For search and proof together; inf for no limit ({TIME_LIMIT:g}).",
)
@ids_option("--switchable", "Branches that may be switched; by default those the network marks.")
@ids_option("--keep-closed", "Branches that must be closed.")
@ids_option("--keep-open", "Branches that must be open.")
@limits_option("All for substations by default.")
@click.option(
    "--states",
    "states_path",
    type=click.Path(exists=True, path_type=Path),
    help="Load states to find one configuration for: a CSV table or a folder of scenarios.",
)
@click.option(
    "--max-operations", type=click.IntRange(min=0), help="Branches that may be opened or closed."
)
@click.option(
    "--operation-cost",
    type=click.FloatRange(min=0),
    default=0.0,
    metavar="KW",
    help="Loss that one operation must save.",
)
@click.option("--sequence", is_flag=True, help="Print the order of the operations too.")
@click.option(
    "--switch",
    "switches",
    multiple=True,
    metavar="ID",
    help="Of a feeder: a branch that may be switched, may be repeated; its switches by default.",
)
@method_options(METHODS)
@click.option(
    "--plot",
    type=FIGURE,
    help="Draw before, after and the voltage profile.",
)
@script_options
@julia_solver_options
@json_option
def command(
    network: str,
    is_feeder: bool,
    method: str | None,
    problem: ProblemKind | None,
    backend: Backend,
    certify: bool,
    seed: int | None,
    time_limit: float | None,
    switchable: tuple[int, ...] | None,
    keep_closed: tuple[int, ...] | None,
    keep_open: tuple[int, ...] | None,
    limits: tuple[Limit, ...] | None,
    states_path: Path | None,
    max_operations: int | None,
    operation_cost: float,
    sequence: bool,
    switches: tuple[str, ...],
    plot: Path | None,
    solver: str | None,
    solver_options: dict[str, Any] | None,
    write_model: Path | None,
    verbose: bool,
    as_json: bool,
    **own: Any,
) -> None:
    """Find the radial configuration of least loss.

    NETWORK is a bundled case or feeder (see `pygridjl cases`) or a file: .m, .pos, .dss, .json or a
    folder of CSV tables. The exit code is 1 if there is no answer that keeps the limits.
    """
    from pygridjl.grid.cases.catalogue import feeder_names
    from pygridjl.grid.cases.ties import SUFFIX
    from pygridjl.reconfiguration import reconfigure

    julia: dict[str, Any] = {
        "solver": solver,
        "solver_options": solver_options,
        "write_model": write_model,
        "verbose": verbose,
    }
    loaded: Any
    if is_feeder or network.removesuffix(SUFFIX) in feeder_names():
        loaded = given_feeder(network)
        # What only networks have is refused by the door; the rest is the same.
        julia["switchable"] = switches or None
        problem = problem or "substations"
    else:
        loaded = given_network(network)
        if switches:
            raise click.UsageError("--switch is of a feeder; --switchable is of a network")
        julia["switchable"] = switchable
    states = None if states_path is None else given_states(states_path, loaded)
    report = Reporter()
    try:
        with answering():
            # What a network or a feeder does not have is for the door to refuse.
            door: Any = reconfigure
            result = door(
                loaded,
                method,
                problem=problem or _meant_for(network),
                backend=backend,
                certify=certify,
                seed=seed,
                time_limit=time_limit,
                keep_closed=keep_closed or (),
                keep_open=keep_open or (),
                limits=limits,
                states=states,
                max_operations=max_operations,
                operation_cost=operation_cost,
                options=given(own),
                on_progress=report,
                **julia,
            )
    finally:
        report.close()
    click.echo(result.to_json(indent=2) if as_json else result.summary())
    if sequence and not as_json and result.has_answer:
        from pygridjl.reconfiguration.sequence import switching_sequence

        click.echo(switching_sequence(loaded, result.open_branches).summary())
    if plot is not None and result.open_branches:
        written = result.plot(loaded, plot)
        if not as_json:
            click.echo(f"drawn to {written}")
    click.get_current_context().exit(0 if result.has_answer else 1)


def _meant_for(name: str) -> ProblemKind:
    """Return the problem a bundled case is meant for; substations for anything else."""
    from pygridjl.grid.cases import list_cases

    kinds = {case.name: case.problem for case in list_cases()}
    return "balanced" if kinds.get(name) == "balanced" else "substations"
