"""Runs from Python: a notebook builds a datamart, sees what happened, and needs no command line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lakehouse import Lakehouse
from lakehouse.errors import BadInput

LABELS = "gold.label_store"


@pytest.fixture
def new(tmp_path: Path) -> Lakehouse:
    return Lakehouse.new(tmp_path / "datamart", engine="embedded")


def test_a_datamart_is_built_and_read_by_one_lake(new: Lakehouse, data: Path) -> None:
    assert "no release yet, run() makes the first" in repr(new)
    assert len(new.tables()) == 0
    first = new.run(data, through="2023-02")
    assert first.published == [1] and new.table("silver.attributes").count() > 0
    early = new.table("silver.loan_daily").count()
    assert new.plan(data).pending.any()
    second = new.run(data)
    assert second.published == [2] and new.table("silver.loan_daily").count() > early
    then = new.at(release=1)
    assert then.table("silver.loan_daily").count() == early
    assert then.quality().cells.sum() < new.quality().cells.sum()
    assert not new.plan(data).pending.any()
    assert new.run(data).published == []


def test_a_report_says_what_was_read_and_changed(new: Lakehouse, data: Path) -> None:
    report = new.run(data)
    sentence, *more = repr(report).splitlines()
    assert "raw rows read: " in sentence and "Release 1 published" in sentence
    assert any("cells not taken as they were" in line for line in more)
    assert any(line.startswith("Applications that find features: ") for line in more)
    changes = report.changes()
    assert changes.loc["silver.attributes", "inserted"] == new.table("silver.attributes").count()
    html = report._repr_html_()
    assert sentence in html and ">silver.attributes<" in html
    assert repr(new.run(data)) == "Nothing was pending: release 1 is up to date."


def test_bad_rows_are_listed_with_their_line_and_those_beyond_the_limit_are_counted(
    new: Lakehouse, data: Path
) -> None:
    new.run(data, through="2023-02")
    with (data / "features_attributes.csv").open("a", encoding="utf-8") as file:
        file.write(",Nobody,41,000-00-0000,Teacher,2023-02-01\n" * 2)
    lines = (data / "features_attributes.csv").read_text(encoding="utf-8").count("\n")
    assert len(new.quarantine().reasons) == 0
    new.run(data, through="2023-02")
    bad = new.quarantine("attributes")
    assert (len(new.at(release=1).quarantine()), bad.line.tolist()) == (0, [lines - 1, lines])
    assert bad.reasons.tolist() == [["Customer_ID is missing"]] * 2
    assert new.quarantine(limit=1).source.tolist() == ["attributes", "… and 1 more"]


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"through": "2023-02", "month": "2023-02"}, "through and month exclude each other"),
        ({"through": "2023-2"}, "'2023-2' is not a month"),
        ({"date_order": "md"}, "date_order is one of dmy, mdy, ymd, not 'md'"),
        ({"delivery": "all"}, "delivery is months or rows, not 'all'"),
    ],
    ids=str,
)
def test_a_run_that_is_asked_wrongly_changes_nothing(
    new: Lakehouse, data: Path, asked: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(BadInput, match=message):
        new.run(data, **asked)
    assert not (tmp_path / "datamart").exists()


def test_nothing_can_be_run_at_a_release_of_the_past(new: Lakehouse, data: Path) -> None:
    new.run(data, through="2023-02")
    with pytest.raises(BadInput, match="this lake is at release 1, where nothing can be run"):
        new.at(release=1).run(data)


def test_a_question_to_an_empty_datamart_says_how_to_build_it(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"has no tables yet; `python main.py .*` builds it"):
        Lakehouse(tmp_path / "datamart")
    with pytest.raises(BadInput, match="run main"):
        Lakehouse.new(tmp_path / "datamart").table(LABELS)
