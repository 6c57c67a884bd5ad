"""Two releases differ by rows and cells: all of them counted, the first listed, none of a person shown."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from lakehouse.catalog import Catalog
from lakehouse.cli.show import json_text
from lakehouse.engines.choose import open_store
from lakehouse.engines.embedded import EmbeddedStore
from lakehouse.errors import BadInput, LakehouseError
from lakehouse.releases import published
from lakehouse.releases.diff import HIDDEN, Cell, TableDiff, changed_cells, diff, lines
from lakehouse.releases.release import Release
from lakehouse.run.job import Job
from lakehouse.run.run import run
from lakehouse.storage.datamart import Datamart
from lakehouse.storage.log import Log
from tests.narrow import narrow
from tests.on_spark import OnSpark

CATALOG = narrow()
ATTRIBUTES, CLICKS, LOANS = (
    "features_attributes.csv",
    "feature_clickstream.csv",
    "lms_loan_daily.csv",
)
EXTRA, KEPT = "Nick name.x", "Nick_name_x"
NAME, SSN = "Nobody Inparticular", "123-45-6789"

Rows = list[dict[str, str]]


@contextmanager
def raw_rows(file: Path) -> Iterator[Rows]:
    """The rows of a raw file, to be changed; the first one's columns are its header."""
    with file.open(encoding="utf-8", newline="") as source:
        rows = list(csv.DictReader(source))
    yield rows
    with file.open("w", encoding="utf-8", newline="") as target:
        writer = csv.DictWriter(target, rows[0])
        writer.writeheader()
        writer.writerows(rows)


@pytest.fixture(scope="module")
def log(generated: Path, tmp_path_factory: pytest.TempPathFactory) -> Log:
    """A datamart of four releases: built; cells changed; rows added and removed; a column more."""
    folder = tmp_path_factory.mktemp("diff")
    data = folder / "data"
    shutil.copytree(generated, data)

    def publish() -> None:
        run(
            Job(
                data,
                Datamart.at(folder / "datamart", CATALOG),
                lambda datamart, _size: EmbeddedStore(datamart),
            )
        )

    publish()
    with raw_rows(data / ATTRIBUTES) as people:
        people[0] |= {"Name": NAME, "SSN": SSN, "Age": "-1"}
    publish()
    with raw_rows(data / CLICKS) as clicks, raw_rows(data / LOANS) as loans:
        month = [row for row in clicks if row["snapshot_date"] == clicks[0]["snapshot_date"]]
        clicks += [{**row, "Customer_ID": f"CUS_{row['Customer_ID']}"} for row in month]
        del loans[0]
    publish()
    with raw_rows(data / ATTRIBUTES) as people:
        people[0] |= {EXTRA: "Nobs"}
        for person in people[1:]:
            person[EXTRA] = ""
    publish()
    return Log(str(folder / "datamart"))


def compare(
    log: Log,
    old: int,
    new: int,
    name: str | None = None,
    limit: int = 0,
    catalog: Catalog = CATALOG,
) -> dict[str, TableDiff]:
    datamart = Datamart(log.place, log, catalog)
    found = diff(datamart, old, new, lambda: EmbeddedStore(datamart), name, limit)
    return {each.table: each for each in found}


def never() -> EmbeddedStore:
    raise AssertionError("no engine is needed to know")


def counts(found: dict[str, TableDiff]) -> dict[str, tuple[int, int, int]]:
    return {name: (each.added, each.changed, each.removed) for name, each in found.items()}


def test_a_changed_row_tells_its_key_and_each_changed_cell_alone(log: Log) -> None:
    found = compare(log, 1, 2, "silver.attributes", limit=20)
    (row,) = found["silver.attributes"].rows
    was = {
        each["customer_id"]: each["age"] for each in log.read(CATALOG.table("silver.attributes"), 2)
    }
    assert row.what == "changed" and list(row.key) == ["customer_id", "snapshot_date"]
    age, issues = (cell for cell in row.cells if cell.column in ("age", "_issues"))
    assert age == Cell("age", was[row.key["customer_id"]], None) and age.old is not None
    assert issues.old == [] or issues.old is None
    assert len(issues.new) == 1


def test_the_features_of_the_changed_cell_follow(log: Log) -> None:
    found = compare(log, 1, 2, limit=20)
    assert list(found) == ["bronze.attributes", "silver.attributes", "gold.features_attributes"]
    (row,) = found["gold.features_attributes"].rows
    assert {"age", "age_decade"} <= {cell.column for cell in row.cells}
    assert all(cell.new is None for cell in row.cells if cell.column.startswith("age"))


def test_personal_cells_are_said_to_have_changed_and_never_shown(log: Log) -> None:
    found = compare(log, 1, 2, "bronze.attributes", limit=20)
    (row,) = found["bronze.attributes"].rows
    cells = {cell.column: (cell.old, cell.new) for cell in row.cells}
    # In a shifted row the name may stand in any of them.
    assert cells == dict.fromkeys(("Name", "SSN", "Age", "_row_hash"), (HIDDEN, HIDDEN))
    assert SSN not in repr(found) and "Nobody" not in repr(found)


def test_a_raw_column_that_no_declaration_knows_is_taken_for_personal(log: Log) -> None:
    found = compare(log, 3, 4, limit=20)
    cells = {row.key["Customer_ID"]: row.cells for row in found["bronze.attributes"].rows}
    assert [cell for each in cells.values() for cell in each if cell.column == KEPT] == [
        Cell(KEPT, HIDDEN, HIDDEN)
    ]
    assert "Nobs" not in repr(found)


def test_a_column_that_one_release_lacks_is_null_there(log: Log) -> None:
    name = KEPT
    knowing = Catalog(
        tuple(
            (table.with_extra((name,)) if table.full_name == "bronze.attributes" else table, module)
            for table, module in CATALOG.modules
        )
    )
    found = compare(log, 3, 4, "bronze.attributes", 20, knowing)["bronze.attributes"]
    back = compare(log, 4, 3, "bronze.attributes", 20, knowing)["bronze.attributes"]
    told = [
        [c for row in each.rows for c in row.cells if c.column == name] for each in (found, back)
    ]
    assert told == [[Cell(name, None, "Nobs")], [Cell(name, "Nobs", None)]]


def test_added_and_removed_rows_are_a_line_each_without_cells(log: Log) -> None:
    found = compare(log, 2, 3, limit=1000)
    clicks, loans = found["silver.clickstream"], found["silver.loan_daily"]
    assert clicks.added > 20 and clicks.changed == clicks.removed == 0
    assert (loans.added, loans.changed, loans.removed) == (0, 0, 1)
    for each in (clicks, loans):
        assert all(row.cells == () for row in each.rows) and each.more == 0
        assert [(line["column"], line["old"], line["new"]) for line in lines(each)] == [
            ("", None, None)
        ] * len(each.rows)
    back = compare(log, 3, 2, limit=1000)
    assert [row.key for row in back["silver.loan_daily"].rows] == [row.key for row in loans.rows]
    assert counts(back)["silver.clickstream"] == (0, 0, clicks.added)


def test_the_first_rows_by_key_are_listed_and_the_others_counted(log: Log) -> None:
    every = compare(log, 2, 3, "silver.clickstream", limit=1000)["silver.clickstream"]
    keys = [tuple(row.key.values()) for row in every.rows]
    assert keys == sorted(keys) and len(keys) == every.added
    few = compare(log, 2, 3, "silver.clickstream", limit=3)["silver.clickstream"]
    assert few.rows == every.rows[:3] and few.more == every.added - 3


def test_counts_alone_list_no_row(log: Log) -> None:
    found = compare(log, 2, 3)
    assert all(each.rows == () and each.more > 0 for each in found.values())
    assert counts(found) == counts(compare(log, 2, 3, limit=5))


def test_changed_cells_are_lines_of_all_tables_and_the_last_line_tells_of_more(log: Log) -> None:
    datamart = Datamart(log.place, log, CATALOG)
    found = changed_cells(datamart, 2, 3, lambda: EmbeddedStore(datamart), limit=3)
    clicks = [line for line in found if line["table"] == "silver.clickstream"]
    assert [line["what"] for line in clicks[:3]] == ["added"] * 3
    more = compare(log, 2, 3)["silver.clickstream"].added - 3
    assert clicks[3:] == [{"table": "silver.clickstream", "what": f"… and {more} more"}]
    whole = changed_cells(datamart, 1, 2, lambda: EmbeddedStore(datamart), "silver.attributes")
    assert {line["what"] for line in whole} == {"changed"} and len(whole) >= 2


def test_one_table_may_be_asked_for(log: Log) -> None:
    assert set(compare(log, 1, 3, "gold.label_store")) <= {"gold.label_store"}
    assert set(compare(log, 1, 3, "silver.loan_daily")) == {"silver.loan_daily"}


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("gold.nothing", "no table is called"),
        ("ledger.releases", "neither release 1 nor release 2"),
    ],
)
def test_a_table_of_no_release_is_refused(log: Log, name: str, words: str) -> None:
    with pytest.raises(BadInput, match=words):
        diff(Datamart(log.place, log, CATALOG), 1, 2, never, name)


def test_where_nothing_was_written_no_engine_starts(log: Log) -> None:
    assert diff(Datamart(log.place, log, CATALOG), 2, 2, never) == []
    assert diff(Datamart(log.place, log, CATALOG), 1, 2, never, "gold.label_store") == []


@pytest.fixture
def later(log: Log, monkeypatch: pytest.MonkeyPatch) -> str:
    """A table that release 1 did not have yet."""
    name, known = "silver.attributes", published.release

    def without(log: Log, number: int) -> Release:
        found = known(log, number)
        if number == 1:
            others = {table: v for table, v in found.versions.items() if table != name}
            return replace(found, versions=others)
        return found

    monkeypatch.setattr(published, "release", without)
    return name


def test_all_rows_of_a_table_that_came_later_are_added(log: Log, later: str) -> None:
    found = compare(log, 1, 2, limit=2)[later]
    assert (found.added, found.changed, found.removed) == (
        len(log.read(CATALOG.table(later))),
        0,
        0,
    )
    assert [row.what for row in found.rows] == ["added"] * 2
    back = compare(log, 2, 1, later)[later]
    assert (back.added, back.changed, back.removed) == (0, 0, found.added)


def test_a_release_that_cannot_be_read_any_more_is_refused_by_its_table(
    log: Log, tmp_path: Path
) -> None:
    shutil.copytree(log.root, tmp_path / "datamart")
    shutil.rmtree(tmp_path / "datamart" / "silver" / "attributes")
    damaged = Log(str(tmp_path / "datamart"))
    with pytest.raises(LakehouseError, match=r"release 1 .* silver\.attributes .*folder is gone"):
        diff(Datamart(damaged.place, damaged, CATALOG), 1, 2, never)
    assert compare(damaged, 1, 2, "gold.features_attributes")


def told(engine: str, root: str) -> list[str]:
    """What an engine tells of two tables, as JSON."""
    datamart = Datamart.at(root, CATALOG)
    store = open_store(engine, datamart)
    found = (
        diff(datamart, 1, 4, lambda: store, name, 7)
        for name in ("bronze.attributes", "silver.attributes")
    )
    return [json_text([row.as_json() for row in each]) for each in found]


@pytest.mark.spark
def test_both_engines_tell_the_same(log: Log, on_spark: OnSpark) -> None:
    by_spark = on_spark(told, "spark", log.root)
    assert by_spark == told("embedded", log.root) and len(by_spark) == 2
    assert all(json.loads(line)[0]["rows"] for line in by_spark)
