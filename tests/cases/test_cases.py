"""Small deliveries from the real world that were once misread; each stands beside this checkout."""

from __future__ import annotations

import os
import shutil
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from lakehouse import Lakehouse
from lakehouse.catalog import load
from lakehouse.cli import main
from lakehouse.engines.embedded import EmbeddedStore
from lakehouse.run.job import Job
from lakehouse.run.run import plan
from lakehouse.run.run import run as run_job
from lakehouse.storage.datamart import Datamart
from lakehouse.training.left_out import CLOSED_EARLY, DPD_UNKNOWN, WRITTEN_OFF
from tests.bank import rows
from tests.cli.test_bad_input import Answer, ask, computed, table_rows
from tests.cli.test_bad_input import run as run_command

ROOT = Path(__file__).parent.parent.parent
CASES = Path(os.environ.get("LAKEHOUSE_SHARED_CASES", ROOT.parent / "shared" / "cases"))
PLAIN = "upload_cut_off/1"  # most other deliveries are a variant of it
pytestmark = [
    pytest.mark.slow,
    pytest.mark.each,
    pytest.mark.skipif(not CASES.is_dir(), reason=f"no cases at {CASES}"),
]


class Bank:
    """A datamart into which cases are delivered, by the command line."""

    def __init__(self, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.root = root
        self.datamart = root / "datamart"
        self.capsys = capsys

    def run(self, case: str, *options: str) -> tuple[int, str]:
        """Run on a case; its exit code and what it says on stderr."""
        places = ["--data", str(CASES / case), "--datamart", str(self.datamart)]
        code = main(["run", *places, *options])
        return code, self.capsys.readouterr().err

    def training_set(self, label_def: str = "30dpd_6mob") -> list[dict[str, Any]]:
        out = self.root / "train.parquet"
        options = ["--out", str(out), "--label-def", label_def, "--datamart", str(self.datamart)]
        assert main(["training-set", *options]) == 0
        return rows(out)

    def left_out(self) -> dict[str, int]:
        """The loans that the newest training set leaves out."""
        counts: dict[str, int] = Lakehouse(self.datamart).training_sets().iloc[-1].left_out
        return counts

    def table(self, name: str) -> list[dict[str, Any]]:
        return [row.asDict() for row in Lakehouse(self.datamart).table(name).collect()]


@pytest.fixture
def bank(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Bank:
    return Bank(tmp_path, capsys)


@pytest.mark.parametrize(
    ("case", "file", "column", "cause"),
    [
        ("decimal_commas", "features_financials.csv", "Annual_Income", "commas"),
        ("thousands_with_points", "features_financials.csv", "Annual_Income", "thousands points"),
        ("amounts_in_rupiah", "features_financials.csv", "Annual_Income", "currency"),
        ("clicks_become_decimals", "feature_clickstream.csv", "fe_1", "decimals"),
    ],
)
def test_a_column_that_turns_to_null_refuses_the_file(
    bank: Bank, case: str, file: str, column: str, cause: str
) -> None:
    code, told = bank.run(case)
    assert code == 2 and f"{file}: " in told and f"cells of {column} would become NULL" in told
    assert cause in told and not (bank.datamart / "bronze").exists()


@pytest.mark.parametrize("case", ["late_rows_alone", "upload_cut_off"])
def test_a_delivery_that_would_delete_rows_is_refused(bank: Bank, case: str) -> None:
    assert bank.run(f"{case}/1")[0] == 0
    held = len(bank.table("bronze.loan_daily"))
    code, told = bank.run(f"{case}/2")
    assert code == 2 and "nothing was" in told
    assert len(bank.table("bronze.loan_daily")) == held


def test_late_rows_are_taken_as_rows(bank: Bank) -> None:
    assert bank.run("late_rows_alone/1")[0] == 0
    labels = len(bank.training_set())
    assert bank.run("late_rows_alone/2", "--delivery", "rows")[0] == 0
    assert len(bank.training_set()) >= labels


def test_an_interest_rate_has_decimals(bank: Bank) -> None:
    assert bank.run("interest_rate_with_decimals")[0] == 0
    financials = bank.table("gold.features_financials")
    assert all(row["interest_rate"] is not None for row in financials)
    assert any(row["interest_rate"] % 1 for row in financials)


def test_kinds_of_loan_are_known_however_they_are_spelt(bank: Bank) -> None:
    assert bank.run("kinds_of_loan_spelt_otherwise")[0] == 0
    flags = [
        (row["has_auto_loan"], row["has_payday_loan"])
        for row in bank.table("gold.features_financials")
    ]
    assert sorted(flags, key=str) == [(1, 1)] * 8 + [(None, None)]


def test_two_of_twelve_unrounded_installments_are_two(bank: Bank) -> None:
    assert bank.run("twelve_installments_unrounded")[0] == 0
    missed = {row["installments_missed"] for row in bank.table("silver.loan_daily")}
    days = [row for row in bank.table("silver.loan_daily") if row["installments_missed"] == 2]
    assert days and all(59 <= row["dpd"] <= 62 for row in days)
    assert max(missed) <= 12


def test_the_surest_defaulters_keep_their_label(bank: Bank) -> None:
    assert bank.run("never_paid_with_late_fee")[0] == 0
    late = [row for row in bank.table("silver.loan_daily") if row["_issues"]]
    assert late and all(row["dpd"] is not None and row["dpd"] > 0 for row in late)
    assert {row["label"] for row in bank.training_set()} == {0, 1}


def test_arrears_with_nothing_due_are_not_good(bank: Bank) -> None:
    assert bank.run("nothing_due_but_in_arrears")[0] == 0
    odd = [
        row for row in bank.table("silver.loan_daily") if row["due_amt"] == 0 < row["overdue_amt"]
    ]
    assert odd and all(row["dpd"] is None and row["_issues"] for row in odd)
    bank.training_set()
    assert bank.left_out()[DPD_UNKNOWN] > 0


def test_a_closed_loan_is_not_too_young(bank: Bank) -> None:
    assert bank.run("closed_early_is_no_young_loan")[0] == 0
    bank.training_set()
    left_out = bank.left_out()
    assert (left_out[CLOSED_EARLY], left_out[WRITTEN_OFF]) == (1, 1)
    assert left_out["too_young"] == 0


# Dates, keys, equal rows, days and ends


def case(name: str, datamart: Path, *more: str) -> Answer:
    return run_command(CASES / name, datamart, *more)


def notes(answer: Answer) -> str:
    return "\n".join(answer.report["notes"])


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A datamart of the plain delivery; copy it before changing it."""
    datamart = tmp_path_factory.mktemp("plain") / "datamart"
    assert case(PLAIN, datamart).code == 0
    return datamart


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("dayfirst_features", "dates with slashes are read day first: the first field is always 1"),
        ("dayfirst_one_row_proves_it", "'18/3/2024' on line 10 is a day in this order only"),
        ("padded_columns", ""),
        ("padded_key_doubles_a_loan", ""),
        ("same_amount_written_twice", ""),
        ("index_column_makes_equal_rows_disagree", "unnamed_1 is not declared"),
        ("installment_written_6.0", ""),
    ],
)
def test_another_spelling_gives_the_same_silver_and_gold(
    plain: Path, tmp_path: Path, name: str, told: str
) -> None:
    if name == "dayfirst_one_row_proves_it":
        plain = _with_a_day_changed(tmp_path)
    answer = case(name, tmp_path / "datamart")
    assert told in notes(answer)
    assert table_rows(tmp_path / "datamart", "bronze.quarantine") == []
    assert computed(tmp_path / "datamart") == computed(plain)


def _with_a_day_changed(tmp_path: Path) -> Path:
    """The plain delivery with the day that the case has in its last row of finances."""
    data = shutil.copytree(CASES / PLAIN, tmp_path / "data")
    file = data / "features_financials.csv"
    *lines, last = file.read_text(encoding="utf-8").splitlines()
    text = "\n".join([*lines, last.replace("2024-03-01", "2024-03-18")])
    file.write_text(text + "\n", encoding="utf-8")
    assert run_command(data, tmp_path / "expected").code == 0
    return tmp_path / "expected"


@pytest.mark.parametrize(
    ("name", "options", "reason"),
    [
        ("null_word_as_id", (), "Customer_ID is a word for a missing value: 'nan'"),
        ("label_before_application", (), "loan_start_date is after snapshot_date: '2025-03-01'"),
    ],
)
def test_an_impossible_row_is_quarantined(
    tmp_path: Path, name: str, options: tuple[str, ...], reason: str
) -> None:
    assert case(name, tmp_path / "datamart", *options).code == 0
    bad = table_rows(tmp_path / "datamart", "bronze.quarantine")
    assert [reason] in [row["reasons"] for row in bad]
    ids = {row["Customer_ID"] for row in table_rows(tmp_path / "datamart", "bronze.loan_daily")}
    assert ids and not ids & {"nan", "NULL", "None"}


def test_an_upload_that_was_cut_off_is_refused_and_nothing_is_deleted(
    plain: Path, tmp_path: Path
) -> None:
    datamart = tmp_path / "datamart"
    shutil.copytree(plain, datamart)
    answer = case("upload_cut_off/2", datamart)
    assert answer.code == 2 and "feature_clickstream.csv breaks off" in answer.only_line
    assert computed(datamart) == computed(plain)


def test_ids_that_differ_in_case_are_told_by_name(tmp_path: Path) -> None:
    told = notes(case("id_case_differs", tmp_path / "datamart"))
    assert "9 ids in Customer_ID" in told
    assert "cus_0X901a (features_attributes.csv)" in told and "CUS_0x901a (" in told


def test_rows_of_the_first_of_the_month_wait_for_their_day(plain: Path, tmp_path: Path) -> None:
    def job(day: date) -> Job:
        datamart = Datamart.at(tmp_path / "datamart", load())
        data = CASES / "first_of_month_east_of_utc"
        return Job(data, datamart, lambda on, _size: EmbeddedStore(on), on_day=day)

    before = run_job(job(date(2024, 12, 31)))
    loans = before.tables["bronze.loan_daily"].rows
    assert loans and loans.quarantined > 0

    def pending(day: date) -> list[str]:
        return [step.table.full_name for step in plan(job(day)) if step.pending]

    assert pending(date(2024, 12, 31)) == []
    assert "bronze.loan_daily" in pending(date(2025, 1, 1))
    after = run_job(job(date(2025, 1, 1))).tables["bronze.loan_daily"].rows
    assert after and after.quarantined == 0
    assert pending(date(2025, 1, 2)) == []
    bad = table_rows(tmp_path / "datamart", "bronze.quarantine")
    assert bad and all(row["mended_run_id"] for row in bad)
    assert computed(tmp_path / "datamart") == computed(plain)


def test_a_spine_and_a_lookup_take_the_same_day(plain: Path, tmp_path: Path) -> None:
    spine = CASES / "lookup_and_spine_take_another_day" / "applications.csv"
    lake = Lakehouse(plain)
    trained = lake.training_set(spine=spine, keep_receipt=False).toPandas()
    served = lake.lookup("CUS_0x902a", as_of="2023-07-01T07:30:00+08:00")
    assert trained.application_date.tolist() == served.application_date.tolist()
    assert served.application_date.tolist() == [date(2023, 6, 30)]


def test_a_spine_with_years_of_two_digits_is_refused_with_its_row(
    plain: Path, tmp_path: Path
) -> None:
    spine = CASES / "spine_with_two_digit_years" / "applications.csv"
    asked = ("--datamart", plain, "--out", tmp_path / "set.parquet", "--spine", spine)
    answer = ask("training-set", *asked)
    assert answer.code == 2 and "'7/1/23' on row 1 has a year of two digits" in answer.only_line
