"""Raw files as they were a month, and as they are a month later: the same, grown by its rows."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from lakehouse.months import is_month


def through(data: Path, last: str, into: Path) -> Path:
    """The raw files with their rows up to a month, in their order; written once. Gives the folder.

    As generated ones are: snapshot_date is the last column, and no row spans lines.
    """
    if not into.exists():
        into.mkdir(parents=True)
        for file in data.glob("*.csv"):
            with file.open("rb") as rows, (into / file.name).open("wb") as kept:
                kept.write(next(rows))
                kept.writelines(row for row in rows if _month(row.rpartition(b",")[2]) <= last)
    return into


@cache
def _month(cell: bytes) -> str:
    """The month of a date like 2023-05-01 or 5/1/2023."""
    day = cell.decode().strip()
    if "/" in day:
        month, _, year = day.split("/")
        day = f"{year}-{month:0>2}"
    if not is_month(day[:7]):
        raise ValueError(f"{day!r} is no date")
    return day[:7]


def in_files(data: Path, files: int, into: Path) -> Path:
    """The rows of the raw files in their order, in about this many files, with as many rows in each."""
    rows = {file.stem: file.read_bytes().splitlines(keepends=True) for file in data.glob("*.csv")}
    of_each = -(-sum(len(lines) - 1 for lines in rows.values()) // files)
    for base, (header, *lines) in rows.items():
        (into / base).mkdir(parents=True)
        for n, start in enumerate(range(0, len(lines), of_each)):
            part = [header, *lines[start : start + of_each]]
            (into / base / f"{n:06}.csv").write_bytes(b"".join(part))
    return into
