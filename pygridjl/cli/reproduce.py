"""``pygridjl reproduce``."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import pandas as pd

from pygridjl.cli.benchmark import both_tables, collect
from pygridjl.cli.options import json_option, open_store, study_options
from pygridjl.core.files import write_text
from pygridjl.experiments.forward.page import forward_report
from pygridjl.report.tables import write_csv

if TYPE_CHECKING:
    from pygridjl.siting.sample_bounds import BoundsResult

__all__ = ["command"]

_INSTANCES = 10


@click.group("reproduce")
def command() -> None:
    """Repeat a paper's experiments beside its figures."""


@command.command("forward", epilog="Example: pygridjl reproduce forward --out forward")
@study_options("reproduce-forward")
@json_option
def forward(out: Path, resume: bool, seed: int, as_json: bool) -> None:
    """FORWARD: Table I, the pseudo-code as printed, and what cannot be reproduced.

    Writes report.md with its tables and figure into the folder --out.
    """
    from pygridjl.experiments.forward import tasks as paper
    from pygridjl.experiments.reconfiguration import tasks as study

    store = open_store(out, resume=resume)
    study.compile_kernels()
    table, standard, written = both_tables(store, out, seed)
    runs = len(paper.RANDOM_SIZES) * _INSTANCES * len(study.TABLE_METHODS)
    random = collect(
        "random instances",
        study.random_rows(store, seed=seed, sizes=paper.RANDOM_SIZES, instances=_INSTANCES),
        runs,
    )
    summary, costs = paper.random_summary(random), paper.cost_comparison(table)
    example = paper.counterexample()
    text = forward_report(
        study.TABLE_METHODS, table, standard, summary, costs, paper.data_notes(), example
    )
    write_text(out / "report.md", text)
    written.append(out / "report.md")
    if as_json:
        found = {"table_I": table, "standard": standard, "random": summary, "costs": costs}
        click.echo(json.dumps(found, indent=2))
    else:
        click.echo(text)
        click.echo("written: " + ", ".join(str(path) for path in written))


@command.command("spar", epilog="Example: pygridjl reproduce spar --out spar")
@click.option(
    "--full",
    is_flag=True,
    help="The paper's sizes, up to 1200 scenarios on the 9500-node feeder: hours.",
)
@study_options("reproduce-spar")
@json_option
def spar(full: bool, out: Path, resume: bool, seed: int, as_json: bool) -> None:
    """SPAR-OPF: Tables I-VI, Figures 1-3 and what cannot be reproduced.

    Writes report.md with its tables and figures into the folder --out. Without --full only IEEE
    123 with 96 scenarios is run.
    """
    from pygridjl.experiments.spar import (
        bounds as spar_bounds,
        masters as spar_masters,
        printed as spar_paper,
        tasks as runs,
    )
    from pygridjl.experiments.spar.page import spar_report

    store = open_store(out, resume=resume)
    plan = runs.FULL if full else runs.QUICK
    runs.warm_up()
    problems = len(runs.OBJECTIVES)
    comparison = collect(
        "Table I",
        runs.comparison_rows(store, plan, seed=seed),
        problems * (plan.seeds + len(plan.rivals)),
    )
    references = collect("full sets", spar_bounds.reference_rows(store, plan), len(plan.scenarios))
    batches = collect(
        "Tables II-V",
        spar_bounds.batch_rows(store, plan, seed=seed),
        len(plan.scenarios) * len(plan.sizes) * plan.seeds,
    )
    masters = collect(
        "Table VI",
        spar_masters.master_rows(store, plan, seed=seed),
        len(plan.masters) * problems * len(spar_masters.KINDS),
    )
    learning = collect(
        "Figure 3", runs.learning_rows(store, seed=seed), problems * len(runs.STEP_RULES)
    )
    bounds = spar_bounds.bounds_results(batches)
    summary = runs.comparison_summary(comparison)
    material: dict[str, Sequence[Mapping[str, Any]]] = {
        "comparison": summary,
        "references": references,
        "masters": masters,
        "stages": spar_masters.stage_rows(plan),
        "learning": runs.learning_summary(learning, summary),
        "audit": spar_paper.audit_rows(),
        "sizes": spar_paper.size_rows(),
    }
    figures = _spar_figures(out, seed, learning, summary, references, bounds)
    text = spar_report(
        {feeder: runs.planning_problem(feeder, "voltage") for feeder in plan.masters},
        material,
        bounds,
        [(path.name, caption) for path, caption in figures],
        full=full,
    )
    write_text(out / "report.md", text)
    tables = {**material, "runs": comparison, "samples": batches}
    written = [
        *(write_csv(out / f"{name}.csv", pd.DataFrame(rows)) for name, rows in tables.items()),
        *(path for path, _ in figures),
        out / "report.md",
    ]
    if as_json:
        intervals = {name: [r.to_dict() for r in results] for name, results in bounds.items()}
        click.echo(json.dumps({**material, "bounds": intervals}, indent=2))
    else:
        click.echo(text)
        click.echo("written: " + ", ".join(str(path) for path in written))


def _spar_figures(
    out: Path,
    seed: int,
    learning: Sequence[Mapping[str, Any]],
    summary: Sequence[Mapping[str, Any]],
    references: Sequence[Mapping[str, Any]],
    bounds: Mapping[str, Sequence[BoundsResult]],
) -> list[tuple[Path, str]]:
    """Draw Figures 1 to 3 and the bounds by sample size, each with its caption."""
    from pygridjl.experiments.spar import tasks as runs
    from pygridjl.siting import curves
    from pygridjl.siting.figures import plot_coordinate_functions

    fans = curves.plot_scenarios(runs.scenario_set("ieee123", 96), out / "figure-1.png")
    learned = plot_coordinate_functions(
        runs.learning_run("voltage", seed=seed), out / "figure-2.png"
    )
    drawn = [
        (fans, "Figure 1: load and PV of 96 scenarios on IEEE 123"),
        (learned, "Figure 2: learned functions over the first iterations, later ones darker"),
    ]
    for objective, letter in zip(runs.OBJECTIVES, "ab", strict=True):
        ours = [r for r in learning if r["objective"] == objective and not r["error"]]
        known = next((r for r in summary if r["objective"] == objective and "no_dg" in r), {})
        path = curves.plot_iterations(
            {f"step rule {r['step_rule']}": runs.as_values(r) for r in ours},
            objective,
            out / f"figure-3{letter}.png",
            no_dg=known.get("no_dg"),
            bound=known.get("bound"),
        )
        drawn.append((path, f"Figure 3({letter}): the decision of every iteration, {objective}"))
    for name, results in bounds.items():
        full = next(r for r in references if r["table"] == name)
        path = curves.plot_bounds(
            results,
            full["objective"],
            out / f"bounds-{name}.png",
            value=full.get("value"),
            bound=full.get("bound"),
        )
        drawn.append((path, f"Bounds of Table {name} by sample size"))
    return drawn
