"""The commands that write scaffolds: a bank of one's own, and its sources, tables and features."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lakehouse.cli import options, show
from lakehouse.cli.command import Command, Commands, command
from lakehouse.cli.confirm import check_confirmed

if TYPE_CHECKING:
    from lakehouse.scaffold.new_source import Asked, NewSource
    from lakehouse.scaffold.unsure import Unsure


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


@command(
    "new source clients.csv --tables shop",
    "new source clients.csv --tables shop --key cust_no --yes",
    name="source",
)
@click.argument("file", type=options.LocalPath())
@click.option("--name", help="The name of the source; else it is that of the file.")
@click.option(
    "--key",
    "keys",
    metavar="COLUMN",
    multiple=True,
    help="A column of the key, which the date is part of; may be given several times.",
)
@click.option(
    "--date",
    metavar="COLUMN",
    help="The column with the day of a row; '' for data without a date, as districts.",
)
@click.option(
    "--entity", metavar="COLUMN", help="The column that says whose row it is; '' if it is nobody's."
)
@click.option(
    "--personal",
    metavar="COLUMN",
    multiple=True,
    help="A column that identifies a person; may be given several times.",
)
@click.option(
    "--not-personal",
    metavar="COLUMN",
    multiple=True,
    help="A column that seems to identify a person, and does not; may be given several times.",
)
@click.option("--delimiter", help="The sign between cells, where the header leaves a doubt.")
@click.option("--encoding", help="The encoding of a file that is not UTF-8, as cp1252.")
@options.DATE_ORDER
@click.option("--dry-run", is_flag=True, help="Show the proposal, and write nothing.")
@click.option("--yes", is_flag=True, help="Take the proposal without a question.")
@options.TABLES
@options.JSON
@options.DEBUG
def source(
    file: Path,
    name: str | None,
    keys: tuple[str, ...],
    date: str | None,
    entity: str | None,
    personal: tuple[str, ...],
    not_personal: tuple[str, ...],
    delimiter: str | None,
    encoding: str | None,
    date_order: str | None,
    dry_run: bool,
    yes: bool,
    tables: str | None,
    as_json: bool,
) -> None:
    """Write a source of your bank from a raw file.

    The file is read as a run would read it. The columns, their types, the key, the day of a row, whose row it
    is and what is personal are proposed, each with why. If nothing tells, a terminal is asked; else the
    file is refused, and the option that says it is named. No cell is shown or written.
    """
    from lakehouse.scaffold.new_source import Asked
    from lakehouse.scaffold.proposal import Said

    said = Said(date, keys, entity, personal, not_personal)
    may_ask = sys.stdin.isatty() and not (yes or as_json)
    asked = Asked(file, tables, name, delimiter, encoding, date_order, said)
    new = _proposed(asked, may_ask)
    if not as_json:
        show.proposal(new.proposal)
    if not dry_run:
        check_confirmed("new source", yes, lambda: None, "writes files")
    files = [] if dry_run else new.write()
    told = {**asdict(new.proposal), **_as_json(files)}
    show.answer(as_json, told, lambda: show.new_source(new.proposal, files, file, new.bank.folder))


def _proposed(asked: Asked, may_ask: bool) -> NewSource:
    """The proposed source; a terminal is asked for what nothing tells."""
    from lakehouse.scaffold.new_source import new_source
    from lakehouse.scaffold.unsure import Unsure

    while True:
        try:
            return new_source(asked)
        except Unsure as unsure:
            if not may_ask:
                raise
            asked = _answered(asked, unsure)


def _answered(asked: Asked, unsure: Unsure) -> Asked:
    """The request with the answer to the question that is left; several columns are parted by commas."""
    choices = f" ({', '.join(unsure.choices)})" if unsure.choices else ""
    answer = click.prompt(f"{unsure}{choices}", err=True, default="", show_default=False).strip()
    option = unsure.option.replace("one ", "").split()[0].strip(",").removeprefix("--")
    if not answer and option != "entity":
        raise unsure
    if option == "key":
        words = tuple(word.strip() for word in answer.split(","))
        return replace(asked, said=replace(asked.said, keys=words))
    if option in ("date", "entity"):
        return replace(asked, said=replace(asked.said, **{option: answer}))
    return replace(asked, **{option.replace("-", "_"): answer})


@command(
    "new feature fee --table gold.features_x --takes fee --doc Fee",
    name="feature",
)
@click.argument("name")
@click.option("--table", type=options.TableName(), required=True, help="The feature group.")
@click.option(
    "--takes",
    metavar="COLUMN",
    multiple=True,
    required=True,
    help="A column of its silver table, or another feature of the group; may be given several times.",
)
@click.option(
    "--type",
    "type_",
    type=click.Choice(["STRING", "INT", "BIGINT", "DOUBLE", "BOOLEAN"], case_sensitive=False),
    help="The type of the feature; else it is that of the first column.",
)
@click.option("--doc", required=True, help="What the feature means, as a sentence.")
@options.TABLES
@options.JSON
@options.DEBUG
def feature(
    name: str,
    table: str,
    takes: tuple[str, ...],
    type_: str | None,
    doc: str,
    tables: str | None,
    as_json: bool,
) -> None:
    """Write a feature into the module of its group, with a test.

    Until you write its formula it is the first column that it takes. The test says so, and that nothing
    of the group comes from the future.
    """
    from lakehouse.scaffold.new_feature import NewFeature

    files = NewFeature(name, table, takes, doc, type_).write(tables)
    show.answer(as_json, _as_json(files), lambda: show.new_feature(name, takes[0], files))


@command("new table gold.features_visits --reads silver.visits", name="table")
@click.argument("table", metavar="silver|gold.NAME")
@click.option(
    "--reads", type=options.TableName(), required=True, help="The table that it is made of."
)
@options.TABLES
@options.JSON
@options.DEBUG
def table(table: str, reads: str, tables: str | None, as_json: bool) -> None:
    """Write a table of your bank that reads another one, with a test.

    It passes on the columns of what it reads, until you write more. A table gold.features_NAME is a feature
    group: each column is a feature, but those that tell how a loan went on, or whose name is taken.
    """
    from lakehouse.scaffold.new_table import new_table

    new = new_table(table, reads, tables)
    told = {**_as_json(new.files), "left_out": list(new.left_out)}
    show.answer(as_json, told, lambda: show.new_table(new))


def _as_json(files: Sequence[Path]) -> Mapping[str, object]:
    return {"files": [str(file) for file in files]}


COMMANDS: tuple[Command, ...] = (bank, source, table, feature)
assert isinstance(new, Commands)
new.add({"Commands": COMMANDS})
