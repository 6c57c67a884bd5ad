"""A bank in another spelling: a run makes the same silver and gold of it, or refuses and changes nothing."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from lakehouse.catalog import Catalog, load
from lakehouse.cli import main
from lakehouse.engines.embedded import EmbeddedStore
from lakehouse.errors import BadInput
from lakehouse.generate import generate
from lakehouse.run.job import Job, Report
from lakehouse.run.run import run
from lakehouse.storage.datamart import Datamart
from tests.narrow import narrow
from tests.on_spark import OnSpark
from tests.respelt import SOURCES, Cells, Spelling, read, spellings

ATTRIBUTES, FINANCIALS = "features_attributes.csv", "features_financials.csv"
CLICKS, LOANS = "feature_clickstream.csv", "lms_loan_daily.csv"
FIRST_MONTHS = "2023-07"
Spelt = Mapping[str, Spelling]
Tables = dict[str, list[str]]
PLAIN: Spelt = {}


@dataclass(frozen=True)
class Bank:
    """The cells of the raw files of a bank, and its silver and gold as they are without respelling."""

    cells: Mapping[str, list[Cells]]
    catalog: Catalog
    tables: Tables

    @classmethod
    def of(cls, cells: Mapping[str, list[Cells]], catalog: Catalog) -> Bank:
        bank = cls(cells, catalog, {})
        with TemporaryDirectory() as name:
            bank.write(PLAIN, Path(name))
            bank.run(Path(name))
            return replace(bank, tables=bank.read(Path(name)))

    def until(self, month: str) -> Bank:
        """The same bank as it was delivered in a month."""
        early = {
            name: [rows[0], *(row for row in rows[1:] if self._day(name, row) <= f"{month}-31")]
            for name, rows in self.cells.items()
        }
        return Bank.of(early, self.catalog)

    def _day(self, name: str, row: Cells) -> str:
        return row[self.cells[name][0].index("snapshot_date")]

    def write(self, spelt: Spelt, root: Path) -> None:
        (root / "data").mkdir(exist_ok=True)
        for name, rows in self.cells.items():
            spelt.get(name, Spelling()).write(SOURCES[name], rows, root / "data" / name)

    def run(self, root: Path) -> Report:
        datamart = Datamart.at(root / "datamart", self.catalog)
        return run(Job(root / "data", datamart, lambda datamart, _size: EmbeddedStore(datamart)))

    def read(self, root: Path) -> Tables:
        """The rows of silver and gold; none of a datamart that is not there."""
        log = Datamart.at(root / "datamart", self.catalog).log
        tables = [table for table in self.catalog.tables if table.layer in ("silver", "gold")]
        return {
            table.full_name: sorted(repr(sorted(row.items())) for row in log.read(table))
            for table in tables
            if log.exists(table)
        }

    def check(self, spelt: Spelt, root: Path, before: Tables) -> None:
        """Run on the files in these spellings: each table is as without them, or as it was `before`.

        If some files are refused, the tables of the others may be taken, and nothing is published.
        """
        self.write(spelt, root)
        try:
            report = self.run(root)
        except BadInput as refused:
            event("refused")
            assert "\n" not in str(refused)
            assert self.read(root) == before, refused
            return
        event("refused in part" if report.refused else "taken")
        assert not (report.refused and report.published)
        now = self.read(root)
        for name, rows in self.tables.items():
            allowed = [rows, before.get(name, [])] if report.refused else [rows]
            assert now.get(name, []) in allowed, (name, spelt)


@pytest.fixture(scope="module")
def cells(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Cells]]:
    """Those of a small bank; one name is not ASCII, and some cells are empty."""
    folder = tmp_path_factory.mktemp("plain")
    generate(folder, customers=12, months=4, seed=3)
    found = read(folder)
    found[ATTRIBUTES][1][1] = "Jos\u00e9"
    return found


@pytest.fixture(scope="module")
def bank(cells: dict[str, list[Cells]]) -> Bank:
    return Bank.of(cells, narrow())


@pytest.fixture(scope="module")
def begun(bank: Bank, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Tables]:
    """A datamart of the first months, in the plain spelling; copy it before changing it."""
    root, early = tmp_path_factory.mktemp("begun"), bank.until(FIRST_MONTHS)
    early.write(PLAIN, root)
    early.run(root)
    return root, early.tables


def of_each_file(most: int) -> st.SearchStrategy[Spelt]:
    """A spelling for each of some files; each uses at most so many freedoms."""
    return st.dictionaries(st.sampled_from(sorted(SOURCES)), spellings(most), min_size=1)


def few(examples: int) -> settings:
    """Few examples, as each writes real tables."""
    return settings(
        max_examples=examples,
        suppress_health_check=list(HealthCheck),
    )


@pytest.mark.slow
@few(3)
@given(of_each_file(2))
def test_a_bank_in_another_spelling_makes_the_same_tables_or_is_refused(
    bank: Bank, spelt: Spelt
) -> None:
    with TemporaryDirectory() as root:
        bank.check(spelt, Path(root), before={})


def test_a_bank_with_other_delimiters_and_a_marked_encoding_makes_the_same_tables(
    bank: Bank, tmp_path: Path
) -> None:
    spelt = {
        LOANS: Spelling(delimiter=";", encoding="utf-16"),
        CLICKS: Spelling(delimiter="\t", quoting=csv.QUOTE_ALL),
        FINANCIALS: Spelling(delimiter="|", encoding="utf-8-sig"),
        ATTRIBUTES: Spelling(delimiter=";"),
    }
    bank.write(spelt, tmp_path)
    bank.run(tmp_path)
    assert bank.read(tmp_path) == bank.tables


@pytest.mark.slow
@few(1)
@given(of_each_file(2))
def test_a_second_delivery_may_be_spelt_otherwise(
    bank: Bank, begun: tuple[Path, Tables], spelt: Spelt
) -> None:
    with TemporaryDirectory() as name:
        root = Path(shutil.copytree(begun[0], Path(name) / "bank"))
        bank.check(spelt, root, before=begun[1])


@pytest.mark.slow
@few(25)
@given(st.data())
def test_deliveries_in_any_spellings_make_the_same_tables_or_are_refused(
    bank: Bank, begun: tuple[Path, Tables], data: st.DataObject
) -> None:
    with TemporaryDirectory() as name:
        root, before = Path(name), {}
        if data.draw(st.booleans(), "a second delivery"):
            root, before = Path(shutil.copytree(begun[0], root / "bank")), begun[1]
        bank.check(data.draw(of_each_file(3)), root, before)
        if data.draw(st.booleans(), "once more in other words"):
            bank.check(data.draw(of_each_file(2)), root, bank.read(root))


# The forms in which other people's copies of the real files are found.
CIRCULATING = ["5/1/2023", "1/5/2023", "05/01/2023", "01/05/2023", "5/1/23"]


@pytest.mark.slow
@pytest.mark.parametrize("days", CIRCULATING)
def test_the_real_files_in_each_circulating_form_make_the_same_tables_or_are_refused(
    real: Bank, days: str, tmp_path: Path
) -> None:
    real.write(dict.fromkeys(SOURCES, Spelling(days=days)), tmp_path)
    if days == "5/1/23":
        with pytest.raises(BadInput, match="year of two digits"):
            real.run(tmp_path)
    else:
        real.run(tmp_path)
        assert real.read(tmp_path) == real.tables


@pytest.fixture(scope="module")
def real(shared_data: Path) -> Bank:
    """Each fortieth customer of the real files, in their own spelling."""
    found = read(shared_data)
    customer = {name: rows[0].index("Customer_ID") for name, rows in found.items()}
    ids = sorted({row[customer[LOANS]] for row in found[LOANS][1:]})[::40]
    kept = {
        name: [rows[0], *(row for row in rows[1:] if row[customer[name]] in ids)]
        for name, rows in found.items()
    }
    return Bank.of(kept, narrow())


ON_SPARK: list[Spelt] = [
    {
        LOANS: Spelling(
            days="5/1/2023",
            numbers="6E+0",
            blanks=(" ", "\u3000"),
            line_end="\r\n",
            seed=1,
            extra="index",
        ),
        CLICKS: Spelling(days="01/05/2023", numbers="+6", blanks=("\t", "\u00a0")),
        FINANCIALS: Spelling(missing="NA", numbers="6.00", quoting=csv.QUOTE_ALL),
        ATTRIBUTES: Spelling(
            missing="\\N", encoding="utf-8-sig", header="padded", again=True, end="\n\n"
        ),
    },
    {LOANS: Spelling(numbers="1,234.5")},
    {CLICKS: Spelling(encoding="utf-16-le")},
]


@pytest.mark.spark
def test_spark_makes_the_same_tables_of_a_bank_in_another_spelling(
    cells: dict[str, list[Cells]], on_spark: OnSpark, tmp_path: Path
) -> None:
    bank = Bank.of(cells, load())
    for i, spelt in enumerate(ON_SPARK):
        root = tmp_path / str(i)
        root.mkdir()
        bank.write(spelt, root)
        places = ["--data", str(root / "data"), "--datamart", str(root / "datamart")]
        code = on_spark(main, ["run", *places, "--engine", "spark"])
        assert code == (2 if i else 0), spelt
        assert bank.read(root) == ({} if i else bank.tables)
