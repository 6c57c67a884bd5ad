"""A Parquet file as the text of the CSV that it would be, with days as 2024-07-31 and NULL as empty cells.

Its numbers have the decimal mark of their source, as those of its CSV files.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from lakehouse.errors import BadInput
from lakehouse.table import Source

_ROWS = 16_384
_BUFFER_BYTES = 1024**2
_EMPTY, _COMMA, _QUOTE, _LINE_FEED = (
    pa.scalar(sign, pa.large_string()) for sign in ("", ",", '"', "\n")
)
_NEEDS_QUOTES = '[",\r\n]'


class ParquetText:
    """The rows of a Parquet file, a batch after the other, as text of CSV with commas."""

    def __init__(self, file: BinaryIO, name: str, source: Source) -> None:
        # With read-ahead a whole row group would be held, which may be the whole file.
        self._parquet = pq.ParquetFile(file, pre_buffer=False, buffer_size=_BUFFER_BYTES)
        schema = self._parquet.schema_arrow
        for field in schema:
            if not _has_text(field.type):
                raise BadInput(
                    f"{name}: column {field.name} is of the Parquet type {field.type}, which no cell of a CSV"
                    " can hold; deliver it as text, a number or a date."
                )
        self._name = name
        self._source = source
        self._days = {column for column, kind in source.required if kind == "date"}
        self._with_comma = {*source.sure_numbers} if source.decimal == "," else set()
        names = [pa.array([each], pa.large_string()) for each in schema.names]
        self._held = _lines(names)
        self._batches: Iterator[pa.RecordBatch] = self._parquet.iter_batches(
            _ROWS, use_threads=False
        )

    def read(self, n: int, /) -> bytes:
        if not self._held:
            batch = next(self._batches, None)
            while batch is not None and not batch.num_rows:
                batch = next(self._batches, None)
            if batch is None:
                return b""
            named = zip(batch.schema.names, batch.columns, strict=True)
            self._held = _lines([self._text(name, column) for name, column in named])
        taken, self._held = self._held[:n], self._held[n:]
        return taken

    def _text(self, name: str, column: pa.Array) -> pa.Array:
        own = self._source.own_name(name.strip())
        try:
            text = _as_text(column, own in self._days)
        except pa.ArrowInvalid:
            raise BadInput(
                f"{self._name}: column {name} has bytes that are not UTF-8; deliver it as text."
            ) from None
        has_comma = own in self._with_comma and _has_decimals(column.type)
        return pc.replace_substring(text, ".", ",") if has_comma else text


def _has_text(type_: pa.DataType) -> bool:
    kinds = (
        pa.types.is_null,
        pa.types.is_boolean,
        pa.types.is_integer,
        pa.types.is_floating,
        pa.types.is_decimal,
        pa.types.is_date,
        pa.types.is_time,
        pa.types.is_timestamp,
        pa.types.is_string,
        pa.types.is_large_string,
        pa.types.is_binary,
        pa.types.is_large_binary,
        pa.types.is_string_view,
        pa.types.is_binary_view,
        pa.types.is_fixed_size_binary,
    )
    if pa.types.is_dictionary(type_):
        return _has_text(type_.value_type)
    return any(is_of_kind(type_) for is_of_kind in kinds)


def _has_decimals(type_: pa.DataType) -> bool:
    value = type_.value_type if pa.types.is_dictionary(type_) else type_
    return bool(pa.types.is_floating(value) or pa.types.is_decimal(value))


def _as_text(column: pa.Array, is_day: bool) -> pa.Array:
    """The column as text; the midnight of a day is the day."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    text = pc.cast(column, pa.large_string())
    if pa.types.is_timestamp(column.type):
        # Without the zeros of a fraction that is finer than the time.
        text = pc.replace_substring_regex(text, r"(\.[0-9]*?)0+(Z?)$", r"\1\2")
        text = pc.replace_substring_regex(text, r"\.(Z?)$", r"\1")
        if is_day:
            text = pc.replace_substring_regex(text, " 00:00:00$", "")
    return text


def _lines(columns: list[pa.Array]) -> bytes:
    """The lines of CSV whose cells are these texts; NULL is an empty cell."""
    *others, last = map(_cell, columns)
    last = pc.binary_join_element_wise(last, _LINE_FEED, _EMPTY)
    lines = pc.binary_join_element_wise(*others, last, _COMMA)
    _, ends, text = lines.buffers()
    return bytes(memoryview(text)[: memoryview(ends).cast("q")[len(lines)]])


def _cell(text: pa.Array) -> pa.Array:
    text = pc.fill_null(text, _EMPTY)
    needs_quotes = pc.match_substring_regex(text, _NEEDS_QUOTES)
    if not pc.any(needs_quotes).as_py():
        return text
    doubled = pc.replace_substring(text, '"', '""')
    quoted = pc.binary_join_element_wise(_QUOTE, doubled, _QUOTE, _EMPTY)
    return pc.if_else(needs_quotes, quoted, text)
