"""What failed in an engine, told in one line without its own message, which may show rows."""

from __future__ import annotations

import errno
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lakehouse.errors import LakehouseError, NoSpace, causes
from lakehouse.storage.datamart import Datamart
from lakehouse.table import Table

if TYPE_CHECKING:
    from lakehouse.upkeep.verify import Damage

_ENGINE_ERRORS = (
    ("deltalake.exceptions", "DeltaError"),
    ("pyarrow", "ArrowException"),
    ("pyspark.errors", "PySparkException"),
    # What the JVM throws as an Error, PySpark does not translate; a full disk is one.
    ("py4j.protocol", "Py4JJavaError"),
)
_PANIC_SECONDS = 0.3
_FULL = (errno.ENOSPC, errno.EDQUOT)
# As the engines spell it: Rust and DuckDB by the system's words, the JVM too.
_FULL_WORDS = ("no space left on device", "disk quota exceeded", "os error 28", "os error 122")


@contextmanager
def told_clearly(datamart: Datamart, table: Table) -> Iterator[None]:
    """What fails while a table is made: LakehouseError of a full disk, a damaged file, or the engine."""
    try:
        yield
    except _failures() as error:
        if is_disk_full(error):
            # Threads of delta-rs panic of it on stderr by themselves; what is to be done is told after that.
            time.sleep(_PANIC_SECONDS)
            raise NoSpace(
                f"no space left on the disk of datamart {datamart.log.root} while writing {table.full_name}; "
                "free some, the next run goes on from there"
            ) from error
        if isinstance(error, _engine_errors()):
            raise LakehouseError(_told(datamart, table, error)) from error
        raise


def _failures() -> tuple[type[Exception], ...]:
    return (*_engine_errors(), OSError, LakehouseError)


def _engine_errors() -> tuple[type[Exception], ...]:
    """What the engines raise; a module that nobody has imported yet, which takes time, has raised nothing."""
    found = (getattr(sys.modules.get(module), name, None) for module, name in _ENGINE_ERRORS)
    return tuple(filter(None, found))


def is_disk_full(error: BaseException | None) -> bool:
    """Whether an error, or what it came of, is that a disk or a quota is used up."""
    return any(map(_tells_of_full_disk, causes(error)))


def _tells_of_full_disk(error: BaseException) -> bool:
    by_number = isinstance(error, OSError) and error.errno in _FULL
    return by_number or any(words in str(error).lower() for words in _FULL_WORDS)


def _told(datamart: Datamart, table: Table, error: Exception) -> str:
    damage = _damage(datamart, table) if datamart.place.folder else None
    if damage:
        return (
            f"{damage.table.full_name} is damaged: {damage.what}; python main.py doctor --deep tells "
            "more, run --repair mends"
        )
    return (
        f"{table.full_name}: {type(error).__name__} in the engine; what was whole stays, the "
        "next run goes on from there; --debug shows all of it"
    )


def _damage(datamart: Datamart, table: Table) -> Damage | None:
    from lakehouse.upkeep.verify import Checked

    checked = Checked(datamart)
    damages = filter(None, map(checked.damage, (table, *table.upstreams)))
    return next(damages, None)
