"""Writers, one module a format, and the choice between them by the name of a file."""

from __future__ import annotations

from pathlib import Path

from pygridjl.core.errors import NetworkFormatError
from pygridjl.grid.io.geojson import write_geojson
from pygridjl.grid.io.matpower.write import write_matpower
from pygridjl.grid.io.ours_csv import write_csv
from pygridjl.grid.io.ours_json import write_json
from pygridjl.grid.network import Network

__all__ = ["save_network", "write_csv", "write_geojson", "write_json", "write_matpower"]

_WRITERS = {
    ".json": write_json,
    ".m": write_matpower,
    ".geojson": write_geojson,
    "": write_csv,
}


def save_network(network: Network, path: str | Path) -> None:
    """Write a network in the format the name of the file asks for.

    Parameters
    ----------
    network : Network
        The network.
    path : str or Path
        ``*.json`` (ours, exact), ``*.m`` (MATPOWER), ``*.geojson`` (for maps, not read again), or
        a name without extension for a folder of our CSV (exact). What exists is replaced only once
        the new data are complete.

    Raises
    ------
    NetworkFormatError
        If the extension is unknown or the file cannot be written.

    Examples
    --------
    >>> from pygridjl import load_network, save_network
    >>> save_network(load_network("case33bw"), "mine.json")
    >>> load_network("mine.json").n_bus
    33
    """
    path = Path(path)
    writer = _WRITERS.get(path.suffix.lower())
    if writer is None:
        detail = f"extension {path.suffix!r} is not .json, .m, .geojson or none (a folder of CSV)"
        raise NetworkFormatError(path, "file", detail)
    writer(network, path)
