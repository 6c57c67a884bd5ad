"""Small deliveries from the real world that were once misread; each stands beside this checkout."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from lakehouse import Lakehouse
from lakehouse.cli import main
from lakehouse.training.left_out import CLOSED_EARLY, DPD_UNKNOWN, WRITTEN_OFF
from tests.bank import rows

ROOT = Path(__file__).parent.parent.parent
CASES = Path(os.environ.get("LAKEHOUSE_SHARED_CASES", ROOT.parent / "shared" / "cases"))
pytestmark = pytest.mark.skipif(not CASES.is_dir(), reason=f"no cases at {CASES}")


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
