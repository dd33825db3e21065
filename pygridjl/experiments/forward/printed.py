"""Figures from the literature that studies print beside their own; nothing computed here."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["BEST_KNOWN", "FORWARD_TABLE_I", "BestKnown", "PaperRow"]


@dataclass(frozen=True)
class BestKnown:
    """Best known AC losses of a standard case (substations problem).

    Attributes
    ----------
    base_kw, loss_kw : float
        AC losses of the base state and of the best configuration known, kW.
    open_branches : tuple of int
        One configuration that attains it (others may tie).
    """

    base_kw: float
    loss_kw: float
    open_branches: tuple[int, ...]


BEST_KNOWN = {
    "case16ci": BestKnown(511.44, 466.13, (7, 8, 16)),
    "case33bw": BestKnown(202.677, 139.551, (7, 9, 14, 32, 37)),
    "case69": BestKnown(224.99, 98.605, (14, 55, 61, 69, 70)),
    "case70da": BestKnown(341.43, 301.65, (30, 39, 45, 51, 66, 70, 71, 76)),
    "case94tpc": BestKnown(531.994, 469.878, (7, 13, 34, 39, 42, 55, 62, 72, 83, 86, 89, 90, 92)),
    "case118zh": BestKnown(
        1298.092,
        869.730,
        (23, 26, 34, 39, 42, 51, 58, 71, 74, 95, 97, 109, 122, 129, 130),
    ),
    "case136ma": BestKnown(
        320.364,
        280.193,
        (
            7,
            35,
            51,
            90,
            96,
            106,
            118,
            126,
            135,
            137,
            138,
            141,
            142,
            *range(144, 149),
            150,
            151,
            155,
        ),
    ),
}


@dataclass(frozen=True)
class PaperRow:
    """A row of Table I of FORWARD; None where the paper prints a dash.

    Attributes
    ----------
    name : str
        The paper's name of the instance.
    knitro_cost, forward_cost : float or None
        Printed costs ("power loss in giga-watts").
    knitro_seconds, forward_seconds : float or None
        Printed CPU times. 500 s of Knitro on 33 nodes was a manual stop.
    """

    name: str
    knitro_cost: float | None
    knitro_seconds: float | None
    forward_cost: float
    forward_seconds: float


FORWARD_TABLE_I = {
    "forward11": PaperRow("IEEE 11", 1.19e-7, 118.21, 1.19e-7, 1.81),
    "forward18": PaperRow("IEEE 18", 1.79e-7, 141.52, 1.79e-7, 1.53),
    "forward33": PaperRow("IEEE 33", 3.18e-9, 500.0, 9.19e-9, 5.2),
    "forward120": PaperRow("WS 120", None, None, 1.42e-11, 26.91),
    "forward240": PaperRow("WS 240", None, None, 4.39e-9, 130.63),
    "forward400": PaperRow("WS 400", None, None, 2.83e-9, 217.72),
}
