"""An assessment on disk: charts as PNG, every number as JSON, and one page that needs no other file."""

from __future__ import annotations

import base64
import json
import math
import re
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from lakehouse.errors import BadInput
from lakehouse.model.assessment import Assessment
from lakehouse.model.plots import draw
from lakehouse.model.shift import LARGE, MODERATE
from lakehouse.months import spell

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
    environment = Environment(
        loader=PackageLoader("lakehouse.model", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(
        images={name.removesuffix(".png"): _data_uri(png) for name, png in charts.items()},
        marks=(MODERATE, LARGE),
        number=_number,
        percent=_percent,
        spell=spell,
        count="{:,}".format,
        prose=_prose,
    )
    return environment.get_template("report.html").render(a=assessment)


def _data_uri(png: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(png).decode("ascii")


def _prose(text: str) -> Markup:
    """The sentence as HTML; a command between backticks becomes `<code>`."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))


def _number(value: float) -> str:
    return "none" if math.isnan(value) else f"{value:.3f}"


def _percent(share: float) -> str:
    return "none" if math.isnan(share) else f"{share:.1%}"
