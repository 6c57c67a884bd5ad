"""Optimize and vacuum give space back, and lose nothing that a kept release or a training set needs."""

from __future__ import annotations

import json
import os
import random
import shutil
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from deltalake import DeltaTable

from lakehouse import Lakehouse
from lakehouse.catalog import Catalog
from lakehouse.cli import main, show
from lakehouse.cli.exit_codes import exit_code
from lakehouse.engines.embedded import EmbeddedStore
from lakehouse.errors import BadInput, LakehouseError
from lakehouse.generate import generate
from lakehouse.months import MonthRange
from lakehouse.progress import silent
from lakehouse.releases import published
from lakehouse.releases.readable import check_readable
from lakehouse.run.job import Job, Report
from lakehouse.run.plan import Request
from lakehouse.run.run import plan, run
from lakehouse.storage.datamart import Datamart
from lakehouse.training.build import build, reproduce
from lakehouse.training.receipts import Receipt, receipts
from lakehouse.training.sets import Asked, prepare, spine_folder
from lakehouse.upkeep import optimize as optimizing
from lakehouse.upkeep import vacuum as vacuuming
from lakehouse.upkeep.optimize import Optimized, optimize
from lakehouse.upkeep.vacuum import Vacuumed, vacuum
from tests.bank import Bank
from tests.on_spark import OnSpark
from tests.reliability.narrow_main import CATALOG
from tests.reliability.process import check_whole, contents

pytestmark = [pytest.mark.slow, pytest.mark.each]

LOANS, CLICKS = "lms_loan_daily.csv", "feature_clickstream.csv"
LABELS = CATALOG.table("gold.label_store")
DATA_TABLES = [table for table in CATALOG.tables if table.layer != "ledger"]
NEWEST = 4
Rows = dict[str, list[str]]


class World(Bank):
    """A bank of the narrow catalog whose space is given back."""

    def job(self, through: str | None = None, **changes: Any) -> Job:
        given = Job(
            self.data,
            Datamart.at(self.datamart, CATALOG),
            lambda datamart, _size: EmbeddedStore(datamart),
            Request(MonthRange(None, through)),
        )
        return replace(given, **changes)

    def run(self, through: str | None = None) -> Report:
        return run(self.job(through))

    def correct(self, seed: int) -> None:
        """A click changes, a loan comes (one file more in each of its months), another goes."""
        pick = random.Random(seed)
        clicks = _raw(self.data / CLICKS)
        clicks.loc[pick.randrange(len(clicks)), "fe_1"] = str(1000 + seed)
        clicks.to_csv(self.data / CLICKS, index=False)
        loans = _raw(self.data / LOANS)
        first, *others = sorted(loans.loan_id.unique())
        new = loans[loans.loan_id == first].assign(loan_id=f"L_{seed}", Customer_ID=f"CUS_0x{seed}")
        rest = loans[loans.loan_id != pick.choice(others)]
        pd.concat([rest, new]).to_csv(self.data / LOANS, index=False)

    def training_set(self, release: int, **asked: Any) -> Receipt:
        prepared = prepare(
            self.store_of(CATALOG), published.release(self.log, release), Asked(**asked)
        )
        return build(prepared, self.store)

    def reproduced(self) -> list[str]:
        """The ids of all training sets, each built again with the same content."""
        store = self.store
        return [
            reproduce(store, each.training_set_id).training_set_id for each in receipts(self.log)
        ]

    def optimize(self, catalog: Catalog = CATALOG) -> Optimized:
        return optimize(Datamart.at(self.datamart, catalog), EmbeddedStore, silent)

    def vacuum(self, keep_releases: int, dry_run: bool = False) -> Vacuumed:
        return vacuum(Datamart.at(self.datamart, CATALOG), keep_releases, dry_run, silent)

    def rows(self, number: int) -> Rows:
        """All rows of all tables as they were at a release."""
        versions = published.release(self.log, number).versions
        return {
            table.full_name: sorted(map(str, self.log.read(table, versions[table.full_name])))
            for table in DATA_TABLES
        }

    def files(self) -> dict[str, bytes]:
        """Every file of the tables, and what is in it."""
        found = (each for each in self.datamart.rglob("*") if each.is_file())
        return {
            str(each.relative_to(self.datamart)): each.read_bytes()
            for each in found
            if each.relative_to(self.datamart).parts[0] in ("bronze", "silver", "gold", "ledger")
        }

    def version(self, number: int, table: Any = LABELS) -> int:
        return int(published.release(self.log, number).versions[table.full_name])


def _raw(file: Path) -> pd.DataFrame:
    return pd.read_csv(file, dtype=str, keep_default_na=False)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Four releases (months, months, corrected twice); training sets of the first and of a spine. Copy it."""
    world = World(tmp_path_factory.mktemp("space"))
    generate(world.data, customers=16, months=4, seed=3)
    world.run(through="2023-09")
    world.training_set(1)
    world.run()
    spine = world.root / "spine.csv"
    spine.write_text("customer_id,application_date\nCUS_0x1,2023-04-01\n", encoding="utf-8")
    world.training_set(2, spine=spine)
    for seed in (1, 2):
        world.correct(seed)
        world.run()
    assert len(published.releases(world.log)) == NEWEST
    return world


@pytest.fixture
def world(made: World, tmp_path: Path) -> World:
    """A copy of those four releases."""
    return World(Path(shutil.copytree(made.root, tmp_path / "world")))


@pytest.fixture
def hour_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody has opened a table within the hour."""
    monkeypatch.setattr(vacuuming, "READERS_READ_ON", timedelta(0))


def without_engine(_datamart: Datamart, _size: int) -> Any:
    raise AssertionError("an engine was started")


def is_up_to_date(world: World) -> bool:
    """Whether a run has nothing to do, and finds that out without an engine."""
    return not run(world.job(open_store=without_engine)).tables


# Vacuum: what is kept


@pytest.mark.slow
def test_kept_releases_and_all_training_sets_are_after_a_vacuum_what_they_were(
    world: World, hour_later: None
) -> None:
    before = {number: world.rows(number) for number in (3, 4)}
    sets = [each.training_set_id for each in receipts(world.log)]

    done = world.vacuum(keep_releases=2)

    assert (done.kept, done.given_up) == ((3, 4), (1, 2))
    assert {number: world.rows(number) for number in (3, 4)} == before
    assert len(sets) == 2 and world.reproduced() == sets
    for number in done.kept:
        check_readable(world.log, published.release(world.log, number).pins, DATA_TABLES)
    check_whole(world.datamart)


def test_the_embedded_engine_reads_each_kept_version_of_each_table(world: World) -> None:
    world.vacuum(keep_releases=3)
    store = world.store
    for number in (4, 2, 3):
        for table in DATA_TABLES:
            version = world.version(number, table)
            assert store.read(table, version).count() == len(world.log.read(table, version))


def test_what_no_one_needs_is_gone_files_change_feed_and_log(
    world: World, hour_later: None
) -> None:
    for each in receipts(world.log):
        _forget(world, each)
    world.vacuum(keep_releases=1)
    # The log begins at a checkpoint that stands already.
    world.vacuum(keep_releases=1)
    for table in DATA_TABLES:
        folder = world.datamart / table.path
        data = {str(p.relative_to(folder)) for p in folder.rglob("*.parquet")} - _log_of(folder)
        assert data == world.log.files(table).keys()
        version = world.version(NEWEST, table)
        commits = [p.name for p in (folder / "_delta_log").glob("*.json")]
        assert commits == [f"{version:020d}.json"]


def _forget(world: World, made: Receipt) -> None:
    from lakehouse.ledger.training_sets import TABLE
    from lakehouse.releases.ledger_copies import drop_copies

    world.log.open(TABLE).delete(f"training_set_id = '{made.training_set_id}'")
    drop_copies(world.log, TABLE, [made.training_set_id])


def _log_of(folder: Path) -> set[str]:
    return {str(p.relative_to(folder)) for p in (folder / "_delta_log").rglob("*")}


def test_vacuum_comes_to_an_end(world: World, hour_later: None) -> None:
    # A log begins at a checkpoint of the last vacuum, and the ledger is marked by the first.
    for _ in range(3):
        world.vacuum(keep_releases=2)
    before = world.files()
    again = world.vacuum(keep_releases=2)
    assert again.given_up == () and not any(each.files for each in again.tables)
    assert world.files() == before


def test_a_dry_run_changes_no_byte_and_tells_what_then_goes(world: World) -> None:
    before = world.files()
    told = world.vacuum(keep_releases=2, dry_run=True)
    assert world.files() == before and not list(world.datamart.glob("_work/job-*"))

    done = world.vacuum(keep_releases=2)

    assert replace(told, dry_run=False) == done
    gone = before.keys() - world.files().keys()
    assert len(gone) == sum(each.files for each in done.tables) > 50
    assert sum(len(before[name]) for name in gone) == sum(each.bytes for each in done.tables)
    for each in done.tables:
        folder = each.table.replace(".", "/") + "/"
        assert each.files == sum(name.startswith(folder) for name in gone)


def test_it_is_told_which_versions_are_held_and_by_whom(world: World) -> None:
    told = {each.table: each for each in world.vacuum(keep_releases=2, dry_run=True).tables}
    labels, early = told[LABELS.full_name], receipts(world.log)[0].training_set_id
    assert labels.versions == tuple(sorted({world.version(number) for number in (1, 3, 4)}))
    assert (labels.releases, labels.training_sets) == ((3, 4), (early,))
    assert told["bronze.clickstream"].training_sets == ()


def test_files_of_killed_runs_go_and_what_is_not_ours_stays(world: World) -> None:
    folder = world.datamart / LABELS.path
    month = next(folder.glob("month=*"))
    kept = next(iter(world.log.files(LABELS)))
    checksum = (folder / kept).with_name(f".{Path(kept).name}.crc")
    orphans = [
        month / "part-00000-0000.snappy.parquet",
        month / ".part-00000-0000.snappy.parquet.crc",
        month / "part-00001-0000.snappy.parquet#1",
        folder / "_delta_log" / f"{99:020d}.json#1",
        folder / "_delta_log" / f".{99:020d}.json.0000.tmp",
    ]
    for each in (*orphans, checksum, folder / "README.md"):
        each.write_bytes(b"of nobody")
    world.vacuum(keep_releases=4)
    assert not any(each.exists() for each in orphans)
    assert checksum.exists() and (folder / "README.md").exists()


def test_a_spine_without_a_receipt_goes_after_a_day(world: World) -> None:
    named, old, new = (spine_folder(world.log) / f"{name}.parquet" for name in ("named", "0", "1"))
    named = next(spine_folder(world.log).glob("*.parquet"))
    yesterday = time.time() - 25 * 3600
    for each in (old, new):
        each.write_bytes(b"a spine")
    for each in (named, old):
        os.utime(each, (yesterday, yesterday))
    assert world.vacuum(keep_releases=4).spines == 1
    assert named.exists() and new.exists() and not old.exists()


def test_files_of_the_ledger_stay_for_an_hour_for_those_who_read_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading = published.RELEASES
    before = world.log.open(reading)
    world.optimize()
    world.vacuum(keep_releases=1)
    assert all((world.datamart / reading.path / file).exists() for file in before.file_uris())
    monkeypatch.setattr(vacuuming, "READERS_READ_ON", timedelta(0))
    world.vacuum(keep_releases=1)
    folder = world.datamart / reading.path
    assert {p.name for p in folder.glob("*.parquet")} == world.log.files(reading).keys()
    assert [row.number for row in published.releases(world.log)][:NEWEST] == [1, 2, 3, 4]


def test_a_reader_of_the_newest_release_reads_on(world: World) -> None:
    frame = world.store.read(LABELS, world.version(NEWEST))
    opened = world.log.open(LABELS, world.version(NEWEST))
    before = frame.count()
    world.vacuum(keep_releases=1)
    assert frame.count() == before == opened.count()


def test_nothing_is_deleted_through_a_link_out_of_the_datamart(world: World) -> None:
    folder, away = world.datamart / LABELS.path, world.root / "elsewhere"
    folder.rename(away)
    folder.symlink_to(away)
    month = next(each for each in (world.datamart / "silver" / "loan_daily").glob("month=*"))
    month.rename(world.root / "a month")
    month.symlink_to(world.root / "a month")
    (world.root / "a month" / "part-0.parquet").write_bytes(b"of nobody")
    outside = [p for out in (away, world.root / "a month") for p in out.rglob("*") if p.is_file()]
    with pytest.raises(BadInput, match="is a link"):
        world.vacuum(keep_releases=1)
    assert all(each.exists() for each in outside)


def test_a_release_that_is_lost_already_does_not_stop_a_vacuum(world: World) -> None:
    log = world.datamart / LABELS.path / "_delta_log"
    DeltaTable(log.parent).create_checkpoint()
    for version in range(world.version(NEWEST)):
        (log / f"{version:020d}.json").unlink()
    before = world.rows(NEWEST)
    world.vacuum(keep_releases=3)
    assert world.rows(NEWEST) == before
    assert "its log was cleaned" in _refusal(world, 2)


# Vacuum: what is given up


def _refusal(world: World, number: int) -> str:
    with pytest.raises(LakehouseError) as error:
        check_readable(world.log, published.release(world.log, number).pins, [LABELS])
    assert "\n" not in str(error.value) and exit_code(error.value) == 1
    return str(error.value)


def _given_up(number: int, oldest: int) -> str:
    today = f"{datetime.now(timezone.utc):%Y-%m-%d}"
    return f"release {number} was given up on {today} by vacuum; the oldest kept one is release {oldest}"


def test_a_release_given_up_says_so_even_where_a_training_set_holds_its_files(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    world.vacuum(keep_releases=2)
    at = ["--datamart", str(world.datamart), "--data", str(world.data)]
    assert _refusal(world, 1) == _given_up(1, oldest=3)
    monkeypatch.setattr("lakehouse.lake.load", lambda _tables: CATALOG)
    with pytest.raises(LakehouseError, match="given up"):
        Lakehouse(world.datamart, "embedded").at(release=1).table(LABELS.full_name)
    for argv in (
        ["diff", "1", "4", *at],
        ["training-set", "--release", "1", "--out", str(world.root / "t.parquet"), *at],
        ["audit", "--release", "1", *at],
    ):
        assert main(argv, CATALOG) == 1
        assert capsys.readouterr().err.strip().endswith(f"error: {_given_up(1, oldest=3)}")
    early = receipts(world.log)[0].training_set_id
    again = ["training-set", "--reproduce", early, *at]
    assert main(again, CATALOG) == 0
    assert main(["releases", *at], CATALOG) == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if "embedded" in line]
    today = f"{datetime.now(timezone.utc):%Y-%m-%d}"
    assert [line.rstrip().endswith(today) for line in lines] == [True, True, False, False]


def test_releases_have_no_column_for_it_where_none_was_given_up(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    show.releases(published.releases(world.log))
    assert "given up" not in capsys.readouterr().out


def test_a_lost_kept_release_is_not_answered_by_one_that_was_given_up(world: World) -> None:
    world.vacuum(keep_releases=2)
    newest, before = (world.log.files(LABELS, world.version(n)) for n in (4, 3))
    (world.datamart / LABELS.path / next(iter(newest.keys() - before.keys()))).unlink()
    assert "or choose release 3, the oldest" in _refusal(world, 4)


def test_a_training_set_computed_beside_a_vacuum_of_its_release_has_no_receipt(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lakehouse.training import build as training_build

    kept_before = receipts(world.log)

    def keep_after_vacuum(*arguments: Any) -> Receipt:
        world.vacuum(keep_releases=1)
        return keep(*arguments)

    keep = training_build.keep
    monkeypatch.setattr(training_build, "keep", keep_after_vacuum)
    with pytest.raises(LakehouseError) as error:
        world.training_set(3)
    assert str(error.value) == _given_up(3, oldest=4)
    assert receipts(world.log) == kept_before


def test_a_given_up_release_keeps_no_checksum_of_a_file_that_is_gone(world: World) -> None:
    world.vacuum(keep_releases=1)
    told = {path for row in published.releases(world.log) for path in row.checksums}
    held = [(each.table, each.versions) for each in world.vacuum(1, dry_run=True).tables]
    expected = {
        f"{CATALOG.table(name).path}/{file}"
        for name, versions in held
        if not name.startswith("ledger.")
        for version in versions
        for file in world.log.files(CATALOG.table(name), version)
    }
    assert told == expected


@pytest.mark.slow
@pytest.mark.parametrize("after", [0, 30])
def test_a_vacuum_that_was_killed_is_gone_on_with(
    world: World, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    before = {number: world.rows(number) for number in (3, 4)}
    deletions = iter(range(after))
    unlink = Path.unlink

    def killed(self: Path, missing_ok: bool = False) -> None:
        is_of_table = ".parquet" in self.name or self.suffix == ".json"
        if is_of_table and next(deletions, None) is None:
            raise KeyboardInterrupt
        unlink(self, missing_ok)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", killed)
        with pytest.raises(KeyboardInterrupt):
            world.vacuum(keep_releases=2)
    check_whole(world.datamart)
    assert {number: world.rows(number) for number in (3, 4)} == before

    again = world.vacuum(keep_releases=2)

    assert again.given_up == () and sum(each.files for each in again.tables) > 50
    assert not any(
        each.files
        for each in world.vacuum(keep_releases=2).tables
        if not each.table.startswith("ledger.")
    )
    assert {number: world.rows(number) for number in (3, 4)} == before
    assert len(world.reproduced()) == 2


# Optimize


def test_optimize_writes_small_files_together_and_publishes_the_same_rows(world: World) -> None:
    before = world.rows(NEWEST)
    done = world.optimize()
    assert "gold.label_store" in {each.table for each in done.tables}
    assert all(each.files_after < each.files_before for each in done.tables)
    assert done.published == NEWEST + 1
    assert world.rows(NEWEST) == before == world.rows(NEWEST + 1)
    newest = published.newest(world.log)
    assert newest.months == []
    assert is_up_to_date(world)
    check_whole(world.datamart)


def test_optimize_with_nothing_to_compact_starts_no_engine_and_publishes_nothing(
    world: World,
) -> None:
    world.optimize()
    before = world.files()
    again = optimize(
        Datamart.at(world.datamart, CATALOG), lambda datamart: without_engine(datamart, 0), silent
    )
    assert again == Optimized((), None)
    assert world.files() == before


def test_optimize_does_not_say_that_rows_were_made_by_newer_code(world: World) -> None:
    code = {**CATALOG.code, LABELS.full_name: "newer"}
    newer = Catalog(CATALOG.modules)
    newer.__dict__["code"] = code
    assert world.optimize(newer).published
    steps = plan(world.job(datamart=Datamart.at(world.datamart, newer)))
    assert [each.table for each in steps if each.pending] == [LABELS]


@pytest.mark.slow
def test_optimize_and_vacuum_of_a_stopped_run_let_the_next_one_go_on(
    world: World, made: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.correct(seed=3)
    control = World(Path(shutil.copytree(world.root, tmp_path / "control")))
    control.run()
    _stop_run_at(world, CATALOG.table("gold.features_financials"), monkeypatch)
    with pytest.raises(LakehouseError, match=r"run main\.py first"):
        world.vacuum(keep_releases=1)
    with pytest.raises(LakehouseError, match=r"run main\.py first"):
        world.vacuum(keep_releases=1, dry_run=True)

    done = world.optimize()

    assert done.published is None and done.tables
    world.run()
    assert contents(world.datamart) == contents(control.datamart)
    check_whole(world.datamart)
    assert is_up_to_date(world)


def _stop_run_at(world: World, table: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from lakehouse.run import passes

    refresh = passes.refresh

    def stopped(store: Any, at: Any, *rest: Any) -> Any:
        if at == table:
            raise KeyboardInterrupt
        return refresh(store, at, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(passes, "refresh", stopped)
        with pytest.raises(KeyboardInterrupt):
            world.run()


@pytest.mark.slow
def test_an_optimize_that_was_killed_before_its_release_is_published_by_the_next_run(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = world.rows(NEWEST)
    with monkeypatch.context() as patch:
        patch.setattr(optimizing, "publish", _killed)
        with pytest.raises(KeyboardInterrupt):
            world.optimize()
    report = world.run()
    assert report.published == [NEWEST + 1]
    assert not any(each.changed for each in report.tables.values())
    assert world.rows(NEWEST + 1) == before
    assert published.newest(world.log).months == []


def _killed(*_: Any) -> None:
    raise KeyboardInterrupt


# Then life goes on


@pytest.mark.slow
def test_a_correction_after_optimize_and_vacuum_comes_out_as_without(
    world: World, tmp_path: Path, hour_later: None
) -> None:
    control = World(Path(shutil.copytree(world.root, tmp_path / "control")))
    world.optimize()
    world.vacuum(keep_releases=1)
    assert is_up_to_date(world)
    for each in (world, control):
        each.correct(seed=5)
        each.run()
    assert contents(world.datamart) == contents(control.datamart)
    check_whole(world.datamart)


def test_early_versions_can_be_read_after_more_than_a_hundred(world: World) -> None:
    table = CATALOG.table("gold.features_attributes")
    version = world.version(NEWEST, table)
    rows = len(world.log.read(table, version))
    for _ in range(101):
        world.log.open(table).alter.set_table_properties({"delta.appendOnly": "false"})
    assert rows and world.store.read(table, version).count() == rows


OPERATIONS = ("correction", "correction", "training set", "optimize", "vacuum", "vacuum")


@pytest.mark.slow
@pytest.mark.parametrize("seed", [11, 12])
def test_whatever_the_order_no_kept_row_is_lost(seed: int, world: World, hour_later: None) -> None:
    pick = random.Random(seed)
    operations = list(OPERATIONS)
    pick.shuffle(operations)
    known = {number: world.rows(number) for number in range(1, NEWEST + 1)}
    for position, operation in enumerate(operations):
        _do(operation, world, pick, seed * 100 + position)
        kept = [row.number for row in published.kept(world.log)]
        for number in kept:
            assert world.rows(number) == known.setdefault(number, world.rows(number))
        assert is_up_to_date(world)
    check_whole(world.datamart)
    assert len(world.reproduced()) >= 2


def _do(operation: str, world: World, pick: random.Random, seed: int) -> None:
    if operation == "correction":
        world.correct(seed)
        world.run()
    elif operation == "training set":
        world.training_set(pick.choice(published.kept(world.log)).number)
    elif operation == "optimize":
        world.optimize()
    else:
        world.vacuum(pick.randint(1, 3))


# On Spark


@pytest.mark.spark
def test_spark_optimizes_and_reads_each_kept_version_of_a_cleaned_log(
    world: World, on_spark: OnSpark
) -> None:
    before = {number: world.rows(number) for number in (3, 4)}
    made = on_spark(_optimized_on_spark, world.datamart)
    assert made.published == NEWEST + 1 and LABELS.full_name in {t.table for t in made.tables}
    assert published.newest(world.log).months == [] and is_up_to_date(world)
    world.vacuum(keep_releases=3)
    assert {number: world.rows(number) for number in (3, 4)} == before
    counted = on_spark(_counted_on_spark, world.datamart, (3, 4, 5))
    assert counted == [len(world.rows(n)[LABELS.full_name]) for n in (3, 4, 5)]
    store = world.store
    assert counted == [store.read(LABELS, world.version(n)).count() for n in (3, 4, 5)]
    assert not list((world.datamart / "gold").rglob("_last_checkpoint"))


def _optimized_on_spark(datamart: Path) -> Optimized:
    from lakehouse.engines.spark import SparkStore

    return optimize(Datamart.at(datamart, CATALOG), SparkStore, silent)


def _counted_on_spark(datamart: Path, numbers: Sequence[int]) -> list[int]:
    from lakehouse.engines.spark import SparkStore

    store = SparkStore(Datamart.at(datamart, CATALOG))
    versions = [published.release(store.log, n).versions[LABELS.full_name] for n in numbers]
    sql = "SELECT count(*) FROM delta.`{}` VERSION AS OF {}"
    asked = [sql.format(store.log.uri(LABELS), version) for version in versions]
    return [int(store.spark.sql(each).collect()[0][0]) for each in asked]


# The answers


def test_the_commands_answer_in_json_and_in_words(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    at = ["--datamart", str(world.datamart), "--data", str(world.data)]
    assert main(["vacuum", "--keep-releases", "2", "--dry-run", "--json", *at], CATALOG) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["dry_run"], told["kept"], told["given_up"]) == (True, [3, 4], [1, 2])
    assert {each["table"] for each in told["tables"]} == {t.full_name for t in CATALOG.tables}
    early = receipts(world.log)[0].training_set_id
    assert main(["vacuum", "--keep-releases", "2", "--dry-run", *at], CATALOG) == 0
    shown = capsys.readouterr().out
    assert f"releases 3 to 4, {early}" in shown
    assert "Releases 1 to 2 would be given up, releases 3 to 4 kept." in shown
    assert main(["optimize", "--json", *at], CATALOG) == 0
    assert json.loads(capsys.readouterr().out)["published"] == NEWEST + 1
    assert main(["optimize", *at], CATALOG) == 0
    assert capsys.readouterr().out == "Nothing to compact: no partition has several files.\n"
