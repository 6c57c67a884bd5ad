"""A run takes, recomputes and leaves unchanged the right rows, on real Delta tables.

The year is ten months of clickstream of 24 made-up customers, built once; a test that changes
something gets a copy of its raw files and its datamart.
"""

from __future__ import annotations

import hashlib
import json
import random
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from threading import Barrier
from typing import Any

import pyarrow as pa
import pytest

from lakehouse import Lakehouse
from lakehouse.engines.embedded import EmbeddedStore
from lakehouse.engines.store import Merged
from lakehouse.errors import BadInput
from lakehouse.generate import generate
from lakehouse.gold.label_store import DEFINITIONS
from lakehouse.months import MonthRange, shift
from lakehouse.releases import published
from lakehouse.releases.diff import diff
from lakehouse.releases.release import Release
from lakehouse.run.job import Job, RawBytes, Report
from lakehouse.run.plan import Request
from lakehouse.run.run import plan, run
from lakehouse.storage.datamart import Datamart
from lakehouse.storage.files import fingerprint
from lakehouse.storage.log import Log
from lakehouse.table import Table
from tests.narrow import narrow

CATALOG = narrow()
DATA_TABLES = [table for table in CATALOG.tables if table.layer != "ledger"]
CLICKS, FINANCIALS = "feature_clickstream.csv", "features_financials.csv"
ATTRIBUTES, LOANS = "features_attributes.csv", "lms_loan_daily.csv"
ALL_MONTHS = MonthRange()
MARCH = date(2023, 3, 1)
# Everything that a click can reach, and nothing else can.
CLICK_TABLES = {"bronze.clickstream", "silver.clickstream", "gold.features_clickstream"}
UNTIL_AUGUST = [shift("2023-03", by) for by in range(6)]

Key = tuple[Any, ...]
Rows = dict[Key, dict[str, Any]]


@dataclass(frozen=True)
class Bank:
    """Raw files and the datamart made of them."""

    data: Path
    datamart: Path

    def job(self, scope: MonthRange = ALL_MONTHS, **changes: Any) -> Job:
        asked = {
            name: changes.pop(name) for name in ("by_month", "full_refresh") if name in changes
        }
        given = {"open_store": lambda datamart, _size: EmbeddedStore(datamart), **changes}
        return Job(
            self.data, Datamart.at(self.datamart, CATALOG), request=Request(scope, **asked), **given
        )

    def run(self, through: str | None = None, month: str | None = None, **changes: Any) -> Report:
        return run(self.job(MonthRange(month, month or through), **changes))

    @property
    def raw_bytes(self) -> int:
        return sum(file.stat().st_size for file in self.data.glob("*.csv"))

    @property
    def log(self) -> Log:
        return Log(str(self.datamart))

    @property
    def versions(self) -> dict[str, int | None]:
        return {table.full_name: self.log.version(table) for table in DATA_TABLES}

    def rows(self, name: str, version: int | None = None) -> Rows:
        """Rows by key, without the columns about the writing."""
        table = CATALOG.table(name)
        found = [without_writing(table, row) for row in self.log.read(table, version)]
        by_key = {tuple(row[key] for key in table.keys): row for row in found}
        assert len(by_key) == len(found), f"{name} has a key twice"
        return by_key

    def everything(self) -> dict[str, Rows]:
        return {table.full_name: self.rows(table.full_name) for table in DATA_TABLES}

    def files_by_month(self, name: str) -> dict[str, set[str]]:
        actions = self.log.open(CATALOG.table(name)).get_add_actions(flatten=True)
        found: dict[str, set[str]] = {}
        for action in pa.table(actions).to_pylist():
            found.setdefault(action["partition.month"], set()).add(action["path"])
        return found

    def releases(self) -> list[Release]:
        return published.releases(self.log)

    def open_list(self) -> list[dict[str, Any]]:
        """Rows in quarantine that are not mended."""
        rows = self.log.read(CATALOG.table("bronze.quarantine"))
        return [row for row in rows if row["mended_run_id"] is None]


def without_writing(table: Table, row: dict[str, Any]) -> dict[str, Any]:
    hidden = set(table.unversioned) | {"mended_run_id"}
    return {name: value for name, value in row.items() if name not in hidden}


def changed_keys(before: Rows, after: Rows) -> set[Key]:
    """Keys of rows that were added, removed, or have another value."""
    return {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}


def changed_columns(before: dict[str, Any], after: dict[str, Any]) -> set[str]:
    return {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}


def moved(before: dict[str, Any], after: dict[str, Any]) -> set[str]:
    return {name for name in after if before.get(name) != after[name]}


def listing(folder: Path) -> dict[str, tuple[int, int]]:
    """Size and time of change of every file."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path): (path.stat().st_size, path.stat().st_mtime_ns) for path in files}


def lines(file: Path) -> list[str]:
    return file.read_text(encoding="utf-8").splitlines()


def deliver(file: Path, new_lines: list[str]) -> None:
    file.write_text("\n".join(new_lines) + "\n", encoding="utf-8")


def edit(file: Path, customer: str, day: date, change: Callable[[str], list[str]]) -> None:
    """Put other lines in the place of the one line of a customer and day."""
    before = lines(file)
    hits = [line for line in before if customer in line.split(",") and line.endswith(str(day))]
    assert len(hits) == 1, f"{len(hits)} lines of {customer} on {day} in {file.name}"
    deliver(file, [new for old in before for new in (change(old) if old in hits else [old])])


def more_clicks(line: str) -> list[str]:
    """The same row with 7 more in fe_1, its first cell."""
    first, rest = line.split(",", 1)
    return [f"{int(first) + 7},{rest}"]


def cut_short(line: str) -> list[str]:
    """The same row without its first cell: a row of the wrong width that names its customer."""
    return [line.split(",", 1)[1]]


def removed(_line: str) -> list[str]:
    return []


def only_months(file: Path, *months: str) -> None:
    """Deliver just the rows of some months."""
    header, *rows = lines(file)
    kept = [row for row in rows if row.rsplit(",", 1)[1][:7] in months]
    assert kept, f"{file.name} has no row of {months}"
    deliver(file, [header, *kept])


def customer_of_every_month(data: Path) -> str:
    """A customer with clicks in all ten months."""
    found = [line.split(",")[20] for line in lines(data / CLICKS)[1:]]
    return next(name for name in sorted(set(found)) if found.count(name) == 10)


def days(first: int, last: int) -> list[date]:
    return [date(2023, month, 1) for month in range(first, last + 1)]


def refuse_to_start(_log: Log, _raw: RawBytes) -> EmbeddedStore:
    raise AssertionError("an engine was started")


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory) -> Bank:
    """Ten months built in one run; not to be changed."""
    root = tmp_path_factory.mktemp("year")
    generate(root / "data", customers=24, months=10, seed=5)
    bank = Bank(root / "data", root / "datamart")
    bank.run()
    return bank


@pytest.fixture(scope="module")
def everything(year: Bank) -> dict[str, Rows]:
    """Every row of the year, by table."""
    found = year.everything()
    empty = {name for name, rows in found.items() if not rows}
    assert empty == {"bronze.quarantine", "bronze.superseded"}
    return found


@pytest.fixture
def bank(year: Bank, tmp_path: Path) -> Bank:
    """The year, already built, to be changed."""
    return Bank(
        Path(shutil.copytree(year.data, tmp_path / "data")),
        Path(shutil.copytree(year.datamart, tmp_path / "datamart")),
    )


@pytest.fixture
def fresh(year: Bank, tmp_path: Path) -> Bank:
    """The raw files of the year, nothing built."""
    return Bank(Path(shutil.copytree(year.data, tmp_path / "raw")), tmp_path / "new")


@pytest.fixture(scope="module")
def customer(year: Bank) -> str:
    """The one whose clicks change in these tests."""
    return customer_of_every_month(year.data)


@pytest.fixture(scope="module")
def corrected(year: Bank, customer: str, tmp_path_factory: pytest.TempPathFactory) -> Bank:
    """The year, and a second release with one corrected row of March; not to be changed."""
    root = tmp_path_factory.mktemp("corrected")
    bank = Bank(
        Path(shutil.copytree(year.data, root / "data")),
        Path(shutil.copytree(year.datamart, root / "datamart")),
    )
    edit(bank.data / CLICKS, customer, MARCH, more_clicks)
    report = bank.run()
    assert (report.published, report.release) == ([2], 2)
    return bank


@pytest.fixture(scope="module")
def until_september(year: Bank, tmp_path_factory: pytest.TempPathFactory) -> Bank:
    """The year without the clicks of October, built; not to be changed."""
    root = tmp_path_factory.mktemp("until_september")
    bank = Bank(Path(shutil.copytree(year.data, root / "data")), root / "datamart")
    deliver(
        bank.data / CLICKS, [row for row in lines(bank.data / CLICKS) if row[-10:-3] != "2023-10"]
    )
    bank.run()
    return bank


@pytest.fixture
def october(until_september: Bank, year: Bank, tmp_path: Path) -> Bank:
    """The datamart until September beside the files of the whole year, to be changed."""
    return Bank(
        Path(shutil.copytree(year.data, tmp_path / "data")),
        Path(shutil.copytree(until_september.datamart, tmp_path / "datamart")),
    )


@pytest.fixture(scope="module")
def of_corrected_files(
    corrected: Bank, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Rows]:
    """Every row that one undisturbed build of the corrected files makes."""
    bank = Bank(corrected.data, tmp_path_factory.mktemp("anew") / "datamart")
    bank.run()
    return bank.everything()


@pytest.fixture(scope="module")
def in_three(year: Bank, tmp_path_factory: pytest.TempPathFactory) -> Bank:
    """The year in three releases: through February, through March, and the rest."""
    bank = Bank(year.data, tmp_path_factory.mktemp("in_three") / "datamart")
    for number, month in enumerate(["2023-02", "2023-03", None], start=1):
        assert bank.run(through=month).published == [number]
    return bank


# Nothing new


def test_a_rerun_with_nothing_new_writes_no_file_starts_no_engine_and_says_so(bank: Bank) -> None:
    before, versions = listing(bank.datamart), bank.versions

    report = bank.run(open_store=refuse_to_start)

    assert listing(bank.datamart) == before
    assert bank.versions == versions
    assert (report.engine, report.published, report.release) == ("none", [], 1)
    assert not report.tables


def test_the_guard_of_these_tests_sees_an_engine_start(bank: Bank, customer: str) -> None:
    edit(bank.data / CLICKS, customer, MARCH, more_clicks)

    with pytest.raises(AssertionError, match="an engine was started"):
        bank.run(open_store=refuse_to_start)


def test_raw_files_that_were_only_touched_are_nothing_new(bank: Bank) -> None:
    for file in bank.data.glob("*.csv"):
        file.write_bytes(file.read_bytes())
    before = listing(bank.datamart)

    bank.run(open_store=refuse_to_start)

    assert listing(bank.datamart) == before


def test_a_run_hashes_each_raw_file_once_to_plan_and_again_where_it_was_written_meanwhile(
    bank: Bank, customer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed: list[str] = []

    def counted(path: Path) -> str:
        hashed.append(path.name)
        return fingerprint(path)

    monkeypatch.setattr("lakehouse.run.job.fingerprint", counted)
    edit(bank.data / CLICKS, customer, MARCH, more_clicks)
    job = bank.job()
    assert run(job).release == 2
    assert sorted(hashed) == sorted([ATTRIBUTES, CLICKS, FINANCIALS, LOANS])
    edit(bank.data / CLICKS, customer, MARCH, more_clicks)
    assert run(job).release == 3
    assert hashed[4:] == [CLICKS]


def test_through_twice_is_a_no_op_and_so_is_a_smaller_through(fresh: Bank) -> None:
    fresh.run(through="2023-03")
    before = listing(fresh.datamart)

    fresh.run(through="2023-03", open_store=refuse_to_start)
    fresh.run(through="2023-02", open_store=refuse_to_start)

    assert listing(fresh.datamart) == before


def test_a_full_refresh_of_an_up_to_date_datamart_makes_no_version_and_no_release(
    bank: Bank,
) -> None:
    versions = bank.versions

    report = bank.run(full_refresh=True)

    assert {"gold.features_clickstream", "bronze.clickstream"} <= set(report.tables)
    assert sum(entry.changed for entry in report.tables.values()) == 0
    assert bank.versions == versions
    assert report.published == []


def test_plan_on_an_up_to_date_datamart_has_no_pending_step_and_writes_nothing(
    bank: Bank, customer: str
) -> None:
    before = listing(bank.datamart)

    assert [step.table.full_name for step in plan(bank.job()) if step.pending] == []
    edit(bank.data / CLICKS, customer, MARCH, more_clicks)
    assert {step.table.full_name for step in plan(bank.job()) if step.pending} == CLICK_TABLES
    assert listing(bank.datamart) == before


# Months arriving


@pytest.fixture(scope="module")
def growing(tmp_path_factory: pytest.TempPathFactory) -> Bank:
    """Seven months, one more than the longest window, in one run; not to be changed."""
    root = tmp_path_factory.mktemp("growing")
    generate(root / "data", customers=8, months=7, seed=5)
    only_months(root / "data" / LOANS, *[shift("2023-01", by) for by in range(8)])
    bank = Bank(root / "data", root / "datamart")
    bank.run()
    assert bank.rows("gold.label_store")
    return bank


def loan_months(bank: Bank) -> list[str]:
    return sorted({line.rsplit(",", 1)[1][:7] for line in lines(bank.data / LOANS)[1:]})


@pytest.mark.slow
def test_months_taken_one_by_one_end_in_the_tables_of_one_run(
    growing: Bank, tmp_path: Path
) -> None:
    monthly = Bank(growing.data, tmp_path / "monthly")
    months = loan_months(growing)

    for month in months:
        monthly.run(through=month)

    assert monthly.everything() == growing.everything()
    assert [row.through for row in monthly.releases()] == months


@pytest.mark.slow
def test_by_month_makes_a_release_a_month_and_ends_in_the_tables_of_one_run(
    growing: Bank, tmp_path: Path
) -> None:
    by_month = Bank(growing.data, tmp_path / "by_month")

    by_month.run(by_month=True)

    assert by_month.everything() == growing.everything()
    assert [row.through for row in by_month.releases()] == loan_months(growing)
    before = listing(by_month.datamart)
    by_month.run(open_store=refuse_to_start)
    assert listing(by_month.datamart) == before


def test_month_takes_that_month_alone_and_a_later_plain_run_takes_the_rest(
    fresh: Bank, everything: dict[str, Rows]
) -> None:
    fresh.run(month="2023-03")

    for name in ("bronze.clickstream", "silver.loan_daily", "gold.features_clickstream"):
        of_march = {key for key, row in everything[name].items() if row["month"] == "2023-03"}
        assert of_march and fresh.rows(name).keys() == of_march, name
    features = fresh.rows("gold.features_clickstream").values()
    assert {row["months_observed"] for row in features} == {1}
    files = fresh.files_by_month("silver.loan_daily")

    fresh.run()

    assert fresh.everything() == everything
    # The month that was there is not written again.
    assert fresh.files_by_month("silver.loan_daily")["2023-03"] == files["2023-03"]


# A corrected, a late, a vanished row


def test_a_corrected_march_row_reaches_the_six_month_window_until_august_and_nothing_else(
    year: Bank, corrected: Bank, customer: str
) -> None:
    march, reached = {(customer, MARCH)}, {(customer, day) for day in days(3, 8)}

    changed = {
        table.full_name: changed_keys(
            corrected.rows(table.full_name, year.versions[table.full_name]),
            corrected.rows(table.full_name),
        )
        for table in DATA_TABLES
    }

    assert {name: keys for name, keys in changed.items() if keys} == {
        "bronze.clickstream": march,
        "silver.clickstream": march,
        "gold.features_clickstream": reached,
    }


def test_a_correction_makes_no_version_of_the_label_store_or_any_table_it_does_not_reach(
    year: Bank, corrected: Bank
) -> None:
    assert moved(year.versions, corrected.versions) == CLICK_TABLES


def test_a_corrected_cell_changes_no_other_cell_of_its_row_and_no_feature_of_other_cells(
    year: Bank, corrected: Bank, customer: str
) -> None:
    def cells(name: str, day: date) -> set[str]:
        key, version = (customer, day), year.versions[name]
        return changed_columns(corrected.rows(name, version)[key], corrected.rows(name)[key])

    assert cells("bronze.clickstream", MARCH) == {"fe_1", "_row_hash"}
    assert cells("silver.clickstream", MARCH) == {"fe_1"}
    for day in days(3, 8):
        changed = cells("gold.features_clickstream", day)
        others = {name for name in changed if not name.startswith(("fe_1_", "activity_"))}
        assert others == ({"fe_1"} if day == MARCH else set())
        assert "fe_1_mean_6m" in changed
        assert ("fe_1_mean_3m" in changed) == (day <= date(2023, 5, 1))


def test_a_correction_rewrites_no_file_of_a_month_that_it_does_not_reach(
    year: Bank, corrected: Bank
) -> None:
    rewritten = {
        name: sorted(moved(year.files_by_month(name), corrected.files_by_month(name)))
        for name in CLICK_TABLES
    }

    assert rewritten == {
        "bronze.clickstream": ["2023-03"],
        "silver.clickstream": ["2023-03"],
        "gold.features_clickstream": UNTIL_AUGUST,
    }
    assert len(year.files_by_month("gold.features_clickstream")) == 10


def test_a_correction_brings_the_datamart_where_a_build_of_the_final_files_is(
    corrected: Bank, of_corrected_files: dict[str, Rows]
) -> None:
    assert corrected.everything() == of_corrected_files


def test_a_late_row_takes_its_place_and_reaches_its_windows_and_nothing_else(
    fresh: Bank, customer: str, everything: dict[str, Rows], year: Bank
) -> None:
    edit(fresh.data / CLICKS, customer, MARCH, removed)
    fresh.run()
    before = {name: fresh.rows(name) for name in CLICK_TABLES}
    versions = fresh.versions
    files = fresh.files_by_month("gold.features_clickstream")
    shutil.copy(year.data / CLICKS, fresh.data)

    fresh.run()

    march = (customer, MARCH)
    for name in CLICK_TABLES:
        assert march not in before[name] and march in fresh.rows(name)
    assert changed_keys(before["silver.clickstream"], everything["silver.clickstream"]) == {march}
    gold = changed_keys(
        before["gold.features_clickstream"], fresh.rows("gold.features_clickstream")
    )
    assert gold == {(customer, day) for day in days(3, 8)}
    assert moved(versions, fresh.versions) == CLICK_TABLES
    rewritten = moved(files, fresh.files_by_month("gold.features_clickstream"))
    assert sorted(rewritten) == UNTIL_AUGUST
    assert fresh.everything() == everything


def test_a_vanished_row_is_deleted_everywhere_and_its_windows_are_told_without_it(
    bank: Bank, customer: str, everything: dict[str, Rows]
) -> None:
    versions, files = bank.versions, bank.files_by_month("gold.features_clickstream")
    edit(bank.data / CLICKS, customer, MARCH, removed)

    bank.run()

    march = (customer, MARCH)
    for name in ("bronze.clickstream", "silver.clickstream"):
        assert changed_keys(everything[name], bank.rows(name)) == {march}
        assert march not in bank.rows(name)
    gold = bank.rows("gold.features_clickstream")
    assert march not in gold
    assert changed_keys(everything["gold.features_clickstream"], gold) == {
        (customer, day) for day in days(3, 8)
    }
    assert gold[customer, date(2023, 8, 1)]["months_observed"] == 5
    assert gold[customer, date(2023, 4, 1)]["months_since_previous"] == 2
    assert moved(versions, bank.versions) == CLICK_TABLES
    rewritten = moved(files, bank.files_by_month("gold.features_clickstream"))
    assert sorted(rewritten) == UNTIL_AUGUST


def test_a_row_that_vanished_and_came_back_leaves_no_trace(
    bank: Bank, year: Bank, customer: str, everything: dict[str, Rows]
) -> None:
    edit(bank.data / CLICKS, customer, MARCH, removed)
    bank.run()
    assert bank.everything() != everything
    shutil.copy(year.data / CLICKS, bank.data)

    bank.run()

    assert bank.everything() == everything


def test_a_corrected_loan_changes_its_label_and_no_feature(
    bank: Bank, everything: dict[str, Rows]
) -> None:
    label = next(
        row
        for row in everything["gold.label_store"].values()
        if row["label_def"] == "30dpd_6mob" and row["dpd"] == 0
    )
    versions = bank.versions

    def two_missed(line: str) -> list[str]:
        cells = line.split(",")
        cells[8] = "2000.0"  # overdue_amt
        return [",".join(cells)]

    edit(bank.data / LOANS, label["customer_id"], label["snapshot_date"], two_missed)
    bank.run()

    after = bank.rows("gold.label_store")
    keys = CATALOG.table("gold.label_store").keys
    key = tuple(label[each] for each in keys)
    # Each definition that looks at this month on book.
    moved_keys = changed_keys(everything["gold.label_store"], after)
    assert key in moved_keys
    keyed = [dict(zip(keys, moved, strict=True)) for moved in moved_keys]
    looking = {each.name for each in DEFINITIONS if each.mob == 6 or each.is_window}
    assert {each["label_def"] for each in keyed} == looking
    assert {each["loan_id"] for each in keyed} == {label["loan_id"]}
    assert (label["label"], after[key]["label"]) == (0, 1)
    assert after[key]["dpd"] > 30
    loan_tables = {"bronze.loan_daily", "silver.loan_daily", "gold.label_store"}
    loan_tables |= {"gold.vintages", "gold.roll_rates"}
    assert moved(versions, bank.versions) == loan_tables


# Deliveries of another form


def test_a_delivery_of_the_newest_month_alone_leaves_earlier_months_as_they_were(
    bank: Bank, customer: str, everything: dict[str, Rows]
) -> None:
    october = date(2023, 10, 1)
    files = bank.files_by_month("gold.features_clickstream")
    edit(bank.data / CLICKS, customer, october, more_clicks)
    only_months(bank.data / CLICKS, "2023-10")

    bank.run()

    for name in CLICK_TABLES:
        assert changed_keys(everything[name], bank.rows(name)) == {(customer, october)}
    rewritten = moved(files, bank.files_by_month("gold.features_clickstream"))
    assert rewritten == {"2023-10"}


@pytest.mark.slow
def test_files_that_only_grew_are_read_from_where_they_ended_and_make_the_same_tables(
    fresh: Bank, everything: dict[str, Rows]
) -> None:
    whole = {file: lines(fresh.data / file) for file in (CLICKS, LOANS)}
    for file in whole:
        header, *rows = whole[file]
        deliver(fresh.data / file, [header, *(row for row in rows if row[-10:-3] < "2023-09")])
    fresh.run()
    deliver(fresh.data / CLICKS, whole[CLICKS])
    deliver(fresh.data / LOANS, whole[LOANS])
    report = fresh.run(by_month=True)
    assert [
        note for note in report.notes if "only grew: it was read from row " in note
    ] == report.notes
    assert len(report.notes) == 2
    read = {name: each.rows.rows_in for name, each in report.tables.items() if each.rows}
    assert read == {
        "bronze.clickstream": sum(row[-10:-3] >= "2023-09" for row in whole[CLICKS][1:]),
        "bronze.loan_daily": sum(row[-10:-3] >= "2023-09" for row in whole[LOANS][1:]),
    }
    assert fresh.everything() == everything
    assert fresh.run(open_store=refuse_to_start).tables == {}


def test_an_engine_is_told_how_much_of_the_raw_files_it_works_on(
    until_september: Bank, october: Bank
) -> None:
    def told(bank: Bank, **changes: Any) -> RawBytes:
        """The sizes that a run tells its engine; the run ends there."""
        sizes: list[RawBytes] = []

        def refuse(_datamart: Datamart, raw: RawBytes) -> EmbeddedStore:
            sizes.append(raw)
            raise KilledError

        with pytest.raises(KilledError):
            bank.run(open_store=refuse, **changes)
        return sizes[0]

    before, after = until_september.raw_bytes, october.raw_bytes
    empty = Bank(until_september.data, october.datamart.parent / "empty")
    assert told(empty) == RawBytes(before, before)
    assert told(october) == RawBytes(after, after - before)
    assert told(october, full_refresh=True) == RawBytes(after, after)


def test_an_earlier_month_of_a_file_that_grew_can_be_asked_for(
    october: Bank, everything: dict[str, Rows]
) -> None:
    assert october.run(month="2023-05").release == 2
    assert set(october.log.rows_by_month(CATALOG.table("gold.features_clickstream"))) == {
        shift("2023-01", by) for by in range(9)
    }
    with pytest.raises(BadInput, match="rows of month 2022-05; they have 2023-01 to 2023-10"):
        october.run(month="2022-05")
    october.run()
    assert october.everything() == everything


def test_a_correction_beside_new_months_is_taken_with_them(
    october: Bank, corrected: Bank, of_corrected_files: dict[str, Rows]
) -> None:
    shutil.copy(corrected.data / CLICKS, october.data / CLICKS)
    assert october.run().notes == []
    assert october.everything() == of_corrected_files


def in_other_bytes(file: Path) -> None:
    """Shuffle the rows, repeat one, begin with a byte order mark, and end lines as Windows does."""
    header, *rows = lines(file)
    random.Random(1).shuffle(rows)
    deliver(file, [header, *rows, rows[0]])
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes().replace(b"\n", b"\r\n"))


def test_the_same_rows_in_other_bytes_make_no_version_of_any_table(bank: Bank) -> None:
    versions = bank.versions
    for file in bank.data.glob("*.csv"):
        in_other_bytes(file)

    report = bank.run()

    assert report.tables["bronze.clickstream"].rows is not None
    assert bank.versions == versions
    before_rerun = listing(bank.datamart)
    bank.run(open_store=refuse_to_start)
    assert listing(bank.datamart) == before_rerun


def test_replaying_the_files_before_a_correction_undoes_it_and_replaying_both_adds_nothing(
    bank: Bank, year: Bank, customer: str, everything: dict[str, Rows]
) -> None:
    edit(bank.data / CLICKS, customer, MARCH, more_clicks)
    corrected = (bank.data / CLICKS).read_bytes()
    bank.run()
    shutil.copy(year.data / CLICKS, bank.data)
    bank.run()
    assert bank.everything() == everything

    (bank.data / CLICKS).write_bytes(corrected)
    bank.run()
    versions = bank.versions
    bank.run(open_store=refuse_to_start)

    assert bank.versions == versions
    assert changed_keys(everything["silver.clickstream"], bank.rows("silver.clickstream")) == {
        (customer, MARCH)
    }


def with_column(file: Path, name: str, value: Callable[[int], str]) -> None:
    header, *rows = lines(file)
    numbered = [f"{row},{value(i)}" for i, row in enumerate(rows)]
    deliver(file, [f"{header},{name}", *numbered])


def test_an_added_raw_column_is_kept_in_bronze_and_reported_and_changes_nothing_above(
    bank: Bank, year: Bank, everything: dict[str, Rows]
) -> None:
    versions = bank.versions
    with_column(bank.data / ATTRIBUTES, "channel", lambda i: f"branch {i}")

    report = bank.run()

    assert [note for note in report.notes if ATTRIBUTES in note and "channel" in note]
    kept = {row["channel"] for row in bank.rows("bronze.attributes").values()}
    assert kept == {f"branch {i}" for i in range(len(lines(bank.data / ATTRIBUTES)) - 1)}
    assert moved(versions, bank.versions) == {"bronze.attributes"}

    shutil.copy(year.data / ATTRIBUTES, bank.data)
    report = bank.run()

    assert not report.notes
    bronze = bank.rows("bronze.attributes")
    assert {row.pop("channel") for row in bronze.values()} == {None}
    assert bronze == everything["bronze.attributes"]
    assert moved(versions, bank.versions) == {"bronze.attributes"}


def test_the_values_of_a_column_that_came_and_went_are_still_read_at_their_release(
    bank: Bank, year: Bank
) -> None:
    with_column(bank.data / ATTRIBUTES, "channel", lambda i: f"branch {i}")
    bank.run()
    shutil.copy(year.data / ATTRIBUTES, bank.data)
    bank.run()

    lake = Lakehouse(bank.datamart, engine="embedded")
    then = [row["channel"] for row in lake.at(release=2).table("bronze.attributes").collect()]

    assert None not in then and len(then) == len(lines(year.data / ATTRIBUTES)) - 1
    assert "channel" not in lake.at(release=1).table("bronze.attributes").columns


# Quarantine


def test_a_damaged_row_is_no_vanished_row_its_old_row_stays_everywhere(
    bank: Bank, customer: str, everything: dict[str, Rows]
) -> None:
    edit(bank.data / CLICKS, customer, MARCH, cut_short)
    damaged = [line for line in lines(bank.data / CLICKS) if line.count(",") == 20]
    number = lines(bank.data / CLICKS).index(damaged[0]) + 1

    report = bank.run()

    for name in CLICK_TABLES:
        assert bank.rows(name) == everything[name], name
    (entry,) = bank.open_list()
    assert (entry["source"], entry["_source_file"]) == ("clickstream", CLICKS)
    assert entry["raw_text"] == damaged[0]
    assert (entry["_source_line"], entry["_source_row"]) == (number, number)
    assert entry["reasons"]
    counts = report.tables["bronze.clickstream"].rows
    assert counts and counts.quarantined == 1
    assert counts.rows_in == counts.accepted + counts.quarantined + counts.equal_duplicates


def test_a_mended_row_leaves_the_open_list_and_takes_its_place(
    bank: Bank, year: Bank, customer: str, everything: dict[str, Rows]
) -> None:
    edit(bank.data / CLICKS, customer, MARCH, cut_short)
    bank.run()
    assert len(bank.open_list()) == 1
    shutil.copy(year.data / CLICKS, bank.data)
    edit(bank.data / CLICKS, customer, MARCH, more_clicks)

    bank.run()

    assert bank.open_list() == []
    (entry,) = bank.log.read(CATALOG.table("bronze.quarantine"))
    assert entry["mended_run_id"] == bank.releases()[-1].run_id
    before = everything["silver.clickstream"][customer, MARCH]
    assert bank.rows("silver.clickstream")[customer, MARCH]["fe_1"] == before["fe_1"] + 7
    assert changed_keys(
        everything["gold.features_clickstream"], bank.rows("gold.features_clickstream")
    ) == {(customer, day) for day in days(3, 8)}


def test_a_row_damaged_from_the_start_takes_its_place_once_mended(
    fresh: Bank, year: Bank, customer: str, everything: dict[str, Rows]
) -> None:
    edit(fresh.data / CLICKS, customer, MARCH, cut_short)
    fresh.run()
    assert (customer, MARCH) not in fresh.rows("gold.features_clickstream")
    shutil.copy(year.data / CLICKS, fresh.data)

    fresh.run()

    now = fresh.everything()
    assert len(now.pop("bronze.quarantine")) == 1
    assert now == {name: rows for name, rows in everything.items() if name != "bronze.quarantine"}
    assert fresh.open_list() == []


def test_a_row_damaged_again_is_open_again(bank: Bank, year: Bank, customer: str) -> None:
    edit(bank.data / CLICKS, customer, MARCH, cut_short)
    damaged = (bank.data / CLICKS).read_bytes()
    bank.run()
    shutil.copy(year.data / CLICKS, bank.data)
    bank.run()
    assert bank.open_list() == []

    (bank.data / CLICKS).write_bytes(damaged)
    bank.run()

    assert len(bank.open_list()) == 1
    assert len(bank.log.read(CATALOG.table("bronze.quarantine"))) == 1


def test_a_damaged_row_in_other_bytes_is_the_same_entry_of_the_quarantine(
    bank: Bank, customer: str
) -> None:
    edit(bank.data / CLICKS, customer, MARCH, cut_short)
    bank.run()
    versions = bank.versions
    in_other_bytes(bank.data / CLICKS)

    bank.run()

    assert bank.versions == versions
    assert len(bank.open_list()) == 1


def test_a_damaged_row_of_march_stays_open_when_only_october_is_delivered(
    bank: Bank, customer: str
) -> None:
    edit(bank.data / CLICKS, customer, MARCH, cut_short)
    bank.run()
    only_months(bank.data / CLICKS, "2023-10")

    bank.run()

    assert len(bank.open_list()) == 1


# Releases


@pytest.mark.slow
def test_a_release_tells_what_its_run_left(in_three: Bank) -> None:
    releases, months = in_three.releases(), loan_months(in_three)

    assert [row.number for row in releases] == [1, 2, 3]
    assert len({row.run_id for row in releases}) == 3
    assert releases[-1].versions == in_three.versions
    assert [row.months for row in releases] == [months[:2], months[2:3], months[3:]]
    assert [row.through for row in releases] == ["2023-02", "2023-03", months[-1]]
    assert {row.engine for row in releases} == {"embedded"}
    assert releases[-1].code == CATALOG.code
    assert releases[0].finished_at < releases[1].finished_at < releases[2].finished_at


def test_a_release_counts_the_rows_of_every_table_at_its_version(in_three: Bank) -> None:
    for row in in_three.releases():
        assert row.row_counts == {
            name: len(in_three.rows(name, version)) for name, version in row.versions.items()
        }


def test_a_release_tells_which_bytes_and_months_of_each_raw_file_it_holds(in_three: Bank) -> None:
    sources = [
        {name: json.loads(text) for name, text in row.sources.items()}
        for row in in_three.releases()
    ]

    for table in CATALOG.sources:
        assert table.source
        raw = (in_three.data / table.source.file_names[0]).read_bytes()
        sha256 = hashlib.sha256(raw).hexdigest()
        assert [each[table.full_name]["sha256"] for each in sources] == [sha256] * 3
        scopes = [each[table.full_name]["scopes"] for each in sources]
        assert scopes == [[[None, "2023-02"]], [[None, "2023-03"]], [[None, None]]]


def test_a_correction_is_a_release_of_the_months_that_it_reached(corrected: Bank) -> None:
    assert corrected.releases()[-1].months == UNTIL_AUGUST


def test_a_lake_at_a_release_reads_what_was_there_then(
    corrected: Bank, customer: str, everything: dict[str, Rows]
) -> None:
    lake = Lakehouse(corrected.datamart, engine="embedded")

    def fe_1(lake: Lakehouse) -> int:
        rows = lake.table("silver.clickstream")
        mine = rows.where((rows.customer_id == customer) & (rows.snapshot_date == str(MARCH)))
        return int(mine.collect()[0]["fe_1"])

    then = int(everything["silver.clickstream"][customer, MARCH]["fe_1"])
    assert fe_1(lake.at(release=1)) == then
    assert fe_1(lake.at(release=2)) == fe_1(lake) == then + 7


def test_a_lake_at_a_release_counts_the_rows_of_that_release_in_every_table(
    in_three: Bank,
) -> None:
    lake = Lakehouse(in_three.datamart, engine="embedded")

    for release in in_three.releases():
        then = lake.at(release=release.number)
        counts = {name: then.table(name).count() for name in release.versions}
        assert counts == release.row_counts


def test_sql_reads_a_version_and_the_newest(bank: Bank, customer: str) -> None:
    then = bank.versions["gold.features_clickstream"]
    edit(bank.data / CLICKS, customer, MARCH, removed)
    bank.run()
    spark = Lakehouse(bank.datamart, engine="embedded").spark

    def count(suffix: str) -> int:
        counted = spark.sql(f"SELECT count(*) FROM gold.features_clickstream {suffix}")
        return int(counted.collect()[0][0])

    assert count(f"VERSION AS OF {then}") == count("") + 1
    assert count("") == len(bank.rows("gold.features_clickstream"))


def test_two_lakes_in_one_session_answer_sql_each_from_its_own_datamart(
    year: Bank, fresh: Bank
) -> None:
    fresh.run(through="2023-01")

    def count(bank: Bank) -> int:
        spark = Lakehouse(bank.datamart, engine="embedded").spark
        return int(spark.sql("SELECT count(*) FROM silver.clickstream").collect()[0][0])

    assert count(year) == len(year.rows("silver.clickstream"))
    assert count(fresh) == len(fresh.rows("silver.clickstream"))
    assert count(year) > count(fresh)


def test_diff_counts_added_changed_and_removed_rows_of_each_table_that_differs(
    bank: Bank, customer: str
) -> None:
    edit(bank.data / CLICKS, customer, MARCH, more_clicks)
    bank.run()
    edit(bank.data / CLICKS, customer, MARCH, removed)
    bank.run()

    def counts(old: int, new: int) -> dict[str, tuple[int, int, int]]:
        datamart = Datamart.at(bank.datamart, CATALOG)
        found = diff(datamart, old, new, lambda: EmbeddedStore(datamart))
        return {each.table: (each.added, each.changed, each.removed) for each in found}

    assert counts(1, 2) == {
        "bronze.clickstream": (0, 1, 0),
        "silver.clickstream": (0, 1, 0),
        "gold.features_clickstream": (0, 6, 0),
    }
    assert counts(1, 3) == {
        "bronze.clickstream": (0, 0, 1),
        "silver.clickstream": (0, 0, 1),
        "gold.features_clickstream": (0, 5, 1),
    }
    assert counts(3, 1)["gold.features_clickstream"] == (1, 5, 0)
    assert counts(2, 2) == {}


# A run that is killed


class KilledError(Exception):
    """What stands for a kill of the process."""


class DyingStore:
    """A store of five months a commit whose process is killed at the nth commit to a table."""

    def __init__(self, datamart: Datamart, at: str, nth: int) -> None:
        self.store = EmbeddedStore(datamart)
        self.at, self.left = at, nth

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)

    def months_at_once(self, _cells_a_month: int, _months: int) -> int:
        return 5

    def merge(self, table: Table, *args: Any, **named: Any) -> list[Merged]:
        self._may_die(table)
        return self.store.merge(table, *args, **named)

    def load(self, table: Table, *args: Any) -> list[Merged]:
        self._may_die(table)
        return self.store.load(table, *args)

    def _may_die(self, table: Table) -> None:
        if table.full_name == self.at:
            self.left -= 1
            if self.left == 0:
                raise KilledError(self.at)


class DyingOfTwo(DyingStore):
    """A store whose process is killed once two tables at the same time are at their first commit."""

    def __init__(self, datamart: Datamart, *at: str) -> None:
        self.store = EmbeddedStore(datamart)
        self.both, self.there = at, Barrier(2, timeout=60)

    def tables_at_once(self, _raw_bytes: int) -> int:
        return 2

    def _may_die(self, table: Table) -> None:
        if table.full_name in self.both:
            self.there.wait()
            raise KilledError(table.full_name)


def killed_run(bank: Bank, at: str, nth: int) -> None:
    with pytest.raises(KilledError):
        bank.run(open_store=lambda datamart, _size: DyingStore(datamart, at, nth))


def killed_before_the_release(bank: Bank) -> None:
    def die(*_given: Any) -> None:
        raise KilledError

    with pytest.MonkeyPatch.context() as patch, pytest.raises(KilledError):
        patch.setattr("lakehouse.releases.publish.insert", die)
        bank.run()


def nothing_staged(bank: Bank) -> bool:
    return not list(bank.datamart.glob("_work/job-*"))


@pytest.mark.slow
@pytest.mark.parametrize(
    "killed",
    [
        lambda bank: killed_run(bank, "bronze.loan_daily", 2),
        lambda bank: killed_run(bank, "gold.features_clickstream", 2),
        killed_before_the_release,
    ],
    ids=["bronze", "gold", "release"],
)
def test_a_first_build_killed_at_a_commit_is_ended_by_the_next_plain_run(
    fresh: Bank, everything: dict[str, Rows], killed: Callable[[Bank], None]
) -> None:
    killed(fresh)
    assert fresh.releases() == []
    assert nothing_staged(fresh)

    fresh.run()

    assert fresh.everything() == everything
    assert [row.number for row in fresh.releases()] == [1]
    assert fresh.releases()[0].versions == fresh.versions


@pytest.mark.slow
@pytest.mark.parametrize(
    ("table", "nth"),
    [("silver.clickstream", 1), ("gold.features_clickstream", 1), ("gold.features_clickstream", 2)],
)
def test_a_correction_killed_at_a_merge_is_ended_by_the_next_plain_run(
    bank: Bank, customer: str, of_corrected_files: dict[str, Rows], table: str, nth: int
) -> None:
    edit(bank.data / CLICKS, customer, MARCH, more_clicks)
    killed_run(bank, table, nth)
    assert [row.number for row in bank.releases()] == [1]

    bank.run()

    assert bank.everything() == of_corrected_files
    assert [row.number for row in bank.releases()] == [1, 2]
    assert bank.releases()[-1].versions == bank.versions


def test_a_run_killed_before_its_release_is_published_by_the_next_which_writes_nothing_else(
    bank: Bank, customer: str
) -> None:
    edit(bank.data / CLICKS, customer, MARCH, more_clicks)
    killed_before_the_release(bank)
    versions = bank.versions
    assert bank.releases()[-1].versions != versions

    bank.run()

    assert bank.versions == versions
    newest = bank.releases()[-1]
    assert newest.versions == versions
    # What the killed run changed is new in this release.
    assert newest.months == UNTIL_AUGUST


@pytest.mark.slow
def test_a_correction_killed_half_way_and_then_withdrawn_leaves_no_trace(
    bank: Bank, year: Bank, customer: str, everything: dict[str, Rows]
) -> None:
    edit(bank.data / CLICKS, customer, MARCH, more_clicks)
    killed_run(bank, "gold.features_clickstream", 2)
    shutil.copy(year.data / CLICKS, bank.data)

    bank.run()

    assert bank.everything() == everything


@pytest.mark.slow
def test_a_run_killed_with_rows_of_two_files_in_quarantine_leaves_none_once_both_are_withdrawn(
    bank: Bank, year: Bank, everything: dict[str, Rows]
) -> None:
    for name in (CLICKS, FINANCIALS):
        header, first, *rest = lines(bank.data / name)
        deliver(bank.data / name, [header, *cut_short(first), *rest])
    with pytest.raises(KilledError):
        bank.run(
            open_store=lambda datamart, _size: DyingOfTwo(
                datamart, "bronze.clickstream", "bronze.financials"
            )
        )
    assert {row["source"] for row in bank.open_list()} == {"clickstream", "financials"}
    for name in (CLICKS, FINANCIALS):
        shutil.copy(year.data / name, bank.data)

    bank.run()

    assert bank.open_list() == []
    now = bank.everything()
    assert {name for name in now if now[name] != everything[name]} == {"bronze.quarantine"}


def test_a_lake_at_a_release_does_not_see_what_a_killed_run_wrote(
    bank: Bank, customer: str, everything: dict[str, Rows]
) -> None:
    edit(bank.data / CLICKS, customer, MARCH, removed)
    killed_run(bank, "gold.features_clickstream", 1)

    lake = Lakehouse(bank.datamart, engine="embedded").at(release=1)

    rows = len(everything["silver.clickstream"])
    assert len(bank.rows("silver.clickstream")) == rows - 1
    assert lake.table("silver.clickstream").count() == rows


@pytest.fixture(autouse=True)
def _the_shared_year_stays_as_it_is(year: Bank) -> Iterator[None]:
    before = year.versions
    yield
    assert year.versions == before
