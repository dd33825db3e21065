"""The tables of ``pygridjl benchmark balance``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pygridjl.experiments.balance import Options
from pygridjl.experiments.registry import Page
from pygridjl.report.tables import Column, number, text_table
from pygridjl.study.growth import growth_exponent

__all__ = ["page"]


def page(rows: Mapping[str, list[dict[str, Any]]], _options: Options, _folder: Path) -> Page:
    """Lay the three tables out."""
    parts = [
        "(a) Exact methods on the same problems: they must agree to 1e-6",
        text_table(rows["agreement"], _agreement_columns()),
        _agreement(rows["agreement"]),
        "\n(b) Local search against the proven bound of columns, objective rms",
        text_table(rows["local"], _local_columns()),
        "    trivial: what the triangle inequality alone leaves open",
        "\n(c) Local search by size: 50 circuits, a week of hours, until no exchange gains",
        text_table(rows["growth"], _growth_columns()),
        *_exponents(rows["growth"]),
    ]
    return Page("\n".join(parts), dict(rows), dict(rows))


def _size(row: Mapping[str, Any]) -> str:
    return f"{row['points']} SPs x {row['circuits']} circuits, {row['cap']} each"


def _agreement(rows: list[dict[str, Any]]) -> str:
    worst = 0.0
    for key in dict.fromkeys((r["points"], r["kind"]) for r in rows):
        found = [
            r["objective"]
            for r in rows
            if (r["points"], r["kind"]) == key and r.get("status") == "optimal"
        ]
        if found:
            worst = max(worst, max(found) / min(found) - 1)
    return f"    largest relative difference of two proven optima: {worst:.1e}"


def _agreement_columns() -> list[Column]:
    return [
        Column("problem", _size),
        Column("kind", lambda r: str(r["kind"])),
        Column("method", lambda r: str(r["method"])),
        Column("status", lambda r: str(r.get("status", r["error"]))),
        Column("objective", number("objective", ".8f")),
        Column("gap", number("gap", ".1e")),
        Column("CPU s", number("cpu", ".2f")),
    ]


def _local_columns() -> list[Column]:
    return [
        Column("problem", _size),
        Column("reach", lambda r: str(r["reach"])),
        Column("local", number("local", ".5f")),
        Column("columns", number("columns", ".5f")),
        Column("bound", number("columns_bound", ".5f")),
        Column("status", lambda r: str(r.get("status", r["error"]))),
        Column(
            "local above bound", lambda r: f"{100 * r['above']:z.3f} %" if "above" in r else "–"
        ),
        Column("trivial", lambda r: f"{100 * r['triangle_gap']:.1f} %" if "above" in r else "–"),
        Column("CPU s local", number("local_cpu", ".1f")),
        Column("columns", number("columns_cpu", ".1f")),
    ]


def _growth_columns() -> list[Column]:
    return [
        Column("SPs", number("points", ",d")),
        Column("kind", lambda r: str(r["kind"])),
        Column("before", number("before", ".5g")),
        Column("after", number("objective", ".5g")),
        Column("gap", lambda r: f"{100 * r['gap']:z.3f} %" if r.get("gap") is not None else "–"),
        Column("local optimum", lambda r: "yes" if r.get("finished") else "no"),
        Column("CPU s", number("cpu", ".1f")),
        Column("MB", number("memory_mb", ",.0f")),
    ]


def _exponents(rows: list[dict[str, Any]]) -> list[str]:
    lines = []
    for kind in dict.fromkeys(r["kind"] for r in rows):
        ours = [r for r in rows if r["kind"] == kind and r.get("cpu")]
        if len(ours) > 1:
            slope = growth_exponent([r["points"] for r in ours], [r["cpu"] for r in ours])
            lines.append(f"    {kind}: CPU seconds grow as SPs^{slope:.2f}")
    return lines
