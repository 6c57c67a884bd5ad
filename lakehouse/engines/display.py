"""A DataFrame in a notebook: its first rows and columns, and how much more there is."""

from __future__ import annotations

import sys

from pyspark.sql import DataFrame

from lakehouse.table import quoted

_ROWS, _COLUMNS = 10, 12


def show_frames_well() -> None:
    """Have the notebook of this process, if there is one, show DataFrames as tables."""
    if "IPython" not in sys.modules:
        return
    from IPython.core.getipython import get_ipython

    shell = get_ipython()
    if shell is not None and shell.display_formatter is not None:
        shell.display_formatter.formatters["text/html"].for_type(DataFrame, as_html)


def as_html(frame: DataFrame) -> str:
    """The head of a DataFrame as an HTML table; an empty cell is NULL."""
    names = frame.columns
    first = [quoted(name) for name in names[:_COLUMNS]]
    head = frame.select(*first).limit(_ROWS + 1).toArrow()
    # As objects, because pandas turns whole numbers into floats if there is a NULL among them.
    shown = head.to_pandas(integer_object_nulls=True).astype(object)
    cells = shown.where(shown.notna(), "").head(_ROWS)
    table: str = cells.to_html(index=False, border=0, float_format="{:.10g}".format)
    more = [
        *(["more rows"] if len(shown) > _ROWS else []),
        *([f"{len(names) - _COLUMNS} more columns"] if len(names) > _COLUMNS else []),
    ]
    return table + (f"<p>… {' and '.join(more)}</p>" if more else "")
