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
            "table": each.table,
            "rows": each.rows,
            "months": each.months,
            "version": each.version,
            "MB": each.bytes / 1e6,
            "last changed": each.changed_at,
        }
        for each in tables
    ]


def releases(found: Sequence[Release]) -> None:
    """Print releases, the newest last, without their maps; those that vacuum gave up say so."""
    given_up = any(each.given_up_at for each in found)
    rows(
        "Releases",
        [
            {
                "release": each.number,
                "finished": each.finished_at,
                "data through": each.through,
                "months changed": spell(each.months),
                "rows in gold": sum(n for t, n in each.row_counts.items() if t.startswith("gold.")),
                "engine": each.engine,
                "code": each.code_fingerprint,
                **({"given up on": _day(each.given_up_at)} if given_up else {}),
            }
            for each in found
        ],
    )


def releases_as_json(found: Sequence[Release]) -> list[dict[str, object]]:
    """Releases as plain values without their checksums, of which there is one per data file."""
    rows_of_ledger = (release.as_row() for release in found)
    return [{name: row[name] for name in row if name != "checksums"} for row in rows_of_ledger]


def _day(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d}" if moment else ""


def diff(title: str, found: Sequence[TableDiff]) -> None:
    """Print counts per table; then the rows that were asked for, a line per changed cell."""
    from lakehouse.releases.diff import lines

    rows(title, [each.counts for each in found])
    for each in found:
        if each.rows:
            rows(each.table, [_cell_line(line) for line in lines(each)])
            if each.more:
                say(f"… and {each.more:,} more rows of {each.table}")


def _cell_line(line: Mapping[str, object]) -> dict[str, object]:
    """The line with its values as they are: rounded, two that differ could look alike."""
    values = {name: _exact(line[name]) if line["column"] else "" for name in ("old", "new")}
    return {name: value for name, value in {**line, **values}.items() if name != "table"}


def _exact(value: object) -> str:
    return "NULL" if value is None else str(value)
