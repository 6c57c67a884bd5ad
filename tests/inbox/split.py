"""Four raw files as a bank would deliver them: a file per month, in every form and every place, shuffled."""

from __future__ import annotations

import csv
import re
from collections import defaultdict
from pathlib import Path
from random import Random

import pyarrow as pa
import pyarrow.parquet as pq

from lakehouse.table import Source
from tests.inbox.files import packed

PLACES = (
    "{base}_{month}{suffix}",
    "{base}/{month}/{base}{suffix}",
    "{base}/month={month}/part-0{suffix}",
    "{base}/{year}/{month}{suffix}",
)
SUFFIXES = (".csv", ".csv.gz", ".csv.zst", ".parquet")
_MONTH = re.compile(r"([0-9]{4}-[0-9]{2})-[0-9]{2}")


def split(source: Source, whole: Path, into: Path, random: Random) -> list[str]:
    """Write the rows of a file to a file per month; the names, in the order in which they are to arrive.

    A row without a readable month comes with the first one. Rows of one month are shuffled as well.
    """
    text = whole.read_text(encoding="utf-8")
    header, *rows = csv.reader(text.splitlines(keepends=True))
    day = header.index(source.date)
    by_month = defaultdict(list)
    for row in rows:
        found = _MONTH.fullmatch(row[day]) if len(row) == len(header) else None
        by_month[found.group(1) if found else ""].append(row)
    loose = by_month.pop("", [])
    by_month[min(by_month)] += loose
    names = []
    for month, of_month in by_month.items():
        random.shuffle(of_month)
        whole_rows = all(len(row) == len(header) for row in of_month)
        suffix = random.choice(SUFFIXES if whole_rows else SUFFIXES[:-1])
        place = random.choice(PLACES)
        base = whole.name.removesuffix(".csv")
        name = place.format(base=base, month=month, year=month[:4], suffix=suffix)
        _write(into / name, header, of_month)
        names.append(name)
    random.shuffle(names)
    return names


def _write(path: Path, header: list[str], rows: list[list[str]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".parquet":
        cells = zip(*rows, strict=True)
        columns = [[cell or None for cell in column] for column in cells]
        pq.write_table(pa.table(columns, names=header), path)
        return
    begun = path.with_name("begun")
    with begun.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([header, *rows])
    path.write_bytes(packed(path.name, begun.read_bytes()))
    begun.unlink()


def split_all(sources: list[Source], data: Path, into: Path, seed: int) -> list[str]:
    """Split each file of a folder; the names, shuffled."""
    random = Random(seed)
    names = [
        name
        for source in sources
        for file_name in source.file_names
        if (data / file_name).exists()
        for name in split(source, data / file_name, into, random)
    ]
    random.shuffle(names)
    return names
