"""Landing: each row of a raw CSV is accepted, quarantined with every reason, or an equal copy.

No row is lost: rows that are read and rows that are written are counted separately, and must agree.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lakehouse.days import DateOrder
from lakehouse.landing.counts import Arrival, Landed, Reading
from lakehouse.landing.raw_file import RawFile
from lakehouse.storage.extent import Extent
from lakehouse.table import Source

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def land(
    source: Source,
    path: Path,
    into: Path,
    max_bad: float = 0.2,
    after: Extent | None = None,
    reading: Reading | None = None,
) -> Landed:
    """Land one raw file that lies in a folder; BadInput if it is refused."""
    file = RawFile(path.name, size=0, stamp="")
    return land_files(source, [Arrival(file, path, reading or Reading(), after)], into, max_bad)


def land_files(
    source: Source,
    arrivals: Sequence[Arrival],
    into: Path,
    max_bad: float = 0.2,
    proved: Mapping[str, DateOrder] | None = None,
    begins: Callable[[int], None] | None = None,
    within: DuckDBPyConnection | None = None,
) -> Landed:
    """Split raw files of a source into accepted and quarantined rows, as Parquet files in `into`.

    A file that is not a CSV of this source, or that has a share of bad rows above `max_bad`, is refused: no
    row of it is taken. BadInput if it is the only one; then no file is left in `into`. `proved` are the
    orders of dates that files of the source had before, by name. `begins` gets the number of each file.
    `within` is a connection whose database is used, in place of one of its own.
    """
    from lakehouse.landing.batch import Batch

    into.mkdir(parents=True, exist_ok=True)
    return Batch(source, into, max_bad, proved or {}, begins, within).land(arrivals)
