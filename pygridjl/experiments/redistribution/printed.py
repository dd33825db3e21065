"""What the redistribution paper states, beside which the study sets what it measures."""

from __future__ import annotations

__all__ = ["CLAIMS"]

CLAIMS = {
    "proportionality": "J = (B_T / A_T) J̃ for every assignment under a global factor (§3.2)",
    "limit": "B_T / A_T tends to e^(σ²/2) for a lognormal factor (§3.2)",
    "integrality": "the linear program has a one-hot optimum on every path (§3.1)",
    "collapse": "m absolute values are enough: an exact, small linear program (§3)",
    "breaks": "own multipliers of the service points, capacities and RMS break it (§4, §6.1)",
}
"""Claim by its short name."""
