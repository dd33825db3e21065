"""The report of ``pygridjl reproduce spar`` as Markdown."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pygridjl.experiments.spar.printed import STATED, TABLES
from pygridjl.experiments.spar.tables import bounds_lines, comparison_lines, master_lines
from pygridjl.report.tables import Column, markdown_table, number

if TYPE_CHECKING:
    from pygridjl.siting.problem import PlanningProblem
    from pygridjl.siting.sample_bounds import BoundsResult

__all__ = ["SparMaterial", "spar_report"]

Row = Mapping[str, Any]
SparMaterial = Mapping[str, Sequence[Row]]

_PAPER = (
    "*Scalable Two-Stage Stochastic Optimal Power Flow via Separable Approximation* (arXiv "
    "2504.13933). Every number below was computed in this run, or in the one it goes on from, "
    "except those in columns marked *paper*."
)
_ABSOLUTE = (
    "Absolute values do not compare: load and weather of the paper are not published, and the "
    "parameters listed last are not legible in the copy at hand. What compares are ratios: to the "
    "best known answer in the paper, to a proven bound here."
)
_TABLE_I = (
    "IEEE 123, 96 scenarios. Objective and seconds are means over the runs; seconds count all from "
    "the data to the judged decision on this machine, the paper's are from another. *Over* is the "
    "mean objective above the extensive form in the paper, above the greatest proven bound here; "
    "*captured* is the share of the possible improvement that is realised, at least."
)
_BOUNDS = (
    "`Obj`, `LB CI` and `BG` as the paper defines them judge SPAR by the mean of its own values on "
    "samples. A heuristic's value on a sample is above the sample's optimum, so that mean is **no "
    "lower bound**. *Proven* is the interval of Benders bounds of the same samples, whose "
    "expectation is never above the optimum; a proof that reached its time limit leaves a weaker "
    "but valid bound. *Best* is the least value any SPAR decision reaches on the full set."
)
_AUDIT = (
    "Column `Obj` of Tables II–V is the middle of the lower interval, not the value of a decision, "
    "and `BG` is the high end of the upper interval less the low end of the lower one. What the "
    "decisions are worth is the upper interval, whose distance from the extensive form (last "
    "column) is their optimality gap; the paper states that of `Obj` instead."
)
_SIZES = (
    "With N buses (130 and 2744), all of them with three phases, and L = 166 units at most the "
    "printed sizes follow from 34 N − 18 rows and 15 N − 6 columns for each scenario, 4 N + 4 rows "
    "and (L + 3) N columns of the lambda master, (L + 3) N + 3 rows and 3 N + 1 columns of the "
    "epigraph master."
)
_MASTERS = (
    "The epigraph master here has one row for each *distinct* slope. The allocation is an exact "
    "shortcut without a solver, valid while there are no feasibility cuts; SPAR takes it then. "
    "Seconds: one master on the functions learned in 80 iterations (a status other than optimal is "
    "the time limit), and the mean second stage of an iteration; the paper prints their sum."
)
_LOST = (
    "Not reproducible, and why:\n\n"
    "* the absolute objectives, for want of the paper's data: NSRDB weather of El Paso and ERCOT "
    "load of 2023 (which zone stands for El Paso, outside ERCOT, is not said); here a bundled "
    "synthetic year takes their place, and `pygridjl site --nsrdb … --ercot …` reads the real "
    "ones;\n"
    "* the parameters whose values the copy at hand has lost; what stands for them is below;\n"
    "* step rules 2 and 3, whose formulas are lost: ours satisfy the same conditions;\n"
    "* the tolerance of the stopping rule: every run here takes "
    f"{STATED['iterations']} iterations, the paper's average;\n"
    "* the seconds, which belong to the paper's machine, Pyomo and a commercial solver."
)


def spar_report(
    problems: Mapping[str, PlanningProblem],
    material: SparMaterial,
    bounds: Mapping[str, Sequence[BoundsResult]],
    figures: Sequence[tuple[str, str]],
    *,
    full: bool,
) -> str:
    """Lay out the comparison with the SPAR-OPF paper.

    Parameters
    ----------
    problems : mapping
        The problems solved, by feeder.
    material : mapping
        Rows of the studies: ``comparison`` (summary of Table I), ``references``, ``masters``,
        ``stages``, ``learning`` (summary of Fig. 3), ``audit``, ``sizes``.
    bounds : mapping
        Results of Tables II–V, as far as they were run.
    figures : sequence of (str, str)
        File and caption.
    full : bool
        Whether the full runs were asked for.

    Returns
    -------
    str
        Markdown.
    """
    parts = ["# SPAR-OPF: the paper's experiments, repeated", _PAPER, _ABSOLUTE]
    if not full:
        parts.append(
            "This is the quick run: one feeder, 96 scenarios, few seeds. `pygridjl reproduce spar "
            "--full` runs the paper's sizes (hours; go on from an interruption with --resume)."
        )
    parts += ["## Table I", _TABLE_I]
    parts.append(markdown_table(*comparison_lines(material["comparison"])))
    parts += _failed(material["comparison"], "method")
    for name in TABLES:
        reference = next((r for r in material["references"] if r["table"] == name), None)
        parts += _bounds_part(name, bounds.get(name, ()), reference)
    parts += ["## Table VI", _MASTERS, markdown_table(*master_lines(material["masters"]))]
    parts += [
        "## Model sizes",
        _SIZES,
        markdown_table(material["sizes"], _size_columns()),
        _binary_text(material["sizes"]),
        "One second stage with the phases and ratings that exist, voltage deviation:",
        markdown_table(material["stages"], _stage_columns()),
        "## The paper's own figures",
        _AUDIT,
        markdown_table(material["audit"], _audit_columns()),
        _audit_text(material["audit"]),
        "## Figures",
        *(f"![{caption}]({file})\n\n{caption}." for file, caption in figures),
        _quality_text(material["learning"]),
        "## What cannot be reproduced",
        _LOST,
        markdown_table(_parameter_rows(problems), _parameter_columns(tuple(problems))),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _failed(rows: Sequence[Row], name: str) -> list[str]:
    lines = [f"* {r['objective']}, {r[name]}: {r['error']}" for r in rows if r.get("error")]
    return ["Without an answer:\n\n" + "\n".join(lines)] if lines else []


def _bounds_part(name: str, results: Sequence[BoundsResult], reference: Row | None) -> list[str]:
    paper = TABLES[name]
    what = "voltage deviation" if paper.objective == "voltage" else "loss, kW"
    ended = [f"{paper.seconds:g} s a seed of SPAR"]
    if paper.extensive is not None:
        ended.append(f"extensive form {paper.extensive:g}, progressive hedging {paper.hedging:g}")
    else:
        ended.append("extensive form and progressive hedging without an answer")
    text = f"{paper.feeder}, {what}. Paper: {'; '.join(ended)}."
    bound = None
    if reference is None:
        text += " Not run here: `--full` does."
    elif reference["error"]:
        text += f" Here Benders on the full set failed: {reference['error']}"
    else:
        bound = reference["bound"]
        found = "no decision" if reference["value"] is None else f"{reference['value']:.5g}"
        proven = "no bound" if bound is None else f"bound {bound:.5g}"
        text += (
            f" Here, all {reference['scenarios']} scenarios: Benders {found}, {proven}, "
            f"{reference['status']} in {reference['seconds']:.1f} s"
        )
        no_dg = reference["no_dg"]
        text += "." if no_dg is None else f"; {no_dg:.5g} without units."
    parts = [f"## Table {name}", text]
    if name == "II":
        parts.append(_BOUNDS)
    return [*parts, markdown_table(*bounds_lines(name, results, bound))]


# --------------------------------------------------------------------- sizes, audit, parameters
def _size_columns() -> list[Column]:
    return [
        Column("model", lambda row: str(row["model"])),
        Column("rows (paper)", number("printed_rows", ",.0f")),
        Column("rows", number("rows", ",d")),
        Column("columns (paper)", number("printed_columns", ",.0f")),
        Column("columns", number("columns", ",d")),
        Column("binary (paper)", number("printed_binary", ",.0f")),
        Column("binary", number("binary", ",d")),
    ]


def _binary_text(sizes: Sequence[Row]) -> str:
    """Name the printed numbers of binaries that do not follow from the same N and L."""
    odd = [
        f"{r['model']} ({r['printed_binary']:,.0f} printed, {r['binary']:,d} by the formula)"
        for r in sizes
        if r["binary"] is not None and abs(r["printed_binary"] / r["binary"] - 1) > 0.02
    ]
    if not odd:
        return "The printed numbers of binaries follow likewise."
    return "The printed number of binaries does not fit the same N and L: " + "; ".join(odd) + "."


def _stage_columns() -> list[Column]:
    return [
        Column("feeder", lambda row: str(row["feeder"])),
        Column("buses", number("buses", "d")),
        Column("nodes", number("nodes", "d")),
        Column("rows", number("rows", "d")),
        Column("columns", number("columns", "d")),
    ]


def _audit_columns() -> list[Column]:
    return [
        Column("table", lambda row: str(row["table"])),
        Column("N", number("size", "d")),
        Column("Obj (paper)", number("objective", ".2f")),
        Column("middle of LB CI", number("lower_middle", ".3f")),
        Column("BG (paper)", number("gap", ".2f")),
        Column("UB high − LB low", number("interval_gap", ".2f")),
        Column("Obj over EF, %", number("claimed", ".2f", 100)),
        Column("UB CI over EF, %", _excess),
    ]


def _excess(row: Row) -> str:
    if row["least_excess"] is None:
        return "–"
    return f"{100 * row['least_excess']:.2f}–{100 * row['most_excess']:.2f}"


def _audit_text(audit: Sequence[Row]) -> str:
    off = max(abs(r["objective"] / r["lower_middle"] - 1) for r in audit)
    below = sum(1 for r in audit if r["claimed"] is not None and r["claimed"] < 0)
    return (
        f"`Obj` and the middle of the lower interval differ by {100 * off:.2f} % at most. In "
        f"{below} lines `Obj` lies below the extensive form, where no decision can be."
    )


def _quality_text(learning: Sequence[Row]) -> str:
    """Say what the last decision of each run is worth against the proven bound."""
    lines = [
        f"* {r['objective']}, step rule {r['step_rule']}: {100 * r['quality']:.2f} %, "
        f"{100 * r['captured']:.1f} % of the possible improvement"
        for r in learning
        if r["captured"] is not None
    ]
    if not lines:
        return ""
    stated = f"{100 * STATED['least_quality']:.0f} %"
    return (
        f"The paper states a quality above {stated} for all step rules, without saying of what. "
        "Bound over value of the last decision here, which is at most its quality:\n\n"
        + "\n".join(lines)
    )


def _parameter_rows(problems: Mapping[str, PlanningProblem]) -> list[Row]:
    def line(name: str, paper: str, of: Callable[[PlanningProblem], str]) -> Row:
        return {"name": name, "paper": paper, **{f: of(p) for f, p in problems.items()}}

    loads = {
        feeder: (p.feeder.to_kw(p.feeder.load_p.sum()), p.feeder.to_kw(p.feeder.load_q.sum()))
        for feeder, p in problems.items()
    }
    stated = STATED["load"]
    return [
        {
            "name": "load, kW + kvar",
            "paper": "; ".join(f"{f} {p:g} + {q:g}" for f, (p, q) in stated.items()),
            **{f: f"{p:.1f} + {q:.1f}" for f, (p, q) in loads.items()},
        },
        line("budget, k$", "1500", lambda p: f"{p.budget:g}"),
        line("unit, kW", "lost", lambda p: f"{p.unit_kw:g}"),
        line("cost, $/kW", "lost", lambda p: f"{p.unit_cost:g}"),
        line("most units at a site", "166 by the sizes", lambda p: f"{p.site_limit}"),
        line("fewest units at a used site", "lost", lambda p: f"{p.min_units}"),
        line("sites used", "lost", lambda p: f"{p.min_sites} to {p.most_sites}"),
        line("source voltage, p.u.", "lost", lambda p: f"{p.source_voltage.max():g}"),
        line("reference voltage, p.u.", "lost", lambda p: f"{p.v_ref:g}"),
        line("voltage band, p.u.", "lost", _band),
        line("power factor angle, rad", "lost", lambda p: f"{p.power_factor_angle:g}"),
        line("line limits", "on", lambda p: "on where rated" if p.line_limits else "off"),
        line("regulators", "absent from (47)", lambda _: "neutral tap"),
    ]


def _band(problem: PlanningProblem) -> str:
    low, high = problem.band
    return "none" if (low <= 0).all() and (high > 1e9).all() else f"{low.min():g}–{high.max():g}"


def _parameter_columns(feeders: Sequence[str]) -> list[Column]:
    def of(field: str, title: str) -> Column:
        return Column(title, lambda row: str(row[field]))

    return [of("name", "parameter"), of("paper", "paper"), *(of(f, f) for f in feeders)]
