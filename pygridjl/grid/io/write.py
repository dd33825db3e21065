"""Writers, one module a format, and the choice between them by the name of a file."""

from __future__ import annotations

from pathlib import Path

from pygridjl.core.errors import NetworkFormatError
from pygridjl.grid.feeder import Feeder
from pygridjl.grid.io.geojson import write_geojson
from pygridjl.grid.io.matpower.write import write_matpower
from pygridjl.grid.io.opendss.write import write_opendss
from pygridjl.grid.io.opendss.write_network import write_opendss_network
from pygridjl.grid.io.ours_csv import write_csv, write_feeder_csv
from pygridjl.grid.io.ours_json import write_feeder_json, write_json
from pygridjl.grid.network import Network

__all__ = ["save_feeder", "save_network"]

_FEEDER_WRITERS = {
    ".json": write_feeder_json,
    ".dss": write_opendss,
    "": write_feeder_csv,
}
_NETWORK_WRITERS = {
    ".json": write_json,
    ".m": write_matpower,
    ".dss": write_opendss_network,
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
        ``*.json`` (ours, exact), ``*.m`` (MATPOWER), ``*.dss`` (an OpenDSS script, see
        :func:`pygridjl.grid.io.opendss.write_network.write_opendss_network`), ``*.geojson`` (for
        maps, not read again), or a name without extension for a folder of our CSV (exact). What
        exists is replaced only once the new data are complete.

    Raises
    ------
    NetworkFormatError
        If the extension is unknown, the format cannot hold the network, or the file cannot be
        written.

    Examples
    --------
    >>> from pygridjl import load_network, save_network
    >>> save_network(load_network("case33bw"), "mine.json")
    >>> load_network("mine.json").n_bus
    33
    """
    path = Path(path)
    writer = _NETWORK_WRITERS.get(path.suffix.lower())
    if writer is None:
        detail = (
            f"extension {path.suffix!r} is not .json, .m, .dss, .geojson or none (a folder of CSV)"
        )
        raise NetworkFormatError(path, "file", detail)
    writer(network, path)


def save_feeder(feeder: Feeder, path: str | Path) -> Path:
    """Write a feeder in the format the name asks for, all of it or nothing.

    Parameters
    ----------
    feeder : Feeder
        The feeder.
    path : str or Path
        ``*.json`` (ours), ``*.dss`` for a script (see
        :func:`pygridjl.grid.io.opendss.write.write_opendss`), or a name without extension for a
        folder of tables. What exists is replaced only once the new data are complete.

    Returns
    -------
    Path
        What was written.

    Raises
    ------
    NetworkFormatError
        If the extension is unknown.
    OutputError
        If it cannot be written or something else than a feeder is in the way.

    Examples
    --------
    >>> from pygridjl import load_feeder, save_feeder
    >>> folder = save_feeder(load_feeder("ieee13"), "my-feeder")
    >>> load_feeder(folder).n_bus == load_feeder("ieee13").n_bus
    True
    """
    target = Path(path)
    writer = _FEEDER_WRITERS.get(target.suffix.lower())
    if writer is None:
        detail = f"extension {target.suffix!r} is not .json, .dss or none (a folder of tables)"
        raise NetworkFormatError(target, "file", detail)
    writer(feeder, target)
    return target
