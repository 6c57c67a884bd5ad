"""The portfolio of a release: what its tables tell, in numbers that are few however many loans there are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from functools import partial
from typing import TYPE_CHECKING, Any

from pyspark.sql import functions as F

from lakehouse.errors import BadInput
from lakehouse.gold.arrears import BOUNDS, month_number, number
from lakehouse.gold.vintages import LATE_MONTHS
from lakehouse.label import LabelStore
from lakehouse.portfolio.curves import Cell, Together, together
from lakehouse.portfolio.proposal import Proposal, propose
from lakehouse.portfolio.rolls import Matrix, Move, by_month, matrix
from lakehouse.portfolio.shares import Share, share
from lakehouse.releases.readable import readable_version
from lakehouse.storage.log import months_of
from lakehouse.table import Table

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from lakehouse.catalog import Catalog
    from lakehouse.engines.store import Store
    from lakehouse.releases.release import Release


_NEEDED = ("gold.vintages", "gold.roll_rates")


@dataclass(frozen=True)
class Maturity:
    """The loans of a month of application under a label definition: with a label, indeterminate, all."""

    month: str
    label_def: str
    loans: int
    indeterminate: int
    known: Share


@dataclass(frozen=True)
class LeftOut:
    """Records that vintages and roll rates cannot use, and why.

    `stays_behind`: the month on book is more than a month behind the calendar. `not_yet`: it is ahead, and
    counts when its own month is there. `without_move`: records after the first month on book that have none
    at the one before, a month earlier, or days past due that are not known.
    """

    records: int
    without_mob: int
    without_dpd: int
    stays_behind: int
    not_yet: int
    without_move: int


@dataclass(frozen=True)
class Portfolio:
    """Vintages, roll rates, cures and label maturity of a release, and a default definition to propose."""

    release: int
    proposal: Proposal
    curves: tuple[Together, ...]
    rolls: Matrix
    rolls_by_month: tuple[Matrix, ...]
    maturity: tuple[Maturity, ...]
    left_out: LeftOut
    cells: tuple[Cell, ...]
    moves: tuple[Move, ...]

    def __repr__(self) -> str:
        lines = (*self.proposal.reasons, *self.proposal.limits)
        return "\n".join([self.proposal.headline, *(f"- {line}" for line in lines)])

    def as_json(self) -> dict[str, Any]:
        """All numbers as plain values."""
        return asdict(self)

    def curve(self, dpd_bound: int) -> Together:
        """The curve of all mature cohorts for a bound."""
        return next(each for each in self.curves if each.dpd_bound == dpd_bound)


def portfolio(store: Store, catalog: Catalog, release: Release) -> Portfolio:
    """The portfolio as of a release; BadInput if it has no table of vintages or roll rates."""
    read = partial(_read, store, release)
    vintages, roll_rates = _needed(catalog)
    cells, moves = _rows(read(vintages), Cell), _rows(read(roll_rates), Move)
    table = catalog.label_store.upstreams[0]
    loans = read(table)
    curves = tuple(together(cells, bound) for bound in BOUNDS)
    held = store.log.rows_by_month(table, release.versions[table.full_name])
    left_out, longest_loan = _left_out(
        _named(loans, table, catalog.labels), max(months_of(held)), sum(m.loans for m in moves)
    )
    rolls = matrix(moves)
    return Portfolio(
        release.number,
        propose(rolls, curves, longest_loan),
        curves,
        rolls,
        by_month(moves),
        _maturity(loans, catalog, read),
        left_out,
        cells,
        moves,
    )


def _needed(catalog: Catalog) -> tuple[Table, Table]:
    """The tables of vintages and of roll rates; BadInput if the bank has none."""
    by_name = {table.full_name: table for table in catalog.tables}
    if missing := [name for name in _NEEDED if name not in by_name]:
        raise BadInput(
            f"portfolio needs {' and '.join(_NEEDED)}, and the bank {catalog.bank.name} has no "
            f"{' and no '.join(missing)}; declare them with the columns that the shipped bank gives them"
        )
    if not catalog.labels.has_days:
        raise BadInput(
            f"portfolio counts days past due, and the labels of the bank {catalog.bank.name} have a rule in "
            "words; declare label definitions with dpd and mob"
        )
    vintages, roll_rates = (by_name[name] for name in _NEEDED)
    return vintages, roll_rates


def _read(store: Store, release: Release, table: Table) -> DataFrame:
    return store.read(table, readable_version(store.log, release, table))


def _rows(rows: DataFrame, of: type[Any]) -> tuple[Any, ...]:
    """The rows as values, in order; there are as many as months and buckets, however many loans."""
    names = [field.name for field in fields(of)]
    return tuple(of(*row) for row in rows.select(*names).orderBy(*names[:3]).collect())


def _named(loans: DataFrame, table: Table, labels: LabelStore) -> DataFrame:
    """The records of loans with the columns that are counted, called as in every bank."""
    own = labels.loans
    called = {
        "customer_id": table.entity,
        "loan_id": own.loan,
        "loan_start_date": own.application,
        "snapshot_date": table.date,
        "mob": own.mob,
        "dpd": labels.dpd,
    }
    # A bank need not know how long its loans run.
    tenure = F.col("tenure") if "tenure" in table.columns else F.lit(None).cast("int")
    return loans.select(
        *(F.col(theirs).alias(ours) for ours, theirs in called.items()), tenure.alias("tenure")
    )


def _left_out(loans: DataFrame, newest: str, moved: int) -> tuple[LeftOut, int | None]:
    """The records that do not count, and the longest tenure."""
    seen, due = (
        month_number(F.col("snapshot_date")),
        month_number(F.col("loan_start_date")) + F.col("mob"),
    )
    unusable = (
        F.col("mob").isNull(),
        F.col("dpd").isNull(),
        seen > due + LATE_MONTHS,
        due > number(newest),
    )
    counts = [F.count(F.when(is_so, 1)) for is_so in unusable]
    *counted, longest = loans.agg(F.count("*"), *counts, F.max("tenure")).collect()[0]
    records, without_mob, without_dpd, behind, ahead = map(int, counted)
    by_loan = loans.groupBy("customer_id", "loan_id").agg(F.countDistinct("mob").alias("mobs"))
    ((later,),) = by_loan.where(F.col("mobs") > 0).agg(F.sum(F.col("mobs") - 1)).collect()
    without_move = int(later or 0) - moved
    return LeftOut(records, without_mob, without_dpd, behind, ahead, without_move), longest


def _maturity(
    loans: DataFrame, catalog: Catalog, read: Callable[[Table], DataFrame]
) -> tuple[Maturity, ...]:
    """The loans with a known label, by month of application and definition."""
    labels = catalog.labels
    own, applied = labels.own, F.date_format(F.col("applied"), "yyyy-MM").alias("month")
    all_loans = loans.select(labels.loans.loan, F.col(labels.loans.application).alias("applied"))
    in_month = {
        row[0]: row[1]
        for row in all_loans.groupBy(applied).agg(F.countDistinct(labels.loans.loan)).collect()
    }
    observed = read(catalog.label_store).select(
        own.loan, labels.label_def, labels.label, F.col(own.application).alias("applied")
    )
    is_known = F.col(labels.label).isNotNull()
    counted = observed.groupBy(labels.label_def, applied).agg(
        F.countDistinct(F.when(is_known, F.col(own.loan))),
        F.countDistinct(F.when(~is_known, F.col(own.loan))),
    )
    found = {(name, month): (known, unsure) for name, month, known, unsure in counted.collect()}
    return tuple(
        Maturity(month, each.name, n, unsure, share(known, n))
        for each in labels.definitions
        for month, n in sorted(in_month.items())
        for known, unsure in [found.get((each.name, month), (0, 0))]
    )


def defined(maturity: Sequence[Maturity]) -> list[str]:
    """The label definitions, in their order."""
    return list(dict.fromkeys(each.label_def for each in maturity))
