"""Tables I–VI of the SPAR-OPF paper: its figures and ours in one row."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pygridjl.experiments.spar.printed import MASTERS, TABLE_I, TABLES
from pygridjl.report.tables import Column, number

if TYPE_CHECKING:
    from pygridjl.siting.sample_bounds import BoundsResult, Interval

__all__ = ["bounds_lines", "comparison_lines", "master_lines"]

Row = Mapping[str, Any]

# ------------------------------------------------------------------------------------- Table I
_NAMES = {"spar": "SPAR", "extensive": "extensive form", "hedging": "progressive hedging"}
_PAPER_FIELD = {"spar": "spar", "extensive": "extensive", "hedging": "hedging"}


def comparison_lines(summary: Sequence[Row]) -> tuple[Sequence[Row], list[Column]]:
    """Join the summary of Table I with the paper's figures.

    Parameters
    ----------
    summary : sequence of mapping
        Of :func:`pygridjl.experiments.spar.tasks.comparison_summary`. Methods of the paper that
        were not run get a line with its figures alone.

    Returns
    -------
    rows : list of dict
        The summary with ``paper``, ``paper_seconds`` and ``paper_over``.
    columns : list of Column
        For :func:`~pygridjl.report.tables.markdown_table`.
    """
    rows = []
    for objective, paper in TABLE_I.items():
        ours = {r["method"]: r for r in summary if r["objective"] == objective}
        for method in dict.fromkeys([*_PAPER_FIELD, *ours]):
            line = {"objective": objective, "method": method, **ours.get(method, {})}
            if method in _PAPER_FIELD:
                printed = getattr(paper, _PAPER_FIELD[method])
                line["paper"] = printed
                line["paper_seconds"] = getattr(paper, f"{_PAPER_FIELD[method]}_seconds")
                line["paper_over"] = printed / paper.extensive - 1
            rows.append(line)
    columns = [
        Column("problem", lambda row: str(row["objective"])),
        Column("method", lambda row: _NAMES.get(row["method"], row["method"])),
        Column("paper", number("paper", ".2f")),
        Column("s (paper)", number("paper_seconds", ".0f")),
        Column("over, % (paper)", number("paper_over", ".2f", 100)),
        Column("runs", number("runs", "d")),
        Column("status", lambda row: str(row.get("status", "not run"))),
        Column("here", number("value", ".3f")),
        Column("least–most", _range("least", "most")),
        Column("s", number("seconds", ".2f")),
        Column("over, %", number("excess", ".2f", 100)),
        Column("captured, %", number("captured", ".1f", 100)),
        Column("without units", number("no_dg", ".3f")),
        Column("bound", number("bound", ".3f")),
    ]
    return rows, columns


def _range(low: str, high: str) -> Callable[[Row], str]:
    def show(row: Row) -> str:
        if row.get(low) is None:
            return "–"
        return f"{row[low]:.3f}–{row[high]:.3f}"

    return show


# --------------------------------------------------------------------------------- Tables II–V
def bounds_lines(
    name: str, results: Sequence[BoundsResult], bound: float | None
) -> tuple[Sequence[Row], list[Column]]:
    """Join bounds with one of Tables II–V.

    Parameters
    ----------
    name : str
        Number of the table.
    results : sequence of BoundsResult
        Ours, by sample size; sizes that were not run have the paper's figures alone.
    bound : float or None
        Proven bound on the full scenario set.

    Returns
    -------
    rows, columns
        For :func:`~pygridjl.report.tables.markdown_table`.
    """
    ours = {r.batch_size: r for r in results}
    rows = []
    for printed in TABLES[name].rows:
        line: dict[str, Any] = {
            "size": printed.size,
            "paper": printed.objective,
            "paper_lower": printed.lower,
            "paper_upper": printed.upper,
            "paper_gap": printed.gap,
            "paper_percent": printed.gap_percent,
        }
        found = ours.get(printed.size)
        if found is not None:
            line |= {
                "samples": len(found.batches),
                "printed": found.printed_lower.mean,
                "printed_lower": _ends(found.printed_lower),
                "upper": _ends(found.upper),
                "printed_gap": found.printed_gap,
                "printed_percent": 100 * found.printed_gap / found.printed_lower.mean,
                "lower": None if found.lower is None else _ends(found.lower),
                "best": found.best_value,
                "over": None if bound is None else found.best_value / bound - 1,
                "seconds": sum(b.seconds for b in found.batches) / len(found.batches),
            }
        rows.append(line)
    columns = [
        Column("N", number("size", "d")),
        Column("Obj (paper)", number("paper", ".2f")),
        Column("LB CI (paper)", _interval("paper_lower")),
        Column("UB CI (paper)", _interval("paper_upper")),
        Column("BG (%) (paper)", _gap("paper_gap", "paper_percent")),
        Column("samples", number("samples", "d")),
        Column("Obj", number("printed", ".3f")),
        Column("“LB” CI", _interval("printed_lower")),
        Column("UB CI", _interval("upper")),
        Column("BG (%)", _gap("printed_gap", "printed_percent")),
        Column("proven CI", _interval("lower")),
        Column("best", number("best", ".3f")),
        Column("best over bound, %", number("over", ".2f", 100)),
        Column("s a seed", number("seconds", ".2f")),
    ]
    return rows, columns


def _ends(interval: Interval) -> tuple[float, float]:
    return interval.low, interval.high


def _interval(field: str) -> Callable[[Row], str]:
    def show(row: Row) -> str:
        ends = row.get(field)
        return "–" if ends is None else f"{ends[0]:.5g}–{ends[1]:.5g}"

    return show


def _gap(gap: str, percent: str) -> Callable[[Row], str]:
    def show(row: Row) -> str:
        return "–" if row.get(gap) is None else f"{row[gap]:.3g} ({row[percent]:.1f})"

    return show


# ------------------------------------------------------------------------------------ Table VI
def master_lines(rows: Sequence[Row]) -> tuple[Sequence[Row], list[Column]]:
    """Join the masters measured with Table VI.

    Parameters
    ----------
    rows : sequence of mapping
        Of :func:`pygridjl.experiments.spar.masters.master_rows`.

    Returns
    -------
    rows, columns
        For :func:`~pygridjl.report.tables.markdown_table`. Masters of the paper that were not
        run get a line with its figures alone.
    """
    printed = {(m.feeder, m.kind): m for m in MASTERS}
    measured = {(r["feeder"], r["kind"], r["objective"]): r for r in rows}
    lines = []
    keys = dict.fromkeys([*printed, *((feeder, kind) for feeder, kind, _ in measured)])
    for feeder, kind in keys:
        for k, objective in enumerate(("voltage", "loss")):
            line = {"feeder": feeder, "kind": kind, "objective": objective}
            line |= measured.get((feeder, kind, objective), {})
            if (feeder, kind) in printed:
                paper = printed[feeder, kind]
                line["paper_seconds"] = paper.seconds[k]
                line["paper_size"] = f"{paper.rows:g} × {paper.columns:g}"
            lines.append(line)
    columns = [
        Column("feeder", lambda row: str(row["feeder"])),
        Column("master", lambda row: str(row["kind"])),
        Column("problem", lambda row: str(row["objective"])),
        Column("rows × columns (paper)", lambda row: str(row.get("paper_size", "–"))),
        Column("s an iteration (paper)", number("paper_seconds", ".2f")),
        Column("rows × columns", _measured_size),
        Column("binary", number("binary", "d")),
        Column("status", lambda row: str(row.get("status", "not run"))),
        Column("s, master", number("master_seconds", ".4f")),
        Column("s, second stage", number("stage_seconds", ".4f")),
    ]
    return lines, columns


def _measured_size(row: Row) -> str:
    return "–" if row.get("rows") is None else f"{row['rows']} × {row['columns']}"
