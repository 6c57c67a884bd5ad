"""Publishing: the release of a finished run, which is the last row that a run writes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta, timezone

from lakehouse.errors import LakehouseError
from lakehouse.ledger.releases import TABLE as RELEASES
from lakehouse.ledger.training_sets import TABLE as TRAINING_SETS
from lakehouse.releases import published
from lakehouse.releases.ledger_rows import insert, rows
from lakehouse.releases.release import Release
from lakehouse.releases.standing import Standing
from lakehouse.releases.state import State, released_tables, standings_of
from lakehouse.storage.commit_note import CommitNote, SourceRecord
from lakehouse.storage.datamart import Datamart
from lakehouse.storage.log import Log, months_of


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
        finished_at=_later_than(earlier, _newest_commits(datamart)),
        months=sorted(_changed_months(datamart, standings)),
        through=max(held, default=None),
        versions=versions,
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


def _newest_commits(datamart: Datamart) -> list[datetime]:
    commits = map(datamart.log.newest_commit, released_tables(datamart.catalog))
    return [commit.timestamp for commit in commits if commit]


def _later_than(earlier: Iterable[Release], commits: Iterable[datetime]) -> datetime:
    """The time now, but always after the last release: if the clock was set back, just after it.

    The time is not before a commit that is pinned either. A table that is made again later is found by that.
    """
    past: list[datetime] = [r.finished_at + timedelta(microseconds=1) for r in earlier]
    return max([now_utc(), *past, *commits])


def now_utc() -> datetime:
    return datetime.now(timezone.utc)


def _checksums(datamart: Datamart, earlier: Iterable[Release]) -> dict[str, str]:
    """SHA-256 of each data file that is in no earlier release; without files that are gone."""
    recorded = {path for release in earlier for path in release.checksums}
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


def publish(log: Log, release: Release) -> int:
    """Write the release, which is the last commit of a run; readers find all other commits through it."""
    log.place.check_held()
    insert(log, RELEASES, release.as_row(), CommitNote(run_id=release.run_id))
    return release.number
