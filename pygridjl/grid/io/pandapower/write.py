"""The answer of a reconfiguration, back in the pandapower net it was asked about."""

from __future__ import annotations

import copy
from collections.abc import Collection
from typing import Any

import numpy as np

from pygridjl.core.errors import InvalidOptionError
from pygridjl.grid.io.pandapower.branches import first_ids
from pygridjl.grid.io.pandapower.net import from_pandapower

__all__ = ["to_pandapower"]


def to_pandapower(net: Any, open_branches: Collection[int]) -> Any:
    """Return a copy of a pandapower net with the switches of a configuration.

    Parameters
    ----------
    net : pandapowerNet
        The net that :func:`from_pandapower` read.
    open_branches : collection of int
        Ids of the open branches, such as ``result.open_branches``.

    Returns
    -------
    pandapowerNet
        A copy. Lines that change open or close all their switches in ``net.switch``; those
        without switches go out of service, and back. Bus-bus switches and the switches of dead
        ends are what their own id says. Everything else, names included, is as it was.

    Raises
    ------
    InvalidOptionError
        If a branch id is unknown.
    NetworkFormatError
        As :func:`from_pandapower`.

    Examples
    --------
    >>> import pandapower.networks  # doctest: +SKIP
    >>> net = pandapower.networks.case33bw()  # doctest: +SKIP
    >>> result = pygridjl.reconfigure(pygridjl.from_pandapower(net))  # doctest: +SKIP
    >>> better = pygridjl.to_pandapower(net, result.open_branches)  # doctest: +SKIP
    """
    network = from_pandapower(net)
    branch = network.branches
    unknown = sorted(set(open_branches) - set(branch.id.tolist()))
    if unknown:
        raise InvalidOptionError(f"open_branches: the net has no branch {unknown[0]!r}")
    after = ~np.isin(branch.id, np.asarray(list(open_branches), dtype=np.int64))
    changed = {int(i): bool(state) for i, state in zip(branch.id, after, strict=True)}
    for i, state in zip(branch.id, branch.closed, strict=True):
        if changed[int(i)] == bool(state):
            del changed[int(i)]
    first, answer = first_ids(net), copy.deepcopy(net)
    switch = answer["switch"]
    closed = switch["closed"].to_numpy(np.bool_).copy()
    tie = np.isin(np.arange(len(switch)) + first["switch"], branch.id)
    for i, state in changed.items():
        if first["switch"] <= i < first["impedance"]:
            closed[i - first["switch"]] = state
            continue
        table = "line" if i < first["trafo"] else "trafo"
        if i >= first["switch"]:
            raise InvalidOptionError(f"open_branches: branch {i} has no switch in the net")
        index = answer[table].index[i - first[table]]
        own = ((switch["et"] == table[0]) & (switch["element"] == index)).to_numpy(np.bool_) & ~tie
        closed[own] = state
        if state or not own.any():
            answer[table].loc[index, "in_service"] = state
    answer["switch"]["closed"] = closed
    return answer
