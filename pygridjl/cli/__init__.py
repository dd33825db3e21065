"""The command line. Each command lives in its own module, imported when it is called."""

from __future__ import annotations

import sys
from importlib import import_module

import click

from pygridjl.core.errors import PyGridJLError

__all__ = ["cli", "main"]

# Command -> (module that defines ``command``, one line for the list of commands).
_COMMANDS = {
    "cases": ("pygridjl.cli.cases", "List the bundled cases, show or export one."),
    "reconfigure": ("pygridjl.cli.reconfigure", "Find the radial configuration of least loss."),
    "opf": ("pygridjl.cli.opf", "Optimal power flow by Python's or Julia's engine."),
    "site": ("pygridjl.cli.site", "Site and size distributed generation under uncertainty."),
    "benchmark": ("pygridjl.cli.benchmark", "Compare methods on the standard cases."),
    "reproduce": ("pygridjl.cli.reproduce", "Repeat a paper's experiments beside its figures."),
    "julia": ("pygridjl.cli.julia", "Install, choose or inspect the Julia that is used."),
}


class _LazyGroup(click.Group):
    """A group that imports a command's module only when that command runs."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = import_module(_COMMANDS[cmd_name][0]).command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in _COMMANDS.items()])


@click.command(
    cls=_LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Example: pygridjl reconfigure case33bw --method maxflow+ils --certify",
)
@click.version_option(package_name="pygridjl")
def cli() -> None:
    """Optimise power grids with proven bounds."""


def main() -> None:
    """Run the command line; turn errors raised on purpose into one line and exit code 2."""
    try:
        code = cli.main(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.Abort:
        click.echo("interrupted", err=True)
        sys.exit(130)
    except PyGridJLError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(2)
    except BrokenPipeError:
        # The reader of our output went away (for example `| head`): nothing is left to say.
        sys.stderr.close()
        sys.exit(141)
    sys.exit(code if isinstance(code, int) else 0)
