"""The sweeps of three-phase LinDistFlow over the tree, for batches of scenarios."""

from __future__ import annotations

from pygridjl.core.jit import kernel
from pygridjl.core.types import FloatArray, IntArray

__all__ = ["adjoint", "gather", "spread"]


@kernel
def gather(nodes: IntArray, parents: IntArray, P: FloatArray, Q: FloatArray) -> None:
    """Add the flow of every node to that of the node that feeds it, leaves first."""
    for s in range(P.shape[0]):
        for k in range(nodes.shape[0] - 1, 0, -1):
            for a in range(3):
                node = nodes[k, a]
                if node >= 0:
                    P[s, parents[k, a]] += P[s, node]
                    Q[s, parents[k, a]] += Q[s, node]


@kernel
def spread(
    nodes: IntArray,
    parents: IntArray,
    gain: FloatArray,
    mp: FloatArray,
    mq: FloatArray,
    P: FloatArray,
    Q: FloatArray,
    U: FloatArray,
) -> None:
    """Carry U from the source outwards; U holds the source's values on entry."""
    for s in range(U.shape[0]):
        for k in range(1, nodes.shape[0]):
            for a in range(3):
                node = nodes[k, a]
                if node >= 0:
                    u = gain[k, a] * U[s, parents[k, a]]
                    for b in range(3):
                        other = nodes[k, b]
                        if other >= 0:
                            u -= mp[k, a, b] * P[s, other] + mq[k, a, b] * Q[s, other]
                    U[s, node] = u


@kernel
def adjoint(
    nodes: IntArray,
    parents: IntArray,
    gain: FloatArray,
    mp: FloatArray,
    mq: FloatArray,
    lam: FloatArray,
    dp: FloatArray,
    dq: FloatArray,
) -> None:
    """Transpose of gather and spread; on exit dp, dq are derivatives by the demand."""
    for s in range(lam.shape[0]):
        for k in range(nodes.shape[0] - 1, 0, -1):
            for a in range(3):
                node = nodes[k, a]
                if node >= 0:
                    lam[s, parents[k, a]] += gain[k, a] * lam[s, node]
                    for b in range(3):
                        other = nodes[k, b]
                        if other >= 0:
                            dp[s, other] -= mp[k, a, b] * lam[s, node]
                            dq[s, other] -= mq[k, a, b] * lam[s, node]
        for k in range(1, nodes.shape[0]):
            for a in range(3):
                node = nodes[k, a]
                if node >= 0:
                    dp[s, node] += dp[s, parents[k, a]]
                    dq[s, node] += dq[s, parents[k, a]]
