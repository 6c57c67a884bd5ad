"""The entry point: all commands by name, and `main`, which turns arguments into an exit code."""

from __future__ import annotations

import os
import sys
import traceback
from typing import TYPE_CHECKING

import click

from lakehouse import __version__
from lakehouse.cli import build, check, keep, look, model, new, show, train
from lakehouse.cli.command import Commands
from lakehouse.cli.error_line import error_line
from lakehouse.cli.exit_codes import DONE, exit_code
from lakehouse.cli.own_words import own_words
from lakehouse.cli.program import program
from lakehouse.stop import Stopped, stoppable

if TYPE_CHECKING:
    from lakehouse.catalog import Catalog

# The shell asks by this variable, as in `eval "$(_LAKEHOUSE_COMPLETE=bash_source lakehouse)"`.
COMPLETE = "_LAKEHOUSE_COMPLETE"


@click.group(
    cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120}
)
@click.version_option(
    __version__, "--version", prog_name="lakehouse", message="%(prog)s %(version)s"
)
def cli() -> None:
    """A feature lakehouse: raw CSVs become bronze, silver and gold Delta tables, month after month.

    Without a command it does `run`, which builds everything that is pending.
    """


assert isinstance(cli, Commands)
cli.add(
    {
        "Build": (*build.COMMANDS, new.new),
        "Look": look.COMMANDS,
        "Train": train.COMMANDS,
        "Check": (check.audit, model.model, check.portfolio, check.doctor),
        "Keep": keep.COMMANDS,
    }
)


def main(argv: list[str], catalog: Catalog | None = None) -> int:
    """Run the command line on the tables of a catalog, else on the declared ones; return the exit code."""
    # Options without a command belong to `run`. Any other first word is a command, or a mistyped one.
    if not argv or (argv[0].startswith("-") and argv[0] not in ("-h", "--help", "--version")):
        argv = ["run", *argv]
    try:
        if COMPLETE in os.environ:
            return _completed(os.environ[COMPLETE])
        # Not cli.main, which takes every stop for Ctrl-C and prints an empty line.
        with (
            stoppable(),
            own_words(argv),
            cli.make_context(program(), argv, obj=catalog) as context,
        ):
            cli.invoke(context)
    except click.exceptions.Exit as end:
        return end.exit_code
    except SystemExit as end:
        return int(end.code or DONE)
    except BrokenPipeError:
        # The reader closed the pipe (`| head`); this is not an error.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (Exception, Stopped) as error:
        return _failed(error, "--debug" in argv)
    return DONE


def _completed(instruction: str) -> int:
    """Answer the shell that completes a line, or print the script that teaches it to."""
    from click.shell_completion import shell_complete

    return shell_complete(cli, {}, "lakehouse", COMPLETE, instruction)


def _failed(error: Exception | Stopped, debug: bool) -> int:
    """Print the line of an expected error and return its exit code; raise any other error again."""
    line = error_line(error)
    if line is None:
        raise error
    if debug:
        print(show.plain(traceback.format_exc()), file=sys.stderr)
    show.error(line)
    return exit_code(error)
