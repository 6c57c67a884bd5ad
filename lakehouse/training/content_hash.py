"""The content hash of a training set; equal rows have the same hash on any engine, machine and file layout.

It is a SHA-256 over the columns in order, with the rows sorted by key. For each column it covers the name
and kind, which rows have a value, and the values as little-endian bytes (text: lengths, then UTF-8).
It does not depend on how rows are cut into batches, row groups or files.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

# Name of the kind, test for its types, and the casts that turn its values into 64-bit numbers.
_KINDS = (
    ("integer", pa.types.is_integer, (pa.int64(),)),
    ("boolean", pa.types.is_boolean, (pa.int64(),)),
    ("number", pa.types.is_floating, (pa.float64(),)),
    ("date", pa.types.is_date, (pa.date32(), pa.int32(), pa.int64())),
    ("timestamp", pa.types.is_timestamp, (pa.timestamp("us"), pa.int64())),
)
_Kind = tuple[str, tuple[pa.DataType, ...]]


class ContentHash:
    """A running hash; feed it the rows in their order, in batches of any size."""

    def __init__(self, schema: pa.Schema) -> None:
        self.rows = 0
        self._columns = {field.name: _Column(field) for field in schema}

    def update(self, batch: pa.RecordBatch) -> None:
        self.rows += batch.num_rows
        for column, values in zip(self._columns.values(), batch.columns, strict=True):
            column.update(values)

    def hexdigest(self, without: Collection[str] = ()) -> str:
        """The hash of the rows so far, as if they had no columns `without`."""
        whole = hashlib.sha256()
        for name, column in self._columns.items():
            if name not in without:
                whole.update(column.digest())
        return whole.hexdigest()


class _Column:
    """The running hash of one column."""

    def __init__(self, field: pa.Field) -> None:
        self._kind = _kind(field.type)
        name = f"{field.name}\n{self._kind[0] if self._kind else 'text'}\n"
        self._parts = [hashlib.sha256(name.encode()), hashlib.sha256(), hashlib.sha256()]

    def update(self, values: pa.Array) -> None:
        validity, first, second = self._parts
        validity.update(np.asarray(values.is_valid()).astype(np.uint8).tobytes())
        if self._kind:
            first.update(_as_bytes(values, self._kind[1]))
        else:
            text = pc.fill_null(values.cast(pa.large_string()), "")
            first.update(np.asarray(pc.binary_length(text)).astype("<i8").tobytes())
            second.update("".join(text.to_pylist()).encode())

    def digest(self) -> bytes:
        return b"".join(part.digest() for part in self._parts)


def _kind(type_: pa.DataType) -> _Kind | None:
    return next(((name, casts) for name, fits, casts in _KINDS if fits(type_)), None)


def _as_bytes(values: pa.Array, casts: Sequence[pa.DataType]) -> bytes:
    """The values as eight bytes each; a missing value is 0, and each of 0 and NaN has only one form."""
    for type_ in casts:
        values = values.cast(type_)
    numbers = np.asarray(pc.fill_null(values, 0))
    if numbers.dtype.kind == "f":
        return np.where(np.isnan(numbers), np.nan, numbers + 0.0).astype("<f8").tobytes()
    return numbers.astype("<i8").tobytes()
