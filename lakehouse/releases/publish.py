"""Publishing: the release that sums up a finished run, the last row that a run writes."""

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
    """The release that the tables now make; None where the newest says the same already."""
    log, catalog = datamart.log, datamart.catalog
    known = published.releases(log)
    before = known[-1] if known else None
    now = State(catalog, before, standings_of(datamart, before))
    standings = now.standings
    check_ours(standings)
    checksums = _checksums(datamart, known)
    versions = {name: each.version for name, each in standings.items()}
    texts = {name: record.as_json() for name, record in sources.items()}
    code = dict(catalog.code)
    same = before and (before.versions, before.sources, before.code) == (versions, texts, code)
    if same and not checksums and now.is_published:
        return None
    counts = {t.full_name: log.rows_by_month(t) for t in released_tables(catalog)}
    held = [month for t in catalog.sources for month in months_of(counts[t.full_name])]
    return Release(
        number=_next_number(log, known),
        run_id=run_id,
        finished_at=_later_than(known, _newest_commits(datamart)),
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
    """A release has no row that another program wrote while the run was at work."""
    for name, each in standings.items():
        if each.undo_to is not None:
            raise LakehouseError(
                f"{name}: another program wrote to it while this run was at work; nothing is "
                "published, the next run undoes that and goes on"
            )


def _next_number(log: Log, known: Iterable[Release]) -> int:
    """One above every release there is, or of which a receipt tells: a ledger may have been lost."""
    told = [release.number for release in known]
    told += [row["release"] for row in rows(log, TRAINING_SETS)]
    if any(commit.operation == "FSCK" for commit in log.history(RELEASES)):
        # A repair forgot some; each of them was a commit.
        told.append(log.version(RELEASES) or 0)
    return max(told, default=0) + 1


def _newest_commits(datamart: Datamart) -> list[datetime]:
    commits = map(datamart.log.newest_commit, released_tables(datamart.catalog))
    return [commit.timestamp for commit in commits if commit]


def _later_than(known: Iterable[Release], commits: Iterable[datetime]) -> datetime:
    """Now; where the clock was set back, just after the last release: their order is that of time.

    Nor before a commit that it pins, by which a table that is made anew later is found out.
    """
    past: list[datetime] = [row.finished_at + timedelta(microseconds=1) for row in known]
    return max([now_utc(), *past, *commits])


def now_utc() -> datetime:
    return datetime.now(timezone.utc)


def _checksums(datamart: Datamart, known: Iterable[Release]) -> dict[str, str]:
    """SHA-256 of each data file that no release has told of; a file that is gone has none."""
    told = {path for row in known for path in row.checksums}
    paths = (
        f"{table.path}/{file}"
        for table in released_tables(datamart.catalog)
        for file in datamart.log.files(table)
    )
    # Lazy, so that a store, which keeps checksums of its own, is asked for no file.
    return datamart.place.checksums(path for path in paths if path not in told)


def _changed_months(datamart: Datamart, standings: Mapping[str, Standing]) -> set[str]:
    """Months in which a table that data fills has changed since the release, by whichever run."""
    changed: set[str] = set()
    for table in (*datamart.catalog.sources, *datamart.catalog.derived):
        own = standings[table.full_name]
        changed |= datamart.log.changed_months(table, max(own.base, 0), own.version)
    return changed


def _together(code: Mapping[str, str]) -> str:
    return hashlib.sha256(json.dumps(code, sort_keys=True).encode()).hexdigest()[:16]


def publish(log: Log, release: Release) -> int:
    """Write the release: the last commit of a run, by which readers find all others."""
    log.place.check_held()
    insert(log, RELEASES, release.as_row(), CommitNote(run_id=release.run_id))
    return release.number
