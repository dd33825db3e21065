"""Which ampacities an OpenDSS script states; the engine itself never says "unknown"."""

from __future__ import annotations

import json
from collections.abc import Set as AbstractSet
from typing import Any

import numpy as np

__all__ = ["codes_with_rating", "line_amps", "reactor_amps", "stated_rating"]

# What the engine reports for a line or line code that states no rating.
ENGINE_DEFAULT = 400.0


def codes_with_rating(dss: Any) -> frozenset[str]:
    """Return the names of the line codes that state an ampacity.

    Parameters
    ----------
    dss : Any
        The engine; its active class changes.
    """
    dss.Circuit.SetActiveClass("LineCode")
    names = []
    found = dss.ActiveClass.First()
    while found:
        if "NormAmps" in _stated(dss):
            names.append(dss.ActiveClass.Name().lower())
        found = dss.ActiveClass.Next()
    return frozenset(names)


def line_amps(dss: Any, codes: AbstractSet[str]) -> float:
    """Return the ampacity of the active line, A; infinity where nothing states one.

    The line itself, its line code, its geometry or its wires may state it; which of them counts
    if several do is the engine's choice (the last). A code hands its default on to the line as if
    the line had stated it. The engine lists properties in the order they were set, so that figure
    comes right behind the code's other ones unless the line states its own later. (A line that
    states exactly the engine's 400 A and 600 A right behind an unrated code cannot be told from
    one that states nothing, and counts as such.)

    Parameters
    ----------
    dss : Any
        The engine, a line being active.
    codes : set of str
        The line codes that state an ampacity, in lower case.
    """
    amps = float(dss.CktElement.NormalAmps())
    if not amps > 0:  # wires, cables or geometry without a rating give 0 or -1
        return np.inf
    if amps != ENGINE_DEFAULT:
        return amps
    order = _stated(dss)
    if "NormAmps" not in order:
        return np.inf
    if "Switch" in order and "LineCode" not in order:
        # Switch=yes behind a line code wipes its name out and leaves its ratings.
        before = order[: order.index("Switch")][-3:]
        return np.inf if before == ["Ratings", "NormAmps", "EmergAmps"] else amps
    code = str(dss.Lines.LineCode()).lower()
    if "LineCode" not in order or code in codes:
        return amps
    from_code = order[order.index("LineCode") + 1 :][:2] == ["Ratings", "NormAmps"]
    return np.inf if from_code else amps


def reactor_amps(dss: Any) -> float:
    """Return the ampacity of the active reactor, A; infinity where nothing states one.

    Parameters
    ----------
    dss : Any
        The engine, a reactor being active.
    """
    amps = float(dss.CktElement.NormalAmps())
    # The engine derives the rating from the power of the reactor, and assumes 100 kvar without one.
    stated = {"normamps", "kvar"} & {name.lower() for name in _stated(dss)}
    return amps if amps > 0 and stated else np.inf


def stated_rating(dss: Any) -> float:
    """Return the rating the active transformer states (``normhkva``), kVA; 0 without one.

    Parameters
    ----------
    dss : Any
        The engine, a transformer being active.
    """
    stated = {name.lower() for name in _stated(dss)}
    return float(dss.Properties.Value("normhkva")) if "normhkva" in stated else 0.0


def _stated(dss: Any) -> list[str]:
    """Properties of the active element that the script set, in the order they were set last."""
    return list(json.loads(dss.Element.ToJSON(0)))
