"""How a DataFrame looks in a notebook."""

from __future__ import annotations

import re
import sys
from datetime import date, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from lakehouse.engines.display import as_html, show_frames_well
from lakehouse.engines.embedded import session

getipython = pytest.importorskip("IPython.core.getipython")
formatters = pytest.importorskip("IPython.core.formatters")


@pytest.fixture(scope="module")
def spark() -> SparkSession:
    return session()


@pytest.fixture
def notebook(monkeypatch: pytest.MonkeyPatch) -> Any:
    """What shows a value in the notebook of this process."""
    formatter = formatters.DisplayFormatter()
    shell = SimpleNamespace(display_formatter=formatter, execution_count=1)
    monkeypatch.setattr(getipython, "get_ipython", lambda: shell)
    return formatter


def cells(html: str, tag: str = "td") -> list[str]:
    return re.findall(f"<{tag}>(.*?)</{tag}>", html)


def test_a_wide_long_frame_shows_its_head_and_says_how_much_more_there_is(
    spark: SparkSession,
) -> None:
    wide = spark.range(50).select(*(F.lit(n).alias(f"c{n}") for n in range(200)))
    html = as_html(wide)
    assert cells(html, "th") == [f"c{n}" for n in range(12)]
    assert cells(html) == [str(n) for n in range(12)] * 10
    assert cells(html, "p") == ["… more rows and 188 more columns"]


@pytest.mark.parametrize(
    ("rows", "columns", "said"),
    [
        (10, 12, []),
        (0, 12, []),
        (11, 12, ["… more rows"]),
        (1, 14, ["… 2 more columns"]),
    ],
)
def test_what_is_shown_whole_says_nothing(
    spark: SparkSession, rows: int, columns: int, said: list[str]
) -> None:
    html = as_html(spark.range(rows).select(*(F.lit(n).alias(f"c{n}") for n in range(columns))))
    assert cells(html, "p") == said
    assert len(cells(html)) == min(rows, 10) * min(columns, 12)


def test_values_look_as_they_are_and_null_is_an_empty_cell(spark: SparkSession) -> None:
    ddl = (
        "d DATE, n INT, b BIGINT, r DOUBLE, tiny DOUBLE, s STRING, t TIMESTAMP, l ARRAY<STRING>,"
        " yes BOOLEAN"
    )
    first = (
        date(2023, 5, 31), 7, 2**60, 0.1 + 0.2, 1e-9, "x", datetime(2023, 5, 31, 12), ["a", "b"],
        True,
    )  # fmt: skip
    frame = spark.createDataFrame([first, (None,) * len(first)], ddl)
    shown = cells(as_html(frame.orderBy("n", ascending=False)))
    assert shown[:6] == ["2023-05-31", "7", str(2**60), "0.3", "1e-09", "x"]
    assert shown[6].startswith("2023-05-31 12:00:00")
    assert shown[7:9] == ["[a, b]", "True"]
    assert shown[9:] == [""] * len(first)


def test_cells_and_names_cannot_be_markup(spark: SparkSession) -> None:
    frame = spark.createDataFrame([("<script>a & b</script>",)], "x STRING")
    html = as_html(frame.withColumnRenamed("x", "<b>`x.y`</b>"))
    assert cells(html) == ["&lt;script&gt;a &amp; b&lt;/script&gt;"]
    assert cells(html, "th") == ["&lt;b&gt;`x.y`&lt;/b&gt;"]


def test_a_notebook_shows_a_frame_as_a_table(spark: SparkSession, notebook: Any) -> None:
    frame = spark.range(1)
    assert "text/html" not in notebook.format(frame)[0]
    show_frames_well()
    assert notebook.format(frame)[0]["text/html"] == as_html(frame)


def test_outside_a_notebook_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(getipython, "get_ipython", lambda: None)
    show_frames_well()
    monkeypatch.delitem(sys.modules, "IPython")
    show_frames_well()
    assert "IPython" not in sys.modules
