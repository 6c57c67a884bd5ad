"""Landing: each row of a raw CSV is accepted, quarantined with every reason, or an equal copy.

No row is lost: rows that are read and rows that are written are counted separately, and must agree.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from lakehouse.bronze.raw import PROVENANCE
from lakehouse.days import DateOrder
from lakehouse.errors import BadInput, LakehouseError
from lakehouse.landing.counts import Counts, Landed, Reading, months_met
from lakehouse.landing.dates import contradicting, date_order
from lakehouse.storage.duck import duckdb_in
from lakehouse.storage.extent import Extent
from lakehouse.table import MONTH, Source

if TYPE_CHECKING:
    import duckdb
    from duckdb import DuckDBPyConnection

    from lakehouse.landing.records import Split
    from lakehouse.landing.rows import Rows

MAX_COLUMNS = 500  # each column costs memory and time in every later step
MAX_NAME = 255  # characters
# What Delta refuses, and what has a meaning in SQL, in paths or on a terminal.
_NOT_IN_A_NAME = re.compile(r"[^\w-]")


def find_file(source: Source, data: Path) -> Path:
    """The raw file of a source in a folder, under one of the names it may have."""
    if not data.is_dir():
        raise BadInput(f"There is no data folder {data}; name one that exists with --data.")
    # A broken link counts too; the error comes when it is opened.
    files = [data / name for name in source.file_names if os.path.lexists(data / name)]
    names = " or ".join(source.file_names)
    if not files:
        packed = [p.name for n in source.file_names for p in sorted(data.glob(f"{n}.*"))]
        hint = f" ({packed[0]} is there: unpack it)" if packed else ""
        raise BadInput(f"{data} holds no {names}{hint}; put the {source.name} file there.")
    if len(files) > 1:
        both = " and ".join(path.name for path in files)
        raise BadInput(f"{data} holds both {both}: which is it? Remove one of them.")
    return files[0]


def land(
    source: Source,
    path: Path,
    into: Path,
    max_bad: float = 0.2,
    after: Extent | None = None,
    reading: Reading | None = None,
) -> Landed:
    """Split a raw file into accepted and quarantined rows, as Parquet files in `into`.

    If the file was read before up to `after`, and only rows of later months were added, only these are
    read. BadInput for a file that is not a CSV of this source, or that has a share of bad rows above
    `max_bad`; then no file is left in `into`.
    """
    from lakehouse.landing.chunks import NotGrown

    into.mkdir(parents=True, exist_ok=True)
    reading = reading or Reading()
    # If the date is not part of the key, a row of a later month may repeat one that was read before.
    if after and source.date in source.keys:
        with suppress(NotGrown):
            return _land(source, path, into, max_bad, after, reading)
    return _land(source, path, into, max_bad, None, reading)


def _land(
    source: Source,
    path: Path,
    into: Path,
    max_bad: float,
    after: Extent | None,
    reading: Reading,
) -> Landed:
    from lakehouse.landing import records as landing_records
    from lakehouse.landing.chunks import NotGrown
    from lakehouse.landing.rows import Rows

    with tempfile.TemporaryDirectory(dir=into, prefix=".landing-") as name:
        work = Path(name)
        split = landing_records.split(
            path,
            work / "sound.csv",
            work / "broken.parquet",
            lambda header: checked_header(source, path.name, header),
            after,
        )
        with _duckdb(work) as duckdb:
            rows = Rows(duckdb, source, path.name, split, work, reading.today)
            order = _read_dates(rows, reading, is_rest=after is not None)
            rows.accept()
            rows.quarantine()
            counts = rows.counts()
            if after and not {None, *after.months}.isdisjoint(counts):
                raise NotGrown
            _check_end(path.name, split, rows)
            _check_nothing_is_lost(path.name, split, counts)
            _check_share(path.name, counts, max_bad, rows, after.rows - 1 if after else 0)
            waits_until = rows.first_day_of_the_future()
        accepted = into / f"{source.name}.accepted.parquet"
        quarantined = into / f"{source.name}.quarantined.parquet"
        rows.accepted.replace(accepted)
        rows.quarantined.replace(quarantined)
    return Landed(
        source,
        path.name,
        split.fingerprint,
        accepted,
        quarantined,
        counts,
        rows.extra_columns,
        before=after,
        extent=_extent(split, counts, after),
        date_order=order,
        waits_until=waits_until,
    )


def _read_dates(rows: Rows, reading: Reading, is_rest: bool) -> DateOrder | None:
    """Read the dates in one order and return it; NotGrown if the rest of a file does not prove one."""
    from lakehouse.landing.chunks import NotGrown

    source, written = rows.source, rows.written_dates()
    declared = None
    if source.date_order:
        declared = DateOrder(source.date_order, "its declaration says so")
    asked = reading.date_order or declared
    if is_rest:
        order = asked or reading.before
        if written and (order is None or contradicting(written, order)):
            raise NotGrown
    else:
        monthly = source.date if source.monthly else None
        order = date_order(rows.file_name, written, asked, monthly)
    rows.read_dates(order)
    return order


def _extent(split: Split, counts: dict[str | None, Counts], after: Extent | None) -> Extent | None:
    """The part of the file that was read; None if it may end inside a row, or has a bad row.

    Later bytes may complete a bad row, for example close a quote.
    """
    if not split.ends_a_line or any(of_month.quarantined for of_month in counts.values()):
        return None
    months = sorted(months_met(after, counts))
    return Extent(split.fingerprint, split.size, split.rows, split.lines, tuple(months))


def checked_header(source: Source, file_name: str, header: list[str]) -> tuple[str, ...]:
    """The column names of a raw file; BadInput if one of the source is missing, or two are alike."""
    if len(header) > MAX_COLUMNS:
        raise BadInput(
            f"{file_name} has {len(header):,} columns, and at most {MAX_COLUMNS} are taken; deliver it"
            " with only the columns that are needed."
        )
    names = tuple(name.strip() or f"unnamed_{i}" for i, name in enumerate(header, start=1))
    longest = max(names, key=len)
    if len(longest) > MAX_NAME:
        raise BadInput(
            f"{file_name} has a column name of {len(longest):,} characters ({listed([longest])}...),"
            f" and at most {MAX_NAME} are taken; its first line must name the columns of {source.name}."
        )
    missing = [name for name in source.header if name not in names]
    if missing:
        raise BadInput(
            f"{file_name} has the wrong header: no column {listed(missing)}"
            f"{_hint(missing, names)}; its first line must name the columns of {source.name}."
        )
    times = Counter(kept_as(name).casefold() for name in names)
    alike = [name for name in names if times[kept_as(name).casefold()] > 1]
    if alike:
        raise BadInput(
            f"{file_name} names columns twice (apart from case and signs): {listed(alike)};"
            f" rename or remove one of each."
        )
    reserved = {field.name for field in PROVENANCE} | {MONTH}
    taken = [name for name in names if name.casefold() in reserved]
    if taken:
        raise BadInput(f"{file_name}: the lakehouse itself uses {listed(taken)}; rename it.")
    return names


def kept_as(raw_name: str) -> str:
    """The name of a raw column in its table: only letters, digits, - and _."""
    name = _NOT_IN_A_NAME.sub("_", raw_name)
    return f"raw{name}" if name.startswith("_") else name


def _hint(missing: list[str], names: tuple[str, ...]) -> str:
    """A guess at what the header has in place of the missing columns; empty if there is none."""
    if len(names) == 1 and any(mark in names[0] for mark in ";\t|"):
        return " (cells must be separated by commas)"
    other_case = [n for n in names if n.casefold() in {m.casefold() for m in missing}]
    return f" (but {listed(other_case)}: the case must match)" if other_case else ""


def listed(names: Sequence[str]) -> str:
    """Column names for a message: at most 30 names, with at most 60 characters each."""
    shown = [" ".join(name.split())[:60] for name in names]
    return ", ".join(shown[:30]) + (f" and {len(shown) - 30} more" if len(shown) > 30 else "")


@contextmanager
def _duckdb(work: Path) -> Iterator[DuckDBPyConnection]:
    """A DuckDB for one file; its errors become a LakehouseError."""
    import duckdb

    with duckdb_in(work) as connection:
        connection.execute("SET preserve_insertion_order = false")
        try:
            yield connection
        except duckdb.Error as error:
            raise LakehouseError(f"Landing failed inside DuckDB: {_reason(error)}") from error


def _reason(error: duckdb.Error) -> str:
    """DuckDB's message about memory or disk, else only the kind of error: other messages may show a row."""
    import duckdb

    is_safe = isinstance(error, (duckdb.OutOfMemoryException, duckdb.IOException))
    return " ".join(str(error).split())[:300] if is_safe else type(error).__name__


def _check_nothing_is_lost(file_name: str, split: Split, counts: dict[str | None, Counts]) -> None:
    total = sum(counts.values(), Counts())
    if split.rows_in != total.rows_in:
        raise LakehouseError(
            f"{file_name}: {split.rows_in:,} rows came in, but {total.accepted:,} were accepted,"
            f" {total.quarantined:,} quarantined and {total.equal_duplicates:,} equal; none of them"
            f" was kept. This is a fault of the lakehouse: please report it."
        )


def _check_end(file_name: str, split: Split, rows: Rows) -> None:
    """BadInput if the last line is broken and has no line end: the upload of the file was cut off."""
    why = None if split.ends_a_line else rows.why_cut_off()
    if why:
        raise BadInput(
            f"{file_name} breaks off: its last line has no line end and {why}; nothing was taken of it,"
            f" because the rows behind it are missing. Deliver the whole file."
        )


def _check_share(
    file_name: str,
    counts: dict[str | None, Counts],
    max_bad: float,
    rows: Rows,
    good_before: int,
) -> None:
    total = sum(counts.values(), Counts())
    rows_in = good_before + total.rows_in
    if total.quarantined > max_bad * rows_in:
        share = total.quarantined / rows_in
        raise BadInput(
            f"{file_name}: {total.quarantined:,} of {rows_in:,} rows are bad ({share:.1%},"
            f" allowed {max_bad:.0%}): {rows.most_frequent_reasons()}; deliver the file again, or"
            f" allow more with --max-bad."
        )
