"""Rows as pandas DataFrames with fixed types and an order of columns that is good to read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import pyarrow as pa

if TYPE_CHECKING:
    import pandas as pd


def as_pandas(rows: pa.Table) -> pd.DataFrame:
    """The rows with fixed types: otherwise an INT column would be float only if it has a NULL."""
    typed = [
        column.cast(pa.float64(), safe=False) if pa.types.is_integer(column.type) else column
        for column in rows.columns
    ]
    frame: pd.DataFrame = pa.table(typed, rows.schema.names).to_pandas()
    return frame


def frame_of(rows: Iterable[Mapping[str, Any]], of: type[Any] | None = None) -> pd.DataFrame:
    """The rows as a pandas DataFrame; it has the fields of the dataclass `of` also where there is no row."""
    import pandas as pd

    return pd.DataFrame(list(rows), columns=[field.name for field in fields(of)] if of else None)


def indexed(
    rows: Iterable[Mapping[str, Any]],
    index: str,
    last: Sequence[str] = (),
    of: type[Any] | None = None,
) -> pd.DataFrame:
    """The rows as a pandas DataFrame, as `frame_of`; very wide columns come last."""
    frame = frame_of(rows, of)
    if not len(frame.columns):
        return frame
    first = [name for name in frame.columns if name not in (index, *last)]
    return frame.set_index(index)[[*first, *last]]
