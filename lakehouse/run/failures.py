"""Turns an error of an engine into one line, without its own message, which may show rows."""

from __future__ import annotations

import errno
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lakehouse.errors import LakehouseError, NoSpace, causes
from lakehouse.storage.datamart import Datamart
from lakehouse.storage.object_store import of_store
from lakehouse.table import Table

if TYPE_CHECKING:
    from lakehouse.upkeep.verify import Damage

_ENGINE_ERRORS = (
    ("deltalake.exceptions", "DeltaError"),
    ("pyarrow", "ArrowException"),
    ("pyspark.errors", "PySparkException"),
    # PySpark does not translate what the JVM throws as an Error, for example a full disk.
    ("py4j.protocol", "Py4JJavaError"),
)
_PANIC_SECONDS = 0.3
_FULL = (errno.ENOSPC, errno.EDQUOT)
# How the engines say it: Rust, DuckDB and the JVM use the words of the system.
_FULL_WORDS = ("no space left on device", "disk quota exceeded", "os error 28", "os error 122")


@contextmanager
def explained(datamart: Datamart, table: Table) -> Iterator[None]:
    """Turn what fails while a table is made into a LakehouseError: a full disk, a damaged file, an engine."""
    try:
        yield
    except _failures() as error:
        if is_disk_full(error):
            # Threads of delta-rs also write about it to stderr; our message comes after that.
            time.sleep(_PANIC_SECONDS)
            raise NoSpace(
                f"no space left on the disk of datamart {datamart.log.root} while writing {table.full_name}; "
                "free some space; the next run goes on from there"
            ) from error
        if isinstance(error, _engine_errors()):
            raise LakehouseError(_explanation(datamart, table, error)) from error
        raise


def _failures() -> tuple[type[Exception], ...]:
    return (*_engine_errors(), OSError, LakehouseError)


def _engine_errors() -> tuple[type[Exception], ...]:
    """The errors of the engines that are loaded; a module that is not imported has raised nothing."""
    types = (getattr(sys.modules.get(module), name, None) for module, name in _ENGINE_ERRORS)
    return tuple(filter(None, types))


def is_disk_full(error: BaseException | None) -> bool:
    """Whether an error, or one of its causes, means that a disk or a quota is full."""
    return any(map(_is_of_full_disk, causes(error)))


def _is_of_full_disk(error: BaseException) -> bool:
    by_number = isinstance(error, OSError) and error.errno in _FULL
    return by_number or any(words in str(error).lower() for words in _FULL_WORDS)


def _explanation(datamart: Datamart, table: Table, error: Exception) -> str:
    damage = _damage(datamart, table) if datamart.place.folder else None
    if damage:
        return (
            f"{damage.table.full_name} is damaged: {damage.what}; python main.py doctor --deep tells "
            "more, run --repair repairs it"
        )
    if told := of_store(str(error)):
        return f"{table.full_name}: {told}"
    at = "" if datamart.place.folder else ", which reads and writes the object store"
    return (
        f"{table.full_name}: {type(error).__name__} in the engine{at}; completed work stays, and the "
        "next run goes on from there; --debug shows the whole error"
    )


def _damage(datamart: Datamart, table: Table) -> Damage | None:
    from lakehouse.upkeep.verify import Checked

    checked = Checked(datamart)
    damages = filter(None, map(checked.damage, (table, *table.upstreams)))
    return next(damages, None)
