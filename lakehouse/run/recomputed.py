"""Silver and gold compared with what their upstreams make: it finds rot that has a checksum of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from lakehouse import functions as F
from lakehouse.absent import present
from lakehouse.engines.changes import differing, matched_columns
from lakehouse.engines.store import Store
from lakehouse.errors import LakehouseError
from lakehouse.months import in_groups, spell
from lakehouse.progress import Progress, Steps, silent
from lakehouse.releases.arrived import has_come
from lakehouse.releases.state import read_state
from lakehouse.run.failures import explained
from lakehouse.run.masked import shown
from lakehouse.run.refresh import computed, existing, largest_month
from lakehouse.storage.sound import check_sound
from lakehouse.table import MONTH, Table, quoted
from lakehouse.upkeep.doctor import Finding
from lakehouse.words import counted

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

AGAIN = "python main.py run --full-refresh computes them again"
_BEFORE = "python main.py run, then look again"


@dataclass(frozen=True)
class Difference:
    """The keys of a table whose rows are not those that its upstreams make: how many by month, and one."""

    table: Table
    keys: Mapping[str, int]
    example: str

    def __str__(self) -> str:
        upstreams = " and ".join(upstream.full_name for upstream in self.table.upstreams)
        n = sum(self.keys.values())
        return (
            f"{counted(n, 'key')} of {spell(self.keys)} {'has' if n == 1 else 'have'} other "
            f"rows than {upstreams} gives now, such as {self.example}"
        )


def differences(store: Store, table: Table, months: Sequence[str]) -> Iterator[Difference]:
    """The differences of some months of a table, which are computed in groups as by a run.

    LakehouseError if a data file does not have the bytes with which it was published.
    """
    size = store.months_at_once(largest_month(store, table) * len(table.fields), len(months))
    for group, _ in in_groups(months, size):
        changes = changes_of(store, table, group, compared(table))
        # One row per month.
        counted = {str(month): int(n) for month, n in changes.groupBy(MONTH).count().collect()}
        if counted:
            yield Difference(table, counted, _example(changes, table))


def changes_of(
    store: Store,
    table: Table,
    months: Sequence[str],
    columns: Sequence[str],
    of: Callable[[DataFrame, Table], DataFrame] = lambda rows, _table: rows,
) -> DataFrame:
    """The changes that make months of a table equal to what its upstreams give; `of` takes some rows."""
    check_sound(store.log, table, months=months)
    old = of(store.read(table).where(F.col(MONTH).isin(list(months))), table)
    return differing(computed(store, table, months, of=of), old, table, columns)


def compared(table: Table) -> list[str]:
    """The columns of a table that can differ for a key."""
    return [name for name in table.columns if name not in matched_columns(table)]


def _example(changes: DataFrame, table: Table) -> str:
    keys = [quoted(key) for key in table.keys]
    (first,) = changes.select(*keys).orderBy(*keys).limit(1).collect()
    cells = zip(table.keys, first, strict=True)
    return ", ".join(f"{key} {shown(table, key, str(cell))}" for key, cell in cells)


def examine_computed(store: Store, on_progress: Progress = silent) -> list[Finding]:
    """One finding per silver and gold table, whose rows are computed again and compared."""
    state = read_state(store.datamart)
    if not (state.newest and state.is_published):
        return [
            Finding("Silver and gold", "missing", "a run was stopped, so they may differ", _BEFORE)
        ]
    code, made_by = store.datamart.catalog.code, state.newest.code
    derived = present(store.datamart.catalog, partial(has_come, store.log)).derived
    changed = {t.full_name for t in derived if code[t.full_name] != made_by.get(t.full_name)}
    steps, findings = Steps(on_progress, len(derived)), []
    for table in derived:
        steps.begin(table.full_name, "computing again")
        findings.append(_examined(store, table, table.full_name in changed))
    return findings


def _examined(store: Store, table: Table, is_of_other_code: bool) -> Finding:
    name = f"{table.full_name}, computed again"
    if is_of_other_code:
        return Finding(name, "missing", "other code has made it, so it may differ", _BEFORE)
    months = sorted(existing(store, (table, *table.upstreams)))
    try:
        with explained(store.datamart, table):
            found = list(differences(store, table, months))
    except LakehouseError as error:
        return Finding(name, "damaged", str(error), "")
    for first in found:
        keys = {month: n for each in found for month, n in each.keys.items()}
        return Finding(name, "damaged", str(Difference(table, keys, first.example)), AGAIN)
    rows = sum(store.log.rows_by_month(table).values())
    return Finding(name, "ok", f"all of its {rows:,} rows are the same", "")
