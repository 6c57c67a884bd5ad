"""A DataFrame in a notebook: its first rows and columns, and how much more there is."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pyspark.sql import DataFrame

from lakehouse.html_table import html_table
from lakehouse.table import quoted

if TYPE_CHECKING:
    import pandas as pd

_ROWS, _COLUMNS = 10, 12


def show_frames_well() -> None:
    """Have the notebook of this process, if there is one, show DataFrames as tables."""
    if "IPython" not in sys.modules:
        return
    from IPython.core.getipython import get_ipython

    shell = get_ipython()
    if shell is not None and shell.display_formatter is not None:
        formatter = shell.display_formatter.formatters["text/html"]
        formatter.for_type(DataFrame, as_html)
        formatter.for_type_by_name("pandas.core.frame", "DataFrame", pandas_as_html)


def as_html(frame: DataFrame) -> str:
    """The head of a PySpark DataFrame as an HTML table; an empty cell is NULL."""
    names = frame.columns
    first = [quoted(name) for name in names[:_COLUMNS]]
    head = frame.select(*first).limit(_ROWS + 1).toArrow()
    # As objects, because pandas turns whole numbers into floats if there is a NULL among them.
    shown = head.to_pandas(integer_object_nulls=True).astype(object)
    more = ["more rows"] if len(shown) > _ROWS else []
    return html_table(shown.head(_ROWS), [*more, *_more_columns(names)])


def pandas_as_html(frame: pd.DataFrame) -> str | None:
    """A pandas DataFrame as an HTML table, its head if it is large; None leaves it to pandas.

    It is large by pandas' own options, display.max_rows and display.max_columns.
    """
    import pandas as pd

    if frame.columns.nlevels > 1:
        return None
    rows, columns = (
        kept if most is not None and size > most else size
        for size, most, kept in (
            (len(frame), pd.get_option("display.max_rows"), _ROWS),
            (frame.shape[1], pd.get_option("display.max_columns"), _COLUMNS),
        )
    )
    left = len(frame) - rows
    more = [f"{left:,} more row{'s' if left > 1 else ''}"] if left else []
    return html_table(
        frame.iloc[:rows, :columns], [*more, *_more_columns(list(frame.columns), columns)]
    )


def _more_columns(names: Sequence[object], shown: int = _COLUMNS) -> list[str]:
    left = len(names) - shown
    return [f"{left} more column{'s' if left > 1 else ''}"] if left > 0 else []
