"""Where service points sit on a network: a CSV table with a row for each possible connection."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pygridjl.balancing.files import complain, read_texts
from pygridjl.core.errors import NetworkFormatError

__all__ = ["read_connections"]

COLUMNS = ("sp", "circuit", "bus")


def read_connections(path: str | Path, service_points: Sequence[str]) -> dict[str, dict[str, str]]:
    """Read a CSV file with the columns sp, circuit and bus.

    Parameters
    ----------
    path : path-like
        UTF-8, a header, one row for each circuit that can take a service point over, in any
        order: the bus at which it would be connected there.
    service_points : sequence of str
        Ids that must be in the file, and the only ones that may be.

    Returns
    -------
    dict of str to (dict of str to str)
        For each service point the bus by circuit, as :func:`~pygridjl.balancing.couple` takes it.

    Raises
    ------
    NetworkFormatError
        Naming rows (the header is row 1) and columns of everything that is wrong.
    """
    file = Path(path)
    texts = read_texts(file, COLUMNS)
    faults: list[str] = []
    for column in COLUMNS:
        complain(faults, texts[column] == "", f"column {column} is empty")
    unknown = ~np.isin(texts["sp"], np.array(service_points, dtype=np.str_)) & (texts["sp"] != "")
    complain(faults, unknown, "column sp names none of the data", texts["sp"])
    pairs = np.array([texts["sp"], texts["circuit"]])
    _, place, counts = np.unique(pairs, axis=1, return_inverse=True, return_counts=True)
    twice = counts[place.ravel()] > 1
    complain(faults, twice, "columns sp and circuit stand twice", texts["sp"])
    found: dict[str, dict[str, str]] = {point: {} for point in service_points}
    if not faults:
        for point, circuit, bus in zip(*(texts[c].tolist() for c in COLUMNS), strict=True):
            found[point][circuit] = bus
        bare = [point for point, buses in found.items() if not buses]
        if bare:
            more = f" and {len(bare) - 5} more" if len(bare) > 5 else ""
            faults.append(f"no row connects sp {', '.join(bare[:5])}{more}")
    if faults:
        raise NetworkFormatError(file, "rows", "; ".join(faults))
    return found
