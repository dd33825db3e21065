"""``pygridjl julia``: install, inspect or choose the Julia behind ``backend="julia"``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from pygridjl.bridge.probe import Probe

__all__ = ["command"]

_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")


@click.group("julia")
def command() -> None:
    """Install, inspect or choose the Julia that pygridjl drives.

    Example: pygridjl julia status
    """


def _show(found: Probe) -> None:
    click.echo(f"Julia    {found.julia}  {found.exe}")
    click.echo(f"project  {found.project}  ({found.origin})")
    for package in found.packages:
        click.echo(f"  {package.name:<24}{package.version:<12}{package.folder}")
    for name in found.missing:
        click.echo(f"  {name:<24}missing")
    for name in found.missing_optional:
        click.echo(f"  {name:<24}missing (optional solver)")
    if not found.missing and not found.compiled:
        click.echo("  not compiled yet: the first start takes minutes")


@command.command("install")
@_json
def install_command(as_json: bool) -> None:
    """Download Julia and the packages (needs internet), and compile them.

    Example: pygridjl julia install
    """
    from pygridjl.bridge.setup import install

    click.echo("installing Julia and its packages; this takes some minutes", err=True)
    found = install()
    if as_json:
        click.echo(found.to_json())
    else:
        _show(found)


@command.command("use")
@click.option("--exe", required=True, help="Julia executable (1.10.3 or later).")
@click.option("--project", required=True, help="Project folder with PythonCall and PyGridJL.")
@_json
def use_command(exe: str, project: str, as_json: bool) -> None:
    """Check a prepared Julia and remember it for later runs.

    Example: pygridjl julia use --exe ~/julia/bin/julia --project ~/grid-env
    """
    from pygridjl.bridge.setup import use

    click.echo("checking, and compiling what is not compiled yet", err=True)
    found = use(exe, project)
    if as_json:
        click.echo(found.to_json())
    else:
        _show(found)


@command.command("status")
@_json
@click.pass_context
def status_command(context: click.Context, as_json: bool) -> None:
    """Show Julia, its packages, where they come from and what is missing.

    The exit code is 0 if Julia can be used and 1 if not.

    Example: pygridjl julia status --json
    """
    from pygridjl.bridge.setup import status

    answer = status()
    if as_json:
        click.echo(answer.to_json())
    else:
        if answer.found is not None:
            _show(answer.found)
        click.echo("usable" if answer.usable else "not usable")
        for problem in answer.problems:
            click.echo(f"  {problem}")
        for fix in answer.fixes:
            click.echo(f"  {fix}")
    context.exit(0 if answer.usable else 1)
