"""The command line. Each command lives in its own module, imported when it is called."""

from __future__ import annotations

import sys
import traceback
from importlib import import_module

import click

from pygridjl.cli.interruption import STOPPED, Interruption, last_words
from pygridjl.cli.output import claim_standard_output, one_line
from pygridjl.core import stopping
from pygridjl.core.errors import PyGridJLError

__all__ = ["cli", "main"]

# Command -> (module that defines ``command``, one line for the list of commands).
_COMMANDS = {
    "cases": ("pygridjl.cli.cases", "List the bundled cases, show or export one."),
    "reconfigure": ("pygridjl.cli.reconfigure", "Find the radial configuration of least loss."),
    "schedule": ("pygridjl.cli.schedule", "Find a configuration for every period of a year."),
    "restore": ("pygridjl.cli.restore", "Supply as much as possible after a fault."),
    "opf": ("pygridjl.cli.opf", "Optimal power flow by Python's or Julia's engine."),
    "relax": ("pygridjl.cli.relax", "Bound an AC optimal power flow by a convex relaxation."),
    "linearize": ("pygridjl.cli.linearize", "Linearise an optimal power flow for uncertain loads."),
    "site": ("pygridjl.cli.site", "Site and size distributed generation under uncertainty."),
    "hosting": ("pygridjl.cli.hosting", "Say how much PV a feeder takes, with a proof."),
    "expand": ("pygridjl.cli.expand", "Site generation in stages, while load grows."),
    "balance": ("pygridjl.cli.balance", "Redistribute service points over circuits."),
    "benchmark": ("pygridjl.cli.benchmark", "Compare methods on the standard cases."),
    "study": ("pygridjl.cli.study", "Run grids of cases, methods and seeds that survive."),
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
    epilog="Exit codes: 0 answer, 1 no answer, 2 bad input or output, 3 a defect of pygridjl, 130 "
    "stopped (with the best answer so far).\n\n"
    "Example: pygridjl reconfigure case33bw --method maxflow+ils --certify",
)
@click.version_option(package_name="pygridjl")
def cli() -> None:
    """Optimise power grids with proven bounds."""


def main() -> None:
    """Run the command line: 0 answer, 1 none, 2 bad input or output, 3 defect, 130 stopped."""
    claim_standard_output()
    with Interruption() as interruption:
        code = _run(interruption)
    if stopping.requested() and code in (0, 1):
        click.echo("stopped: this is the best so far", err=True)
        code = STOPPED
    interruption.leave(code)
    sys.exit(code)


def _run(interruption: Interruption) -> int:
    """Return the exit code; errors raised on purpose are one line on standard error."""
    try:
        code = cli.main(standalone_mode=False)
        if sys.stdout is not None:
            sys.stdout.flush()
    except click.ClickException as error:
        where = error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else ""
        hint = f" (see {where} --help)" if where else ""
        return _failed(error.format_message(), 2, hint)
    except (click.Abort, KeyboardInterrupt):
        return _interrupted()
    except PyGridJLError as error:
        if interruption.raised:
            # A solver may take the KeyboardInterrupt for a failure of its own.
            return _interrupted()
        return _failed(str(error), 2, longest=error.longest)
    except MemoryError:
        return _failed("not enough memory for what was asked", 2)
    except BrokenPipeError:
        # The reader of our output went away (for example `| head`): nothing is left to say.
        sys.stderr.close()
        return 141
    except OSError as error:
        if error.filename is None:
            return _defect(error)
        # Whatever the system says of a path that the user gave (a name too long, say).
        return _failed(f"cannot use {error.filename}: {error.strerror}", 2)
    except Exception as error:
        # A compiler that was interrupted goes on without what it was about to make.
        stopped = interruption.raised or _of_interrupt(error)
        return _interrupted() if stopped else _defect(error)
    return code if isinstance(code, int) else 0


def _interrupted() -> int:
    last_words()
    return STOPPED


def _of_interrupt(error: BaseException | None) -> bool:
    """Whether an error is what native code made of a KeyboardInterrupt."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None


def _defect(error: Exception) -> int:
    traceback.print_exc()
    return _failed(f"a defect of pygridjl, please report it: {error!r}", 3)


def _failed(message: str, code: int, hint: str = "", longest: int = PyGridJLError.longest) -> int:
    click.echo(one_line(f"Error: {message}{hint}", longest), err=True)
    return code
