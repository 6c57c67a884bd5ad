"""Broken records, kept in a Parquet file with their text and the reason."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

MAX_RECORD_BYTES = 16 * 1024**2
SHOWN_BYTES = 1024**2  # kept of the text of a record that is too long


class BrokenRecords:
    """A Parquet file of broken records: number of the file, row, line, text and reason."""

    BATCH_BYTES = 4 * 1024**2

    def __init__(self, path: Path) -> None:
        self.path = path
        self._schema = pa.schema(
            [
                ("_file", pa.int64()),
                ("_source_row", pa.int64()),
                ("_source_line", pa.int64()),
                ("raw_text", pa.string()),
                ("reasons", pa.list_(pa.string())),
            ]
        )
        self._writer = pq.ParquetWriter(path, self._schema)
        self._rows: list[tuple[int, int, int, str, list[str]]] = []
        self._bytes = 0

    def add(self, file: int, row: int, line: int, text: bytes, why: str) -> None:
        shown = text[:SHOWN_BYTES].decode(errors="ignore")
        if len(text) > MAX_RECORD_BYTES:
            shown += f" ... (shortened here to its first {SHOWN_BYTES:,} bytes)"
        else:
            shown = text.decode()
        self._rows.append((file, row, line, shown, [why]))
        self._bytes += len(shown)
        if self._bytes > self.BATCH_BYTES or len(self._rows) >= 50_000:
            self._flush()

    def _flush(self) -> None:
        if self._rows:
            columns = map(list, zip(*self._rows, strict=True))
            self._writer.write_table(pa.table(list(columns), schema=self._schema))
        self._rows, self._bytes = [], 0

    def __enter__(self) -> BrokenRecords:
        return self

    def __exit__(self, *_: object) -> None:
        self._flush()
        self._writer.close()
