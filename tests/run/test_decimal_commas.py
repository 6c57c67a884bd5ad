"""A source with decimal commas: numbers are read with them, and every other cell stays what its file has."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lakehouse.bronze.raw import bronze_table
from lakehouse.catalog import Catalog
from lakehouse.engines.embedded import EmbeddedStore
from lakehouse.landing.land import land
from lakehouse.run.job import Report
from lakehouse.run.run import run
from lakehouse.silver.cleaning import Cell, silver_table
from lakehouse.silver.open_cells import any_number, any_text
from lakehouse.storage.datamart import Datamart
from lakehouse.table import Field, Source
from tests.conftest import job
from tests.inbox.small_bank import bank_of

SHOPS = Source(
    name="shops",
    file_names=("shops.csv",),
    columns=(
        Field("shop", "STRING", "Which one."),
        Field("day", "STRING", "When."),
        Field("code", "STRING", "What it sells, as a code."),
        Field("amt", "STRING", "For how much."),
    ),
    keys=("shop", "day"),
    entity="shop",
    date="day",
    required=(("shop", "text"), ("day", "date")),
    decimal=",",
    delimiter=";",
)
AMOUNT, CODE = any_number("amt", "For how much."), any_text("code", "What it sells.")
COUNT = any_number("code", "How many it sells.")
DAY = "2024-01-31"


def catalog_of(*cells: Cell, source: Source = SHOPS) -> Catalog:
    bronze = bronze_table(source, "A delivered row.")
    silver = silver_table(bronze, "The same row, typed.", cells)
    own = tuple((each, f"tests.{each.layer}_shops") for each in (bronze, silver))
    return Catalog((*own, *bank_of().modules))


def landed(folder: Path, catalog: Catalog, rows: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """The code and the amount of each row, as bronze holds them."""
    path = folder / "shops.csv"
    lines = (f'{i};{DAY};"{code}";"{amt}"' for i, (code, amt) in enumerate(rows))
    path.write_text("\n".join(["shop;day;code;amt", *lines, ""]))
    source = catalog.source_of(catalog.table("bronze.shops"))
    found = pq.read_table(land(source, path, folder / "into").accepted).sort_by("_source_row")
    return [(row["code"] or "", row["amt"] or "") for row in found.to_pylist()]


CELLS = st.text("0123456789.,-+eE_ €$()%'", max_size=9) | st.sampled_from(
    ["1.234", "1,5", "-1.234,5"]
)


@settings(max_examples=8)
@given(st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=40))
def test_a_cell_that_no_number_is_read_from_stays_what_its_file_has(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]]
) -> None:
    folder = tmp_path_factory.mktemp("as_delivered")
    texts = catalog_of(CODE, any_text("amt", "For how much."))
    assert landed(folder, texts, rows) == rows
    with_points = catalog_of(CODE, AMOUNT, source=replace(SHOPS, decimal="."))
    assert landed(folder, with_points, rows) == rows
    numbers = catalog_of(CODE, AMOUNT)
    assert [code for code, _ in landed(folder, numbers, rows)] == [code for code, _ in rows]


NUMBERS = st.decimals(-(10**7), 10**7, places=3) | st.integers(-9999, 9999).map(Decimal)


@settings(max_examples=8)
@given(
    st.lists(
        st.tuples(NUMBERS, st.booleans(), st.sampled_from([" ", "_", ""])), min_size=1, max_size=40
    )
)
def test_numbers_are_those_of_the_same_file_spelled_with_points(
    tmp_path_factory: pytest.TempPathFactory, numbers: list[tuple[Decimal, bool, str]]
) -> None:
    folder = tmp_path_factory.mktemp("spelled")
    points, commas = [], []
    for number, in_thousands, dirt in numbers:
        told = f"{number:,}" if in_thousands else f"{number}"
        swapped = told.translate(str.maketrans(",.", ".,"))
        points.append(("", f"{number}{dirt}"))
        commas.append(("", f"{swapped}{dirt}"))
    plain = catalog_of(CODE, AMOUNT, source=replace(SHOPS, decimal="."))
    assert landed(folder, catalog_of(CODE, AMOUNT), commas) == landed(folder, plain, points)


def test_an_id_stays_what_it_is_though_a_number_is_read_from_it() -> None:
    catalog = catalog_of(any_number("shop", "Which one."), AMOUNT)
    assert catalog.source_of(catalog.table("bronze.shops")).sure_numbers == ("amt",)


def test_a_text_of_a_parquet_file_is_spelled_as_in_a_csv_and_a_number_has_its_own_value(
    tmp_path: Path,
) -> None:
    catalog = catalog_of(CODE, AMOUNT)
    for amounts, expected in (
        (["1.234", "1,5"], ["1234", "1.5"]),
        ([1.234, 1.5], ["1.234", "1.5"]),
    ):
        table = pa.table(
            {"shop": ["1", "2"], "day": [DAY] * 2, "code": ["1.234"] * 2, "amt": amounts}
        )
        pq.write_table(table, tmp_path / "shops.parquet")
        source = catalog.source_of(catalog.table("bronze.shops"))
        found = pq.read_table(land(source, tmp_path / "shops.parquet", tmp_path / "into").accepted)
        assert found["amt"].to_pylist() == expected
        assert found["code"].to_pylist() == ["1.234"] * 2


def ran(folder: Path, *cells: Cell) -> tuple[Report, Callable[[str], list[Any]]]:
    """A run of the shops, and what gives the rows of a table."""
    datamart = Datamart.at(folder / "datamart", catalog_of(*cells))
    report = run(replace(job(folder / "data", folder / "datamart"), datamart=datamart))
    store = EmbeddedStore(datamart)
    return report, lambda name: store.read(datamart.catalog.table(name)).orderBy("shop").collect()


def test_a_code_that_becomes_a_number_or_was_read_as_one_is_read_from_its_file_again(
    tmp_path: Path,
) -> None:
    file = tmp_path / "data" / "shops.csv"
    file.parent.mkdir()
    file.write_text(f"shop;day;code;amt\n1;{DAY};1.234;1.234\n")
    for code, raw, value in (
        (CODE, "1.234", "1.234"),
        (COUNT, "1234", 1234),
        (CODE, "1.234", "1.234"),
    ):
        report, rows = ran(tmp_path, code, AMOUNT)
        assert [(row["code"], row["amt"]) for row in rows("bronze.shops")] == [(raw, "1234")]
        assert [(row["code"], row["amt"]) for row in rows("silver.shops")] == [(value, 1234)]
        assert not any("cannot be read again" in note for note in report.notes)


def test_a_file_that_cannot_be_read_again_is_told(tmp_path: Path) -> None:
    file = tmp_path / "data" / "shops.csv"
    file.parent.mkdir()
    file.write_text(f"shop;day;code;amt\n1;{DAY};1.234;1\n")
    ran(tmp_path, CODE, AMOUNT)
    file.unlink()
    (file.parent / "shops_2.csv").write_text("shop;day;code;amt\n2;2024-02-29;7;7\n")
    report, rows = ran(tmp_path, COUNT, AMOUNT)
    assert [row["code"] for row in rows("silver.shops")] == [1.234, 7]
    (told,) = (note for note in report.notes if "cannot be read again" in note)
    assert "1 file that it took" in told and "its 1.234 of these files is not 1234" in told
