"""The spine of a user: customers and application dates, stored beside the ledger to be used again."""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from lakehouse.errors import BadInput
from lakehouse.storage.duck import duckdb_in, identifier, literal, path_literal
from lakehouse.storage.files import fingerprint, steady
from lakehouse.storage.place import Place
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
_CUSTOMER = f"nullif(trim(CAST({CUSTOMER} AS VARCHAR)), '')"
_ANY_DAY = f"""coalesce(try_cast({APPLICATION} AS DATE),
    try_strptime(CAST({APPLICATION} AS VARCHAR), '%m/%d/%Y')::DATE)"""
# For DuckDB `infinity` is a day too, and its years go beyond those of Python.
_DAY = f"CASE WHEN year({_ANY_DAY}) BETWEEN 1 AND 9999 THEN {_ANY_DAY} END"


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


def keep_spine(path: Path, place: Place, taken: Collection[str], work: Path) -> str:
    """Check a CSV or Parquet spine, store it as Parquet in a datamart, and return its SHA-256.

    BadInput for a file that is not a spine, that changes meanwhile, or that has a column named like one
    of `taken`. Until it is complete, the file is in `work`, which is on the same disk.
    """
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise BadInput(f"spine {path} is neither .csv nor .parquet; give it in one of these forms")
    with steady(path), _refusing(path, work) as duckdb:
        sha256 = fingerprint(path)
        duckdb.execute(f"CREATE TEMP TABLE spine AS FROM {reader.format(path_literal(path))}")
        types = {name: str(kind) for name, kind, *_ in duckdb.execute("DESCRIBE spine").fetchall()}
        _check_columns(path, types, taken)
        check_rows(path, duckdb)
        _write(duckdb, types, work / "spine.parquet")
    place.keep(work / "spine.parquet", spine_file(sha256))
    return sha256


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
                "in a CSV by its first line"
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
    bad = f"{_CUSTOMER} IS NULL OR {_DAY} IS NULL"
    total, broken, first = duckdb.execute(f"""
        SELECT count(*), count(*) FILTER ({bad}), min(number) FILTER ({bad})
        FROM (SELECT *, row_number() OVER () AS number FROM spine)
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
        CUSTOMER: _CUSTOMER,
        APPLICATION: _DAY,
    }
    columns = ", ".join(f"{value} AS {identifier(name)}" for name, value in values.items())
    duckdb.execute(f"COPY (SELECT {columns} FROM spine) TO {literal(str(file))} (FORMAT parquet)")
