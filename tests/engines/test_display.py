"""How a DataFrame looks in a notebook."""

from __future__ import annotations

import re
import sys
from datetime import date, datetime
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from lakehouse.engines.display import as_html, pandas_as_html, show_frames_well
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
    return re.findall(f"<{tag}(?: style=[^>]*)?>(.*?)</{tag}>", html)


def sides(html: str, tag: str) -> list[str]:
    """The side on which each cell stands."""
    return re.findall(f'<{tag} style="text-align:(left|right)', html)


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
    pandas = pd.DataFrame({"n": [1]})
    assert notebook.format(pandas)[0]["text/html"] == pandas_as_html(pandas)


def test_a_header_stands_over_its_cells_numbers_right_and_texts_left() -> None:
    frame = pd.DataFrame({"n": [1, None], "s": ["a", None], "d": [date(2023, 5, 31)] * 2})
    frame["o"] = pd.Series([1, None], dtype=object)
    html = pandas_as_html(frame)
    assert html is not None
    assert sides(html, "th") == ["right", "left", "left", "right"]
    assert sides(html, "td") == sides(html, "th") * 2
    assert cells(html) == ["1", "a", "2023-05-31", "1", "", "", "2023-05-31", ""]


def test_no_month_and_no_date_is_broken_at_its_hyphens() -> None:
    short, long = (
        "2023-01 to 2024-12",
        "2023-01, 2023-03, 2023-05, 2024-01-31, and many more months",
    )
    html = pandas_as_html(pd.DataFrame({"short": [short], "long": [long]}))
    assert html is not None
    assert f'nowrap">{short}</td>' in html
    for each in ("2023-01", "2023-05", "2024-01-31"):
        assert f'<span style="white-space:nowrap">{each}</span>' in html


def test_an_index_with_a_name_has_its_header_in_the_same_line_and_row_numbers_are_left_out() -> (
    None
):
    frame = pd.DataFrame({"release": [1, 2], "through": ["2023-05", "2023-06"]})
    assert cells(pandas_as_html(frame) or "", "th") == ["release", "through"]
    indexed = pandas_as_html(frame.set_index("release")) or ""
    assert cells(indexed, "th") == ["release", "through"]
    assert cells(indexed) == ["1", "2023-05", "2", "2023-06"]


def test_a_large_pandas_frame_shows_its_head_and_one_with_two_headers_is_left_to_pandas() -> None:
    html = pandas_as_html(pd.DataFrame({f"c{n}": range(61) for n in range(21)})) or ""
    assert len(cells(html)) == 10 * 12
    assert cells(html, "p") == ["… 51 more rows and 9 more columns"]
    assert pandas_as_html(pd.DataFrame([[1]], columns=[["a"], ["b"]])) is None


def test_times_lists_and_large_maps_are_short() -> None:
    frame = pd.DataFrame({"t": [pd.Timestamp("2023-05-31 12:00:00.123456", tz="UTC")]})
    frame["day"], frame["missing"] = pd.Timestamp("2023-05-31"), pd.NaT
    frame["files"] = [{str(n): n for n in range(30)}]
    shown = cells(pandas_as_html(frame) or "")
    assert shown == ["2023-05-31 12:00:00", "2023-05-31", "", "30 entries"]


def test_outside_a_notebook_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(getipython, "get_ipython", lambda: None)
    show_frames_well()
    monkeypatch.delitem(sys.modules, "IPython")
    show_frames_well()
    assert "IPython" not in sys.modules
