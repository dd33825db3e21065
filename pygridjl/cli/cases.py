"""``pygridjl cases``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import click

from pygridjl.cli.options import json_option
from pygridjl.cli.reading import network_settings, script_options, script_settings
from pygridjl.core.errors import InvalidOptionError
from pygridjl.grid.cases.catalogue import (
    CaseInfo,
    FeederInfo,
    describe,
    describe_feeder,
    feeder_names,
    list_cases,
    list_feeders,
)
from pygridjl.grid.io.write import save_feeder, save_network
from pygridjl.grid.load import load_feeder, load_network

__all__ = ["command"]


@click.command(
    name="cases",
    epilog="Example: pygridjl cases case33bw --export case33bw.m",
)
@click.argument("name", required=False)
@click.option("--feeder", "is_feeder", is_flag=True, help="NAME is a file or folder of a feeder.")
@click.option(
    "--export",
    metavar="PATH",
    type=click.Path(path_type=Path),
    help="Write a network as .m, .dss, .json, .geojson, or a folder of CSV (no extension); "
    "a feeder as .dss, .json, or a folder of CSV.",
)
@script_options
@json_option
def command(name: str | None, is_feeder: bool, export: Path | None, as_json: bool) -> None:
    """List the bundled cases and feeders, or show and export one.

    NAME is a bundled case or feeder, or a file (.m, .pos, .dss, .json or a folder of CSV), which
    --export converts.
    """
    if name is None:
        if export is not None:
            raise InvalidOptionError("--export needs the name of a case")
        _list(list_cases(), list_feeders(), as_json)
        return
    if is_feeder or name in feeder_names():
        feeder = load_feeder(name, **script_settings())
        if export is not None:
            save_feeder(feeder, export)
        _show(describe_feeder(feeder), export, as_json)
        return
    network = load_network(name, **network_settings())
    if export is not None:
        save_network(network, export)
    known = {case.name: case for case in list_cases()}
    _show(known[name] if name in known else describe(network), export, as_json)


def _list(cases: Sequence[CaseInfo], feeders: Sequence[FeederInfo], as_json: bool) -> None:
    if as_json:
        plain = {
            "cases": [case.to_dict() for case in cases],
            "feeders": [feeder.to_dict() for feeder in feeders],
        }
        click.echo(json.dumps(plain, ensure_ascii=False, allow_nan=False))
        return
    head = ("name", "problem", "buses", "branches", "open", "sources", "load MW")
    rows = [
        (c.name, c.problem, c.buses, c.branches, c.open_branches, c.sources, f"{c.load_mw:.3f}")
        for c in cases
    ]
    _table(head, rows, texts=2)
    click.echo()
    head = ("feeder", "kV", "buses", "nodes", "branches", "open", "load MW")
    rows = [
        (f.name, f"{f.kv:g}", f.buses, f.nodes, f.branches, f.open_branches, f"{f.load_mw:.3f}")
        for f in feeders
    ]
    _table(head, rows, texts=1)


def _table(head: tuple[str, ...], rows: Sequence[tuple[object, ...]], *, texts: int) -> None:
    """Print columns, the first few to the left."""
    printed = [head, *(tuple(map(str, row)) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*printed, strict=True)]
    for row in printed:
        cells = [
            cell.ljust(width) if k < texts else cell.rjust(width)
            for k, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        click.echo("  ".join(cells))


def _show(case: CaseInfo | FeederInfo, export: Path | None, as_json: bool) -> None:
    if as_json:
        click.echo(case.to_json())
        return
    if isinstance(case, FeederInfo):
        sizes = f"{case.nodes} nodes, {case.branches} branches ({case.open_branches} open)"
        click.echo(
            f"{case.name}: {case.buses} buses, {sizes}, {case.load_mw:.3f} MW at {case.kv:g} kV"
        )
    else:
        click.echo(
            f"{case.name}: {case.buses} buses, {case.branches} branches "
            f"({case.open_branches} open), {case.sources} sources, {case.load_mw:.3f} MW"
        )
        if case.problem:
            click.echo(f"problem: {case.problem}")
    click.echo(f"source: {case.source}")
    for note in case.notes:
        click.echo(f"note: {note}")
    if export is not None:
        click.echo(f"written: {export}")
