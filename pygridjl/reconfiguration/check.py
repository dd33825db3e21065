"""Independent check of a configuration: shares no code with the methods that found it.

The tree is checked by scipy's component search, the balance by solving the incidence equations,
the AC state by Newton's method; the methods use breadth-first forests, subtree sums and sweeps.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import spsolve

from pygridjl.core.errors import PowerFlowError
from pygridjl.core.findings import Finding
from pygridjl.core.types import BoolArray, FloatArray
from pygridjl.grid.network import Network
from pygridjl.grid.parallels import merge_parallels
from pygridjl.powerflow.newton import newton_power_flow
from pygridjl.reconfiguration.problem import ProblemKind

__all__ = ["CheckReport", "check_configuration"]


@dataclass(frozen=True)
class CheckReport:
    """What an independent look at a configuration found.

    Attributes
    ----------
    findings : tuple of Finding
        Everything that is wrong; empty for a sound configuration.
    objective : float
        Loss of the linear model, kW; NaN if the configuration is not radial.
    loss_kw : float
        AC losses, kW; NaN if there is no power flow.
    v_min : float
        Lowest voltage magnitude, p.u.; NaN if there is no power flow.
    """

    findings: tuple[Finding, ...]
    objective: float
    loss_kw: float
    v_min: float

    @property
    def ok(self) -> bool:
        """Whether nothing was found."""
        return not self.findings


def check_configuration(
    network: Network, open_branches: Collection[int], problem: ProblemKind = "substations"
) -> CheckReport:
    """Check that a set of open branches is a radial configuration and what it costs.

    Parameters
    ----------
    network : Network
        The network.
    open_branches : collection of int
        Ids of the open branches; all others are closed.
    problem : {"substations", "balanced"}
        One slack bus in each tree, or a spanning tree over all buses.

    Returns
    -------
    CheckReport
        Findings, linear objective and AC losses.

    Raises
    ------
    KeyError
        If a branch id is unknown.

    Examples
    --------
    >>> from pygridjl import check_configuration, load_network
    >>> report = check_configuration(load_network("case33bw"), [7, 9, 14, 32, 37])
    >>> report.findings
    ()
    >>> print(f"{report.loss_kw:.2f} kW")
    139.55 kW
    """
    closed = network.with_open(tuple(open_branches)).branches.closed
    # Fixed branches side by side are one branch; the power flow knows nothing of that.
    joined, kept = merge_parallels(network, closed & ~network.branches.switchable)
    findings = _tree_findings(joined, closed[kept], problem)
    if findings:
        return CheckReport(tuple(findings), np.nan, np.nan, np.nan)
    objective = _linear_loss(joined, closed[kept], problem)
    try:
        flow = newton_power_flow(network, closed, _roots(network, problem))
    except PowerFlowError as error:
        finding = Finding("network", (), "power flow", str(error))
        # The balanced problem is a transport model: its data need not have an AC solution.
        found = (finding,) if problem == "substations" else ()
        return CheckReport(found, objective, np.nan, np.nan)
    return CheckReport((), objective, flow.loss_kw, float(np.abs(flow.v).min()))


def _roots(network: Network, problem: ProblemKind) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    if problem == "substations" or network.slack_buses.size == 1:
        return network.slack_buses
    gen = network.generators
    injected = network.load_p * -1.0
    np.add.at(injected, gen.bus[gen.in_service], gen.p[gen.in_service])
    return np.array([np.argmax(injected - network.buses.gs)], dtype=np.int64)


def _tree_findings(network: Network, closed: BoolArray, problem: ProblemKind) -> list[Finding]:
    n = network.n_bus
    ends = (network.branches.from_bus[closed], network.branches.to_bus[closed])
    graph = coo_array((np.ones(int(closed.sum())), ends), shape=(n, n))
    trees, label = connected_components(graph, directed=False)
    findings = []
    if problem == "balanced":
        if trees > 1:
            findings.append(Finding("network", (), "tree", f"falls into {trees} parts"))
    else:
        count = np.bincount(label[network.slack_buses], minlength=trees)
        for tree in np.flatnonzero(count != 1):
            members = tuple(str(i) for i in network.buses.id[label == tree])
            message = f"their tree holds {count[tree]} substations instead of one"
            findings.append(Finding("bus", members, "supply", message))
    surplus = int(closed.sum()) - (n - trees)
    if surplus:
        message = f"{surplus} closed branches close cycles"
        findings.append(Finding("network", (), "cycle", message))
    return findings


def _linear_loss(network: Network, closed: BoolArray, problem: ProblemKind) -> float:
    """Σ r (p² + q²) from the incidence equations of the closed branches, kW."""
    branch = network.branches.take(closed)
    m, n = len(branch), network.n_bus
    rows = np.concatenate([branch.from_bus, branch.to_bus])
    columns = np.concatenate([np.arange(m), np.arange(m)])
    signs = np.concatenate([np.ones(m), -np.ones(m)])
    incidence = coo_array((signs, (rows, columns)), shape=(n, m)).tocsr()
    gen, bus = network.generators, network.buses
    total = 0.0
    injections: list[FloatArray] = [-network.load_p - bus.gs]
    np.add.at(injections[0], gen.bus[gen.in_service], gen.p[gen.in_service])
    if problem == "substations":
        injections.append(-network.load_q + bus.bs)
        np.add.at(injections[1], gen.bus[gen.in_service], gen.q[gen.in_service])
    # The equations of the roots follow from all others.
    kept = np.setdiff1d(np.arange(n), _roots(network, problem))
    equations = incidence[kept].tocsc()
    for injection in injections:
        flow = spsolve(equations, injection[kept])
        total += float(branch.loss_r @ flow**2)
    return total * network.base_mva * 1e3
