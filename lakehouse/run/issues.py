"""Cells that were not taken as they were: what silver says of them, with counts and an example."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from lakehouse import functions as F
from lakehouse.engines.store import Store
from lakehouse.table import MONTH, Table, quoted

ISSUES = "_issues"
PLACEHOLDER = "a placeholder"
_SHOWN = 4


@dataclass(frozen=True)
class OddCells:
    """The cells of a column that were not taken as they were, for one reason; `example` is a customer's id.

    `is_null`: they are NULL now; else they are kept. `month` is None where months are counted together.
    """

    table: str
    column: str
    reason: str
    is_null: bool
    cells: int
    example: str
    month: str | None = None

    def __str__(self) -> str:
        return f"{self.column}: {self.reason} ({self.cells:,}, as of {self.example})"


def odd_cells(
    store: Store,
    months: Collection[str] | None = None,
    versions: Mapping[str, int] | None = None,
    tables: Sequence[Table] | None = None,
    by_month: bool = False,
) -> list[OddCells]:
    """The odd cells of silver tables: of some months or all, now or at versions, together or by month.

    In a table and month the most frequent come first. Declared placeholders are none.
    """
    asked = store.datamart.catalog.derived if tables is None else tables
    return [
        each
        for table in asked
        if ISSUES in table.columns
        for each in _odd_cells(
            store, table, months, versions.get(table.full_name) if versions else None, by_month
        )
    ]


def _odd_cells(
    store: Store,
    table: Table,
    months: Collection[str] | None,
    version: int | None,
    by_month: bool,
) -> list[OddCells]:
    rows = store.read(table, version)
    if months is not None:
        rows = rows.where(F.col(MONTH).isin(*months))
    issue = F.explode(ISSUES).alias("issue")
    entity = F.col(quoted(table.entity or table.keys[0])).alias("entity")
    groups = ["issue", MONTH] if by_month else ["issue"]
    counted = rows.select(MONTH, issue, entity).groupBy(*groups)
    found = counted.agg(F.count(F.lit(1)).alias("cells"), F.min("entity").alias("example"))
    told = []
    for row in found.collect():
        column, _, reason = row["issue"].partition(": ")
        if reason != PLACEHOLDER:
            is_null = row["issue"] not in table.noted
            month = row[MONTH] if by_month else None
            told.append(
                OddCells(
                    table.full_name, column, reason, is_null, row["cells"], row["example"], month
                )
            )
    return sorted(told, key=lambda each: (each.month or "", -each.cells, each.column, each.reason))


def odd_lines(cells: Iterable[OddCells]) -> list[str]:
    """One line per table."""
    by_table: dict[str, list[OddCells]] = defaultdict(list)
    for each in cells:
        by_table[each.table].append(each)
    return [_line(table, each) for table, each in by_table.items()]


def _line(table: str, cells: list[OddCells]) -> str:
    shown = "; ".join(map(str, cells[:_SHOWN]))
    more = len(cells) - _SHOWN
    rest = f"; and {more} more kinds" if more > 0 else ""
    return f"{table}: cells not taken as they were: {shown}{rest}; column {ISSUES} tells each"
