"""A bank of four releases: its raw files, its datamart, and a training set of the first release."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import DeltaTable, QueryBuilder

from lakehouse.catalog import Catalog, load
from lakehouse.engines.embedded import EmbeddedStore
from lakehouse.generate import generate
from lakehouse.months import MonthRange
from lakehouse.releases import published
from lakehouse.run.job import Job
from lakehouse.run.plan import Request
from lakehouse.run.run import run
from lakehouse.storage.datamart import Datamart
from lakehouse.storage.log import Log
from lakehouse.training.build import build, reproduce
from lakehouse.training.receipts import Receipt
from lakehouse.training.sets import Asked, TrainingSet, prepare

CATALOG = load()
IMPOSSIBLE = "1e16"  # overdue: more than any amount can be
PERSONS, LOANS = "features_attributes.csv", "lms_loan_daily.csv"
EARLY, FULL, LATER_DAY, CORRECTED = 1, 2, 3, 4  # the releases of `bank`
# Of each group, as a set of all takes longer.
SOME = ("age", "occupation", "fe_1", "fe_1_mean_6m", "annual_income", "debt_to_income_ratio")
Edit = Callable[[pd.DataFrame], pd.DataFrame]


@dataclass(frozen=True)
class Bank:
    """Raw files, and the datamart made of them."""

    root: Path

    @property
    def data(self) -> Path:
        return self.root / "data"

    @property
    def datamart(self) -> Path:
        return self.root / "datamart"

    @property
    def log(self) -> Log:
        return Log(str(self.datamart))

    @property
    def store(self) -> EmbeddedStore:
        return self.store_of(CATALOG)

    def store_of(self, catalog: Catalog) -> EmbeddedStore:
        return EmbeddedStore(Datamart.at(self.datamart, catalog))

    def change(self, file: str, edit: Edit) -> None:
        """Rewrite a raw file; its cells are texts."""
        path = self.data / file
        edit(pd.read_csv(path, dtype=str, keep_default_na=False)).to_csv(path, index=False)

    def run(self, through: str | None = None, catalog: Catalog = CATALOG) -> None:
        scope = Request(MonthRange(None, through))
        run(
            Job(
                self.data,
                Datamart.at(self.datamart, catalog),
                lambda datamart, _size: EmbeddedStore(datamart),
                scope,
            )
        )

    def prepared(self, release: int, catalog: Catalog = CATALOG, **asked: Any) -> TrainingSet:
        known_then = published.release(self.log, release)
        return prepare(self.store_of(catalog), known_then, Asked(**asked))

    def build(self, release: int, out: Path | None = None, **asked: Any) -> Receipt:
        return build(self.prepared(release, **asked), self.store, out)

    def reproduce(self, made: Receipt, out: Path | None = None) -> Receipt:
        return reproduce(self.store, made.training_set_id, out)

    def versions(self, release: int) -> dict[str, int]:
        return dict(published.release(self.log, release).versions)

    def delta(self, name: str, release: int) -> DeltaTable:
        return self.log.open(CATALOG.table(name), self.versions(release)[name])

    def arrow(self, name: str, release: int) -> pa.Table:
        """A table as it was at a release, read by delta-rs."""
        found = QueryBuilder().register("t", self.delta(name, release)).execute("SELECT * FROM t")
        table = pa.table(found.read_all())
        # DuckDB cannot push a filter down to Arrow's views of strings.
        plain = {pa.string_view(): pa.string()}
        return table.cast(pa.schema([f.with_type(plain.get(f.type, f.type)) for f in table.schema]))

    def copied(self, to: Path) -> Bank:
        return Bank(Path(shutil.copytree(self.root, to)))

    def left_behind(self) -> list[str]:
        """What jobs have left in the datamart's folder for their work."""
        return sorted(each.name for each in self.datamart.glob("_work/job-*"))


def without_a_label_of_two(loans: pd.DataFrame) -> pd.DataFrame:
    """A loan of February is not seen at month on book 6, nor is what one of April then owes."""

    def at_mob_6(start: str) -> pd.Series[bool]:
        first = loans[loans.loan_start_date == start].loan_id.min()
        return (loans.loan_id == first) & (loans.installment_num == "6")

    owed = loans.overdue_amt.mask(at_mob_6("2023-04-01"), IMPOSSIBLE)
    return loans.assign(overdue_amt=owed)[~at_mob_6("2023-02-01")]


def with_a_later_day_of_mob_6(loans: pd.DataFrame) -> pd.DataFrame:
    """Each loan is seen once more at month on book 6: what was overdue is paid, and the reverse."""
    later = loans[(loans.installment_num == "6") & (loans.overdue_amt != IMPOSSIBLE)].copy()
    later.snapshot_date = later.snapshot_date.str[:8] + "20"
    later.overdue_amt = later.overdue_amt.map(lambda amt: "0.0" if float(amt) else "6000.0")
    return pd.concat([loans, later])


def aged_70(customer: str) -> Edit:
    return lambda persons: persons.assign(
        Age=persons.Age.where(persons.Customer_ID != customer, "70")
    )


def rows(file: Path) -> list[dict[str, Any]]:
    return list(pq.read_table(file).to_pylist())


def make_bank(root: Path) -> Bank:
    """Up to October, with a training set of then; all; a later day of mob 6; a corrected age."""
    bank = Bank(root)
    generate(bank.root / "data", customers=30, months=4, seed=3)
    bank.change(LOANS, without_a_label_of_two)
    bank.run(through="2023-10")
    bank.build(EARLY, bank.root / "early.parquet", features=SOME)
    bank.run()
    bank.change(LOANS, with_a_later_day_of_mob_6)
    bank.run()
    bank.change(PERSONS, aged_70(rows(bank.root / "early.parquet")[0]["customer_id"]))
    bank.run()
    assert len(published.releases(bank.log)) == CORRECTED
    return bank
