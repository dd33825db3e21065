"""The report of ``pygridjl reproduce jabr`` as Markdown."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pygridjl.experiments.jabr.printed import LOOP_LENGTHS, NORMS
from pygridjl.experiments.registry import Page
from pygridjl.report.tables import Column, markdown_table, number
from pygridjl.study.task import Row

__all__ = ["page"]

_SOURCE = (
    "Bernardelli, Gualandi, Riccardi: *Optimal Power Flow problem: a study on Jabr relaxation*, "
    "HEXAGON workshop, 2024. Every number below was computed in this run, except the column "
    "*slides*."
)
_TABLE = (
    "2-norm of the errors of the loop constraints (5) on case14, times 100. The model is (2) as "
    "printed: bus shunts are dropped, cosines are not negative. *Unoriented* takes s of every "
    "branch as it is stored; *oriented* changes its sign where the cycle walks a branch backwards, "
    "without which the constraint is not the one of Lemma 2. *Complex* also holds the imaginary "
    "part. With loops, the sign variables are integers (HiGHS on cone cuts, to a gap of 1e-4 or "
    "for 60 s, whichever comes first)."
)
_FINDINGS = (
    "* The slides' 5.449 is the unoriented measure of the optimum with Jabr's inequality. That "
    "measure is not an error: the exact point of the semidefinite relaxation does not make it "
    "zero.\n"
    "* The optimum of the cone keeps the standard relaxation of all loops already (column *convex, "
    "with the rows*), so the rows cannot move it; what a mixed-integer solver prints beyond that "
    "is what its gap or its clock left open, and another value each time. The slides' 4.717 is "
    "of that kind.\n"
    "* Without Jabr's inequality the optimum is not unique (cost 0), so 116.090 and 84.884 say "
    "which point a solver happened to return, and cannot be targets.\n"
    "* What does close the loops is tightening the bounds of the products, last table."
)
_FORMS = (
    "Every linearisation the slides name, after Jabr's inequality, on case14 and on a network of "
    "three cycles with five, six and seven buses. None moves the optimum of the cone."
)
_CLOSING = (
    "case14 with all its data. Rounds of optimisation-based bound tightening on the same rows: the "
    "oriented complex error falls until the AC cost is proven to the tolerance."
)


def page(rows: Mapping[str, list[Row]], _options: Any, _folder: Path) -> Page:
    """Lay out the comparison with the slides."""
    table = [
        {**row, "slides": NORMS[bool(row["jabr"]), bool(row["loops"])]} for row in rows["table"]
    ]
    lengths = sorted(rows["forms"][0].get("lengths", []))
    same = "as the slides say" if tuple(lengths) == LOOP_LENGTHS else "other than the slides say"
    parts = [
        "# Jabr's relaxation and loop constraints: the slides' experiment, repeated",
        _SOURCE,
        "## The table",
        _TABLE,
        markdown_table(table, _table_columns()),
        f"Cycles of the minimum cycle basis have {', '.join(map(str, lengths))} edges, {same}.",
        _FINDINGS,
        "## Forms of the loop constraint",
        _FORMS,
        markdown_table(rows["forms"], _form_columns()),
        "## Closing the loops",
        _CLOSING,
        markdown_table(rows["closing"], _closing_columns()),
    ]
    found = {"table": table, "forms": rows["forms"], "closing": rows["closing"]}
    tables = {"jabr-table": table, "jabr-forms": rows["forms"], "jabr-closing": rows["closing"]}
    return Page("\n\n".join(parts) + "\n", found, tables, report=True)


def _table_columns() -> list[Column]:
    return [
        Column("constraints", _configuration),
        Column("slides", number("slides")),
        Column("unoriented", number("unoriented")),
        Column("oriented, real", number("oriented_real")),
        Column("oriented, complex", number("oriented_complex")),
        Column("convex, with the rows", number("convex_unoriented")),
        Column("cost per hour", number("objective", ".2f")),
    ]


def _configuration(row: Mapping[str, Any]) -> str:
    return f"{'Jabr' if row['jabr'] else 'no Jabr'}, {'loops' if row['loops'] else 'no loops'}"


def _form_columns() -> list[Column]:
    return [
        Column("network", lambda row: str(row["network"])),
        Column("form", lambda row: str(row["form"])),
        Column("cost per hour", number("objective", ".4f")),
        Column("gap, %", number("gap_percent", ".4f")),
        Column("complex error, p.u.", number("complex_error", ".2e")),
        Column("seconds", number("seconds")),
    ]


def _closing_columns() -> list[Column]:
    return [
        Column("method", lambda row: str(row["method"])),
        Column("tolerance", number("tolerance", ".0e")),
        Column("safe bound", number("bound", ".4f")),
        Column("gap, %", number("gap_percent", ".5f")),
        Column("real error, p.u.", number("real_error", ".1e")),
        Column("complex error, p.u.", number("complex_error", ".1e")),
        Column("rounds", number("rounds", "d")),
        Column("seconds", number("seconds", ".2f")),
    ]
