"""Mixed-integer form of a mesh, shared by the HiGHS and SCIP certificates.

Let û be the electrical flow of the super-edges, E₀ its loss and U a ceiling, such as the loss of
an incumbent. Any flow loses E₀ + Σ R_s |u_s − û_s|², and a configuration that loses no more than
U has |u_s − û_s|² ≤ (U − E₀) W_ss with W the coupling matrix. In units of these radii the model is

    min  Σ_k a_k o_k + Σ_s ρ_s |w_s|² / z_s,    ρ_s = R_s W_ss ≤ 1,  a_k = ρ_s |δ_k|²,

with o_k = 1 if candidate k is opened, z_s = 1 − Σ_{k ∈ s} o_k, deviation w_s of a closed
super-edge (|w_s| ≤ z_s) and δ_k the deviation that opening k forces. The deviations
w_s + Σ δ_k o_k circulate, and a unit commodity over the closed super-edges keeps the graph
connected. The quotient |w|² / z is the perspective that makes the relaxation tight.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array, csr_array

from pygridjl.core.types import BoolArray, FloatArray, IntArray
from pygridjl.reconfiguration.certificates.mesh import Mesh, decompose
from pygridjl.reconfiguration.problem import RadialProblem

__all__ = ["MeshFormulation", "formulate"]


@dataclass(frozen=True, eq=False)
class MeshFormulation:
    """The model in numbers; columns are o (K), w for p and q (2 S), commodity (S).

    Attributes
    ----------
    problem : RadialProblem
        The problem.
    mesh : Mesh
        All blocks together.
    owner : ndarray of int, shape (K,)
        Super-edge of each candidate.
    target : ndarray, shape (K, 2)
        δ.
    radius : ndarray, shape (S,)
        Unit of the deviations of each super-edge, p.u. of power.
    share : ndarray, shape (S,)
        ρ.
    viable : ndarray of bool, shape (K,)
        Candidates that a configuration below the ceiling can open.
    matrix, lower, upper
        Linear rows over the columns.
    offset, unit : float
        Loss in kW of objective 0, and kW in one unit of the objective: 1 is the ceiling.
    """

    problem: RadialProblem
    mesh: Mesh
    owner: IntArray
    target: FloatArray
    radius: FloatArray
    share: FloatArray
    viable: BoolArray
    matrix: csr_array
    lower: FloatArray
    upper: FloatArray
    offset: float
    unit: float

    @property
    def cost(self) -> FloatArray:
        """Cost of opening each candidate, shape (K,)."""
        cost: FloatArray = self.share[self.owner] * (self.target**2).sum(axis=1)
        return cost

    @property
    def commodity(self) -> float:
        """Largest flow of the unit commodity."""
        return float(self.mesh.arrays.n_nodes - 1)

    def closed(self, opened: BoolArray) -> BoolArray:
        """Return the configuration, shape (m,), that opens the marked candidates, shape (K,)."""
        closed = np.ones(self.problem.m, dtype=bool)
        closed[self.mesh.candidate_edge[opened]] = False
        return closed

    def columns(self, closed: BoolArray) -> FloatArray:
        """Values of all columns for a configuration."""
        arrays = self.mesh.arrays
        opened = ~closed[self.mesh.candidate_edge]
        deviation = self.deviation(closed)
        deviation[self.owner[opened]] = 0.0
        live = np.setdiff1d(np.arange(arrays.tail.size), self.owner[opened])
        incidence = np.zeros((arrays.n_nodes, live.size))
        incidence[arrays.tail[live], np.arange(live.size)] = 1.0
        incidence[arrays.head[live], np.arange(live.size)] = -1.0
        commodity = np.zeros(arrays.tail.size)
        commodity[live] = np.linalg.solve(incidence[1:], np.ones(live.size))
        return np.concatenate(
            [opened.astype(np.float64), deviation[:, 0], deviation[:, 1], commodity]
        )

    def deviation(self, closed: BoolArray) -> FloatArray:
        """Deviation of every super-edge from the electrical flow, shape (S, 2), in radii."""
        arrays = self.mesh.arrays
        candidates = np.flatnonzero(~closed[self.mesh.candidate_edge])
        chosen = self.owner[candidates]
        step = np.linalg.solve(
            arrays.coupling[np.ix_(chosen, chosen)], arrays.target[candidates] - arrays.flow[chosen]
        )
        deviation: FloatArray = arrays.coupling[:, chosen] @ step / self.radius[:, None]
        return deviation


def formulate(problem: RadialProblem, tree: BoolArray, ceiling: float) -> MeshFormulation | None:
    """Build the model of all configurations that lose no more than ``ceiling``.

    Parameters
    ----------
    problem : RadialProblem
        The problem.
    tree : ndarray of bool, shape (m,)
        Any spanning tree.
    ceiling : float
        Linear loss, kW.

    Returns
    -------
    MeshFormulation or None
        None if the ceiling is the loss of the electrical flow: nothing can be below.
    """
    meshes = decompose(problem, tree, together=True)
    if not meshes:
        return None
    mesh = meshes[0]
    arrays = mesh.arrays
    p, q = problem.flows(tree).T
    losses = problem.weight * (p * p + q * q)
    # Edges outside the mesh are bridges: every tree has the same flow on them.
    losses[mesh.edges] = 0.0
    least = float(losses.sum()) + arrays.energy
    excess = ceiling / problem.kw - least
    if excess <= 1e-12 * least:
        return None
    # A hair of room keeps a configuration at the ceiling inside after rounding.
    excess *= 1 + 1e-9
    own = np.diagonal(arrays.coupling)
    radius = np.sqrt(excess * own)
    owner = np.repeat(np.arange(own.size), np.diff(arrays.first))
    target = (arrays.target - arrays.flow[owner]) / radius[owner, None]
    matrix, lower, upper = _rows(mesh, owner, target, radius)
    return MeshFormulation(
        problem=problem,
        mesh=mesh,
        owner=owner,
        target=target,
        radius=radius,
        share=arrays.resistance * own,
        viable=(target**2).sum(axis=1) <= 1.0,
        matrix=matrix,
        lower=lower,
        upper=upper,
        offset=least * problem.kw,
        unit=excess * problem.kw,
    )


def _rows(
    mesh: Mesh, owner: IntArray, target: FloatArray, radius: FloatArray
) -> tuple[csr_array, FloatArray, FloatArray]:
    """Circulation of p and q, commodity, closed-only flows, number of openings."""
    arrays = mesh.arrays
    size, ways, nodes = arrays.tail.size, owner.size, arrays.n_nodes
    edge, way = np.arange(size), np.arange(ways)
    blocks: list[tuple[IntArray, IntArray, FloatArray]] = []
    lower: list[FloatArray] = []
    upper: list[FloatArray] = []

    def add(
        count: int, entries: list[tuple[IntArray, IntArray, FloatArray]], low: float, high: float
    ) -> None:
        above = sum(part.size for part in lower)
        blocks.extend((rows + above, columns, values) for rows, columns, values in entries)
        lower.append(np.full(count, low))
        upper.append(np.full(count, high))

    # One junction's balance follows from the others.
    ends = ((arrays.tail, 1.0), (arrays.head, -1.0))
    scale = radius / np.median(radius)
    for k in (0, 1):
        entries = []
        for end, sign in ends:
            entries.append((end, ways + k * size + edge, sign * scale))
            entries.append((end[owner], way, sign * scale[owner] * target[:, k]))
        kept = [(r[r > 0] - 1, c[r > 0], v[r > 0]) for r, c, v in entries]
        add(nodes - 1, kept, 0.0, 0.0)
    unit = [(end, ways + 2 * size + edge, np.full(size, sign)) for end, sign in ends]
    add(nodes - 1, [(r[r > 0] - 1, c[r > 0], v[r > 0]) for r, c, v in unit], 1.0, 1.0)
    for k, reach in ((0, 1.0), (1, 1.0), (2, float(nodes - 1))):
        for sign in (1.0, -1.0):
            flow = (edge, ways + k * size + edge, np.full(size, sign))
            add(size, [flow, (owner, way, np.full(ways, reach))], -np.inf, reach)
    add(size, [(owner, way, np.ones(ways))], 0.0, 1.0)
    add(
        1,
        [(np.zeros(ways, dtype=np.int64), way, np.ones(ways))],
        arrays.dimension,
        arrays.dimension,
    )
    rows, columns, values = (np.concatenate(part) for part in zip(*blocks, strict=True))
    low, high = np.concatenate(lower), np.concatenate(upper)
    matrix = csr_array(coo_array((values, (rows, columns)), shape=(low.size, ways + 3 * size)))
    return matrix, low, high
