"""The report on disk: charts, numbers, and one page that needs nothing else."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from lakehouse.errors import BadInput
from lakehouse.model.assessment import Assessment
from lakehouse.model.report import write_report

CHARTS = ["auc_by_month", "calibration", "importance", "psi", "roc", "scores"]


@pytest.fixture(scope="module")
def folder(assessment: Assessment, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report(assessment, tmp_path_factory.mktemp("report") / "new" / "folder").parent


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
            "Out of time, against baselines",
            "Labels known in time",
            "By month of application",
            "Calibration</h2>",
            "What the models rely on",
            "Shift from train to test",
            "How it was made",
            "ts-1",
        )
    ]
    assert places == sorted(places)
    assert f"{assessment.evidence.model.test.auc.value:.3f}" in page
    assert "<code>python main.py audit</code>" in page


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
