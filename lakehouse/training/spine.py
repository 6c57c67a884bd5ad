"""The spine of a user: customers and application dates, stored beside the ledger to be used again."""

from __future__ import annotations

import atexit
import hashlib
import shutil
import tempfile
from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from lakehouse.days import DAY_OR_TIME, FIRST_DAY, TIME_WITH_ZONE, UTC, DateOrder, day_of
from lakehouse.errors import BadInput
from lakehouse.landing import cells
from lakehouse.landing.dates import WITH_SHORT_YEAR, WITH_SLASHES, Written, date_order
from lakehouse.storage.duck import duckdb_in, identifier, literal, path_literal
from lakehouse.storage.files import fingerprint, steady
from lakehouse.storage.place import Place
from lakehouse.storage.place import place as place_at
from lakehouse.storage.work import work_folder
from lakehouse.training_columns import APPLICATION, CUSTOMER, SPINE

if TYPE_CHECKING:
    import pandas as pd
    from duckdb import DuckDBPyConnection

SPINES = "ledger/spines"
# All options are given, because DuckDB's guesses may skip lines or take columns from the path.
_READERS = {
    ".csv": """read_csv({}, header = true, all_varchar = true, delim = ',', quote = '"', escape = '"',
        skip = 0, comment = '', hive_partitioning = false)""",
    ".parquet": "read_parquet({}, hive_partitioning = false)",
}
# Types that both engines read back unchanged. Other types are stored as one of these.
_PLAIN_TYPES = (
    "VARCHAR", "BOOLEAN", "SMALLINT", "INTEGER", "BIGINT", "FLOAT", "DOUBLE", "DATE", "TIMESTAMP"
)  # fmt: skip
_KEPT_AS = {
    "TINYINT": "SMALLINT",
    "UTINYINT": "SMALLINT",
    "USMALLINT": "INTEGER",
    "UINTEGER": "BIGINT",
    "TIMESTAMP_NS": "TIMESTAMP",
    **{name: name for name in _PLAIN_TYPES},
}
# The rows of a file by number, with customer and application as trimmed texts.
_TEXTS = f"""
    SELECT row_number() OVER () AS _number, {cells.trimmed(f"CAST({CUSTOMER} AS VARCHAR)")} AS _customer,
           {cells.trimmed(f"CAST({APPLICATION} AS VARCHAR)")} AS _application, *
    FROM {{}}
"""


@dataclass(frozen=True)
class SpineReading:
    """How the days of a spine are read: the order of dates with slashes, if given, and the bank's zone."""

    date_order: str | None = None
    time_zone: str = UTC


@contextmanager
def as_file(spine: str | Path | pd.DataFrame | None) -> Iterator[Path | None]:
    """The file of a spine; for a DataFrame, a temporary file."""
    if spine is None or isinstance(spine, (str, Path)):
        yield None if spine is None else Path(spine)
        return
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "DataFrame.parquet"
        _write_frame(spine, file)
        yield file


def _write_frame(spine: pd.DataFrame, file: Path) -> None:
    import pandas as pd
    import pyarrow as pa

    if not isinstance(spine, pd.DataFrame):
        raise BadInput(f"a spine is a file or a pandas DataFrame, not a {type(spine).__name__}")
    try:
        spine.to_parquet(file, index=False)
    except (pa.ArrowException, ValueError):
        # The message is not shown, because it shows values.
        raise BadInput(
            "the DataFrame of the spine has a column of mixed types, or two of one name; correct it"
        ) from None


def spine_file(sha256: str) -> str:
    """The name in a datamart of the spine with this SHA-256."""
    return f"{SPINES}/{sha256}.parquet"


def keep_spine(
    path: Path,
    place: Place,
    taken: Collection[str],
    work: Path,
    reading: SpineReading | None = None,
) -> str:
    """Check a CSV or Parquet spine, store it as Parquet in a datamart, and return its SHA-256.

    BadInput for a file that is not a spine, that changes meanwhile, or that has a column named like one
    of `taken`. Until it is complete, the file is in `work`, which is on the same disk.
    """
    reading = reading or SpineReading()
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise BadInput(f"spine {path} is neither .csv nor .parquet; give it in one of these forms")
    with steady(path), _refusing(path, work) as duckdb:
        sha256 = fingerprint(path)
        duckdb.execute(f"CREATE TEMP TABLE delivered AS FROM {reader.format(path_literal(path))}")
        described = duckdb.execute("DESCRIBE delivered").fetchall()
        types = {name: str(kind) for name, kind, *_ in described}
        _check_columns(path, types, taken)
        sha256 = _read_days(path, duckdb, reading, sha256)
        check_rows(path, duckdb)
        _write(duckdb, types, work / "spine.parquet")
    place.keep(work / "spine.parquet", spine_file(sha256))
    return sha256


@cache
def scratch() -> Place:
    """The place for spines that are only looked at; it is removed when this process ends."""
    stack = ExitStack()
    folder = stack.enter_context(work_folder(None))
    atexit.register(stack.close)
    return place_at(folder)


def keep_also(sha256: str, here: Place, there: Place) -> None:
    """Store a spine of one place, a folder of this machine, in another place too."""
    with work_folder(there) as work:
        name = spine_file(sha256)
        there.keep(Path(shutil.copy(here.on_this_machine() / name, work)), name)


def _read_days(path: Path, duckdb: DuckDBPyConnection, reading: SpineReading, sha256: str) -> str:
    """Make the table `spine`, with a `_day` per row; the name under which it is kept.

    It is the SHA-256 of the file, unless the same file may also be read as other days.
    """
    duckdb.execute(f"CREATE TEMP TABLE texts AS {_TEXTS.format('delivered')}")
    order = date_order(f"spine {path}", _written(duckdb), _asked(reading))
    with_zone = _days_with_zone(duckdb, reading.time_zone)
    day = f"""coalesce({cells.day("_application", order)}, _day_with_zone,
        CASE WHEN {cells.is_like("_application", DAY_OR_TIME)}
             THEN try_cast(left(_application, 10) AS DATE) END)"""
    duckdb.execute(f"""
        CREATE TEMP TABLE spine AS
        SELECT * EXCLUDE (_day_with_zone), CASE WHEN {day} >= DATE '{FIRST_DAY}' THEN {day} END AS _day
        FROM texts LEFT JOIN days_with_zone USING (_application)
    """)
    if not with_zone and (order is None or order.order == "mdy"):
        return sha256
    said = f"{sha256} {order.order if order else ''} {reading.time_zone if with_zone else ''}"
    return hashlib.sha256(said.encode()).hexdigest()


def _asked(reading: SpineReading) -> DateOrder | None:
    order = reading.date_order
    return DateOrder(order, "--date-order says so") if order else None


def _written(duckdb: DuckDBPyConnection) -> list[Written]:
    """The dates with slashes."""
    found = duckdb.execute(f"""
        SELECT _application, count(*), min(_number) FROM texts
        WHERE {cells.is_like("_application", WITH_SLASHES, WITH_SHORT_YEAR)} GROUP BY ALL
    """).fetchall()
    return [Written(APPLICATION, text, n, row, "row") for text, n, row in found]


def _days_with_zone(duckdb: DuckDBPyConnection, time_zone: str) -> bool:
    """Make the table `days_with_zone`; whether a time has a zone."""
    import pyarrow as pa

    found = duckdb.execute(
        f"SELECT DISTINCT _application FROM texts WHERE {cells.is_like('_application', TIME_WITH_ZONE)}"
    ).fetchall()
    texts = [text for (text,) in found]
    days = pa.array([day_of(text, time_zone) for text in texts], pa.date32())
    table = pa.table({"_application": pa.array(texts, pa.string()), "_day_with_zone": days})
    duckdb.register("days_with_zone", table)
    return bool(texts)


@contextmanager
def _refusing(path: Path, work: Path) -> Iterator[DuckDBPyConnection]:
    """A DuckDB whose errors become BadInput, because the file causes them."""
    import duckdb

    with duckdb_in(work) as connection:
        try:
            yield connection
        except duckdb.Error as error:
            # Only the first line, because the others show rows.
            why = str(error).splitlines()[0]
            raise BadInput(
                f"spine {path} cannot be read ({why}); a CSV is in UTF-8, and has as many cells in "
                "each row as in its first line"
            ) from error


def _check_columns(path: Path, types: Mapping[str, str], taken: Collection[str]) -> None:
    for name in SPINE:
        # The existing names are not shown: in a file without a header they are a row.
        if name not in types:
            raise BadInput(
                f"spine {path} has no column {name}; name the columns {' and '.join(SPINE)}, "
                "in a CSV by its first line, with commas between its cells"
            )
    reserved = {name.casefold() for name in taken}
    for name, kind in types.items():
        if name.casefold() in reserved:
            raise BadInput(f"spine {path}: the training set has a column {name} too; rename yours")
        if kind not in _KEPT_AS:
            raise BadInput(
                f"spine {path}: column {name} is of type {kind}; make it one of "
                f"{', '.join(_PLAIN_TYPES)}"
            )


def check_rows(path: Path, duckdb: DuckDBPyConnection) -> None:
    """BadInput for a spine without rows, or with rows that have no customer or no day."""
    bad = f"_customer IS NULL OR {cells.is_no_id('_customer')} OR _day IS NULL"
    total, broken, first = duckdb.execute(f"""
        SELECT count(*), count(*) FILTER ({bad}), min(_number) FILTER ({bad}) FROM spine
    """).fetchall()[0]
    if not total:
        raise BadInput(f"spine {path} has no row; give it one row per application")
    if broken:
        raise BadInput(
            f"spine {path}: {broken} of {total} rows have no {CUSTOMER} or no day in {APPLICATION} "
            f"(2023-05-31 or 5/31/2023), the first of them row {first}; correct these rows"
        )


def _write(duckdb: DuckDBPyConnection, types: Mapping[str, str], file: Path) -> None:
    values = {
        **{name: f"CAST({identifier(name)} AS {_KEPT_AS[kind]})" for name, kind in types.items()},
        CUSTOMER: "_customer",
        APPLICATION: "_day",
    }
    columns = ", ".join(f"{value} AS {identifier(name)}" for name, value in values.items())
    rows = f"SELECT {columns} FROM spine ORDER BY _number"
    duckdb.execute(f"COPY ({rows}) TO {literal(str(file))} (FORMAT parquet)")
