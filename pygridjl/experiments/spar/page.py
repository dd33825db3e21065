"""Tables, figures and report of ``pygridjl reproduce spar``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pygridjl.experiments.registry import Page
from pygridjl.experiments.spar import Options
from pygridjl.experiments.spar.bounds import bounds_results
from pygridjl.experiments.spar.printed import audit_rows, size_rows
from pygridjl.experiments.spar.problems import (
    OBJECTIVES,
    extent,
    planning_problem,
    scenario_set,
)
from pygridjl.experiments.spar.tasks import (
    as_values,
    comparison_summary,
    learning_run,
    learning_summary,
)
from pygridjl.experiments.spar.text import spar_report
from pygridjl.siting import curves
from pygridjl.siting.figures import plot_coordinate_functions
from pygridjl.siting.sample_bounds import BoundsResult

__all__ = ["page"]

Row = Mapping[str, Any]


def page(rows: Mapping[str, list[dict[str, Any]]], options: Options, folder: Path) -> Page:
    """Lay the comparison with the paper out and draw its figures."""
    size = extent(options)
    comparison, batches, learning = rows["Table I"], rows["Tables II-V"], rows["Figure 3"]
    references = [
        {"table": table, **row}
        for table, row in zip(size.scenarios, rows["full sets"], strict=True)
    ]
    bounds = bounds_results(batches)
    summary = comparison_summary(comparison)
    material: dict[str, list[dict[str, Any]]] = {
        "comparison": summary,
        "references": references,
        "masters": rows["Table VI"],
        "stages": rows["second stages"],
        "learning": learning_summary(learning, summary),
        "audit": audit_rows(),
        "sizes": size_rows(),
    }
    figures = _figures(folder, options.seed, learning, summary, references, bounds)
    text = spar_report(
        {feeder: planning_problem(feeder, "voltage") for feeder in size.masters},
        material,
        bounds,
        [(path.name, caption) for path, caption in figures],
        full=options.full,
    )
    intervals = {name: [r.to_dict() for r in results] for name, results in bounds.items()}
    return Page(
        text,
        {**material, "bounds": intervals},
        {**material, "runs": comparison, "samples": batches},
        [path for path, _ in figures],
        report=True,
    )


def _figures(
    folder: Path,
    seed: int,
    learning: Sequence[Row],
    summary: Sequence[Row],
    references: Sequence[Row],
    bounds: Mapping[str, Sequence[BoundsResult]],
) -> list[tuple[Path, str]]:
    """Draw Figures 1 to 3 and the bounds by sample size, each with its caption."""
    fans = curves.plot_scenarios(scenario_set("ieee123", 96), folder / "figure-1.png")
    learned = plot_coordinate_functions(learning_run("voltage", seed=seed), folder / "figure-2.png")
    drawn = [
        (fans, "Figure 1: load and PV of 96 scenarios on IEEE 123"),
        (learned, "Figure 2: learned functions over the first iterations, later ones darker"),
    ]
    for objective, letter in zip(OBJECTIVES, "ab", strict=True):
        ours = [r for r in learning if r["objective"] == objective and not r["error"]]
        known = next((r for r in summary if r["objective"] == objective and "no_dg" in r), {})
        path = curves.plot_iterations(
            {f"step rule {r['step_rule']}": as_values(r) for r in ours},
            objective,
            folder / f"figure-3{letter}.png",
            no_dg=known.get("no_dg"),
            bound=known.get("bound"),
        )
        drawn.append((path, f"Figure 3({letter}): the decision of every iteration, {objective}"))
    for name, results in bounds.items():
        full = next(r for r in references if r["table"] == name)
        path = curves.plot_bounds(
            results,
            full["objective"],
            folder / f"bounds-{name}.png",
            value=full.get("value"),
            bound=full.get("bound"),
        )
        drawn.append((path, f"Bounds of Table {name} by sample size"))
    return drawn
