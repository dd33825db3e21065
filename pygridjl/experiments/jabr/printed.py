"""What the slides print: Bernardelli, Gualandi, Riccardi, HEXAGON workshop, 19 June 2024."""

from __future__ import annotations

__all__ = ["LOOP_LENGTHS", "NORMS"]

# 2-norm of the errors of the loop constraints (5), times 100, by (Jabr's inequality, loops).
NORMS = {
    (False, False): 116.090,
    (True, False): 5.449,
    (False, True): 84.884,
    (True, True): 4.717,
}
# Edges of the cycles in the minimum cycle basis of case14.
LOOP_LENGTHS = (3, 3, 3, 3, 3, 6, 6)
