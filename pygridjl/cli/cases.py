"""``pygridjl cases``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import click

from pygridjl.cli.options import json_option
from pygridjl.core.errors import InvalidOptionError
from pygridjl.grid.cases import CaseInfo, describe, list_cases, load_network
from pygridjl.grid.io.write import save_network

__all__ = ["command"]

_COLUMNS = ("name", "problem", "buses", "branches", "open", "sources", "load MW")


@click.command(
    name="cases",
    epilog="Example: pygridjl cases case33bw --export case33bw.m",
)
@click.argument("name", required=False)
@click.option(
    "--export",
    metavar="PATH",
    type=click.Path(path_type=Path),
    help="Write the case as .m, .json, or a folder of CSV (no extension).",
)
@json_option
def command(name: str | None, export: Path | None, as_json: bool) -> None:
    """List the bundled cases, or show and export one.

    NAME is a bundled case or a network file (.m, .pos, .dss, .json or a folder of CSV), which
    --export converts.
    """
    if name is None:
        if export is not None:
            raise InvalidOptionError("--export needs the name of a case")
        _list(list_cases(), as_json)
        return
    network = load_network(name)
    if export is not None:
        save_network(network, export)
    known = {case.name: case for case in list_cases()}
    case = known[name] if name in known else describe(network)
    _show(case, export, as_json)


def _list(cases: Sequence[CaseInfo], as_json: bool) -> None:
    if as_json:
        plain = {"cases": [case.to_dict() for case in cases]}
        click.echo(json.dumps(plain, ensure_ascii=False, allow_nan=False))
        return
    rows = [
        (
            case.name,
            case.problem,
            str(case.buses),
            str(case.branches),
            str(case.open_branches),
            str(case.sources),
            f"{case.load_mw:.3f}",
        )
        for case in cases
    ]
    widths = [max(len(row[k]) for row in (_COLUMNS, *rows)) for k in range(len(_COLUMNS))]
    for row in (_COLUMNS, *rows):
        texts = [
            cell.ljust(widths[k]) if k < 2 else cell.rjust(widths[k]) for k, cell in enumerate(row)
        ]
        click.echo("  ".join(texts))


def _show(case: CaseInfo, export: Path | None, as_json: bool) -> None:
    if as_json:
        click.echo(case.to_json())
        return
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
