"""A long look back reads no month that cannot matter, and gives the same rows as one that reads them all."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from lakehouse.catalog import load
from lakehouse.engines.embedded import EmbeddedStore
from lakehouse.generate import generate
from lakehouse.gold.vintages import TABLE as VINTAGES
from lakehouse.months import shift
from lakehouse.run import refresh
from lakehouse.run.refresh import computed, existing
from lakehouse.run.run import run
from lakehouse.silver.loan_daily import TABLE as LOANS
from lakehouse.storage.datamart import Datamart
from lakehouse.storage.log import Log
from lakehouse.table import Field, Table
from tests.conftest import job

LOAN_MONTHS = 10
UNBOUNDED = replace(VINTAGES, look_back_column="")


@pytest.fixture(scope="module")
def built(made_once: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A datamart with more months of loans than a loan lives."""
    data = tmp_path_factory.mktemp("raw")
    generate(data, customers=40, months=14, seed=5)
    return made_once("look_back", lambda folder: run(job(data, folder)))


@pytest.fixture
def store(built: Path) -> EmbeddedStore:
    return EmbeddedStore(Datamart.at(built, load()))


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The months that a computation reads."""
    months: list[str] = []
    monkeypatch.setattr(refresh, "check_sound", lambda *_, months=(): read.extend(months))
    read = months
    yield months


def test_no_month_is_needed_that_is_further_back_than_the_largest_value() -> None:
    table = Table("gold", "t", "A row.", ("a",), (Field("a", "INT", "A."),), look_back_months=3)
    assert min(table.needed(["2024-06"])) == "2024-03"
    assert min(table.needed(["2024-06"], 1)) == "2024-05"
    assert min(table.needed(["2024-06"], 9)) == "2024-03"
    assert table.needed(["2024-06"], 0) == {"2024-06"} == table.needed(["2024-06"], -1)


def test_the_newest_month_reads_the_life_of_a_loan_and_no_more(
    store: EmbeddedStore, read: list[str]
) -> None:
    months = sorted(existing(store, [LOANS]))
    assert store.log.largest(LOANS, "mob") == LOAN_MONTHS
    computed(store, VINTAGES, months[-1:])
    assert read[0] == shift(months[-1], -LOAN_MONTHS) > months[0] and read[-1] == months[-1]
    read.clear()
    computed(store, UNBOUNDED, months[-1:])
    assert read == months


@pytest.mark.parametrize("size", [1, 2, 5])
def test_each_month_has_the_same_cells_as_with_all_of_the_past(
    store: EmbeddedStore, size: int
) -> None:
    months = sorted(existing(store, [LOANS]))
    at_once = {(*row,) for row in computed(store, UNBOUNDED, months).collect()}
    in_turn = [
        (*row,)
        for begin in range(0, len(months), size)
        for row in computed(store, VINTAGES, months[begin : begin + size]).collect()
    ]
    assert len(in_turn) == len(at_once) > 100 and {*in_turn} == at_once


def test_of_an_earlier_version_and_of_a_lost_file_every_month_is_read(
    built: Path, tmp_path: Path, read: list[str]
) -> None:
    copy = Path(shutil.copytree(built, tmp_path / "copy"))
    store = EmbeddedStore(Datamart.at(copy, load()))
    months = sorted(existing(store, [LOANS]))
    computed(store, VINTAGES, months[-1:], {LOANS.full_name: 1})
    assert read == months
    read.clear()
    for file in (copy / LOANS.path / f"month={months[0]}").glob("*.parquet"):
        file.unlink()
    assert Log(copy).largest(LOANS, "mob") is None
    assert refresh._largest(store, VINTAGES, {}) is None
