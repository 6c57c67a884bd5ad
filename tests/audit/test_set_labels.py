"""A file of a training set that another program changed: what its release, or its hash, says of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lakehouse.audit.finding import Check
from lakehouse.audit.set_content import content_check
from lakehouse.audit.set_labels import Labels
from lakehouse.audit.training_set import audit_training_set, of_file, of_receipt
from lakehouse.errors import BadInput
from lakehouse.generate import generate
from lakehouse.model.features import declared_groups
from lakehouse.releases import published
from lakehouse.training.build import build
from tests.bank import Bank
from tests.narrow import narrow

CATALOG = narrow()
GROUPS = declared_groups(CATALOG)
KNOWN_BY = pd.Timestamp("2024-01-31")
FEATURES = ("age", "annual_income", "credit_history_months")
Change = Callable[[pd.DataFrame], pd.DataFrame]


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Bank:
    bank = Bank(tmp_path_factory.mktemp("set_labels"))
    generate(bank.data, customers=60, months=4, seed=3)
    bank.run(catalog=CATALOG)
    return bank


@pytest.fixture(scope="module")
def file(bank: Bank) -> Path:
    """A training set as it was written."""
    asked = bank.prepared(1, CATALOG, features=FEATURES, labels_known_by=KNOWN_BY.date())
    build(asked, bank.store_of(CATALOG), bank.root / "set.parquet")
    return bank.root / "set.parquet"


@pytest.fixture
def labels(bank: Bank) -> Labels:
    return Labels(bank.store_of(CATALOG), published.newest(bank.log))


def changed(file: Path, change: Change, into: Path, says_its_origin: bool = False) -> Path:
    """The file as another program writes it; it may keep what the file says of its origin."""
    rows = pa.Table.from_pandas(change(pq.read_table(file).to_pandas()), preserve_index=False)
    return written(rows, into, of=file if says_its_origin else None)


def written(rows: pa.Table, into: Path, of: Path | None) -> Path:
    with pq.ParquetWriter(into / "changed.parquet", rows.schema) as writer:
        writer.write_table(rows)
        if of:
            writer.add_key_value_metadata(pq.read_metadata(of).metadata)
    return into / "changed.parquet"


def months_later(column: str, months: int) -> Change:
    def change(loans: pd.DataFrame) -> pd.DataFrame:
        moved = pd.to_datetime(loans[column]) + pd.DateOffset(months=months)
        return loans.assign(**{column: moved.dt.date})

    return change


def named(checks: list[Check], name: str) -> Check:
    (check,) = (each for each in checks if each.name == name)
    return check


def of_labels(file: Path, labels: Labels) -> Check:
    day = pd.to_datetime(pq.read_table(file)["application_date"].to_pandas()).max().date()
    return named(audit_training_set(of_file(file, GROUPS), day, labels), "dates of the label store")


def test_a_set_as_it_was_written_passes_by_its_file_and_by_its_receipt(
    bank: Bank, file: Path, labels: Labels
) -> None:
    told = (pq.read_metadata(file).metadata or {})[b"lakehouse.training_set_id"].decode()
    for audited in (of_file(file, GROUPS), of_receipt(bank.store_of(CATALOG), told)):
        checks = audit_training_set(audited, labels_of=labels)
        assert [check.findings for check in checks] == [()] * len(checks)
        assert audited.release == 1
        n = len(audited.loans)
        assert named(checks, "dates of the label store").looked_at.startswith(f"{n} of {n} loans")


# Dates that the label store has otherwise


def test_applications_that_were_dated_later_are_found(
    file: Path, labels: Labels, tmp_path: Path
) -> None:
    (finding,) = of_labels(
        changed(file, months_later("application_date", 2), tmp_path), labels
    ).findings
    assert finding.subject == "application_date"
    assert "applications are dated later than in the label store, such as 2023-" in finding.evidence
    assert of_labels(changed(file, lambda loans: loans, tmp_path), labels).passed


def test_labels_that_were_dated_earlier_are_found(
    file: Path, labels: Labels, tmp_path: Path
) -> None:
    (finding,) = of_labels(
        changed(file, months_later("label_observed", -2), tmp_path), labels
    ).findings
    assert finding.subject == "label_observed"
    assert "labels are dated earlier than in the label store" in finding.evidence


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda f: f.drop(columns="loan_id"), "nothing: the set has no loan_id"),
        (
            lambda f: f.assign(label_def="of ours"),
            "nothing: no label definition is called 'of ours'",
        ),
        (lambda f: f.assign(loan_id=range(len(f))), "0 of "),
    ],
)
def test_a_set_that_the_label_store_does_not_know_says_so(
    file: Path, labels: Labels, tmp_path: Path, change: Change, why: str
) -> None:
    check = of_labels(changed(file, change, tmp_path), labels)
    assert check.passed and check.looked_at.startswith(why)


# The hash in the file


@pytest.mark.parametrize(
    "change",
    [
        lambda f: f.assign(annual_income=f["annual_income"] - 1000 * f["label"]),
        lambda f: f.assign(label=1 - f["label"]),
        lambda f: f.iloc[1:],
        lambda f: f.assign(bonus=1.0),
    ],
    ids=["feature", "label", "row", "column"],
)
def test_a_file_that_a_program_changed_but_for_what_it_says_of_itself_is_found(
    file: Path, tmp_path: Path, change: Change
) -> None:
    (finding,) = content_check(changed(file, change, tmp_path, says_its_origin=True)).findings
    assert "a program changed them" in finding.evidence
    anew = content_check(changed(file, change, tmp_path))
    assert anew.passed and anew.looked_at.startswith("nothing: another program wrote the file")


def test_a_column_that_splits_the_set_changes_none_of_its_cells(file: Path, tmp_path: Path) -> None:
    rows = pq.read_table(file)
    parts = pa.array(["train"] * rows.num_rows)
    split = written(rows.append_column("split", parts), tmp_path, of=file)
    assert content_check(split).passed


def test_only_a_file_that_says_its_origin_says_its_release(file: Path, tmp_path: Path) -> None:
    kept = changed(file, lambda f: f, tmp_path, says_its_origin=True)
    assert of_file(kept, GROUPS).release == 1
    assert of_file(changed(file, lambda f: f, tmp_path), GROUPS).release is None


def test_a_file_without_the_day_of_a_group_is_refused(file: Path, tmp_path: Path) -> None:
    without = changed(file, lambda f: f.drop(columns="financials_snapshot_date"), tmp_path)
    with pytest.raises(
        BadInput, match=r"has features of financials, such as .*, but no column fin"
    ):
        of_file(without, GROUPS)
