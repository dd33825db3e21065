"""How commands read the grid they are given."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from pygridjl.grid.feeder import Feeder
    from pygridjl.grid.network import Network
    from pygridjl.scenarios.load_states import LoadStates

__all__ = [
    "given_feeder",
    "given_network",
    "given_states",
    "network_settings",
    "script_options",
    "script_settings",
]

F = TypeVar("F", bound=Callable[..., Any])
_KEY = "pygridjl.script"


def script_options(function: F) -> F:
    """Add ``--root``, ``--no-strict`` and ``--lump-services``, which :func:`given_feeder` reads."""
    strict = click.option(
        "--strict/--no-strict",
        default=True,
        expose_value=False,
        callback=_remember,
        help="Of an OpenDSS script: whether a command that fails ends the reading (it does).",
    )
    root = click.option(
        "--root",
        metavar="FOLDER",
        type=click.Path(path_type=Path),
        expose_value=False,
        callback=_remember,
        help="Of an OpenDSS script: folder below which all files it reads must lie; its own.",
    )
    lump = click.option(
        "--lump-services",
        is_flag=True,
        expose_value=False,
        callback=_remember,
        help="Of a feeder: move what hangs behind service transformers to the phases that feed it.",
    )
    return root(strict(lump(function)))


def _remember(context: click.Context, parameter: click.Parameter, value: Any) -> Any:
    context.meta.setdefault(_KEY, {})[parameter.name] = value
    return value


def script_settings() -> dict[str, Any]:
    """Return the keywords for :func:`pygridjl.load_feeder`."""
    return dict(click.get_current_context().meta.get(_KEY, {}))


def network_settings() -> dict[str, Any]:
    """Return those that a network has."""
    settings = script_settings()
    if settings.pop("lump_services", False):
        raise click.UsageError("--lump-services: is for feeders, and this reads a network")
    return settings


def given_network(name: str) -> Network:
    """Load a network and say on standard error what its reader changed."""
    from pygridjl.grid.cases.catalogue import case_names
    from pygridjl.grid.load import load_network

    network = load_network(name, **network_settings())
    if name not in case_names():
        _say(network.notes)
    return network


def given_feeder(name: str) -> Feeder:
    """Load a feeder and say on standard error what its reader simplified."""
    from pygridjl.grid.cases.catalogue import feeder_names
    from pygridjl.grid.load import load_feeder

    feeder = load_feeder(name, **script_settings())
    if name not in feeder_names():
        _say(feeder.notes)
    return feeder


def _say(notes: tuple[str, ...]) -> None:
    for note in notes:
        click.echo(f"note: {note}", err=True)


def given_states(path: Path, network: Network) -> LoadStates:
    """Read load states, or a folder of scenarios as load states."""
    from pygridjl.scenarios.files import read_scenarios
    from pygridjl.scenarios.load_states import load_states, read_load_states

    if path.is_dir():
        return load_states(network, read_scenarios(path, network.buses.id))
    return read_load_states(path, network)
