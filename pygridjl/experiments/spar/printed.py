"""What the SPAR-OPF paper prints, and what its own numbers say about each other.

Source of every figure: "Scalable Two-Stage Stochastic Optimal Power Flow via Separable
Approximation" (arXiv 2504.13933), Tables I–VI and Section IV.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from pygridjl.siting.measures import Measure

__all__ = [
    "BUSES",
    "EXTENSIVE_SIZES",
    "MASTERS",
    "MAX_UNITS",
    "STATED",
    "TABLES",
    "TABLE_I",
    "BoundsRow",
    "BoundsTable",
    "ComparisonRow",
    "MasterRow",
    "audit_rows",
    "extensive_size",
    "master_size",
    "size_rows",
]

Row = dict[str, Any]


@dataclass(frozen=True)
class ComparisonRow:
    """A line of Table I: IEEE 123, 96 scenarios.

    Attributes
    ----------
    spar, extensive, hedging : float
        Objective of each method; kW for the loss, else without unit.
    spar_seconds, extensive_seconds, hedging_seconds : float
        Times on the paper's machine, s.
    """

    spar: float
    spar_seconds: float
    extensive: float
    extensive_seconds: float
    hedging: float
    hedging_seconds: float


@dataclass(frozen=True)
class BoundsRow:
    """A line of Tables II–V.

    Attributes
    ----------
    size : int
        Scenarios of a sample.
    objective : float
        Column "Obj".
    lower, upper : (float, float)
        Confidence intervals "LB CI" and "UB CI".
    gap, gap_percent : float
        Column "BG (%)".
    """

    size: int
    objective: float
    lower: tuple[float, float]
    upper: tuple[float, float]
    gap: float
    gap_percent: float


@dataclass(frozen=True)
class BoundsTable:
    """One of Tables II–V.

    Attributes
    ----------
    feeder : str
        Our name of the feeder.
    objective : str
        ``"voltage"`` or ``"loss"``.
    rows : tuple of BoundsRow
        Its lines.
    seconds : float
        Time of SPAR for one seed, s.
    extensive, hedging : float or None
        What the extensive form and progressive hedging reach; None where they failed.
    """

    feeder: str
    objective: Measure
    rows: tuple[BoundsRow, ...]
    seconds: float
    extensive: float | None = None
    hedging: float | None = None


@dataclass(frozen=True)
class MasterRow:
    """A line of Table VI; sizes as printed, thousands and all.

    Attributes
    ----------
    feeder, kind : str
        Our names of feeder and master.
    seconds : (float, float)
        Time of an iteration, s: voltage deviation, loss.
    rows, columns, binary : float
        Size of the program.
    """

    feeder: str
    kind: str
    seconds: tuple[float, float]
    rows: float
    columns: float
    binary: float


TABLE_I: Mapping[str, ComparisonRow] = MappingProxyType(
    {
        "voltage": ComparisonRow(20.32, 53.6, 20.23, 47.94, 21.98, 537.0),
        "loss": ComparisonRow(64.7, 58.8, 64.1, 686.0, 64.24, 6767.0),
    }
)

TABLES: Mapping[str, BoundsTable] = MappingProxyType(
    {
        "II": BoundsTable(
            "ieee123",
            "voltage",
            (
                BoundsRow(50, 16.99, (16.67, 17.31), (17.41, 17.53), 0.86, 5.1),
                BoundsRow(100, 17.09, (16.87, 17.32), (17.3, 17.45), 0.58, 3.4),
                BoundsRow(150, 17.25, (17.08, 17.42), (17.41, 17.52), 0.44, 2.5),
                BoundsRow(200, 17.3, (17.13, 17.48), (17.4, 17.5), 0.37, 2.1),
            ),
            67.8,
            17.31,
            19.25,
        ),
        "III": BoundsTable(
            "ieee123",
            "loss",
            (
                BoundsRow(50, 48.53, (47.04, 50.02), (50.26, 50.62), 3.58, 7.4),
                BoundsRow(100, 49.02, (47.95, 50.07), (50.21, 50.41), 2.46, 5.0),
                BoundsRow(150, 49.7, (48.9, 50.52), (50.33, 50.83), 1.93, 3.8),
                BoundsRow(200, 49.62, (48.78, 50.48), (50.21, 50.54), 1.76, 3.5),
            ),
            79.6,
            49.39,
            49.46,
        ),
        "IV": BoundsTable(
            "ieee9500",
            "voltage",
            (
                BoundsRow(50, 622.7, (609.9, 635.5), (622.5, 639.1), 29.2, 4.68),
                BoundsRow(100, 623.9, (612.3, 635.6), (624.1, 639.9), 27.6, 4.42),
                BoundsRow(150, 627.8, (619.2, 636.5), (623.2, 637.0), 17.8, 2.8),
                BoundsRow(200, 627.9, (621.2, 634.2), (624.1, 638.0), 16.8, 2.7),
            ),
            315.0,
        ),
        "V": BoundsTable(
            "ieee9500",
            "loss",
            (
                BoundsRow(50, 357.0, (349.2, 364.8), (367.2, 370.9), 21.7, 6.1),
                BoundsRow(100, 361.2, (355.5, 366.9), (368.2, 371.9), 16.4, 4.5),
                BoundsRow(150, 364.1, (360.2, 367.9), (367.7, 371.1), 10.9, 3.0),
                BoundsRow(200, 364.8, (361.2, 368.4), (367.9, 371.8), 10.6, 2.9),
            ),
            330.0,
        ),
    }
)

MASTERS: tuple[MasterRow, ...] = (
    MasterRow("ieee123", "lambda", (2.08, 2.1), 524, 21.9e3, 21.8e3),
    MasterRow("ieee123", "epigraph", (0.67, 0.69), 21.9e3, 391, 130),
    MasterRow("ieee9500", "lambda", (20.1, 20.3), 10.9e3, 463.7e3, 414.3e3),
    MasterRow("ieee9500", "epigraph", (5.0, 5.03), 463.7e3, 8.2e3, 2.7e3),
)

# Buses that the printed sizes decode to, and the most units at one bus.
BUSES: Mapping[str, int] = MappingProxyType({"ieee123": 130, "ieee9500": 2744})
MAX_UNITS = 166

# Feeder, scenarios, rows and columns of the extensive form as Section IV prints them.
EXTENSIVE_SIZES: tuple[tuple[str, int, float, float], ...] = (
    ("ieee123", 96, 0.42e6, 0.186e6),
    ("ieee123", 1200, 5.28e6, 2.33e6),
    ("ieee9500", 1200, 112e6, 49.4e6),
)

# Figures of the text: load of the feeders, kW and kvar; quality of Fig. 3; iterations; seeds.
STATED: Mapping[str, Any] = MappingProxyType(
    {
        "load": {"ieee123": (3431.3, 1931.9), "ieee9500": (13668.0, 3765.0)},
        "least_quality": 0.98,
        "iterations": 80,
        "seeds": 25,
    }
)


def extensive_size(n_bus: int, n_scenario: int) -> tuple[int, int]:
    """Return rows and columns of the second stages of all scenarios in the paper's form.

    Every bus carries three phases: 34 N − 18 rows and 15 N − 6 columns a scenario.

    Parameters
    ----------
    n_bus, n_scenario : int
        Buses N and scenarios.
    """
    return n_scenario * (34 * n_bus - 18), n_scenario * (15 * n_bus - 6)


def master_size(kind: str, n_bus: int, max_units: int = MAX_UNITS) -> tuple[int, int, int]:
    """Return rows, columns and binaries of a master in the paper's form.

    Parameters
    ----------
    kind : {"lambda", "epigraph"}
        The master.
    n_bus, max_units : int
        Sites N and most units L at each.
    """
    wide = (max_units + 3) * n_bus
    if kind == "lambda":
        return 4 * n_bus + 4, wide, wide - n_bus
    return wide + 3, 3 * n_bus + 1, n_bus


def size_rows() -> list[Row]:
    """Hold every printed model size against the formula it decodes to.

    Returns
    -------
    list of dict
        ``model, printed_rows, rows, printed_columns, columns, printed_binary, binary``.
    """
    found = []
    for feeder, scenarios, printed_rows, printed_columns in EXTENSIVE_SIZES:
        rows, columns = extensive_size(BUSES[feeder], scenarios)
        found.append(
            {
                "model": f"extensive form, {feeder} × {scenarios}",
                "printed_rows": printed_rows,
                "rows": rows,
                "printed_columns": printed_columns,
                "columns": columns,
                "printed_binary": None,
                "binary": None,
            }
        )
    for printed in MASTERS:
        rows, columns, binary = master_size(printed.kind, BUSES[printed.feeder])
        found.append(
            {
                "model": f"{printed.kind} master, {printed.feeder}",
                "printed_rows": printed.rows,
                "rows": rows,
                "printed_columns": printed.columns,
                "columns": columns,
                "printed_binary": printed.binary,
                "binary": binary,
            }
        )
    return found


def audit_rows() -> list[Row]:
    """Recompute from the printed intervals what Tables II–V print beside them.

    Returns
    -------
    list of dict
        ``table, size, objective, lower_middle`` (middle of the lower interval), ``gap,
        interval_gap`` (high end of the upper minus low end of the lower interval), ``claimed,
        least_excess, most_excess``: objective, low and high end of the upper interval over the
        extensive form, minus one; None where there is no extensive form.
    """
    found = []
    for name, table in TABLES.items():
        for row in table.rows:
            best = table.extensive
            found.append(
                {
                    "table": name,
                    "size": row.size,
                    "objective": row.objective,
                    "lower_middle": sum(row.lower) / 2,
                    "gap": row.gap,
                    "interval_gap": row.upper[1] - row.lower[0],
                    "claimed": None if best is None else row.objective / best - 1,
                    "least_excess": None if best is None else row.upper[0] / best - 1,
                    "most_excess": None if best is None else row.upper[1] / best - 1,
                }
            )
    return found
