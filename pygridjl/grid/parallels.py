"""Fixed branches side by side as one: the two transformers of a substation."""

from __future__ import annotations

import numpy as np

from pygridjl.core.types import BoolArray, IntArray
from pygridjl.grid.network import Branches, Network

__all__ = ["merge_parallels"]


def merge_parallels(network: Network, fixed: BoolArray) -> tuple[Network, IntArray]:
    """Join closed branches that are never switched and lie side by side into one.

    The one branch takes the current of all at the same voltages, so that nothing else of the
    network notices. Its rating is reached when the first of them reaches its own.

    Parameters
    ----------
    network : Network
        The network.
    fixed : ndarray of bool, shape (n_branch,)
        Branches that are closed and stay so.

    Returns
    -------
    network : Network
        Itself if there is nothing to join. Else the first branch of each group stands for all,
        under its id, and notes say so. Branches of different ratio or shift stay apart: current
        would circulate through them.
    kept : ndarray of int
        Rows of the branches that are left.
    """
    branch = network.branches
    groups: dict[tuple[object, ...], list[int]] = {}
    for row in np.flatnonzero(fixed).tolist():
        ends = (int(branch.from_bus[row]), int(branch.to_bus[row]))
        if branch.tap[row] == 1.0 and branch.shift[row] == 0.0:
            ends = (min(ends), max(ends))
        own = (float(branch.tap[row]), float(branch.shift[row]), bool(branch.source[row]))
        groups.setdefault((*ends, *own), []).append(row)
    several = [rows for rows in groups.values() if len(rows) > 1]
    everything = np.arange(len(branch))
    if not several:
        return network, everything
    columns = {name: values.copy() for name, values in branch.columns()}
    for rows in several:
        for name, value in _joined(branch.take(rows)).items():
            columns[name][rows[0]] = value
    gone = [row for rows in several for row in rows[1:]]
    kept = np.setdiff1d(everything, gone)
    joined = Branches(**{name: values[kept] for name, values in columns.items()})
    names = ", ".join("+".join(str(i) for i in branch.id[rows]) for rows in several[:5])
    more = ", …" if len(several) > 5 else ""
    note = f"fixed branches side by side are one branch each: {names}{more}"
    return network.replace(branches=joined, notes=(*network.notes, note)), kept


def _joined(branch: Branches) -> dict[str, float]:
    """Columns of the branch that stands for all of these."""
    z = branch.r + 1j * branch.x
    whole = 1.0 / (1.0 / z).sum()
    return {
        "r": float(whole.real),
        "x": float(whole.imag),
        "b": float(branch.b.sum()),
        "rating": float((branch.rating * np.abs(z / whole)).min()),
        "angle_min": float(branch.angle_min.max()),
        "angle_max": float(branch.angle_max.min()),
    }
