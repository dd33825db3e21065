"""The tables of ``pygridjl benchmark relaxations``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pygridjl.experiments.registry import Page
from pygridjl.experiments.relaxations.printed import SOURCE, TIGHTENED, baseline
from pygridjl.experiments.relaxations.tasks import ROOTS
from pygridjl.report.tables import Column, markdown_table, number
from pygridjl.study.task import Row

__all__ = ["by_case", "page"]

_TEXT = (
    "Gaps in percent of the AC cost, from safe bounds; in brackets CPU seconds of building and "
    "solving, the first use of a library included. *Proof* tightens bounds until the AC cost is "
    "proven to 0.01 %; its seconds are wall clock. *Published* columns are {source}. With "
    "tightening, {tightened}"
)


def by_case(rows: Mapping[str, list[Row]]) -> list[Row]:
    """Join the rows of each case with the published ones."""
    published = baseline()
    joined: dict[str, Row] = {}
    for row in rows["relaxations"]:
        name = str(row.get("name", row["case"]))
        line = joined.setdefault(row["case"], {"name": name, **published.get(name, {})})
        line.setdefault("published_ac", line.pop("ac", None))
        line["cost"] = row.get("ac")
        line["ac_seconds"] = row.get("ac_seconds")
        line[f"gap:{row['method']}"] = row.get("gap_percent")
        line[f"seconds:{row['method']}"] = row.get("cpu_seconds")
    for row in rows["proofs"]:
        line = joined[row["case"]]
        line["gap:proof"], line["seconds:proof"] = row.get("gap_percent"), row.get("wall_seconds")
    for row in rows.get("cvxpy", []):
        line = joined[row["case"]]
        line[f"build:{row['method']}"] = row.get("build_seconds")
        line[f"build:cvxpy {row['method']}"] = row.get("cvxpy_seconds")
    for row in rows.get("powermodels", []):
        line = joined[row["case"]]
        line[f"gap:powermodels {row['form']}"] = row.get("gap_percent")
        line[f"seconds:powermodels {row['form']}"] = row.get("seconds")
    return list(joined.values())


def page(rows: Mapping[str, list[Row]], _options: Any, _folder: Path) -> Page:
    """Lay out one row a case."""
    table = by_case(rows)
    methods = [*ROOTS, "proof"]
    methods += [f"powermodels {form}" for form in dict.fromkeys(_forms(rows))]
    columns = [
        Column("case", lambda row: str(row["name"])),
        Column("AC cost", number("cost", ".2f")),
        Column("published QC", number("qc_gap", ".2f")),
        Column("published SOC", number("soc_gap", ".2f")),
        *(Column(method, _cell(method)) for method in methods),
    ]
    for row in rows.get("cvxpy", [])[:2]:
        method = row["method"]
        columns += [
            Column(f"{who}{method}, ms", _milliseconds(f"build:{key}{method}"))
            for who, key in (("building ", ""), ("CVXPY's part of building ", "cvxpy "))
        ]
    text = "\n\n".join(
        [
            "# Relaxations of the AC optimal power flow",
            _TEXT.format(source=SOURCE, tightened=TIGHTENED),
            markdown_table(table, columns),
        ]
    )
    return Page(text + "\n", {"relaxations": table}, {"relaxations": table}, report=True)


def _milliseconds(key: str) -> Callable[[Mapping[str, Any]], str]:
    def show(row: Mapping[str, Any]) -> str:
        seconds = row.get(key)
        return "–" if seconds is None else f"{1e3 * seconds:.0f}"

    return show


def _forms(rows: Mapping[str, list[Row]]) -> list[str]:
    return [str(row["form"]) for row in rows.get("powermodels", [])]


def _cell(method: str) -> Callable[[Mapping[str, Any]], str]:
    def show(row: Mapping[str, Any]) -> str:
        gap, seconds = row.get(f"gap:{method}"), row.get(f"seconds:{method}")
        if gap is None:
            return "–"
        return f"{gap:z.3f}" if seconds is None else f"{gap:z.3f} ({seconds:.2f})"

    return show
