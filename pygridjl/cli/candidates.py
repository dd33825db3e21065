"""Options of commands that put units on a feeder, and the problem they ask for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import click

from pygridjl.siting.problem import PlanningProblem
from pygridjl.siting.regulators import with_neutral_regulators

if TYPE_CHECKING:
    from pygridjl.grid.feeder import Feeder

__all__ = ["SITE_COLUMNS", "candidate_problem", "existing_units", "feeder_options", "sites_option"]

F = TypeVar("F", bound=Callable[..., Any])

SITE_COLUMNS = (
    "bus, phases, max_units, cost in $/kW, power_factor, reactive (fixed or free) and profile (a "
    "column of --profile, or storage)"
)
"""Columns of a table of sites where units cost something."""


def sites_option(columns: str) -> Callable[[F], F]:
    """Declare ``--sites``; ``columns`` says which a file may have."""
    return click.option(
        "--sites",
        metavar="BUSES|FILE.csv",
        help="Candidate buses as bus or bus:phases, separated by commas, or a CSV file with "
        f"columns {columns}; all if none.",
    )


def feeder_options(command: F) -> F:
    """Declare what holds for units and feeder: existing ones, power factor, regulators, limits."""
    for option in reversed(
        (
            click.option(
                "--existing",
                metavar="UNIT=PROFILE,...",
                help="What existing units do: follow pv or a column of --profile, stay constant, "
                "or are removed; * stands for all others.",
            ),
            click.option(
                "--power-factor",
                type=click.FloatRange(-1, 1),
                default=1.0,
                show_default=True,
                help="Of the units where a site has none of its own; below 0 they absorb reactive "
                "power, above they inject it.",
            ),
            click.option(
                "--regulators",
                type=click.Choice(["neutral", "fixed"]),
                default="neutral",
                show_default=True,
                help="At the neutral tap or at the ratios of the feeder.",
            ),
            click.option("--no-line-limits", is_flag=True, help="Leave the ampacity of lines out."),
        )
    ):
        command = option(command)
    return command


def existing_units(text: str | None) -> dict[str, str]:
    """Read ``--existing``: unit and what it does."""
    from pygridjl.siting.existing import existing_from_text

    try:
        return existing_from_text(text or "")
    except ValueError as error:
        raise click.UsageError(f"--existing: {error}") from None


def candidate_problem(
    feeder: Feeder,
    sites: str | None,
    *,
    existing: Mapping[str, str],
    power_factor: float,
    regulators: str,
    no_line_limits: bool,
    **planning: Any,
) -> PlanningProblem:
    """Build the problem on the sites that were named, on all if none were."""
    from pygridjl.siting.existing import with_existing
    from pygridjl.siting.reactive import angle_of
    from pygridjl.siting.site_files import problem_on_sites

    if existing:
        feeder = with_existing(feeder, existing)
    if regulators == "neutral":
        feeder = with_neutral_regulators(feeder)
    planning["power_factor_angle"] = angle_of(power_factor)
    planning["line_limits"] = not no_line_limits
    if sites is None:
        problem = PlanningProblem(feeder, **planning)
    else:
        problem = problem_on_sites(feeder, sites, **planning)
    for name in ("storage_hours", "storage_efficiency"):
        if name in planning and not problem.stores.any():
            flag = f"--{name.replace('_', '-')}"
            raise click.UsageError(f"{flag} has no effect: no site of --sites is of storage")
    return problem
