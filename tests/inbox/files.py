"""Raw files as banks deliver them: the same rows as CSV, gzip, Zstandard or Parquet, by the name."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq


def csv_bytes(header: Sequence[str], lines: Sequence[str]) -> bytes:
    return "".join(f"{line}\n" for line in (",".join(header), *lines)).encode()


def zstd(content: bytes) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as packed:
        packed.write(content)
    return sink.getvalue().to_pybytes()


def parquet_table(header: Sequence[str], lines: Sequence[str]) -> pa.Table:
    """The cells as text, an empty one as NULL, and days as DATE where all of a column are days."""
    cells = [line.split(",") for line in lines]
    columns = {}
    for i, name in enumerate(header):
        texts = [row[i] or None if i < len(row) else None for row in cells]
        days = [_day(text) for text in texts]
        columns[name] = pa.array(days) if days and all(days) else pa.array(texts, pa.string())
    return pa.table(columns)


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text or "")
    except ValueError:
        return None


def packed(name: str, content: bytes) -> bytes:
    """The bytes of a CSV as its name tells to pack them."""
    if name.lower().endswith(".gz"):
        return gzip.compress(content, mtime=0)
    return zstd(content) if name.lower().endswith(".zst") else content


def write(path: Path, header: Sequence[str], lines: Sequence[str]) -> None:
    """Write rows to a file in the form that its name tells; it appears whole, as an upload does."""
    path.parent.mkdir(parents=True, exist_ok=True)
    begun = path.with_name(f".{path.name}")
    if path.suffix == ".parquet":
        pq.write_table(parquet_table(header, lines), begun)
    else:
        begun.write_bytes(packed(path.name, csv_bytes(header, lines)))
    begun.replace(path)
