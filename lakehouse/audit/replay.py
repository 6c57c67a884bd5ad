"""A release built again from less, or from other, raw rows than it knew: what it knew then must not change.

Each replay writes raw files out of the release's bronze tables, runs the pipeline of a real run on them
in a datamart of its own, and compares the gold that comes out with the gold of the release.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from copy import copy
from dataclasses import dataclass
from pathlib import Path

from pyspark.sql import Column
from pyspark.sql import functions as F

from lakehouse.audit import raw_files
from lakehouse.audit.compare import differences
from lakehouse.audit.cut import chosen_cut, gold
from lakehouse.audit.finding import Check
from lakehouse.catalog import Catalog
from lakehouse.engines.store import Store
from lakehouse.errors import BadInput
from lakehouse.months import spell
from lakehouse.releases.published import Release
from lakehouse.releases.readable import check_readable
from lakehouse.run.job import Job
from lakehouse.run.run import run
from lakehouse.storage.log import Log
from lakehouse.table import MONTH, snake_case

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


def halved(name: str, last_digits: tuple[str, ...]) -> Replay:
    """With the raw rows of every second customer: those whose MD5 ends with one of these digits."""
    last_digit = F.substring(F.md5(F.col(snake_case(raw_files.CUSTOMER))), 32, 1)
    return Replay(
        name,
        "No feature and no label rests on other customers: built from half of them, all is the same.",
        raw_files.halved(last_digits),
        last_digit.isin(*last_digits),
        "of every second customer",
    )


def replayable(store: Store, catalog: Catalog, release: Release, cut: str | None) -> str:
    """The month to cut a release off after; BadInput or LakehouseError where it cannot be built again."""
    check_code(catalog, release)
    if not store.reads_this_machine:
        raise BadInput(
            "an audit builds datamarts on this machine, which a cluster cannot read where the datamart "
            "is in an object store; run it without --master"
        )
    check_readable(store.log, release, (*catalog.sources, *gold(catalog)))
    return chosen_cut(store, catalog, release, cut)


def replay_checks(
    store: Store,
    catalog: Catalog,
    release: Release,
    cut: str,
    on_progress: OnProgress,
    work: Path,
) -> list[Check]:
    """Every replay of a `replayable` release, in a folder in `work` that is gone afterwards."""
    with tempfile.TemporaryDirectory(dir=work, prefix="replay-") as name:
        exported = Path(name) / "exported"
        on_progress(f"reading the raw rows of release {release['release']}")
        raw_files.export(store, catalog, release, exported)
        even, odd = raw_files.HALVES
        replays = (
            truncated(cut),
            scrambled(cut),
            # Both: the largest value of all customers is still that of the half it is in.
            halved("half of the customers", even),
            halved("other half of the customers", odd),
        )
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
        for table in gold(catalog):
            on_progress(f"{replay.name}: comparing {table.full_name}")
            was = store.read(table, release["versions"][table.full_name]).where(replay.same)
            now = rebuilt.read(table).where(replay.same)
            compared += now.count()
            findings += differences(table, was, now)
    return Check(
        replay.name,
        replay.proves,
        f"{compared:,} rows of {len(gold(catalog))} tables, {replay.of}",
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
