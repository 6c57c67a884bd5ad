"""Releases and what differs between two of them, as people read them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from lakehouse.cli.show.tables import rows
from lakehouse.cli.show.terminal import say
from lakehouse.months import spell

if TYPE_CHECKING:
    from lakehouse.releases.diff import TableDiff
    from lakehouse.releases.inspect import TableStatus
    from lakehouse.releases.release import Release


def status_rows(tables: Sequence[TableStatus]) -> list[dict[str, object]]:
    """A row per table, in units for people."""
    return [
        {
            "table": table.table,
            "rows": table.rows,
            "months": table.months,
            "version": table.version,
            "MB": table.bytes / 1e6,
            "last changed": table.changed_at,
        }
        for table in tables
    ]


def releases(published: Sequence[Release]) -> None:
    """Print releases, the newest last, without their maps; those that vacuum gave up say so."""
    given_up = any(release.given_up_at for release in published)
    rows(
        "Releases",
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
    )


def _gold_rows(release: Release) -> int:
    return sum(n for table, n in release.row_counts.items() if table.startswith("gold."))


def releases_as_json(published: Sequence[Release]) -> list[dict[str, object]]:
    """Releases as plain values, without their checksums, which are one per data file."""
    rows_of_ledger = (release.as_row() for release in published)
    return [{name: row[name] for name in row if name != "checksums"} for row in rows_of_ledger]


def _day(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d}" if moment else ""


def diff(title: str, tables: Sequence[TableDiff]) -> None:
    """Print counts per table; then the rows that were asked for, one line per changed cell."""
    from lakehouse.releases.diff import lines

    rows(title, [table.counts for table in tables])
    for table in tables:
        if table.rows:
            rows(table.table, [_cell_line(line) for line in lines(table)])
            if table.more:
                say(f"… and {table.more:,} more rows of {table.table}")


def _cell_line(line: Mapping[str, object]) -> dict[str, object]:
    """The line with exact values, because two different values could look equal when rounded."""
    values = {name: _exact(line[name]) if line["column"] else "" for name in ("old", "new")}
    return {name: value for name, value in {**line, **values}.items() if name != "table"}


def _exact(value: object) -> str:
    return "NULL" if value is None else str(value)
