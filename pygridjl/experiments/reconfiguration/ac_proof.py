"""Proofs of the least AC loss of the standard cases, beside SCIP's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pygridjl.core.jit import working_time
from pygridjl.experiments.forward.printed import BEST_KNOWN
from pygridjl.grid.cases import get_case
from pygridjl.reconfiguration import reconfigure
from pygridjl.report.tables import Column, number
from pygridjl.study.task import Row, Task

__all__ = ["ac_proof_columns", "ac_proof_tasks"]

# SCIP is asked for these too: seconds for the first, most of a minute for the second.
SCIP_CASES = ("case16ci", "case33bw")
SECONDS = 60.0


def ac_proof_tasks(*, cases: Sequence[str] = tuple(BEST_KNOWN)) -> list[Task]:
    """List the cases with both methods.

    Returns
    -------
    list of Task
        Rows ``loss_kw, bound_kw, gap, status, seconds, best_known_kw``.
    """
    return [
        Task({"table": "AC proof", "case": case, "method": method, "limit": SECONDS}, _proof)
        for case in cases
        for method in (("exact-ac", "scip-ac") if case in SCIP_CASES else ("exact-ac",))
    ]


def _proof(asked: Mapping[str, Any]) -> Row:
    network = get_case(asked["case"])
    start = working_time()
    result = reconfigure(network, asked["method"], limits=(), time_limit=asked["limit"])
    found, bound = result.loss_kw, result.ac_bound
    return {
        "loss_kw": found,
        "bound_kw": bound,
        "gap": None if found is None or bound is None else (found - bound) / found,
        "status": result.status.value,
        "seconds": working_time() - start,
        "best_known_kw": BEST_KNOWN[asked["case"]].loss_kw,
    }


def ac_proof_columns() -> list[Column]:
    """Columns of the table."""
    return [
        Column("case", lambda row: str(row["case"])),
        Column("method", lambda row: str(row["method"])),
        Column("AC loss kW", number("loss_kw", ".4f")),
        Column("proven AC bound kW", number("bound_kw", ".4f")),
        Column("gap %", number("gap", ".5f", 100.0)),
        Column("status", lambda row: str(row["status"])),
        Column("best known kW", number("best_known_kw")),
        Column("seconds", number("seconds")),
    ]
