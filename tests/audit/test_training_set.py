"""The audit of one training set: its split may not learn from labels that nobody knew yet."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from lakehouse.audit.training_set import audit_training_set, of_file
from lakehouse.catalog import load
from lakehouse.cli import main
from lakehouse.errors import BadInput
from lakehouse.model.features import declared_groups

Write = Callable[..., Path]
JULY = date(2023, 7, 1)
GROUPS = declared_groups(load())


@pytest.fixture
def frame() -> pd.DataFrame:
    """A loan per month from January to August; its label is observed three months later."""
    months = pd.date_range("2023-01-01", periods=8, freq="MS")
    return pd.DataFrame(
        {
            "customer_id": [f"C{number}" for number in range(8)],
            "application_date": months.date,
            "label": [0, 1] * 4,
            "label_observed": (months + pd.DateOffset(months=3)).date,
            "person_snapshot_date": (months - pd.DateOffset(months=1)).date,
        }
    )


@pytest.fixture
def written(tmp_path: Path) -> Write:
    def write(frame: pd.DataFrame) -> Path:
        file = tmp_path / "set.parquet"
        frame.to_parquet(file, index=False)
        return file

    return write


def split(frame: pd.DataFrame, first_unknown: int) -> pd.DataFrame:
    """Train up to a loan, test from July on; the loans between are not used."""
    parts = ["train"] * first_unknown + [None] * (6 - first_unknown) + ["test"] * 2
    return frame.assign(split=parts)


def findings(file: Path, split_at: date | None = None) -> dict[str, str]:
    checks = audit_training_set(of_file(file, GROUPS), split_at)
    return {each.subject: each.evidence for check in checks for each in check.findings}


def test_a_train_of_labels_that_nobody_knew_is_found_and_its_clean_twin_passes(
    written: Write, frame: pd.DataFrame
) -> None:
    # The label of April is observed on 1 July, the day of the first application of test.
    assert findings(written(split(frame, 4))) == {
        "train and test": "1 of 4 labels of train were observed on 2023-07-01, the first day of test, "
        "or later: nobody knew them yet"
    }
    assert findings(written(split(frame, 3))) == {}


def test_a_split_at_a_day_learns_from_every_label_before_it(
    written: Write, frame: pd.DataFrame
) -> None:
    assert findings(written(frame), JULY)["train and test"].startswith("3 of 6 labels of train")
    known = frame[(frame["label_observed"] < JULY) | (frame["application_date"] >= JULY)]
    assert findings(written(known), JULY) == {}


def test_validation_is_a_later_part_too(written: Write, frame: pd.DataFrame) -> None:
    parts = ["train"] * 3 + [None, "validation", None, "test", "test"]
    found = findings(written(frame.assign(split=parts)))
    assert list(found) == ["train and validation"] and found["train and validation"].startswith("2")
    parts[1:3] = [None, None]
    assert findings(written(frame.assign(split=parts))) == {}


@pytest.mark.parametrize(
    ("change", "subject", "evidence"),
    [
        ({"customer_id": "one"}, "train and test", "1 customers are in both"),
        (
            {"person_snapshot_date": date(2023, 8, 2)},
            "person_snapshot_date",
            "8 rows of features newer than the application",
        ),
        (
            {"label_observed": date(2023, 1, 1)},
            "label_observed",
            "8 labels observed by the day of the application",
        ),
    ],
)
def test_other_ways_for_the_future_to_get_in_are_found(
    written: Write, frame: pd.DataFrame, change: dict[str, Any], subject: str, evidence: str
) -> None:
    assert findings(written(split(frame, 3).assign(**change)))[subject] == evidence


def test_a_train_that_is_later_than_test_is_found(written: Write, frame: pd.DataFrame) -> None:
    honest = split(frame, 3)
    checks = audit_training_set(
        of_file(written(honest.assign(split=honest["split"].to_numpy()[::-1])), GROUPS)
    )
    told = [finding.evidence for check in checks for finding in check.findings]
    assert told[0] == "the last application of train is not before the first of test"


@pytest.mark.parametrize(
    ("change", "split_at", "said"),
    [
        (lambda f: f, None, "nothing says how .* is split: give --split-at"),
        (lambda f: f, date(2030, 1, 1), "leaves train or test without a loan"),
        (lambda f: f.assign(split="Train"), None, 'has "Train"; its values are train, validation'),
        (lambda f: f.drop(columns="label_observed"), JULY, "lacks label_observed"),
        (lambda f: f.assign(label_observed=None), JULY, "a loan has no customer_id,"),
    ],
)
def test_a_set_that_cannot_be_audited_is_refused(
    written: Write,
    frame: pd.DataFrame,
    change: Callable[[pd.DataFrame], pd.DataFrame],
    split_at: date | None,
    said: str,
) -> None:
    with pytest.raises(BadInput, match=said):
        findings(written(change(frame)), split_at)


def test_the_command_tells_the_leak_and_its_exit_code(
    written: Write, frame: pd.DataFrame, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    command = ["audit", "--json", "--datamart", str(tmp_path / "none"), "--training-set"]
    assert main([*command, str(written(split(frame, 4)))]) == 1
    assert {check["name"]: check["passed"] for check in json.loads(capsys.readouterr().out)} == {
        "dates of the set": True,
        "dates of the label store": True,
        "content of the file": True,
        "numbers": True,
        "split": False,
    }
    assert main([*command, str(written(split(frame, 3)))]) == 0
    capsys.readouterr()
    assert main([*command, "missing.parquet"]) == 2
    assert "there is no file missing.parquet" in capsys.readouterr().err
    for more in (["--release", "1"], ["--cut", "2023-05"]):
        assert main([*command, "a.parquet", *more]) == 2
    assert main(["audit", "--split-at", "2023-07-01"]) == 2
    assert "give both" in capsys.readouterr().err
