"""A file rewritten in another spelling lands as the same rows, or is refused; never as other values."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from lakehouse.bronze import attributes, clickstream, financials, loan_daily
from lakehouse.errors import BadInput
from lakehouse.landing.counts import Landed
from lakehouse.landing.land import land
from lakehouse.table import Source

SOURCES = [each.SOURCE for each in (clickstream, attributes, financials, loan_daily)]
BLANKS = ["", " ", "\u00a0", "\u2007 ", "\t", "\u3000"]
FORMS = {
    "ymd": "{y}-{m:02}-{d:02}",
    "mdy": "{m}/{d}/{y}",
    "dmy": "{d}/{m}/{y}",
    "0dmy": "{d:02}/{m:02}/{y}",
}
Cells = list[str]


@pytest.fixture(scope="module")
def files(generated: Path) -> dict[str, list[Cells]]:
    """Rows of each source's generated file: every so many, so that they are of many months."""
    found = {}
    for source in SOURCES:
        with (generated / source.file_names[0]).open(newline="", encoding="utf-8") as file:
            header, *rows = csv.reader(file)
        found[source.name] = [header, *rows[:: max(len(rows) // 24, 1)]]
    return found


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("spellings")


def respelt(draw: st.DrawFn, source: Source, rows: list[Cells]) -> bytes:
    header, *body = rows
    form = FORMS[draw(st.sampled_from(sorted(FORMS)))]
    left, right = draw(st.sampled_from(BLANKS)), draw(st.sampled_from(BLANKS))
    zeros = draw(st.sampled_from(["", ".0", ".00"]))
    kinds = dict(source.required)

    def cell(name: str, text: str) -> str:
        if kinds.get(name) == "date":
            year, month, day = map(int, text.split("-"))
            text = form.format(y=year, m=month, d=day)
        if kinds.get(name) in ("integer", "number") and text.isdigit():
            text += zeros
        return f"{left}{text}{right}" if name in kinds else text

    body = [
        [cell(*pair) for pair in zip(header, row, strict=True)]
        for row in draw(st.permutations(body))
    ]
    if draw(st.booleans()):
        header, body = [*header, "loaded_at"], [[*row, str(i)] for i, row in enumerate(body)]
        body += [[*row[:-1], "again"] for row in body[:3]]
    text = io.StringIO()
    quoting = draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
    writer = csv.writer(text, lineterminator=draw(st.sampled_from(["\n", "\r\n"])), quoting=quoting)
    writer.writerows([header, *body])
    return text.getvalue().encode()


def content(landed: Landed) -> dict[tuple[Any, ...], dict[str, str]]:
    """The declared cells of the accepted rows by key; numbers without the zeros behind their point."""
    names = landed.source.header
    return {
        tuple(row[key] for key in landed.source.keys): {
            name: re.sub(r"^(\d+)\.0*$", r"\1", str(row[name])) for name in names
        }
        for row in pq.read_table(landed.accepted).to_pylist()
    }


@pytest.mark.slow
@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
def test_a_file_in_another_spelling_lands_as_the_same_rows_or_is_refused(
    source: Source, files: dict[str, list[Cells]], work: Path
) -> None:
    rows, path = files[source.name], work / "raw.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)
    plain = content(land(source, path, work / "into"))
    assert len(plain) == len(rows) - 1

    @settings(
        max_examples=40,
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(st.data())
    def check(data: st.DataObject) -> None:
        path.write_bytes(data.draw(st.composite(respelt)(source, rows)))
        try:
            landed = land(source, path, work / "into")
        except BadInput as refused:
            event("refused")
            assert "\n" not in str(refused)
            return
        event("taken")
        assert content(landed) == plain
        assert not sum(counts.quarantined for counts in landed.counts.values())

    check()
