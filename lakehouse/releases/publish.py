"""Publishing: the release of a finished run, which is the last row that a run writes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta, timezone

from lakehouse.errors import LakehouseError
from lakehouse.ledger.releases import TABLE as RELEASES
from lakehouse.ledger.training_sets import TABLE as TRAINING_SETS
from lakehouse.months import UNDATED
from lakehouse.releases import published
from lakehouse.releases.identity import identity
from lakehouse.releases.ledger_rows import insert, rows
from lakehouse.releases.release import Release
from lakehouse.releases.standing import Standing
from lakehouse.releases.state import State, released_tables, standings_of
from lakehouse.storage.commit_note import CommitNote, SourceRecord
from lakehouse.storage.datamart import Datamart
from lakehouse.storage.log import Log, months_of
from lakehouse.storage.sync import sync
from lakehouse.table import Table

CLOCK_MAY_BE_OFF = timedelta(days=1)


def next_release(
    datamart: Datamart, run_id: str, engine: str, sources: Mapping[str, SourceRecord]
) -> Release | None:
    """The release that pins the tables as they are now; None if the newest release already does."""
    log, catalog = datamart.log, datamart.catalog
    earlier = published.releases(log)
    before = earlier[-1] if earlier else None
    now = State(catalog, before, standings_of(datamart, before))
    standings = now.standings
    check_ours(standings)
    checksums = _checksums(datamart, earlier)
    versions = {name: standing.version for name, standing in standings.items()}
    texts = {name: record.as_json() for name, record in sources.items()}
    code = dict(catalog.code)
    same = before and (before.versions, before.sources, before.code) == (versions, texts, code)
    if same and not checksums and now.is_published:
        return None
    counts = {t.full_name: log.rows_by_month(t) for t in released_tables(catalog)}
    held = [month for t in catalog.sources for month in months_of(counts[t.full_name])]
    return Release(
        number=_next_number(log, earlier),
        run_id=run_id,
        finished_at=_later_than(earlier),
        months=sorted(_changed_months(datamart, standings)),
        through=max((month for month in held if month != UNDATED), default=None),
        versions=versions,
        commits={
            table.full_name: identity(log, table, versions[table.full_name])
            for table in released_tables(catalog)
        },
        row_counts={name: sum(by_month.values()) for name, by_month in counts.items()},
        sources=texts,
        code=code,
        code_fingerprint=_together(code),
        engine=engine,
        checksums=checksums,
    )


def check_ours(standings: Mapping[str, Standing]) -> None:
    """LakehouseError if another program wrote to a table while the run was at work."""
    for name, standing in standings.items():
        if standing.undo_to is not None:
            raise LakehouseError(
                f"{name}: another program wrote to it while this run was at work; nothing is "
                "published; the next run undoes that and goes on"
            )


def _next_number(log: Log, earlier: Iterable[Release]) -> int:
    """One above the number of any release or receipt; receipts count because releases may be lost."""
    numbers = [release.number for release in earlier]
    numbers += [row["release"] for row in rows(log, TRAINING_SETS)]
    if any(commit.operation == "FSCK" for commit in log.history(RELEASES)):
        # A repair has dropped releases; each of them was a commit.
        numbers.append(log.version(RELEASES) or 0)
    return max(numbers, default=0) + 1


def _later_than(earlier: Iterable[Release]) -> datetime:
    """The time now, but just after the releases before, if the clock was set back by less than a day.

    The order of releases is that of their numbers. If a clock was far off, their times are not in order.
    """
    now = now_utc()
    near = (r.finished_at for r in earlier if r.finished_at < now + CLOCK_MAY_BE_OFF)
    return max([now, *(moment + timedelta(microseconds=1) for moment in near)])


def now_utc() -> datetime:
    return datetime.now(timezone.utc)


def _checksums(datamart: Datamart, earlier: Iterable[Release]) -> dict[str, str]:
    """SHA-256 of each data file that is in no earlier release; without files that are gone."""
    recorded = published.checksums(earlier)
    paths = (
        f"{table.path}/{file}"
        for table in released_tables(datamart.catalog)
        for file in datamart.log.files(table)
    )
    # A generator, so that an object store, which keeps its own checksums, is not asked for any file.
    return datamart.place.checksums(path for path in paths if path not in recorded)


def _changed_months(datamart: Datamart, standings: Mapping[str, Standing]) -> set[str]:
    """Months in which a table has changed since the newest release, whichever run changed it."""
    changed: set[str] = set()
    for table in (*datamart.catalog.sources, *datamart.catalog.derived):
        standing = standings[table.full_name]
        changed |= datamart.log.changed_months(table, max(standing.base, 0), standing.version)
    return changed


def _together(code: Mapping[str, str]) -> str:
    return hashlib.sha256(json.dumps(code, sort_keys=True).encode()).hexdigest()[:16]


def publish(datamart: Datamart, release: Release) -> int:
    """Write the release, which is the last commit of a run; readers find all other commits through it.

    All that it pins is on the disk before.
    """
    log = datamart.log
    sync_commits(datamart, released_tables(datamart.catalog))
    log.place.check_held()
    insert(log, RELEASES, release.as_row(), CommitNote(run_id=release.run_id))
    return release.number


def sync_commits(datamart: Datamart, tables: Iterable[Table]) -> None:
    """Put the commits since the newest release on the disk, of all these tables at once."""
    log, folder = datamart.log, datamart.place.folder
    if folder is None:
        return
    standings = standings_of(datamart, next(reversed(published.releases(log)), None))
    sync(
        (
            path
            for table in tables
            if table.full_name in standings
            for path in log.unsynced(table, standings[table.full_name].base)
        ),
        log.place.folder,
    )
