"""What the paper prints: errors by case and method, seconds of its relaxations."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["CASES", "ERRORS", "SECONDS", "Case", "PrintedError"]


@dataclass(frozen=True)
class Case:
    """A case of the paper and what stands for it here.

    Attributes
    ----------
    network : str
        Bundled case.
    mva : float or None
        The line limit, MVA; None for the ratings of the case.
    """

    network: str
    mva: float | None


@dataclass(frozen=True)
class PrintedError:
    """One row of the paper's table, p.u."""

    mean_p: float
    deviation_p: float
    mean_q: float
    deviation_q: float


CASES = {
    "5": Case("case5pjm", None),
    "9@120": Case("case9", 120.0),
    "14@25": Case("case14", 25.0),
    "30@130": Case("case30", 130.0),
    "57@77": Case("case57", 77.0),
    "118@110": Case("case118", 110.0),
}

# The columns have lost their heads in our copy; their order is inferred.
ERRORS = {
    ("5", "order1"): PrintedError(0.008, 0.015, 0.023, 0.043),
    ("5", "order2"): PrintedError(0.008, 0.014, 0.022, 0.041),
    ("5", "flat"): PrintedError(0.359, 0.028, 0.787, 0.018),
    ("5", "no-load"): PrintedError(0.361, 0.030, 0.698, 0.028),
    ("9@120", "order1"): PrintedError(0.004, 0.005, 0.002, 0.002),
    ("9@120", "order2"): PrintedError(0.006, 0.003, 0.003, 0.002),
    ("9@120", "flat"): PrintedError(0.277, 0.012, 0.241, 0.023),
    ("9@120", "no-load"): PrintedError(0.811, 0.027, 0.609, 0.058),
    ("14@25", "order1"): PrintedError(0.004, 0.001, 0.005, 0.002),
    ("14@25", "order2"): PrintedError(0.001, 0.002, 0.002, 0.002),
    ("14@25", "flat"): PrintedError(0.114, 0.004, 0.113, 0.006),
    ("14@25", "no-load"): PrintedError(0.074, 0.006, 0.144, 0.016),
    ("30@130", "order1"): PrintedError(0.002, 0.002, 0.001, 0.001),
    ("30@130", "order2"): PrintedError(0.002, 0.002, 0.001, 0.001),
    ("30@130", "flat"): PrintedError(0.668, 0.091, 0.253, 0.033),
    ("30@130", "no-load"): PrintedError(0.551, 0.082, 0.198, 0.025),
    ("57@77", "order1"): PrintedError(0.020, 0.025, 0.004, 0.005),
    ("57@77", "order2"): PrintedError(0.021, 0.023, 0.004, 0.005),
    ("57@77", "flat"): PrintedError(1.289, 0.170, 0.745, 0.106),
    ("57@77", "no-load"): PrintedError(0.746, 0.034, 0.401, 0.043),
    ("118@110", "order1"): PrintedError(0.467, 0.133, 0.344, 0.099),
    ("118@110", "flat"): PrintedError(6.832, 1.820, 4.851, 1.326),
}

# (case, dense, order) -> seconds; 33 buses in the paper's table of times are 30 elsewhere in it.
SECONDS = {
    ("5", True, 1): 0.61,
    ("9@120", True, 1): 4.41,
    ("5", False, 1): 0.13,
    ("9@120", False, 1): 0.15,
    ("14@25", False, 1): 0.69,
    ("30@130", False, 1): 0.78,
    ("57@77", False, 1): 3.18,
    ("118@110", False, 1): 8.83,
    ("5", False, 2): 8.46,
    ("9@120", False, 2): 17.84,
    ("14@25", False, 2): 390.16,
    ("30@130", False, 2): 1.69 * 3600,
    ("57@77", False, 2): 8.97 * 3600,
}
