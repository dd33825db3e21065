"""Regulators at their neutral tap, as the equations of siting have them."""

from __future__ import annotations

import numpy as np

from pygridjl.grid.feeder import Feeder

__all__ = ["with_neutral_regulators"]


def with_neutral_regulators(feeder: Feeder) -> Feeder:
    """Return the feeder with every regulator at its neutral tap.

    The voltage equation (47) has no regulators. The ratios a reader finds belong to one operating
    point, usually full load; kept through a year of light load and sun they hold voltages high
    that no unit can then improve.

    Parameters
    ----------
    feeder : Feeder
        The feeder.

    Returns
    -------
    Feeder
        A copy whose regulators have ratio 1; transformers keep theirs.
    """
    branch = feeder.branches
    regulator = (branch.kind == "regulator")[:, None]
    return feeder.replace(
        branches=branch.replace(
            ratio=np.where(regulator, 1.0, branch.ratio),
            gain=np.where(regulator[:, :, None], 0.0, branch.gain),
        )
    )
