"""PGLib's own baseline: what PowerModels with Ipopt found on its cases."""

from __future__ import annotations

import csv
from importlib.resources import files
from typing import Any

__all__ = ["baseline"]

SOURCE = "PGLib-OPF v23.07, BASELINE.md (MIT licence; the cases themselves are CC BY 4.0)"

# Not by case: a summary of their tables.
TIGHTENED = (
    "Gopinath and Hijazi (Benchmarking Large-Scale ACOPF Solutions and Optimality Bounds, 2022) "
    "state that semidefinite programs with reformulation-linearisation have proven optimality on "
    "all of PGLib's networks of up to 300 buses."
)


def baseline() -> dict[str, dict[str, Any]]:
    """Return the published AC cost and gaps in percent by name of the case file."""
    text = files(__package__).joinpath("pglib_baseline.csv").read_text(encoding="utf-8")
    found = {}
    for row in csv.DictReader(text.splitlines()):
        found[row["case"]] = {
            "variant": row["variant"],
            **{k: float(row[k]) if row[k] else None for k in ("ac", "qc_gap", "soc_gap")},
        }
    return found
