"""An assessment on disk: charts as PNG, every number as JSON, and one page that needs no other file."""

from __future__ import annotations

import json
from pathlib import Path

from lakehouse.errors import BadInput
from lakehouse.model.assessment import Assessment
from lakehouse.model.binning import MOST_FEATURES
from lakehouse.model.plots import draw
from lakehouse.model.shift import LARGE, MODERATE
from lakehouse.model.subgroups import FEWEST_LOANS
from lakehouse.pages import environment

PAGE, NUMBERS = "index.html", "model.json"


def write_report(assessment: Assessment, folder: Path) -> Path:
    """Write charts, model.json and index.html into a folder; return the path of the page."""
    if folder.exists() and not folder.is_dir():
        raise BadInput(f"{folder} is a file; name a folder for the report")
    charts = draw(assessment)
    folder.mkdir(parents=True, exist_ok=True)
    for name, png in charts.items():
        (folder / name).write_bytes(png)
    numbers = json.dumps(assessment.as_json(), indent=1, allow_nan=False, ensure_ascii=False)
    (folder / NUMBERS).write_text(numbers + "\n", encoding="utf-8")
    (folder / PAGE).write_text(page(assessment, charts), encoding="utf-8")
    return folder / PAGE


def page(assessment: Assessment, charts: dict[str, bytes]) -> str:
    """The report as one HTML page that contains its charts."""
    made = environment("lakehouse.model", charts)
    made.globals.update(
        marks=(MODERATE, LARGE),
        fewest=FEWEST_LOANS,
        most_features=MOST_FEATURES,
        amount="{:,.1f}".format,
        change="{:+.2f}".format,
        points=_points,
    )
    months = sorted({month for group in assessment.review.coverage for month in group.by_month})
    return made.get_template("report.html").render(a=assessment, months=months)


def _points(share: float) -> str:
    """A difference of two shares, in percentage points."""
    return f"{100 * share:+.1f}"
