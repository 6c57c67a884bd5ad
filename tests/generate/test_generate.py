"""The synthetic raw files: sizes, dirt, the loan system's bookkeeping, and that no run differs."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lakehouse.errors import BadInput
from lakehouse.generate import cells, generate
from lakehouse.generate.files import ATTRIBUTES, CLICKSTREAM, FINANCIALS, HEADERS, LOANS

CUSTOMERS = 5_000
Tables = dict[str, pd.DataFrame]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("generated")
    generate(out, customers=CUSTOMERS)
    return out


@pytest.fixture(scope="module")
def tables(folder: Path) -> Tables:
    return {name: pd.read_csv(folder / name, dtype=str, keep_default_na=False) for name in HEADERS}


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def number(cells: pd.Series) -> pd.Series:
    return pd.to_numeric(cells.str.strip("_"), errors="coerce")


def month_number(dates: pd.Series) -> pd.Series:
    return dates.str[:4].astype(int) * 12 + dates.str[5:7].astype(int)


def test_the_same_arguments_give_the_same_bytes(tmp_path: Path) -> None:
    generate(tmp_path / "one", customers=300, seed=3)
    generate(tmp_path / "two", customers=300, seed=3)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_another_seed_gives_other_rows_in_every_file(tmp_path: Path) -> None:
    generate(tmp_path / "one", customers=300, seed=3)
    generate(tmp_path / "two", customers=300, seed=4)
    one, two = contents(tmp_path / "one"), contents(tmp_path / "two")
    assert all(one[name] != two[name] for name in HEADERS)


def test_12500_customers_give_the_row_counts_of_the_real_files(tmp_path: Path) -> None:
    rows = generate(tmp_path, customers=12_500)
    assert rows == {CLICKSTREAM: 215_376, ATTRIBUTES: 12_500, FINANCIALS: 12_500, LOANS: 137_500}


@pytest.mark.parametrize(("customers", "months"), [(1, 1), (2, 1), (40, 3), (300, 30)])
def test_reported_rows_are_the_rows_in_the_files(
    tmp_path: Path, customers: int, months: int
) -> None:
    rows = generate(tmp_path, customers=customers, months=months)
    observed = round(customers * 0.71792)
    assert rows[LOANS] == customers * 11
    assert rows.get(CLICKSTREAM, 0) == observed * months
    assert rows == {name: (tmp_path / name).read_bytes().count(b"\n") - 1 for name in HEADERS}


def test_chunks_cover_every_customer_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cells, "CHUNK", 70)
    generate(tmp_path, customers=500)
    attributes = pd.read_csv(tmp_path / ATTRIBUTES, dtype=str)
    loans = pd.read_csv(tmp_path / LOANS, dtype=str)
    clicks = pd.read_csv(tmp_path / CLICKSTREAM, dtype=str)
    assert attributes.Customer_ID.nunique() == loans.Customer_ID.nunique() == 500
    assert len(loans) == 5_500
    assert clicks.groupby("snapshot_date").Customer_ID.nunique().eq(359).all()


def test_no_row_is_broken(folder: Path) -> None:
    for name, header in HEADERS.items():
        with (folder / name).open(newline="", encoding="ascii") as lines:
            rows = csv.reader(lines, strict=True)
            assert next(rows) == header.split(",")
            assert {len(row) for row in rows} == {header.count(",") + 1}
        assert b"\0" not in (folder / name).read_bytes()


def test_keys_are_unique(tables: Tables) -> None:
    for name, table in tables.items():
        keys = ["loan_id", "snapshot_date"] if name == LOANS else ["Customer_ID", "snapshot_date"]
        assert not table.duplicated(keys).any(), name
    assert tables[ATTRIBUTES].Customer_ID.str.fullmatch("CUS_0x[0-9a-f]+").all()


def test_rows_are_ordered_as_in_the_real_files(tables: Tables) -> None:
    assert tables[ATTRIBUTES].Customer_ID.is_monotonic_increasing
    assert tables[FINANCIALS].Customer_ID.equals(tables[ATTRIBUTES].Customer_ID)
    for name in (LOANS, CLICKSTREAM):
        assert tables[name].snapshot_date.is_monotonic_increasing
    by_month = tables[LOANS].groupby("snapshot_date").Customer_ID
    assert by_month.apply(lambda ids: ids.is_monotonic_increasing).all()


def test_features_are_dated_in_the_month_of_the_application(tables: Tables) -> None:
    start = tables[LOANS].drop_duplicates("loan_id").set_index("Customer_ID").loan_start_date
    for name in (ATTRIBUTES, FINANCIALS):
        dated = tables[name].set_index("Customer_ID").snapshot_date
        assert dated.equals(start.reindex(dated.index).rename("snapshot_date"))
    assert (start.min(), start.max()) == ("2023-01-01", "2025-01-01")


def test_only_borrowers_of_the_first_18_months_have_a_clickstream(tables: Tables) -> None:
    attributes = tables[ATTRIBUTES].set_index("Customer_ID").snapshot_date
    observed = attributes.index.isin(tables[CLICKSTREAM].Customer_ID)
    assert attributes[observed].max() == "2024-06-01"
    assert attributes[~observed].min() == "2024-07-01"
    assert tables[CLICKSTREAM].snapshot_date.nunique() == 24


DIRT = [  # file, column, what is dirty, share in the real files
    (ATTRIBUTES, "Age", r".*_", 0.05),
    (ATTRIBUTES, "Age", r"-500_?", 0.008),
    (ATTRIBUTES, "Age", r"\d{3,4}_?", 0.0144),
    (ATTRIBUTES, "SSN", re.escape("#F%$D@*&8"), 0.06),
    (ATTRIBUTES, "Occupation", "_______", 0.07),
    (ATTRIBUTES, "Name", r'.*[",].*', 0.0096),
    (FINANCIALS, "Annual_Income", r".*_", 0.07),
    (FINANCIALS, "Annual_Income", r"\d{7,8}\.\d+_?", 0.009),
    (FINANCIALS, "Num_Bank_Accounts", r"1[1-9]|[2-9]\d|\d{3,4}", 0.0133),
    (FINANCIALS, "Num_Credit_Card", r"[2-9]\d|\d{3,4}", 0.0258),
    (FINANCIALS, "Interest_Rate", r"[5-9]\d|\d{3,4}", 0.0218),
    (FINANCIALS, "Num_of_Loan", r".*_", 0.05),
    (FINANCIALS, "Num_of_Loan", r"-100_?", 0.039),
    (FINANCIALS, "Num_of_Loan", r"\d{2,4}_?", 0.0037),
    (FINANCIALS, "Type_of_Loan", "", 0.11),
    (FINANCIALS, "Num_of_Delayed_Payment", r".*_", 0.03),
    (FINANCIALS, "Num_of_Delayed_Payment", r"[89]\d_?|\d{3,4}_?", 0.0099),
    (FINANCIALS, "Num_of_Delayed_Payment", r"-\d_?", 0.0067),
    (FINANCIALS, "Changed_Credit_Limit", "_", 0.023),
    (FINANCIALS, "Delay_from_due_date", r"-\d", 0.0067),
    (FINANCIALS, "Changed_Credit_Limit", r"-.*", 0.016),
    (FINANCIALS, "Changed_Credit_Limit", r"-?\d+\.\d{10,}", 0.027),
    (FINANCIALS, "Num_Credit_Inquiries", r"([5-9]\d|\d{3,4})\.0", 0.02),
    (FINANCIALS, "Credit_Mix", "_", 0.21),
    (FINANCIALS, "Outstanding_Debt", r".*_", 0.01),
    (FINANCIALS, "Payment_of_Min_Amount", "NM", 0.12),
    (FINANCIALS, "Total_EMI_per_month", r"[1-9]\d{3,4}\.0", 0.0354),
    (FINANCIALS, "Amount_invested_monthly", "__10000__", 0.042),
    (FINANCIALS, "Payment_Behaviour", re.escape("!@9#%8"), 0.08),
]


@pytest.mark.parametrize(("name", "column", "pattern", "share"), DIRT)
def test_each_kind_of_dirt_has_its_share(
    tables: Tables, name: str, column: str, pattern: str, share: float
) -> None:
    found = tables[name][column].str.fullmatch(pattern).mean()
    four_standard_errors = 4 * np.sqrt(share * (1 - share) / CUSTOMERS)
    assert found == pytest.approx(share, abs=four_standard_errors + 0.1 * share)


def test_one_balance_is_lost_and_no_other_cell_is_dirty(tables: Tables) -> None:
    money = tables[FINANCIALS]
    balance = money.Monthly_Balance
    assert (balance == "__-333333333333333333333333333__").sum() == 1
    for column in ("Monthly_Inhand_Salary", "Credit_Utilization_Ratio", "Delay_from_due_date"):
        assert number(money[column]).notna().all()
        assert not money[column].str.contains("_").any()
    assert money.Credit_History_Age.str.fullmatch(r"\d+ Years and \d+ Months").all()


def test_the_list_of_loans_agrees_with_a_clean_count_of_loans(tables: Tables) -> None:
    money = tables[FINANCIALS]
    listed = money.Type_of_Loan.str.split(r",\s*(?:and )?", regex=True)
    count = listed.where(money.Type_of_Loan != "", None).str.len().fillna(0)
    loans = number(money.Num_of_Loan)
    clean = loans.between(0, 9)
    assert count[clean].equals(loans[clean].astype(float))
    several = money.Type_of_Loan[count > 1]
    assert several.str.contains(r", and [\w -]+$", regex=True).all()


def test_social_security_numbers_are_unique_and_never_issued(tables: Tables) -> None:
    numbers = tables[ATTRIBUTES].SSN
    numbers = numbers[numbers != "#F%$D@*&8"]
    assert numbers.str.fullmatch(r"9\d\d-[0-4]\d-\d{4}").all()
    assert numbers.is_unique


def test_the_ledger_adds_up(tables: Tables) -> None:
    loans = tables[LOANS].copy()
    amounts = ["loan_amt", "due_amt", "paid_amt", "overdue_amt", "balance", "installment_num"]
    loans[amounts] = loans[amounts].astype(float)
    paid_so_far = loans.groupby("loan_id").paid_amt.cumsum()
    due_so_far = loans.groupby("loan_id").due_amt.cumsum()
    assert (loans.balance == 10_000 - paid_so_far).all()
    assert (loans.overdue_amt == due_so_far - paid_so_far).all()
    assert (loans.overdue_amt >= 0).all()
    assert (loans.due_amt == np.where(loans.installment_num > 0, 1_000, 0)).all()
    since_start = month_number(loans.snapshot_date) - month_number(loans.loan_start_date)
    assert (since_start == loans.installment_num).all()
    assert (
        loans.loan_id == loans.Customer_ID + "_" + loans.loan_start_date.str.replace("-", "_")
    ).all()


def test_numbers_are_written_as_in_the_real_files(tables: Tables) -> None:
    loans = tables[LOANS]
    assert set(loans.loan_amt) == {"10000"}
    assert set(loans.due_amt) == {"0.0", "1000.0"}
    assert set(loans.tenure) == {"10"}
    assert tables[FINANCIALS].Num_Credit_Inquiries.str.endswith(".0").all()
    assert (tables[FINANCIALS].Total_EMI_per_month == "0.0").mean() > 0.08
    signals = tables[CLICKSTREAM].iloc[:, :20]
    assert signals.apply(lambda cells: cells.str.fullmatch(r"-?\d+")).all(axis=None)


def defaulted(tables: Tables) -> pd.Series:
    at_mob_6 = tables[LOANS][tables[LOANS].installment_num == "6"].set_index("Customer_ID")
    missed = np.ceil(at_mob_6.overdue_amt.astype(float) / at_mob_6.due_amt.astype(float))
    return missed >= 1


def test_288_loans_in_a_thousand_default(tables: Tables) -> None:
    assert defaulted(tables).mean() == pytest.approx(0.288, abs=0.001)


def test_defaults_follow_the_finances(tables: Tables) -> None:
    money = tables[FINANCIALS].set_index("Customer_ID")
    shares = defaulted(tables).groupby(money.Credit_Mix).mean()
    assert shares["Bad"] > 0.45
    assert 0.30 > shares["Standard"] > shares["Good"]
    debt = number(money.Outstanding_Debt)
    rank = debt.rank(pct=True).reindex(defaulted(tables).index)
    assert rank[defaulted(tables)].mean() - rank[~defaulted(tables)].mean() > 0.15


def test_the_clickstream_knows_nothing_of_defaults(tables: Tables) -> None:
    clicks = tables[CLICKSTREAM].set_index("Customer_ID").iloc[:, :20].astype(int)
    means = clicks.groupby("Customer_ID").mean()
    default = defaulted(tables).reindex(means.index)
    difference = means[default].mean() - means[~default].mean()
    standard_error = means.std() * np.sqrt(1 / default.sum() + 1 / (~default).sum())
    assert (difference.abs() < 4.5 * standard_error).all()


def test_progress_hears_of_every_file(tmp_path: Path) -> None:
    heard: dict[str, str] = {}
    rows = generate(tmp_path, customers=50, months=2, on_progress=heard.__setitem__)
    assert heard == {name: f"{n:,} rows" for name, n in rows.items()}


@pytest.mark.parametrize(
    "arguments",
    [{"customers": 0}, {"months": 0}, {"seed": -1}, {"customers": 10**9}, {"months": 10**6}],
)
def test_arguments_without_sense_are_refused(tmp_path: Path, arguments: dict[str, int]) -> None:
    with pytest.raises(BadInput, match=next(iter(arguments))):
        generate(tmp_path / "out", **arguments)
    assert not (tmp_path / "out").exists()


def test_a_file_is_refused_as_the_folder(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("here")
    with pytest.raises(BadInput, match="is a file"):
        generate(tmp_path / "out", customers=10)


def test_a_stopped_run_leaves_no_file_and_keeps_the_files_that_were_there(tmp_path: Path) -> None:
    def stop(name: str, doing: str) -> None:
        if name == LOANS:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        generate(tmp_path, customers=50, on_progress=stop)
    assert not list(tmp_path.iterdir())
    generate(tmp_path, customers=50)
    before = contents(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        generate(tmp_path, customers=60, on_progress=stop)
    assert contents(tmp_path) == before


def test_a_file_that_differs_is_replaced_only_with_force(tmp_path: Path) -> None:
    (tmp_path / LOANS).write_text("mine\n")
    with pytest.raises(
        BadInput, match=rf"already has {LOANS} with other content; nothing was changed"
    ):
        generate(tmp_path, customers=20)
    assert contents(tmp_path) == {LOANS: b"mine\n"}
    generate(tmp_path, customers=20, force=True)
    made = contents(tmp_path)
    assert len(made) == 4 and made[LOANS] != b"mine\n"
    generate(tmp_path, customers=20)
    assert contents(tmp_path) == made
