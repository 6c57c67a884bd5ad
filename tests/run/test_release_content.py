"""A release exists because a row differs; a file that only has other bytes makes one that records it."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from lakehouse.bronze.clickstream import SOURCE
from lakehouse.releases.published import releases as published
from lakehouse.releases.release import Release
from lakehouse.run.plan import Request
from lakehouse.storage.log import Log
from lakehouse.table import Table
from tests.run.test_laws import CHAIN, CUSTOMERS, MONTHS, click, few, folder, run_on

DAYS = [f"{month}-01" for month in MONTHS[:3]]


@dataclass(frozen=True)
class Delivery:
    """A file: its rows in this order, and an undeclared column that only the listed rows use, if any."""

    rows: tuple[str, ...]
    column: str = ""
    used_by: frozenset[str] = frozenset()

    def write(self, data: Path) -> None:
        data.mkdir(exist_ok=True)
        header, rows = ",".join(SOURCE.header), list(self.rows)
        if self.column:
            header += f",{self.column}"
            rows = [f"{row},{'x' * (row in self.used_by)}" for row in rows]
        (data / SOURCE.file_names[0]).write_text("\n".join([header, *rows]) + "\n")


# For two customers a row contradicts another one or two of its key. No table can take the last two rows.
GOOD = [click(customer, day, 1) for customer in CUSTOMERS for day in DAYS]
BAD = [
    *(click(customer, day, 2) for customer in CUSTOMERS[:2] for day in DAYS[1:]),
    click("CUS_0x1", DAYS[1], 1).replace(",0,", ",3,", 1),
    click("", DAYS[1], 1),
    click("CUS_0x3", "2023-02-30", 1),
]


@st.composite
def in_any_order(draw: st.DrawFn, rows: Sequence[str], column: str = "") -> Delivery:
    """The rows in any order, one of those that nothing contradicts perhaps twice."""
    again = draw(st.lists(st.sampled_from([row for row in GOOD if "CUS_0x3" in row]), max_size=1))
    delivered = [*rows, *(row for row in again if row in rows)]
    random.Random(draw(st.integers(0, 99))).shuffle(delivered)
    return Delivery(tuple(delivered), column)


@st.composite
def some_rows(draw: st.DrawFn) -> Delivery:
    """Some of all rows, in any order; a few may use a new column."""
    rows = draw(st.lists(st.sampled_from(GOOD + BAD), min_size=4, unique=True))
    delivery = draw(in_any_order(rows, draw(st.sampled_from(["", "note"]))))
    return replace(delivery, used_by=draw(st.frozensets(st.sampled_from(rows), max_size=2)))


class History:
    """A datamart, and the releases that its runs by month have made."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._log = Log(str(root / "datamart"))
        self.releases: list[Release] = []

    def take(self, delivery: Delivery) -> list[Release]:
        """Deliver a file and run by month; the releases of the run."""
        delivery.write(self._root / "data")
        run_on(CHAIN, self._root, request=Request(by_month=True, allow_shrink=True), max_bad=1.0)
        made = published(self._log)[len(self.releases) :]
        self.releases += made
        return made

    def has_other_rows(self, release: Release) -> bool:
        """Whether a table has other rows than at the release before."""
        before = next((r for r in self.releases if r.number == release.number - 1), None)
        tables = [table for table in CHAIN.tables if not table.is_ledger]
        return any(self._rows(table, release) != self._rows(table, before) for table in tables)

    def _rows(self, table: Table, release: Release | None) -> dict[tuple[Any, ...], Any]:
        """The rows by key, without what is about the writing, empty cells and numbers of other rows."""
        if release is None:
            return {}
        return {
            tuple(row[key] for key in table.keys): {
                name: re.sub(r"row \d+", "row", str(value))
                for name, value in row.items()
                if name not in table.unversioned and value is not None
            }
            for row in self._log.read(table, release.versions[table.full_name])
        }


@pytest.mark.slow
@few(6)
@given(deliveries=st.lists(some_rows(), min_size=1, max_size=2))
def test_each_release_by_month_has_other_rows_than_the_one_before(
    deliveries: list[Delivery],
) -> None:
    """The last one of a run may also record that a file is taken; then it has no months."""
    with folder() as root:
        history = History(root)
        for delivery in [Delivery(tuple(GOOD)), *deliveries]:
            made = history.take(delivery)
            event(f"{len(made)} releases")
            for release in made:
                is_record = release is made[-1] and not release.months
                assert history.has_other_rows(release) or is_record
            assert history.take(delivery) == []


@pytest.mark.slow
@few(5)
@given(
    rewritten=in_any_order(GOOD + BAD) | st.just(Delivery(tuple(GOOD + BAD))),
    column=st.sampled_from(["note", "Branch", ""]),
)
def test_the_same_rows_in_another_order_or_with_an_unused_column_make_no_release_by_month(
    rewritten: Delivery, column: str
) -> None:
    with folder() as root:
        history = History(root)
        history.take(Delivery(tuple(GOOD + BAD)))
        for made in (history.take(rewritten), history.take(Delivery(rewritten.rows))):
            # That of a file with other bytes only records it.
            assert len(made) <= 1
            assert not any(map(history.has_other_rows, made))

    with folder() as root:
        history = History(root)
        history.take(Delivery(tuple(GOOD)))
        made = history.take(Delivery(tuple(GOOD), column))
        assert len(made) == bool(column)
        assert not any(map(history.has_other_rows, made))


def test_a_column_that_a_later_month_uses_makes_a_release_from_that_month_on() -> None:
    with folder() as root:
        history = History(root)
        history.take(Delivery(tuple(GOOD)))
        of_march = next(row for row in GOOD if row.endswith(DAYS[2]))
        (made,) = history.take(Delivery(tuple(GOOD), "note", frozenset({of_march})))
        assert made.months == ["2023-03"] and history.has_other_rows(made)
