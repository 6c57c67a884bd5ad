"""The options of commands: how their values are read, and the options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click

from lakehouse.cli import show
from lakehouse.days import DATE_ORDERS
from lakehouse.errors import BadInput
from lakehouse.months import checked_month
from lakehouse.storage.paths import why_no_path
from lakehouse.storage.place import Place, place

Command = Callable[..., None]
Option = Callable[[Command], Command]


class LocalPath(click.ParamType):
    """A file or folder of this machine, which may not exist."""

    name = "path"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> Path:
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
        where = place(str(value))
        return where if where.bucket else place(LocalPath().convert(value, param, ctx))


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


class Names(click.ParamType):
    """Names that are separated by commas."""

    name = "A,B,..."

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, ...]:
        # The default is not text and means no names.
        words = value.split(",") if isinstance(value, str) else ()
        return tuple(word.strip() for word in words if word.strip())


def together(*options: Option) -> Option:
    """Several options as one decorator; help shows them in this order."""

    def apply(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return apply


DATA = click.option(
    "--data", type=LocalPath(), default=Path("data"), show_default=True,
    help="Folder of the raw CSV files.",
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
