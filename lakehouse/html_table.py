"""Rows as an HTML table for notebooks: a header stands over its cells, and no date or month is broken."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

_DATE = re.compile(r"\d{4}-\d{2}(?:-\d{2})?")
_UNBROKEN = "white-space:nowrap"
_WIDE = 40  # characters: cells of a column with a longer one wrap between words
_LONGEST = 200  # characters: a longer cell is cut
_MANY = 3  # entries: a larger map is counted, not shown


def html_table(frame: pd.DataFrame, more: Sequence[str] = ()) -> str:
    """All rows of a DataFrame as HTML, with its index if that means something; NULL is an empty cell.

    `more` says below the table what is not shown.
    """
    named = frame.reset_index() if _has_index(frame) else frame
    columns = [_column(str(name), values) for name, values in named.items()]
    lines = zip(*columns, strict=True)
    header, *rows = [f"<tr>{''.join(cells)}</tr>" for cells in lines]
    below = f"<p>… {escape(' and '.join(more))}</p>" if more else ""
    return (
        f"<table><thead>{header}</thead><tbody>{''.join(rows)}</tbody></table>{below}"
        if columns
        else f"<p>no column</p>{below}"
    )


def _has_index(frame: pd.DataFrame) -> bool:
    import pandas as pd

    return not isinstance(frame.index, pd.RangeIndex) or frame.index.name is not None


def _column(name: str, values: Iterable[Any]) -> list[str]:
    """The header and the cells of a column."""
    plain = [_plain(value) for value in values]
    texts = [_text(value) for value in plain]
    side = "right" if _are_numbers(plain) else "left"
    wraps = max(map(len, texts), default=0) > _WIDE
    style = f"text-align:{side}" + ("" if wraps else f";{_UNBROKEN}")
    # Level names of an index that has none.
    head = "" if re.fullmatch(r"index|level_\d+", name) else name
    cells = [
        _kept_whole(escape(text, quote=False)) if wraps else escape(text, quote=False)
        for text in texts
    ]
    return [
        f'<th style="text-align:{side};{_UNBROKEN}">{escape(head, quote=False)}</th>',
        *(f'<td style="{style}">{cell}</td>' for cell in cells),
    ]


def _plain(value: Any) -> Any:
    """The Python value of a numpy one; None for every kind of missing value."""
    import pandas as pd

    value = value.tolist() if hasattr(value, "tolist") else value
    return None if pd.api.types.is_scalar(value) and pd.isna(value) else value


def _are_numbers(values: Iterable[Any]) -> bool:
    known = [value for value in values if value is not None]
    return bool(known) and all(type(value) in (int, float) for value in known)


def _text(value: Any) -> str:
    text = _whole_text(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _whole_text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_whole_text, value))}]"
    if isinstance(value, dict):
        return f"{len(value)} entries" if len(value) > _MANY else str(value)
    if isinstance(value, float):
        return f"{value:.10g}"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}".removesuffix(" 00:00:00")
    return str(value)


def _kept_whole(cell: str) -> str:
    """The cell with its dates and months unbreakable: a browser may break a line after a hyphen."""
    return _DATE.sub(rf'<span style="{_UNBROKEN}">\g<0></span>', cell)
