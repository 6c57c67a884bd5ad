"""The portfolio of a release agrees with its own tables, and its report holds the same numbers."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from lakehouse.engines.embedded import EmbeddedStore
from lakehouse.errors import BadInput
from lakehouse.months import MonthRange
from lakehouse.portfolio.portfolio import Portfolio, portfolio
from lakehouse.portfolio.report import write_report
from lakehouse.releases import published
from lakehouse.run.plan import Request
from lakehouse.storage.datamart import Datamart
from lakehouse.storage.log import Log
from tests.bank import CATALOG, CORRECTED, EARLY, Bank


@pytest.fixture(scope="module")
def found(pristine: Bank) -> Portfolio:
    return portfolio(pristine.store, CATALOG, published.release(pristine.log, CORRECTED))


def rows_of(bank: Bank, name: str) -> list[dict[str, object]]:
    return list(bank.arrow(name, CORRECTED).to_pylist())


def test_bad_loans_at_month_6_are_the_defaults_of_the_label_store(pristine: Bank) -> None:
    defaults = sum(
        row["label"] == 1
        for row in rows_of(pristine, "gold.label_store")
        # The day that counts is the first one; this bank has a later day of month on book 6.
        if row["label_def"] == "30dpd_6mob" and str(row["snapshot_date"]).endswith("-01")
    )
    bad = sum(
        int(str(row["bad"]))
        for row in rows_of(pristine, "gold.vintages")
        if (row["mob"], row["dpd_bound"]) == (6, 30)
    )

    assert bad == defaults > 0


def test_every_record_is_in_a_cell_and_every_later_one_moves_or_is_told(
    pristine: Bank, found: Portfolio
) -> None:
    records = {(r["loan_id"], r["mob"]) for r in rows_of(pristine, "silver.loan_daily")}

    assert sum(cell.loans for cell in found.cells if cell.dpd_bound == 30) == len(records)
    loans = len({loan for loan, _ in records})
    assert found.rolls.loans + found.left_out.without_move == len(records) - loans
    # A record is missing and the dpd of another is not known.
    assert found.left_out.without_move == 3 and found.left_out.without_dpd == 1


def test_a_cohort_with_a_loan_that_is_not_seen_is_not_mature_there(found: Portfolio) -> None:
    blank = {(cell.cohort, cell.mob) for cell in found.cells if not cell.is_shown}

    assert blank == {("2023-02", 6), ("2023-04", 6)}


def test_label_maturity_counts_the_loans_of_a_month_and_those_with_a_label(
    found: Portfolio,
) -> None:
    by_month = {m.month: m.known for m in found.maturity if m.label_def == "30dpd_6mob"}

    assert by_month["2023-01"].value == 1.0
    assert by_month["2023-02"].of - by_month["2023-02"].n == 1
    assert by_month["2023-04"].of - by_month["2023-04"].n == 1


def test_an_older_release_is_told_as_it_was(pristine: Bank, found: Portfolio) -> None:
    early = portfolio(pristine.store, CATALOG, published.release(pristine.log, EARLY))

    assert max(move.month for move in early.moves) == "2023-10"
    assert early.rolls.loans < found.rolls.loans


def test_the_report_is_one_page_and_leaves_immature_cells_blank(
    found: Portfolio, tmp_path: Path
) -> None:
    page = write_report(found, tmp_path / "out").read_text(encoding="utf-8")

    assert found.proposal.headline in page
    assert not re.search(r"(?:src|href)=\"(?!data:)", page)
    names = {file.name for file in (tmp_path / "out").iterdir()}
    assert {
        "index.html",
        "portfolio.json",
        "vintages.csv",
        "roll_rates.csv",
        "maturity.csv",
    } <= names
    assert {"vintages_30.png", "roll_rates.png", "maturity.png", "flattening.png"} <= names
    with (tmp_path / "out" / "vintages.csv").open(encoding="utf-8") as file:
        cells = list(csv.DictReader(file))
    blank = {(c["cohort"], c["mob"]) for c in cells if c["bad_ever_share"] == ""}
    assert blank == {("2023-02", "6"), ("2023-04", "6")}
    numbers = json.loads((tmp_path / "out" / "portfolio.json").read_text(encoding="utf-8"))
    assert numbers == json.loads(json.dumps(found.as_json()))


def test_the_page_says_that_exclusions_leave_out_no_loan(found: Portfolio, tmp_path: Path) -> None:
    page = write_report(found, tmp_path / "report").read_text(encoding="utf-8")

    assert "Every loan counts. Exclusions are asked for by name" in page


def test_a_report_into_a_file_is_refused(found: Portfolio, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    with pytest.raises(BadInput, match="is a file; name a folder"):
        write_report(found, tmp_path / "out")


def test_a_release_without_these_tables_is_refused(pristine: Bank) -> None:
    release = published.release(pristine.log, CORRECTED)
    versions = {name: v for name, v in release.versions.items() if name != "gold.vintages"}
    old = type(release)(**{**release.__dict__, "versions": versions})

    with pytest.raises(BadInput, match=r"has no table gold\.vintages"):
        portfolio(pristine.store, CATALOG, old)


@pytest.mark.slow
def test_a_month_more_computes_only_that_month(
    tmp_path: Path, run_job: Callable[..., object]
) -> None:
    by_months, at_once = tmp_path / "by_months", tmp_path / "at_once"
    run_job(by_months, request=Request(MonthRange(None, "2023-09")))
    run_job(by_months, request=Request(MonthRange(None, "2023-10")))
    run_job(at_once, request=Request(MonthRange(None, "2023-10")))

    for name in ("gold.vintages", "gold.roll_rates"):
        assert _read(by_months, name) == _read(at_once, name)
        assert _months_of_last_commit(by_months, name) == {"2023-10"}


def _read(datamart: Path, name: str) -> list[dict[str, object]]:
    table = CATALOG.table(name)
    rows = EmbeddedStore(Datamart.at(datamart, CATALOG)).read(table).collect()
    return sorted((row.asDict() for row in rows), key=lambda row: [row[key] for key in table.keys])


def _months_of_last_commit(datamart: Path, name: str) -> set[str]:
    log, table = Log(str(datamart)), CATALOG.table(name)
    newest = log.version(table) or 0
    return set(log.changed_months(table, newest - 1, newest))
