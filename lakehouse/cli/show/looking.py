"""Releases and what differs between two of them, as people read them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING

from lakehouse.cli.program import PLACES, same_place
from lakehouse.cli.show.tables import UTC, rows
from lakehouse.cli.show.terminal import next_step, say
from lakehouse.months import spell

if TYPE_CHECKING:
    from lakehouse.releases.diff import TableDiff
    from lakehouse.releases.inspect import TableStatus, TableVersion
    from lakehouse.releases.release import Release
    from lakehouse.run.issues import OddCells
    from lakehouse.run.quality import Quality, Quarantine


def status(tables: Sequence[TableStatus]) -> None:
    """Print a row per table, in units for people."""
    rows(
        f"Tables {UTC}",
        [
            {
                "table": table.table,
                "rows": table.rows,
                "months": table.months,
                "version": table.version,
                "MB": table.bytes / 1e6,
                "last changed": table.changed_at,
            }
            for table in tables
        ],
        less=("MB", "version"),
    )
    next_step(*_most_useful({table.table: table.rows or 0 for table in tables}))


def _most_useful(row_counts: Mapping[str, int]) -> tuple[str, str]:
    """The next step of a user whose tables have these rows."""
    if not any(n for name, n in row_counts.items() if name.startswith("gold.")):
        return "Build the tables", "run"
    if not row_counts.get("ledger.training_sets"):
        return "Build a training set", "training-set --out train.parquet"
    return "See what each run has changed", "releases"


def releases(published: Sequence[Release]) -> None:
    """Print releases, the newest last, without their maps; those that vacuum gave up say so."""
    given_up = any(release.given_up_at for release in published)
    rows(
        f"Releases {UTC}",
        [
            {
                "release": release.number,
                "finished": release.finished_at,
                "data through": release.through,
                "months changed": spell(release.months),
                "rows in gold": _gold_rows(release),
                "engine": release.engine,
                "code": release.code_fingerprint,
                **({"given up on": _day(release.given_up_at)} if given_up else {}),
            }
            for release in published
        ],
        less=("code", "engine", "rows in gold"),
    )
    _compare_step(published)


def _compare_step(published: Sequence[Release]) -> None:
    kept = [release.number for release in published if not release.given_up_at]
    if len(kept) > 1:
        next_step("See what the newest release changed", f"diff {kept[-2]} {kept[-1]}")


def _gold_rows(release: Release) -> int:
    return sum(n for table, n in release.row_counts.items() if table.startswith("gold."))


def releases_as_json(published: Sequence[Release]) -> list[dict[str, object]]:
    """Releases as plain values, without the hashes of their files and commits."""
    rows_of_ledger = (release.as_row() for release in published)
    return [
        {name: row[name] for name in row if name not in ("checksums", "commits")}
        for row in rows_of_ledger
    ]


def _day(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d}" if moment else ""


def history(versions: Sequence[TableVersion]) -> None:
    """Print versions of tables, the newest first; the name of one table is in the title only."""
    lines = [{**version_as_json(each), "changed": each.changed} for each in versions]
    names = {each.table for each in versions}
    if len(names) == 1:
        lines = [{name: cell for name, cell in line.items() if name != "table"} for line in lines]
    of_one = f" of {names.pop()}" if len(names) == 1 else ""
    rows(
        f"Versions{of_one}, newest first {UTC}",
        lines,
        less=("engine", "deleted", "updated", "inserted", "run_id", "operation"),
    )
    next_step("See the releases that these versions belong to", "releases")


def version_as_json(version: TableVersion) -> dict[str, object]:
    """The version under the names that all commands use."""
    names = {"time": "committed_at", "run": "run_id"}
    return {names.get(name, name): value for name, value in asdict(version).items()}


def diff(old: int, new: int, tables: Sequence[TableDiff], keys: bool) -> None:
    """Print counts per table; then the rows that were asked for, one line per changed cell."""
    from lakehouse.releases.diff import lines

    rows(f"Release {old} to release {new}", [table.counts for table in tables])
    for table in tables:
        if table.rows:
            rows(table.table, [_cell_line(line) for line in lines(table)])
            if table.more:
                say(f"… and {table.more:,} more rows of {table.table}")
    if tables and not keys:
        # Gold is what a model sees.
        table = next((t for t in tables if t.table.startswith("gold.")), tables[0])
        next_step("See its rows and cells", f"diff {old} {new} {table.table} --keys")


def quarantine(bad: Quarantine) -> None:
    """Print one row per bad row and reason."""
    rows(
        "In quarantine",
        [
            {
                "source": each.source,
                "file": each.file,
                "line": str(each.line),
                "month": each.month,
                "reason": reason,
            }
            for each in bad.rows
            for reason in each.reasons
        ],
        less=("month", "source"),
    )
    more = bad.row_count - len(bad.rows)
    if more:
        told = "1 more row is" if more == 1 else f"{more:,} more rows are"
        words = f"quarantine --limit {bad.row_count}"
        next_step(f"{told} in quarantine", words, (*PLACES, "source", "month"))
    elif bad.rows:
        next_step("Correct these lines, deliver the files, and take them in", _run_on_raw_files())


def _run_on_raw_files() -> str:
    """The words of a run; a datamart that was named has its own raw files, so their folder is left open."""
    command = same_place("run")
    return "run --data DIR" if "--datamart " in command and "--data " not in command else "run"


def quality(counted: Quality) -> None:
    """Print the rows by table, then the odd cells by column and reason."""
    by_month = any(each.month for each in counted.tables)
    rows(
        f"Rows at release {counted.release}",
        [
            {
                "table": each.table,
                **({"month": each.month or "unknown"} if by_month else {}),
                "rows": each.rows,
                "quarantined": each.quarantined,
            }
            for each in counted.tables
        ],
    )
    odd_cells(counted.cells)
    by_source: Counter[str] = Counter()
    for each in counted.tables:
        by_source[each.source] += each.quarantined
    quarantine_steps(by_source)


def odd_cells(cells: Sequence[OddCells]) -> None:
    """Print the cells that were not taken as they were, by column and reason."""
    by_month = any(each.month for each in cells)
    rows(
        "Cells not taken as they were",
        [
            {
                "table": each.table,
                **({"month": each.month} if by_month else {}),
                "column": each.column,
                "reason": each.reason,
                "cells": each.cells,
                "now": "NULL" if each.is_null else "kept",
                "as of": each.example,
            }
            for each in cells
        ],
        less=("as of", "now"),
    )


def quarantine_steps(rows_by_source: Mapping[str, int]) -> None:
    """Say how to look at the rows in quarantine of each source that has some."""
    for source, n in rows_by_source.items():
        if n:
            told = "1 row is" if n == 1 else f"{n:,} rows are"
            next_step(f"{told} in quarantine", f"quarantine --source {source}")


def _cell_line(line: Mapping[str, object]) -> dict[str, object]:
    """The line with exact values, because two different values could look equal when rounded."""
    values = {name: _exact(line[name]) if line["column"] else "" for name in ("old", "new")}
    return {name: value for name, value in {**line, **values}.items() if name != "table"}


def _exact(value: object) -> str:
    return "NULL" if value is None else str(value)
