"""A release built again from less, or from other, raw rows than it knew: what it knew then must not change.

Each replay writes raw files out of the release's bronze tables, runs the pipeline of a real run on them
in a datamart of its own, and compares the gold that comes out with the gold of the release.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass
from pathlib import Path

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from lakehouse.audit import raw_files
from lakehouse.audit.finding import Check, Finding
from lakehouse.catalog import Catalog
from lakehouse.engine.job import Job
from lakehouse.engine.ledger import Release
from lakehouse.engine.log import Log, months_of
from lakehouse.engine.readable import check_readable
from lakehouse.engine.run import run
from lakehouse.engine.store import DELETE, OPERATION, UPSERT, Store, differing, matched_columns
from lakehouse.errors import BadInput
from lakehouse.gold.label_store import TABLE as LABEL_STORE
from lakehouse.months import is_month, shift, spell
from lakehouse.table import MONTH, Table, snake_case

_COLUMNS_SHOWN = 5
OnProgress = Callable[[str], None]


@dataclass(frozen=True)
class Replay:
    """A way to build a release again: on which raw rows, and which rows of gold must come out the same."""

    name: str
    proves: str
    rows: raw_files.Rows
    same: Column
    of: str  # the rows that must be the same, in words


def truncated(cut: str) -> Replay:
    """Without any raw row after the month of the cut."""
    return Replay(
        "truncated replay",
        "No feature and no label rests on a row of a later month: built without these, all is the same.",
        raw_files.truncated(cut),
        F.col(MONTH) <= cut,
        f"cut after {cut}",
    )


def scrambled(cut: str) -> Replay:
    """With the cells of all raw rows after the month of the cut shuffled."""
    return Replay(
        "scrambled replay",
        "No feature and no label rests on what a later row says: built with other values in these, "
        "all is the same.",
        raw_files.scrambled(cut),
        F.col(MONTH) <= cut,
        f"scrambled after {cut}",
    )


def halved() -> Replay:
    """With the raw rows of every second customer."""
    last_digit = F.substring(F.md5(F.col(snake_case(raw_files.CUSTOMER))), 32, 1)
    return Replay(
        "half of the customers",
        "No feature and no label rests on other customers: built from half of them, all is the same.",
        raw_files.halved(),
        last_digit.isin(*raw_files.EVEN_DIGITS),
        "of every second customer",
    )


def replay_checks(
    store: Store,
    catalog: Catalog,
    release: Release,
    cut: str | None,
    on_progress: OnProgress,
    work: Path,
) -> list[Check]:
    """All three replays, in a folder in `work` that is gone afterwards; BadInput where one cannot be."""
    check_code(catalog, release)
    check_readable(store.log, release, (*catalog.sources, *_gold(catalog)))
    month = chosen_cut(store, catalog, release, cut)
    with tempfile.TemporaryDirectory(dir=work, prefix="replay-") as name:
        exported = Path(name) / "exported"
        on_progress(f"reading the raw rows of release {release['release']}")
        raw_files.export(store, catalog, release, exported)
        replays = (truncated(month), scrambled(month), halved())
        return [check(store, catalog, release, each, exported, on_progress) for each in replays]


def check(
    store: Store,
    catalog: Catalog,
    release: Release,
    replay: Replay,
    exported: Path,
    on_progress: OnProgress,
) -> Check:
    """One replay, out of exported raw rows: built, compared and removed."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(dir=exported.parent) as name:
        rebuilt = _rebuilt(store, catalog, replay, exported, Path(name), on_progress)
        compared, findings = 0, []
        for table in _gold(catalog):
            on_progress(f"{replay.name}: comparing {table.full_name}")
            was = store.read(table, release["versions"][table.full_name]).where(replay.same)
            now = rebuilt.read(table).where(replay.same)
            compared += now.count()
            findings += differences(table, was, now)
    return Check(
        replay.name,
        replay.proves,
        f"{compared:,} rows of {len(_gold(catalog))} tables, {replay.of}",
        tuple(findings),
        time.monotonic() - began,
    )


def check_code(catalog: Catalog, release: Release) -> None:
    """Refuse a release of other code, which a replay would tell from today's by that alone."""
    for name, code in catalog.code.items():
        if release["code"].get(name) != code:
            raise BadInput(
                f"release {release['release']} was built by other code of {name} than today's, so it "
                "cannot be built again to compare; run `python main.py` and audit the release it makes"
            )


def chosen_cut(store: Store, catalog: Catalog, release: Release, asked: str | None = None) -> str:
    """The month of the cut: the one asked for, else the median month of application of the labels.

    So half of the applications that a model could learn from lie on either side of it. BadInput where
    a raw file or a gold table would have no row on one side.
    """
    held = [
        months_of(store.log.rows_by_month(table, release["versions"][table.full_name]))
        for table in (*catalog.sources, *_gold(catalog))
    ]
    first = max(each[0] if each else "9999-12" for each in held)
    last = shift(min(each[-1] if each else "0001-01" for each in held), -1)
    if first > last:
        raise BadInput(
            f"release {release['release']} is too small to replay: in no month do all raw files and gold "
            "tables have rows both before and after; audit one of more months"
        )
    if asked is None:
        return min(max(_median_application(store, release), first), last)
    if not is_month(asked) or not first <= asked <= last:
        raise BadInput(
            f"a replay of release {release['release']} cannot be cut after {asked}: all raw files and gold "
            f"tables must have rows on both sides; give a month of {first} to {last}"
        )
    return asked


def _median_application(store: Store, release: Release) -> str:
    labels = store.read(LABEL_STORE, release["versions"][LABEL_STORE.full_name])
    month = F.substring(F.col("application_date").cast("string"), 1, 7)
    # A row a month, so few.
    counted = sorted(tuple(row) for row in labels.groupBy(month).count().collect())
    half, seen = sum(count for _, count in counted) / 2, 0
    for name, count in counted:
        seen += count
        if seen >= half:
            return str(name)
    raise BadInput(f"release {release['release']} has no label yet; audit a later one")


def _gold(catalog: Catalog) -> list[Table]:
    return [table for table in catalog.derived if table.layer == "gold"]


def _rebuilt(
    store: Store,
    catalog: Catalog,
    replay: Replay,
    exported: Path,
    work: Path,
    on_progress: OnProgress,
) -> Store:
    """A datamart built by a real run on the raw rows of the replay, with the same engine."""
    on_progress(f"{replay.name}: writing raw files")
    raw_files.write(catalog, exported, replay.rows, work / "data")
    run(
        Job(
            data=work / "data",
            datamart=work / "datamart",
            catalog=catalog,
            open_store=lambda log, _size: _on(store, log),
            on_progress=lambda table, doing, months: on_progress(
                f"{replay.name}: {table} {doing} {spell(months) if months else ''}".rstrip()
            ),
        )
    )
    return _on(store, Log(str(work / "datamart")))


def _on(store: Store, log: Log) -> Store:
    """The same engine on another datamart: a process has one session."""
    other = copy(store)
    other.log = log
    return other


def differences(table: Table, was: DataFrame, now: DataFrame) -> list[Finding]:
    """A finding where rows of a table are not the same in a release and in its replay; none where all are."""
    compared = [name for name in table.columns if name not in matched_columns(table)]
    changes = differing(was, now, table, compared)
    counted = changes.groupBy(OPERATION).agg(F.count("*"), F.min(MONTH)).collect()
    if not counted:
        return []
    rows = {operation: count for operation, count, _ in counted}
    both, columns = _differing_columns(table, changes, now, compared)
    told = {
        f"differ in {_shown(columns)}": both,
        "are in the release alone": rows.get(UPSERT, 0) - both,
        "are in the replay alone": rows.get(DELETE, 0),
    }
    spelt = [f"{count:,} rows {what}" for what, count in told.items() if count]
    first = min(month for _, _, month in counted)
    return [Finding(table.full_name, f"{', '.join(spelt)}; the first of {first}")]


def _differing_columns(
    table: Table, changes: DataFrame, now: DataFrame, compared: Sequence[str]
) -> tuple[int, dict[str, int]]:
    """How many rows of one key differ, and in how many of them each column does, the most first."""
    matched = matched_columns(table)
    replayed = now.select(*matched, *(F.col(name).alias(f"_replayed_{name}") for name in compared))
    differs = [~F.col(name).eqNullSafe(F.col(f"_replayed_{name}")) for name in compared]
    counts = [F.count(F.when(each, 1)) for each in differs]
    both = changes.where(F.col(OPERATION) == UPSERT).join(replayed, matched)
    rows, *by_column = both.select(F.count("*"), *counts).collect()[0]
    named = zip(compared, by_column, strict=True)
    most_first = sorted(((n, name) for name, n in named if n), key=lambda pair: -pair[0])
    return rows, {name: n for n, name in most_first}


def _shown(columns: dict[str, int]) -> str:
    names = list(columns)
    more = len(names) - _COLUMNS_SHOWN
    return ", ".join(names[:_COLUMNS_SHOWN]) + (f" and {more} more columns" if more > 0 else "")
