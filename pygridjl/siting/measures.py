"""What siting can minimise, and sums of it with weights."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

from pygridjl.core.errors import InvalidOptionError

__all__ = [
    "MEASURES",
    "Measure",
    "canonical",
    "measure_label",
    "measure_text",
    "measure_unit",
    "parse_measure",
]

Measure = Literal["voltage", "loss", "loss-printed", "import", "energy-cost", "unbalance"]
"""Names of single measures."""

LARGEST_WEIGHT = 1e6


@dataclass(frozen=True)
class _About:
    """What a measure is called in a sentence, its unit, and the label of an axis."""

    text: str
    unit: str
    label: str


MEASURES: dict[str, _About] = {
    "voltage": _About("voltage deviation", "", "voltage deviation, p.u. squared"),
    "loss": _About("loss", "kW", "loss, kW"),
    "loss-printed": _About("loss", "kW", "loss as printed, kW"),
    "import": _About("import", "kW", "import, kW"),
    "energy-cost": _About("cost of energy", "$/h", "cost of energy, $/h"),
    "unbalance": _About("voltage unbalance", "%", "voltage unbalance, %"),
}
"""By name, in the order sums are written in."""


def parse_measure(text: str) -> dict[str, float]:
    """Return the weight of each measure that is part of the objective.

    Parameters
    ----------
    text : str
        A name such as ``"loss"``, or a sum such as ``"loss=1,voltage=0.2"``.

    Returns
    -------
    dict of str to float
        In the order of :data:`MEASURES`.

    Raises
    ------
    InvalidOptionError
        If a name is unknown or stands twice, or a weight is no positive number.
    """
    found: dict[str, float] = {}
    for part in str(text).split(","):
        name, equals, number = (piece.strip() for piece in part.partition("="))
        if name not in MEASURES:
            known = ", ".join(get_args(Measure))
            raise InvalidOptionError(f"measure: {name!r} is none of {known}")
        if name in found:
            raise InvalidOptionError(f"measure: {name!r} stands twice")
        try:
            weight = float(number) if equals else 1.0
        except ValueError:
            raise InvalidOptionError(
                f"measure: weight {number!r} of {name!r} is no number"
            ) from None
        if not (math.isfinite(weight) and 0 < weight <= LARGEST_WEIGHT):
            bounds = f"a number above 0 and at most {LARGEST_WEIGHT:g}"
            raise InvalidOptionError(f"measure: weight of {name!r} must be {bounds}, is {weight}")
        found[name] = weight
    if {"loss", "loss-printed"} <= set(found):
        raise InvalidOptionError("measure: 'loss' and 'loss-printed' are the same loss twice")
    return {name: found[name] for name in MEASURES if name in found}


def canonical(text: str) -> str:
    """Return the one way to write a measure: a name alone where it has weight 1."""
    weights = parse_measure(text)
    if list(weights.values()) == [1.0]:
        return next(iter(weights))
    return ",".join(f"{name}={_shortest(weight)}" for name, weight in weights.items())


def _shortest(weight: float) -> str:
    text = f"{weight:g}"
    return text if float(text) == weight else repr(weight)


def measure_text(text: str) -> str:
    """Return what an objective is called in a sentence."""
    return MEASURES[text].text if text in MEASURES else f"sum {text}"


def measure_unit(text: str) -> str:
    """Return the unit of an objective; empty for per unit and for sums."""
    return MEASURES[text].unit if text in MEASURES else ""


def measure_label(text: str) -> str:
    """Return what an axis of an objective is labelled with."""
    return f"expected {MEASURES[text].label if text in MEASURES else text}"
