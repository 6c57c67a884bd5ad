"""The options of commands: how their values are read, and the options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

from lakehouse.cli import show
from lakehouse.days import DATE_ORDERS, checked_day
from lakehouse.errors import BadInput
from lakehouse.months import checked_month

# Storage and tables take half of a start, and a help text needs none of them.
if TYPE_CHECKING:
    from lakehouse.storage.data_bucket import Data
    from lakehouse.storage.place import Place

Command = Callable[..., None]
Option = Callable[[Command], Command]


class LocalPath(click.ParamType):
    """A file or folder of this machine, which may not exist."""

    name = "path"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> Path:
        from lakehouse.storage.paths import why_no_path

        why = why_no_path(str(value))
        if why:
            self.fail(f"{value!r} {why}", param, ctx)
        return Path(str(value))


class DatamartPlace(click.ParamType):
    """A folder of this machine, or a prefix of an object store."""

    name = LocalPath.name

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> Place:
        from lakehouse.storage.place import place

        where = place(str(value))
        return where if where.bucket else place(LocalPath().convert(value, param, ctx))


class DataPlace(click.ParamType):
    """A folder of this machine with raw files, or a prefix of an object store."""

    name = LocalPath.name

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> Data:
        from lakehouse.storage.data_bucket import data_at
        from lakehouse.storage.object_store import is_of_store

        if isinstance(value, str) and is_of_store(value):
            return data_at(value)
        return LocalPath().convert(value, param, ctx)


class Month(click.ParamType):
    """A month, as 2023-05."""

    name = "YYYY-MM"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> str:
        try:
            return checked_month(str(value))
        except BadInput as refused:
            self.fail(str(refused), param, ctx)


class Day(click.ParamType):
    """A day, as 2024-06-30."""

    name = "YYYY-MM-DD"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> date:
        try:
            return checked_day(str(value))
        except BadInput as refused:
            self.fail(str(refused), param, ctx)


class TableName(click.ParamType):
    """The name of a table, as gold.label_store; the shell completes it."""

    name = "TABLE"

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        from lakehouse.catalog import load

        try:
            names = [table.full_name for table in load(ctx.params.get("tables")).tables]
        except BadInput:
            return []
        return [CompletionItem(name) for name in names if name.startswith(incomplete)]


class RawFileName(click.ParamType):
    """The name of a raw file within the data folder; the shell completes those that are there."""

    name = "FILE"

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        from lakehouse.landing.inbox import Inbox
        from lakehouse.storage.data_folder import DataFolder

        data = ctx.params.get("data")
        if not isinstance(data, Path):  # a shell waits for no object store
            return []
        from lakehouse.catalog import load

        try:
            declared = load(ctx.params.get("tables"))
            sources = [table.source for table in declared.sources if table.source]
            inbox = Inbox(DataFolder(data), sources)
            names = [file.name for source in sources for file in inbox.listing(source).files]
        except BadInput:
            return []
        return [CompletionItem(name) for name in names if name.startswith(incomplete)]


class Names(click.ParamType):
    """Names that are separated by commas."""

    name = "A,B,..."

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, ...]:
        # The default is not text and means no names.
        words = value.split(",") if isinstance(value, str) else ()
        return tuple(word.strip() for word in words if word.strip())


def hidden(option: Option) -> Option:
    """The option as one that a command takes and does not use; help is silent about it."""

    def apply(command: Command) -> Command:
        before = len(getattr(command, "__click_params__", ()))
        command = option(command)
        for param in command.__click_params__[before:]:  # type: ignore[attr-defined]
            param.hidden = True
        return command

    return apply


def together(*options: Option) -> Option:
    """Several options as one decorator; help shows them in this order."""

    def apply(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return apply


DATA = click.option(
    "--data", type=DataPlace(), default=Path("data"), show_default=True,
    help="Folder of the raw files, or s3a://bucket/prefix.",
)  # fmt: skip
DATAMART = click.option(
    "--datamart", type=DatamartPlace(), default="datamart", show_default=True,
    help="Folder of the Delta tables, or s3a://bucket/prefix.",
)  # fmt: skip
ENGINE = together(
    click.option(
        "--engine", type=click.Choice(["auto", "embedded", "spark"]), default="auto",
        envvar="LAKEHOUSE_ENGINE", show_default=True,
        help="The engine; auto is embedded below 4 GiB of raw files (1 GiB with less than 8 GiB of memory). "
        "Also LAKEHOUSE_ENGINE.",
    ),
    click.option(
        "--master", envvar="SPARK_MASTER", help="Spark master, as spark://host:7077; means --engine spark."
    ),
)  # fmt: skip
TABLES = click.option(
    "--tables", metavar="DIR or PACKAGE",
    help="The declarations of your own bank: a folder with bronze, silver and gold, or a package. Else the "
    "shipped ones. Also LAKEHOUSE_TABLES, or tables in [tool.lakehouse] of pyproject.toml.",
)  # fmt: skip
DATE_ORDER = click.option(
    "--date-order", type=click.Choice(sorted(DATE_ORDERS)),
    help="The order in dates like 5/1/2023, where no row of a file proves it.",
)  # fmt: skip
JSON = click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")
# The entry point looks for it itself, because an error may come before options are read.
DEBUG = click.option(
    "--debug", is_flag=True, expose_value=False, help="Show the traceback of an error."
)
# Gives what tells for whom it waits; None where it is not to wait.
YES = click.option("--yes", is_flag=True, help="Do it without a question.")
WAIT = click.option(
    "--wait", is_flag=True, callback=lambda _context, _option, wait: show.note if wait else None,
    help="If another run is at work, wait until it has ended.",
)  # fmt: skip
