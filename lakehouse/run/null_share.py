"""Whether a delivery has a column that silver cannot read: its cells are there, and become NULL.

A share may be too large by itself, or far larger than in the months before.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import reduce
from operator import and_
from typing import TYPE_CHECKING

from lakehouse import functions as F
from lakehouse.engines.changes import any_of
from lakehouse.engines.store import Store
from lakehouse.errors import BadInput
from lakehouse.landing.counts import Landed
from lakehouse.landing.decimals import DECLARE, are_surely_commas
from lakehouse.months import spell
from lakehouse.run.masked import masked
from lakehouse.run.null_counts import count_nulls
from lakehouse.run.null_limits import (
    LEAST,
    MOST,
    ByMonth,
    Excess,
    excess_by_itself,
    excess_over_before,
    may_have_changed,
)
from lakehouse.table import MONTH, Bounds, Table, quoted

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

SAMPLE_ROWS = 20_000
_SHOWN = 3
_COMMA = re.compile(r"-?9+(\.999)*,9+|-?9{1,3}(,999)+(\.9+)?")
_THOUSANDS = re.compile(r"-?9{1,3}(\.999)+")


def check_null_share(
    store: Store, silver: Table, landed: Landed, max_null: float | None, version: int | None = None
) -> None:
    """BadInput where too large a share of the cells of a column would become NULL; they are masked.

    That is more than `max_null`; without it more than a fifth, or three times the share of the months
    before, which are those of silver at this version and the earlier ones of the file.
    """
    if max_null == 1:
        return
    most = MOST if max_null is None else max_null
    found = _delivered(store, silver, landed, min(most, LEAST))
    _check(store, silver, landed, (excess_by_itself(*each, most) for each in found.items()))
    if max_null is None:
        changed = {column for column in found if may_have_changed(found[column])}
        held = _held(store, silver, version, changed)
        each_with_held = (
            (column, found[column], held.get(column, {})) for column in sorted(changed)
        )
        _check(store, silver, landed, (excess_over_before(*each) for each in each_with_held))


def _check(store: Store, silver: Table, landed: Landed, found: Iterable[Excess | None]) -> None:
    for excess in filter(None, found):
        raise _refusal(store, silver, landed, excess)


def _delivered(store: Store, silver: Table, landed: Landed, least: float) -> Mapping[str, ByMonth]:
    """The counts of a file; none for a large one, if no column has half that share in every nth row."""
    every = sum(counts.accepted for counts in landed.counts.values()) // SAMPLE_ROWS
    if every > 1:
        sampled = count_nulls(_typed(store, silver, landed, every), silver)
        shares = (nulls.share for by_month in sampled.values() for nulls in by_month.values())
        if max(shares, default=0) <= least / 2:
            return {}
    return count_nulls(_typed(store, silver, landed), silver)


def _typed(store: Store, silver: Table, landed: Landed, every: int = 1) -> DataFrame:
    """The rows of silver that every nth row of the file becomes."""
    assert silver.transform is not None
    rows = store.read_parquet(str(landed.accepted))
    return silver.transform(rows.where(F.col("_source_row") % every == 0) if every > 1 else rows)


def _held(
    store: Store, silver: Table, version: int | None, columns: set[str]
) -> Mapping[str, ByMonth]:
    """The counts of these columns in the table as it is."""
    if not columns or not store.log.exists(silver):
        return {}
    there = columns & store.log.columns(silver, version).keys()
    return count_nulls(store.read(silver, version), silver, there)


def _refusal(store: Store, silver: Table, landed: Landed, excess: Excess) -> BadInput:
    now, before = excess.now, excess.before
    where, than, allowed = "", "", "--max-null"
    if before:
        where = f" in {spell(excess.months)}"
        than = f": {now.share:.1%}, where it was {before.share:.1%} in the months before"
        allowed = f"--max-null {MOST}"
    examples = _examples(store, silver, landed, excess)
    bounds = next(field.bounds for field in silver.fields if field.name == excess.column)
    return BadInput(
        f"{landed.file_name}: {now.cells:,} of {now.filled:,} cells of {_raw(silver, excess)}{where} would "
        f"become NULL ({now.reason}){than}, for example {', '.join(map(repr, examples))} with 9 for each "
        f"digit: {_cause(now.reason, examples, bounds)}; nothing was changed: deliver the file in the "
        f"declared form, or allow it with {allowed}"
    )


def _raw(silver: Table, excess: Excess) -> str:
    return dict(silver.raw_columns)[excess.column]


def _examples(store: Store, silver: Table, landed: Landed, excess: Excess) -> list[str]:
    """Some of the raw cells, masked: a digit is 9 and a letter is x."""
    (bronze,) = silver.upstreams
    # Unnested first: Sail 0.7.2 loses a column where a filter on the list itself is pushed down.
    issue = F.explode("_issues").alias("issue")
    unnested = _typed(store, silver, landed).select(MONTH, *silver.keys, issue)
    is_bad = F.col("issue") == f"{excess.column}: {excess.now.reason}"
    bad = unnested.where(is_bad & F.col(MONTH).isin(excess.months)).select(*silver.keys)
    are_bad = [
        reduce(
            and_, (F.col(quoted(key)) == value for key, value in zip(bronze.keys, row, strict=True))
        )
        for row in bad.limit(_SHOWN).collect()
    ]
    cell = F.col(quoted(_raw(silver, excess))).alias("cell")
    rows = store.read_parquet(str(landed.accepted)).where(any_of(are_bad)).select(cell).collect()
    return sorted({masked(row["cell"]) for row in rows})


def _cause(reason: str, examples: list[str], bounds: Bounds | None) -> str:
    """The likely cause, for a person to check."""
    if all(_COMMA.fullmatch(example.strip(" _")) for example in examples):
        if are_surely_commas(examples):
            return f"these look like decimal commas ({DECLARE}, if that is so)"
        return "these look like decimal or thousands commas"
    if all(_THOUSANDS.fullmatch(example.strip(" _")) for example in examples):
        return "these look like thousands points"
    if reason == "either of two days":
        return 'say which comes first: declare date_order="dmy" or "mdy" for the source'
    if reason.startswith("outside "):
        return f"this may be another currency or unit than the declared one, {bounds}"
    if reason == "not a whole number":
        return "the column now has decimals where whole numbers were declared"
    return "the form of the column has changed"
