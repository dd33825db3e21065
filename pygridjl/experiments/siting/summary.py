"""What the rows of the siting benchmark say together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from pygridjl.siting.result import improvement_captured
from pygridjl.study.growth import growth_exponent

__all__ = ["growth_curves", "method_summary"]

Row = dict[str, Any]

# Points an exponent needs.
LEAST_POINTS = 3


def method_summary(rows: Iterable[Row]) -> list[Row]:
    """Sum the runs of every method up, over its seeds, against the best bound of the problem.

    Parameters
    ----------
    rows : iterable of dict
        Rows of :func:`~pygridjl.experiments.siting.tasks.method_tasks`.

    Returns
    -------
    list of dict
        ``value`` and costs are medians over the seeds, ``best`` and ``worst`` their range.
        ``captured`` is :func:`~pygridjl.siting.result.improvement_captured` of the value with
        ``best_bound``, the highest bound that Benders proved for the problem: what the method
        captures at least.
    """
    problem = ("feeder", "scenarios", "objective", "regime")
    found = []
    for known, runs in _groups(rows, problem):
        bounds = [r["bound"] for r in runs if r.get("bound") is not None]
        best_bound = max(bounds, default=None)
        for name, same in _groups(runs, ("method", "wanted_gap")):
            done = [r for r in same if r.get("value") is not None]
            line: Row = {**known, **name, "runs": len(same), "best_bound": best_bound}
            line["error"] = next((r["error"] for r in same if r["error"]), "")
            line["status"] = ", ".join(dict.fromkeys(r["status"] for r in same if "status" in r))
            for field in ("no_dg", "value", "bound", "gap", "cpu_seconds", "wall_seconds"):
                line[field] = _median(r.get(field) for r in same)
            values = [r["value"] for r in done]
            line["best"], line["worst"] = min(values, default=None), max(values, default=None)
            memory = [r["memory_mb"] for r in same if r.get("memory_mb") is not None]
            line["memory_mb"] = max(memory, default=None)
            line["captured"] = improvement_captured(line["no_dg"], line["value"], best_bound)
            found.append(line)
    return found


def growth_curves(rows: Iterable[Row]) -> list[Row]:
    """Group the growth into curves and find how each grows.

    Parameters
    ----------
    rows : iterable of dict
        Rows of :func:`~pygridjl.experiments.siting.tasks.growth_tasks`.

    Returns
    -------
    list of dict
        ``axis, method``; ``points``, the runs that ended by themselves, and ``stopped``, those
        that an error or the time limit ended; ``exponent`` of the seconds of the former, None
        with fewer than three.
    """
    curves = []
    for known, runs in _groups(rows, ("axis", "method")):
        ended = [r for r in runs if not r["error"] and r["status"] in ("optimal", "feasible")]
        sizes, seconds = ([float(r[name]) for r in ended] for name in ("size", "cpu_seconds"))
        enough = len(ended) >= LEAST_POINTS
        curves.append(
            {
                **known,
                "points": len(ended),
                "stopped": len(runs) - len(ended),
                "exponent": growth_exponent(sizes, seconds) if enough else None,
            }
        )
    return curves


def _groups(rows: Iterable[Row], fields: Sequence[str]) -> Iterator[tuple[Row, list[Row]]]:
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(row[name] for name in fields), []).append(row)
    for key, members in groups.items():
        yield dict(zip(fields, key, strict=True)), members


def _median(values: Iterable[float | None]) -> float | None:
    known = [v for v in values if v is not None]
    return float(np.median(known)) if known else None
