"""The report on disk: charts, numbers, and one page that needs nothing else."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pandas as pd
import pytest

from lakehouse.audit.training_set import audit_of_parts
from lakehouse.catalog import load
from lakehouse.errors import BadInput
from lakehouse.model.assessment import Assessment
from lakehouse.model.features import declared_groups
from lakehouse.model.origin import Line, Origin
from lakehouse.model.report import write_report
from lakehouse.model.review import Review
from lakehouse.model.split import Split
from lakehouse.months import MonthRange
from lakehouse.protected import Protected

CHARTS = ["auc_by_month", "calibration", "importance", "psi", "roc", "scores"]


JOB = Protected("job", "What they do.", feature="occupation", carried_by=("occupation",))
ORIGIN = Origin(
    training_set_id="ts-0a1b",
    receipt_kept=True,
    release=3,
    finished_at=datetime(2024, 8, 1, 10, 30),
    label_def="30dpd_6mob",
    rule="30 or more days past due at month on book 6",
    purpose="For the test.",
    months=MonthRange("2024-01", None),
    waterfall=(
        Line("loans", 640, ""),
        Line("too young", 30, ""),
        Line("closed early", 0, ""),
        Line("excluded no income", 0, "No income."),
        Line("rows", 610, ""),
    ),
)


@pytest.fixture(scope="module")
def assessment(assessed: Callable[..., Assessment]) -> Assessment:
    """An assessment with all that a caller may tell of its loans."""
    return assessed(
        origin=ORIGIN,
        review=Review(protected=(JOB,)),
        audit=audit_of_parts(Split(), declared_groups(load())),
    )


@pytest.fixture(scope="module")
def folder(assessment: Assessment, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report(assessment, tmp_path_factory.mktemp("report") / "new" / "folder").parent


def cells(page: str, heading: str) -> list[list[str]]:
    """The rows of the first table after a heading, as text; interval after value."""
    table = page[page.index(heading) :].split("</table>")[0]
    found = re.findall(r"<tr[^>]*>(.*?)</tr>", table, re.DOTALL)
    texts = [re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", row, re.DOTALL) for row in found]
    return [[" ".join(re.sub(r"<[^>]+>", " ", text).split()) for text in row] for row in texts]


def test_the_folder_holds_the_page_the_numbers_and_the_charts(folder: Path) -> None:
    expected = ["index.html", "model.json", *(f"{name}.png" for name in CHARTS)]
    assert sorted(each.name for each in folder.iterdir()) == sorted(expected)
    assert all((folder / f"{name}.png").read_bytes().startswith(b"\x89PNG") for name in CHARTS)


def test_the_numbers_are_those_of_the_assessment(folder: Path, assessment: Assessment) -> None:
    assert json.loads((folder / "model.json").read_text("utf-8")) == assessment.as_json()


def test_the_page_needs_no_other_file(folder: Path) -> None:
    page = (folder / "index.html").read_text("utf-8")
    assert len(re.findall(r'src="data:image/png;base64,', page)) == len(CHARTS)
    # The pictures' letters may spell anything.
    text = re.sub(r'base64,[^"]*', "", page)
    assert not re.search(r'(src|href)="(?!data:)', text) and "http" not in text


def test_the_page_begins_with_the_verdict_and_tells_the_rest(
    folder: Path, assessment: Assessment
) -> None:
    page = (folder / "index.html").read_text("utf-8")
    places = [
        page.index(text)
        for text in (
            assessment.verdict.headline,
            "What was assessed",
            "30dpd_6mob</b>: 30 or more days past due at month on book 6. For the test.",
            "From all loans to the training set",
            "Out of time, against baselines",
            "Labels known in time",
            "By month of application",
            "Calibration</h2>",
            "Cut-offs</h2>",
            "Protected attributes</h2>",
            "What the models rely on",
            "Stability of the score",
            "Coverage by month of application",
            "Shift from train to test",
            "How it was made",
            "ts-1",
        )
    ]
    assert places == sorted(places)
    assert f"{assessment.evidence.model.test.auc.value:.3f}" in page
    assert "<code>python main.py audit</code>" in page


def test_the_top_of_the_page_says_which_loans_these_are(folder: Path) -> None:
    page = (folder / "index.html").read_text("utf-8")
    assert cells(page, "From all loans to the training set")[1:] == [
        ["loans", "640", ""],
        ["too young", "30", ""],
        ["excluded no income", "0", "No income."],
        ["rows", "610", ""],
    ]
    assert cells(page, "Split by day of application")[1][:4] == [
        "train", "2024-01-01", "2024-02-01", "200"
    ]  # fmt: skip
    assert "3, finished 2024-08-01 10:30 UTC" in page and "<code>ts-0a1b</code>" in page
    assert "<b>dates of the set: passed</b> (600 loans" in page and "<b>split: passed</b>" in page


def test_the_tables_of_the_page_hold_the_numbers(folder: Path, assessment: Assessment) -> None:
    page = (folder / "index.html").read_text("utf-8")
    cuts = assessment.review.cut_offs
    even = cells(page, "Cut-offs</h2>")[2]
    assert even[0] == "0.182 break-even" and even[1] == str(cuts.break_even.approved)
    assert even[-1].startswith(f"{cuts.break_even.result.value:+.2f} ")
    assert len(cells(page, "Cut-offs</h2>")) == 2 + 1 + len(cuts.rows)
    (attribute,) = assessment.review.attributes
    rows = cells(page, "<h3>job</h3>")[1:]
    assert [row[:2] for row in rows] == [[g.name, str(g.loans)] for g in attribute.groups]
    slope = assessment.evidence.model.recalibration.slope
    calibration = cells(page, "Calibration</h2>")
    assert calibration[1][1] == f"{slope.value:.3f} {slope.low:.3f} to {slope.high:.3f}"
    assert calibration[4][1] == "none none to none"
    scores = cells(page, "Stability of the score")[1:]
    assert len(scores) == len(assessment.review.stability.bins)
    assert cells(page, "Coverage by month")[1] == ["2024-01", "100", "100.0%", "100.0%"]


def test_a_leak_in_the_loans_is_on_the_page(
    training_set: Callable[..., pd.DataFrame],
    assessed: Callable[..., Assessment],
    tmp_path: Path,
) -> None:
    frame = training_set()
    frame.loc[0, "financials_snapshot_date"] = pd.Timestamp("2025-01-01").date()
    found = assessed(frame, audit=audit_of_parts(Split(), declared_groups(load())))
    page = write_report(found, tmp_path).read_text("utf-8")
    assert "<b>dates of the set: LEAKS</b>" in page
    assert "financials_snapshot_date: 1 rows of features newer than the application." in page


def test_labels_that_nobody_knew_yet_are_told_by_the_audit(
    training_set: Callable[..., pd.DataFrame], assessed: Callable[..., Assessment]
) -> None:
    frame = training_set(days_to_label=200)
    dates, split = assessed(frame, audit=audit_of_parts(Split(), declared_groups(load()))).audited
    assert dates.passed and not split.passed and "nobody knew them yet" in split.leaks[0]


def test_an_assessment_of_unknown_origin_says_so(
    assessed: Callable[..., Assessment], tmp_path: Path
) -> None:
    page = write_report(assessed(), tmp_path).read_text("utf-8")
    assert "These loans were not audited." in page and "From all loans" not in page
    assert "no feature that carries a declared protected attribute" in page


def test_the_same_assessment_gives_the_same_bytes(
    folder: Path, assessment: Assessment, tmp_path: Path
) -> None:
    write_report(assessment, tmp_path)
    assert all(
        each.read_bytes() == (tmp_path / each.name).read_bytes() for each in folder.iterdir()
    )


def test_what_others_named_is_shown_as_text(assessment: Assessment, tmp_path: Path) -> None:
    page = write_report(replace(assessment, facts={"note": "<script>x</script>"}), tmp_path)
    assert "<script>" not in page.read_text("utf-8")


def test_a_month_without_auc_is_shown_as_none(
    training_set: Callable[..., pd.DataFrame],
    assessed: Callable[..., Assessment],
    tmp_path: Path,
) -> None:
    frame = training_set()
    frame.loc[frame.index >= 500, "label"] = 0
    page = write_report(assessed(frame), tmp_path).read_text("utf-8")
    assert "<b>none</b><small>none to none</small>" in page and ">nan" not in page


def test_a_file_in_the_place_of_the_folder_is_refused(
    assessment: Assessment, tmp_path: Path
) -> None:
    file = tmp_path / "report"
    file.write_text("")
    with pytest.raises(BadInput, match="is a file; name a folder"):
        write_report(assessment, file)
