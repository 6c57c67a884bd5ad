"""The commands that write scaffolds: `new bank`, which makes a bank of one's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from lakehouse.cli import options, show
from lakehouse.cli.command import Command, Commands, command


@click.group("new", cls=Commands, invoke_without_command=True)
@click.pass_context
def new(context: click.Context) -> None:
    """Write a bank of your own, or a part of it, that runs at once."""
    if context.invoked_subcommand is None:
        names = " or ".join(each.name or "" for each in COMMANDS)
        context.fail(f"new makes a {names}; `{context.command_path} --help` shows how")


@command("new bank shop", name="bank")
@click.argument("folder", metavar="DIR", type=options.LocalPath())
@options.JSON
@options.DEBUG
def bank(folder: Path, as_json: bool) -> None:
    """Write a small bank of your own: tables, raw files and a test.

    The folder gets bronze, silver and gold with two sources, a feature group and labels, tests, and data
    with raw files of invented people. The name of the folder is that of the bank. A file that is there is
    never written over.
    """
    from lakehouse.scaffold.new_bank import new_bank

    files = new_bank(folder)
    show.answer(as_json, _as_json(files), lambda: show.new_bank(folder, files))


def _as_json(files: Sequence[Path]) -> Mapping[str, object]:
    return {"files": [str(file) for file in files]}


COMMANDS: tuple[Command, ...] = (bank,)
assert isinstance(new, Commands)
new.add({"Commands": COMMANDS})
