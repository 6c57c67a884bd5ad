"""One customer through every table and release: rows, changes, and what is hidden, near or erased."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import lakehouse.customer as asking
from lakehouse import Lakehouse
from lakehouse.bronze.superseded import TABLE as SUPERSEDED
from lakehouse.errors import BadInput, LakehouseError
from lakehouse.releases.diff import HIDDEN, diff
from lakehouse.storage.datamart import Datamart
from lakehouse.upkeep.erase import erase
from tests.bank import CATALOG, CORRECTED, EARLY, FULL, LATER_DAY, Bank, rows

ENTITIES = {t.full_name: c[0] for t in CATALOG.data if (c := CATALOG.entity_columns(t))}


@pytest.fixture(scope="module")
def lake(pristine: Bank) -> Lakehouse:
    return Lakehouse(pristine.datamart, engine="embedded")


@pytest.fixture(scope="module")
def corrected(pristine: Bank) -> str:
    """The customer whose age release 4 corrected."""
    return str(rows(pristine.root / "early.parquet")[0]["customer_id"])


def plain(cell: Any) -> str:
    """A cell as text, alike from pandas and from Arrow."""
    cell = cell.tolist() if hasattr(cell, "tolist") else cell
    if cell is None or cell is pd.NaT or cell != cell:
        return ""
    return str(float(cell)) if isinstance(cell, int | float) else str(cell).removesuffix("+00:00")


def cells(row: Iterable[Any]) -> list[str]:
    return [plain(cell) for cell in row]


@pytest.mark.parametrize("release", [EARLY, FULL, LATER_DAY, CORRECTED])
def test_the_rows_are_those_of_the_tables_at_the_release(
    lake: Lakehouse, corrected: str, release: int
) -> None:
    then = lake.at(release=release)
    found = then.customer(corrected)
    assert found.release == release
    for name, entity in ENTITIES.items():
        of_table = then.table(name).where(f"{entity} = '{corrected}'").toPandas()
        if of_table.empty:
            # Nothing was superseded in this bank.
            assert name == SUPERSEDED.full_name and name not in found.tables
            continue
        frame = found.tables[name]
        assert [*frame] == [*of_table]
        shown = [c for c in frame if not (frame[c] == HIDDEN).all()]
        assert sorted(map(cells, frame[shown].values)) == sorted(map(cells, of_table[shown].values))
        assert len(frame) == len(of_table)


def test_the_changes_of_a_release_are_those_that_diff_tells(
    lake: Lakehouse, corrected: str, pristine: Bank
) -> None:
    datamart = Datamart.at(pristine.datamart, CATALOG)
    for old, new in ((EARLY, FULL), (FULL, LATER_DAY), (LATER_DAY, CORRECTED)):
        expected = {
            (of.table, row.what, cell.column if cell else "", plain(cell.old if cell else None))
            for of in diff(datamart, old, new, lambda: lake._store, limit=10_000)
            for row in of.rows
            for cell in row.cells or (None,)
            if of.table in ENTITIES and row.key[ENTITIES[of.table]] == corrected
        }
        changes = lake.customer(corrected).changes
        found = {
            (row.table, row.what, row.column, plain(row.old))
            for row in changes[changes.release == new].itertuples()
        }
        assert found == expected
    age = changes[(changes.table == "silver.attributes") & (changes.column == "age")].iloc[0]
    assert (age.release, age.what, age.new) == (CORRECTED, "changed", 70)
    assert age.old == lake.at(release=EARLY).customer(corrected).tables["silver.attributes"].age[0]


def test_no_display_and_no_frame_shows_a_personal_cell(
    lake: Lakehouse, corrected: str, pristine: Bank
) -> None:
    raw = lake.table("bronze.attributes").where(f"Customer_ID = '{corrected}'").first()
    assert raw is not None
    found = lake.customer(corrected)
    shown = repr(found) + found._repr_html_() + found.changes.to_string()
    shown += "".join(frame.to_string() for frame in found.tables.values())
    assert raw.Name not in shown and raw.SSN not in shown
    assert HIDDEN in shown


def test_the_display_names_tables_releases_and_changed_cells(
    lake: Lakehouse, corrected: str
) -> None:
    found = lake.customer(corrected)
    for shown in (repr(found), found._repr_html_()):
        assert f"Customer {corrected} at release 4" in shown
        assert "age_decade" in shown and "70" in shown
        assert "label_store" in shown
    assert "age" not in repr(lake.at(release=FULL).customer(corrected))


def test_a_wrong_id_names_near_ones(lake: Lakehouse, corrected: str) -> None:
    for wrong in (corrected[:-1], corrected.lower(), corrected.replace("x", "X")):
        with pytest.raises(BadInput, match=f"no release has a row .*; near ids are .*{corrected}"):
            lake.customer(wrong)
    with pytest.raises(BadInput, match=r"no release has a row of a customer 'nobody'$"):
        lake.customer("nobody")
    with pytest.raises(BadInput, match="is not a text"):
        lake.customer("")


def test_an_erased_customer_has_no_rows_and_the_answer_says_why(
    pristine: Bank, corrected: str, tmp_path: Path
) -> None:
    bank = pristine.copied(tmp_path / "bank")
    lake = Lakehouse(bank.datamart, engine="embedded")
    assert lake.customer(corrected).tables
    erase(Datamart.at(bank.datamart, CATALOG), bank.data, corrected, exact=True)
    for at in (lake, lake.at(release=EARLY)):
        found = at.customer(corrected)
        assert found.tables == {} and found.changes.empty
        assert "0 rows in 0 tables" in repr(found)
        assert "1 person was erased, of whom nothing is left" in repr(found)
        assert "1 person was erased" in found._repr_html_()


def test_only_months_whose_files_changed_are_read(
    lake: Lakehouse, corrected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[tuple[str, int, tuple[str, ...]]] = []
    true_read = asking._read

    def reading(log: Any, table: Any, release: Any, which: str, months: Any) -> Any:
        read.append((table.full_name, release.number, tuple(sorted(months))))
        return true_read(log, table, release, which, months)

    monkeypatch.setattr(asking, "_read", reading)
    lake.customer(corrected)
    of_clicks = [months for name, _, months in read if name == "silver.clickstream"]
    assert of_clicks == [tuple(sorted(lake_months(lake, "silver.clickstream")))]
    of_attributes = [each for each in read if each[0] == "silver.attributes"]
    # The corrected month is read as it is and as it was, the others once.
    assert [months for _, _, months in of_attributes[1:]] == [("2023-01",)]


def lake_months(lake: Lakehouse, name: str) -> list[str]:
    return [row[0] for row in lake.table(name).select("month").distinct().collect()]


def test_a_release_that_lost_a_file_is_told(pristine: Bank, corrected: str, tmp_path: Path) -> None:
    bank = pristine.copied(tmp_path / "bank")
    lake = Lakehouse(bank.datamart, engine="embedded")
    table = CATALOG.table("silver.attributes")
    for file in bank.log.files(table, bank.versions(EARLY)[table.full_name]):
        (bank.datamart / table.path / file).unlink()
    with pytest.raises(
        LakehouseError, match=r"release \d cannot be read any more: silver\.attributes"
    ):
        lake.customer(corrected)
