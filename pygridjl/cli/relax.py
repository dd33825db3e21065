"""``pygridjl relax``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from pygridjl.cli.method_options import given, method_options, method_table
from pygridjl.cli.options import FIGURE, json_option
from pygridjl.cli.reading import given_network, script_options
from pygridjl.core.stopping import answering
from pygridjl.optimal_flow.relaxation.methods import METHODS

__all__ = ["command"]

_METHODS = (
    "\b\nA method is START[+STEP...][+FINISH].\n"
    + method_table(METHODS)
    + "\nExample: pygridjl relax case14 --method sdp+currents+minors+obbt --json"
)


@click.command("relax", epilog=_METHODS)
@click.argument("network")
@click.option("--method", default="soc", show_default=True, help="See below.")
@click.option("--ac-objective", type=float, help="Cost of a known AC operating point.")
@click.option("--tolerance", type=float, help="Relative gap at which the AC cost counts as proven.")
@click.option("--time-limit", type=float, metavar="SECONDS")
@method_options(METHODS)
@click.option(
    "--plot",
    type=FIGURE,
    help="Write a figure of the gap against time.",
)
@script_options
@json_option
def command(
    network: str,
    method: str,
    ac_objective: float | None,
    tolerance: float | None,
    time_limit: float | None,
    plot: Path | None,
    as_json: bool,
    **own: Any,
) -> None:
    """Bound the AC optimal power flow from below by a convex relaxation.

    NETWORK is the name of a bundled case, or a file. The bound is safe: it holds whatever the
    solver's accuracy. The exit code is 1 if nothing was proven.
    """
    from pygridjl.core.figures import save_figure
    from pygridjl.optimal_flow.relaxation.solve import TOLERANCE, relax

    with answering():
        answer = relax(
            given_network(network),
            method,
            ac_objective=ac_objective,
            tolerance=TOLERANCE if tolerance is None else tolerance,
            time_limit=time_limit,
            options=given(own),
        )
    if plot is not None:
        save_figure(answer.plot(), plot)
    click.echo(answer.to_json() if as_json else answer.summary())
    proven = answer.bound is not None or answer.status.value == "infeasible"
    click.get_current_context().exit(0 if proven else 1)
