"""Relaxations and proofs on the cases of a folder, or on the bundled ones."""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from pygridjl.core.errors import CaseNotFoundError
from pygridjl.core.result import relative_gap
from pygridjl.experiments.relaxations import Options
from pygridjl.grid.cases import get_case
from pygridjl.grid.load import load_network
from pygridjl.grid.network import Network
from pygridjl.optimal_flow.forms.acp import ac_opf
from pygridjl.optimal_flow.relaxation.solve import relax
from pygridjl.optimal_flow.solve import opf
from pygridjl.study.task import Plan, Row, Task

__all__ = ["BUNDLED", "ROOTS", "plan"]

BUNDLED = ("case9", "case14", "case30", "case57", "case118")
ROOTS = ("soc", "soc+lnc", "qc+lnc", "sdp", "sdp+lnc+currents", "sdp+lnc+currents+minors")
PROOF = "sdp+lnc+currents+minors+obbt"
CVXPY = ("soc", "sdp")
POWERMODELS = ("soc", "qc", "sdp")


def plan(options: Options) -> Plan:
    """List every relaxation of every case, and a proof of each."""
    cases = _cases(options)
    roots = [Task({"case": c, "method": m}, _root) for c in cases for m in ROOTS]
    proofs = [
        Task({"case": c, "method": PROOF, "time_limit": options.time_limit}, _proof) for c in cases
    ]
    parts = {"relaxations": roots, "proofs": proofs}
    if options.cvxpy:
        parts["cvxpy"] = [Task({"case": c, "method": m}, _cvxpy) for c in cases for m in CVXPY]
    if options.powermodels:
        parts["powermodels"] = [
            Task({"case": c, "form": f}, _powermodels) for c in cases for f in POWERMODELS
        ]
    return Plan(parts)


def _cases(options: Options) -> list[str]:
    """Files of the folder by size, or bundled names, up to the largest size asked for."""
    if not options.cases:
        return [name for name in BUNDLED if get_case(name).n_bus <= options.most]
    found = sorted(Path(options.cases).rglob("*.m"))
    if not found:
        raise CaseNotFoundError(options.cases, [])
    sized = [(load_network(path).n_bus, str(path)) for path in found]
    return [path for size, path in sorted(sized) if size <= options.most]


@cache
def _network(case: str) -> Network:
    return load_network(case)


@cache
def _ac(case: str) -> tuple[float | None, float]:
    """Cost of the local search and its CPU seconds."""
    begun = time.process_time()
    return ac_opf(_network(case)).objective, time.process_time() - begun


def _root(asked: Mapping[str, Any]) -> Row:
    network, (cost, ac_seconds) = _network(asked["case"]), _ac(asked["case"])
    begun = time.process_time()
    answer = relax(network, asked["method"], ac_objective=cost, search=False)
    return {
        "name": network.name,
        "buses": network.n_bus,
        "status": answer.status.value,
        "ac": cost,
        "ac_seconds": ac_seconds,
        "bound": answer.bound,
        "gap_percent": None if answer.gap is None else 100 * answer.gap,
        "loop_error": answer.loop_error,
        "cpu_seconds": time.process_time() - begun,
        "build_seconds": answer.seconds["build"],
    }


def _proof(asked: Mapping[str, Any]) -> Row:
    network, (cost, _) = _network(asked["case"]), _ac(asked["case"])
    begun = time.perf_counter()
    answer = relax(
        network,
        asked["method"],
        ac_objective=cost,
        search=False,
        time_limit=asked["time_limit"],
    )
    return {
        "name": network.name,
        "gap_percent": None if answer.gap is None else 100 * answer.gap,
        "proven": answer.proven,
        "rounds": sum(entry.name.startswith("round") for entry in answer.rounds),
        "wall_seconds": time.perf_counter() - begun,
    }


def _cvxpy(asked: Mapping[str, Any]) -> Row:
    from pygridjl.experiments.relaxations.peer import cvxpy_build

    network = _network(asked["case"])
    answer = relax(network, asked["method"], search=False)
    return {
        "name": network.name,
        "build_seconds": answer.seconds["build"],
        "cvxpy_seconds": cvxpy_build(network, asked["method"]).seconds,
    }


def _powermodels(asked: Mapping[str, Any]) -> Row:
    network, (cost, _) = _network(asked["case"]), _ac(asked["case"])
    # The first call compiles.
    opf(network, asked["form"], backend="julia")
    answer = opf(network, asked["form"], backend="julia")
    gap = relative_gap(cost, answer.objective)
    return {
        "name": network.name,
        "status": answer.status.value,
        "gap_percent": None if gap is None else 100 * gap,
        "seconds": sum(answer.seconds.values()),
    }
