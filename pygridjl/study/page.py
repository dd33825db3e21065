"""The report of a study: one HTML file whose every number names the row it comes from."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pygridjl.core.errors import InvalidOptionError
from pygridjl.core.figures import new_figure
from pygridjl.core.files import replacing_file, write_text
from pygridjl.core.result import relative_gap
from pygridjl.report.html import html_page, html_picture, html_table
from pygridjl.report.tables import write_csv
from pygridjl.study.profiles import SAME, Cell, cells, performance_profile
from pygridjl.study.run import open_study, records_frame
from pygridjl.study.store import Record, Store

__all__ = ["report_text", "write_report"]

# A gap of zero has no place on a logarithmic axis.
LEAST_GAP = 1e-9


def write_report(folder: str | Path, *, parquet: bool = False) -> list[Path]:
    """Write ``report.html`` and ``rows.csv`` of the rows in a folder.

    Parameters
    ----------
    folder : path-like
        Of a study, a benchmark or a reproduction; it may still be running.
    parquet : bool
        Whether to write ``rows.parquet`` too; needs pyarrow.

    Returns
    -------
    list of Path
        The files written.

    Raises
    ------
    InvalidOptionError
        If the folder holds no rows of ours, or pyarrow is missing.
    OutputError
        If a file cannot be written.
    """
    place = Path(folder)
    store = Store.existing(place)
    if store.recall("definition") is None:
        records, planned = store.records(), None
    else:
        study, store = open_study(place)
        tasks = study.tasks()
        records, planned = store.records(tasks), len(tasks)
    frame = records_frame(records)
    page, table = place / "report.html", place / "rows.csv"
    write_text(page, report_text(store, records, planned))
    written = [page, write_csv(table, frame)]
    if parquet:
        try:
            with replacing_file(place / "rows.parquet") as temporary:
                _of_one_kind(frame).to_parquet(temporary, index=False)
        except ImportError as error:
            raise InvalidOptionError("parquet: needs pyarrow; install pygridjl[parquet]") from error
        written.append(place / "rows.parquet")
    return written


def _of_one_kind(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the frame with columns of mixed kinds as text, which is all that Parquet can hold."""
    plain = frame.copy()
    for name, column in frame.items():
        if pd.api.types.infer_dtype(column, skipna=True).startswith("mixed"):
            plain[name] = column.map(str, na_action="ignore")
    return plain


def report_text(store: Store, records: Sequence[Record], planned: int | None) -> str:
    """Return the page.

    Parameters
    ----------
    store : Store
        Where the rows are from.
    records : sequence of Record
        The rows.
    planned : int or None
        Tasks of the study, as far as it is known.
    """
    failed = sum(bool(r.row["error"]) for r in records)
    of = "" if planned is None else f" of {planned}"
    parts = [
        f'<p class="note">{len(records)}{of} tasks are finished, {failed} of them ended in an '
        "error. A number with a link leads to the row it comes from; the name of a row is that of "
        "its log, too.</p>"
    ]
    if records and all("capability" in r.row for r in records):
        parts += _comparison(cells(records))
    parts += ["<h2>Rows</h2>", _rows(records), "<h2>Versions and machines</h2>"]
    parts += _environments(store.environments(), records)
    return html_page(store.study, parts)


def _comparison(found: Sequence[Cell]) -> list[str]:
    methods = list(dict.fromkeys(c.method for c in found))
    at = {(c.problem, c.method): c for c in found}
    lines = [
        [escape(problem), *(_cell(at.get((problem, method))) for method in methods)]
        for problem in dict.fromkeys(c.problem for c in found)
    ]
    parts = [
        "<h2>Methods and problems</h2>",
        '<p class="note">Value, gap to the proven bound where there is one, seconds; medians over '
        "the seeds.</p>",
        html_table(["problem", *methods], lines),
    ]
    parts.append(_profile(performance_profile(found)))
    if any(c.gap is not None for c in found):
        parts.append(_gaps(found))
    return parts


def _cell(cell: Cell | None) -> str:
    if cell is None:
        return "–"
    link = f"#{cell.middle.key[:16]}"
    if cell.value is None or cell.seconds is None:
        return f'<a href="{link}">none</a>'
    gap = "" if cell.gap is None else f" {100 * cell.gap:.3g}&nbsp;%"
    return f'<a href="{link}">{cell.value:.6g}</a>{gap} {cell.seconds:.3g}&nbsp;s'


def _profile(ratios: Mapping[str, np.ndarray[Any, Any]]) -> str:
    figure = new_figure(width=7.5, height=4.2)
    axes = figure.subplots()
    solved = [r[np.isfinite(r)] for r in ratios.values()]
    end = 1.5 * max((r.max() for r in solved if r.size), default=2.0)
    for k, (method, values) in enumerate(ratios.items()):
        good = values[np.isfinite(values)]
        share = np.arange(1, good.size + 1) / values.size
        x = np.concatenate([[1.0], good, [end]])
        y = np.concatenate([[0.0], share, share[-1:] if good.size else [0.0]])
        axes.step(x, y, where="post", label=method, lw=1.4, ls=("-", "--", ":", "-.")[k % 4])
    axes.set_xscale("log")
    axes.set_xlim(1.0, max(end, 1.1))
    axes.set_ylim(-0.02, 1.02)
    axes.set_xlabel("τ: times the seconds of the quickest")
    axes.set_ylabel("share of problems solved")
    axes.grid(alpha=0.25)
    axes.legend(fontsize=8, frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return html_picture(
        figure,
        "Performance profile (Dolan and Moré): share of the problems that a method solves within "
        f"τ times the seconds of the quickest; solved is within {100 * SAME:g} % of the best "
        "value found.",
    )


def _gaps(found: Sequence[Cell]) -> str:
    figure = new_figure(width=7.5, height=4.2)
    axes = figure.subplots()
    for k, method in enumerate(dict.fromkeys(c.method for c in found)):
        points = [
            (r.seconds, max(gap, LEAST_GAP))
            for c in found
            if c.method == method
            for r in c.records
            if (gap := relative_gap(r.value, r.bound)) is not None and not r.row["error"]
        ]
        if points:
            seconds, gaps = zip(*points, strict=True)
            axes.plot(seconds, gaps, "osv^Dx+*"[k % 8], ms=5, alpha=0.8, label=method)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("seconds")
    axes.set_ylabel("gap to the proven bound")
    axes.grid(alpha=0.25)
    axes.legend(fontsize=8, frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return html_picture(
        figure, f"Gap against time, one mark a run; a gap of zero is drawn at {LEAST_GAP:g}."
    )


def _rows(records: Sequence[Record]) -> str:
    asked = ("capability", "case", "method", "options", "seed")
    of_study = bool(records) and all("capability" in r.row for r in records)
    header = ["row", *(asked if of_study else ["asked"])]
    header += ["status", "value", "bound", "seconds", "error", "code", "versions", "ended"]
    lines = []
    for record in records:
        row = record.row
        said = [_text(row.get(name)) for name in asked] if of_study else [_asked(row)]
        lines.append(
            [
                f"<code>{record.key[:16]}</code>",
                *said,
                _text(record.status),
                _number(record.value),
                _number(record.bound),
                f"{record.seconds:.4g}",
                escape(str(row["error"])),
                f"<code>{escape(record.code)}</code>",
                f'<a href="#{record.environment}"><code>{record.environment}</code></a>',
                escape(record.time),
            ]
        )
    return html_table(header, lines, [record.key[:16] for record in records])


def _asked(row: Mapping[str, Any]) -> str:
    short = {k: v for k, v in row.items() if not isinstance(v, list | dict) and k != "error"}
    return escape(", ".join(f"{k} {v}" for k, v in list(short.items())[:8]))


def _environments(known: Mapping[str, Mapping[str, Any]], records: Sequence[Record]) -> list[str]:
    lines, ids = [], []
    for name in dict.fromkeys(r.environment for r in records):
        about = known[name]
        versions = ", ".join(f"{k} {v}" for k, v in about.get("versions", {}).items())
        machine = ("processor", "cores", "memory_mb", "system", "python")
        said = [_text(about.get(field)) for field in machine]
        lines.append([f"<code>{name}</code>", *said, escape(versions)])
        ids.append(name)
    header = ["versions", "processor", "cores", "memory MB", "system", "Python", "packages"]
    return [html_table(header, lines, ids)]


def _text(value: Any) -> str:
    if value is None:
        return "–"
    return escape(json.dumps(value) if isinstance(value, list | dict) else str(value))


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.9g}"
