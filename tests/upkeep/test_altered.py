"""A bronze row whose cells were altered is found by the hash of its cells, and repair brings it again."""

from __future__ import annotations

import shutil
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, note
from hypothesis import strategies as st

from lakehouse.bronze.clickstream import SOURCE
from lakehouse.bronze.quarantine import TABLE as QUARANTINE
from lakehouse.catalog import load
from lakehouse.errors import BadInput
from lakehouse.run.plan import Request
from lakehouse.storage.data_file import data_files
from lakehouse.storage.datamart import Datamart
from lakehouse.upkeep.altered import altered
from lakehouse.upkeep.doctor import Finding
from lakehouse.upkeep.verify import examine_tables
from tests.rotten import rot
from tests.run.test_laws import (
    CHAIN,
    FILE,
    MONTHS,
    all_rows,
    click,
    deliver,
    few,
    folder,
    run_on,
    tables_of,
)

BRONZE = CHAIN.table("bronze.clickstream")
FIXTURE = Path(__file__).parents[1] / "fixtures" / "datamart_0.1.0.zip"
BAD = click("CUS_0x9", "2023-02-30", 1)
# The first two are as programs write them who keep an index; the third is empty in every second row.
EXTRA = ("Unnamed: 0", "Loaded at", "note")
ONE_ROW = "\"Customer_ID\" = 'CUS_0x1' AND month = '2023-02'"


def with_extra(rows: list[str]) -> str:
    head = [",".join([*SOURCE.header, *EXTRA])]
    more = [f"{row},{n},2024-01-01,{'' if n % 2 else 'seen'}" for n, row in enumerate(rows)]
    return "\n".join([*head, *more]) + "\n"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("built")
    deliver(root / "data", [])
    (root / "data" / FILE).write_text(with_extra([*all_rows(), BAD, BAD]))
    run_on(CHAIN, root)
    return root


@pytest.fixture
def root(built: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(built, tmp_path / "world"))


def datamart_of(root: Path) -> Datamart:
    return Datamart.at(root / "datamart", CHAIN)


def findings(root: Path) -> dict[str, Finding]:
    return {each.subject: each for each in examine_tables(datamart_of(root))}


def rotten(root: Path, where: str = ONE_ROW, **cells: str) -> str:
    rot(datamart_of(root), BRONZE, where, **(cells or {"fe_20": "'77'"}))
    return findings(root)[BRONZE.full_name].found


def test_a_sound_datamart_is_clean_also_with_undeclared_columns_and_equal_bad_rows(
    built: Path,
) -> None:
    assert {each.state for each in findings(built).values()} == {"ok"}
    assert not any("cannot be compared" in each.found for each in findings(built).values())


def test_a_datamart_of_an_older_program_is_clean(tmp_path: Path) -> None:
    with zipfile.ZipFile(FIXTURE) as packed:
        packed.extractall(tmp_path)
    found = examine_tables(Datamart.at(tmp_path / "datamart", load()))
    bronze = [each for each in found if each.subject.startswith("bronze.")]
    assert len(bronze) == 5 and {each.state for each in bronze} == {"ok"}
    assert not any("cannot be compared" in each.found for each in bronze)


def test_what_spark_adds_to_a_file_is_no_cell_of_a_row(root: Path) -> None:
    log = datamart_of(root).log
    (file,) = (each for each in data_files(log, BRONZE) if each.partition == "2023-02")
    rows = pq.ParquetFile(log.folder(BRONZE) / file.path).read()
    as_spark = rows.append_column("month", pa.array(["2023-02"] * len(rows)))
    as_spark = as_spark.append_column("__is_cdc", pa.array([False] * len(rows)))
    pq.write_table(as_spark, log.folder(BRONZE) / "by_spark.parquet")
    assert altered(log, BRONZE, [replace(file, path="by_spark.parquet")]) == {}


def test_an_altered_cell_is_told_with_its_file_and_row(root: Path) -> None:
    told = rotten(root)
    row = 2 + next(n for n, row in enumerate(all_rows()) if row.endswith("CUS_0x1,2023-02-01"))
    assert "1 row of 2023-02 has other cells than when landed" in told
    assert told.endswith(f"such as row {row} of {FILE}")


def test_an_altered_row_in_quarantine_is_told(root: Path) -> None:
    rot(datamart_of(root), QUARANTINE, "_source_row > 0", raw_text="concat(raw_text, '1')")
    assert "2 rows of clickstream have other cells" in findings(root)[QUARANTINE.full_name].found


CELLS = [*SOURCE.header, "Unnamed__0", "Loaded_at", "note"]


@pytest.mark.slow
@few(20)
@given(
    column=st.sampled_from(CELLS),
    row=st.sampled_from([row for row in all_rows() if row[-10:-3] != MONTHS[0]]),
    value=st.none() | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
)
def test_any_changed_cell_of_bronze_is_found(
    built: Path, column: str, row: str, value: str | None
) -> None:
    customer, day = row.split(",")[-2:]
    if column == "snapshot_date":
        new = f"DATE '{day[:8]}{len(value or '') % 27 + 2:02d}'"
    else:
        new = "NULL" if value is None else "'" + value.replace("'", "''") + "'"
    where = f"\"Customer_ID\" = '{customer}' AND snapshot_date = DATE '{day}'"
    with folder() as work:
        root = Path(shutil.copytree(built, work / "world"))
        log = datamart_of(root).log
        held = {(r["Customer_ID"], str(r["snapshot_date"])): r for r in log.read(BRONZE)}
        before = held[customer, day][column]
        note(f"{column}: {before!r} becomes {new}")
        told = rotten(root, where, **{f'"{column}"': new})
        is_changed = column == "snapshot_date" or value != before
        assert ("1 row of " in told) == is_changed


@pytest.mark.slow
@pytest.mark.parametrize(
    "cells",
    [
        {"fe_20": "'77'"},
        {"fe_1": "NULL"},
        {'"Customer_ID"': "'CUS_0x8'"},
        {"snapshot_date": "DATE '2023-02-09'"},
        {"_row_hash": "'0'"},
    ],
    ids=str,
)
@pytest.mark.parametrize("delivery", ["months", "rows"])
def test_repair_brings_an_altered_row_again_from_its_raw_file(
    cells: dict[str, str], delivery: Any, root: Path, built: Path
) -> None:
    rotten(root, **cells)
    assert tables_of(root) != tables_of(built)

    report = run_on(CHAIN, root, request=Request(repair=True, delivery=delivery))

    assert any("other cells than when landed" in line for line in report.notes)
    assert tables_of(root) == tables_of(built)
    assert findings(root)[BRONZE.full_name].state == "ok"


def test_repair_changes_nothing_if_the_raw_file_does_not_have_the_row_any_more(
    root: Path,
) -> None:
    told = rotten(root)
    kept = [row for row in all_rows() if not row.endswith("CUS_0x1,2023-02-01")]
    (root / "data" / FILE).write_text(with_extra(kept))
    version = datamart_of(root).log.version(BRONZE)
    with pytest.raises(BadInput, match="does not have 1 of them; nothing was changed: restore"):
        run_on(CHAIN, root, request=Request(repair=True))
    assert datamart_of(root).log.version(BRONZE) == version
    assert findings(root)[BRONZE.full_name].found == told


def test_rows_whose_hash_has_an_unknown_raw_name_are_counted_not_called_altered(
    root: Path,
) -> None:
    # As an older program hashed a row, under the name `Unnamed: 0`.
    rot(datamart_of(root), BRONZE, "month = '2023-02'", _row_hash='md5("Customer_ID")')
    found = findings(root)[BRONZE.full_name]
    assert found.state == "ok"
    assert "the cells of 3 rows of 2023-02 cannot be compared" in found.found
