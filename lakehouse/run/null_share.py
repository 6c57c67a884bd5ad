"""Whether a delivery has a column that silver cannot read: its cells are there, and become NULL."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import reduce
from operator import and_

from lakehouse import functions as F
from lakehouse.engines.changes import any_of
from lakehouse.engines.store import Store
from lakehouse.errors import BadInput
from lakehouse.landing.counts import Landed
from lakehouse.table import Table, quoted

# Fewer bad cells are dirt, whatever their share of a small file: three ages of nine may be impossible.
_FEWEST = 5
# Their share is known to within one percent of the file.
SAMPLE_ROWS = 20_000
_PLACEHOLDER = "a placeholder"
_SHOWN = 3
_COMMA = re.compile(r"-?9+(\.999)*,9+|-?9{1,3}(,999)+")
_THOUSANDS = re.compile(r"-?9{1,3}(\.999)+")


@dataclass(frozen=True)
class _Nulls:
    """The cells of a raw column that silver makes NULL, of those that are neither empty nor a placeholder."""

    column: str
    raw: str
    reason: str
    cells: int
    filled: int


def check_null_share(store: Store, silver: Table, landed: Landed, max_null: float) -> None:
    """BadInput where more than `max_null` of the cells of a column would become NULL; they are masked.

    A large file is first looked at by every nth row, and counted only if a column comes near the limit.
    """
    rows_in = sum(counts.accepted for counts in landed.counts.values())
    every = rows_in // SAMPLE_ROWS
    if every > 1:
        sampled = _nulls(store, silver, landed, every)
        if all(nulls.cells <= max_null / 2 * nulls.filled for nulls in sampled):
            return
    for nulls in _nulls(store, silver, landed):
        if nulls.cells >= _FEWEST and nulls.cells > max_null * nulls.filled:
            examples = _examples(store, silver, landed, nulls)
            raise BadInput(
                f"{landed.file_name}: {nulls.cells:,} of {nulls.filled:,} cells of {nulls.raw} would become "
                f"NULL ({nulls.reason}), for example {', '.join(map(repr, examples))} with 9 for each digit: "
                f"{_cause(nulls, examples)}; nothing was changed: deliver the file in the declared form, or "
                "allow it with --max-null"
            )


def _nulls(store: Store, silver: Table, landed: Landed, every: int = 1) -> list[_Nulls]:
    """The columns with cells that become NULL in every nth row, each with its most frequent reason."""
    assert silver.transform is not None
    rows = store.read_parquet(str(landed.accepted))
    if every > 1:
        rows = rows.where(F.col("_source_row") % every == 0)
    issues = silver.transform(rows).select(F.explode("_issues").alias("issue"))
    cells: dict[str, int] = {}
    placeholders: dict[str, int] = {}
    reasons: dict[str, tuple[int, str]] = {}
    for row in issues.groupBy("issue").count().collect():
        column, _, reason = row["issue"].partition(": ")
        if reason == _PLACEHOLDER:
            placeholders[column] = row["count"]
        elif row["issue"] not in silver.noted:
            cells[column] = cells.get(column, 0) + row["count"]
            reasons[column] = max(reasons.get(column, (0, "")), (row["count"], reason))
    raw_columns = {column: raw for column, raw in silver.raw_columns if column in cells}
    if not raw_columns:
        return []
    given = [
        F.count(F.when(F.trim(F.col(quoted(raw))) != "", 1)).alias(column)
        for column, raw in raw_columns.items()
    ]
    filled = rows.agg(*given).collect()[0].asDict()
    return [
        _Nulls(
            column,
            raw,
            reasons[column][1],
            cells[column],
            filled[column] - placeholders.get(column, 0),
        )
        for column, raw in raw_columns.items()
    ]


def _examples(store: Store, silver: Table, landed: Landed, nulls: _Nulls) -> list[str]:
    """Some of the raw cells, masked: a digit is 9 and a letter is x."""
    assert silver.transform is not None
    (bronze,) = silver.upstreams
    rows = store.read_parquet(str(landed.accepted))
    issue = f"{nulls.column}: {nulls.reason}"
    # Unnested first: Sail 0.7.2 loses a column where a filter on the list itself is pushed down.
    unnested = silver.transform(rows).select(*silver.keys, F.explode("_issues").alias("issue"))
    bad = unnested.where(F.col("issue") == issue).select(*silver.keys)
    are_bad = [
        reduce(
            and_, (F.col(quoted(key)) == value for key, value in zip(bronze.keys, row, strict=True))
        )
        for row in bad.limit(_SHOWN).collect()
    ]
    cells = rows.where(any_of(are_bad)).select(F.col(quoted(nulls.raw)).alias("cell")).collect()
    return sorted({_masked(row["cell"]) for row in cells})


def _masked(cell: str) -> str:
    text = re.sub(r"[^\W\d_]", "x", re.sub(r"\d", "9", cell))
    return text if len(text) <= 30 else f"{text[:30]}..."


def _cause(nulls: _Nulls, examples: list[str]) -> str:
    """The likely cause, for a person to check."""
    if all(_COMMA.fullmatch(example.strip(" _")) for example in examples):
        return "these look like decimal or thousands commas"
    if all(_THOUSANDS.fullmatch(example.strip(" _")) for example in examples):
        return "these look like thousands points"
    if nulls.reason.startswith("outside "):
        return "this may be another currency or unit"
    if nulls.reason == "not a whole number":
        return "the column now has decimals where whole numbers were declared"
    return "the form of the column has changed"
