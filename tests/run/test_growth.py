"""A raw file that only grew is read on from where it ended, and the rows are those of reading all of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from lakehouse.bronze.clickstream import SOURCE
from lakehouse.days import DateOrder
from lakehouse.errors import BadInput
from lakehouse.landing.counts import Counts, Landed, Reading
from lakehouse.landing.land import land
from lakehouse.storage.extent import Extent

HEADER = ",".join(SOURCE.header)
LAST_CELLS = 20  # customer and day come after the signals


def click(customer: str, day: str, first: str = "1") -> str:
    return ",".join([first, *["0"] * (LAST_CELLS - 1), customer, day]) + "\n"


JANUARY = click("a", "2023-01-01") + click("b", "2023-01-01")
FEBRUARY = click("a", "2023-02-01") + click("b", "2023-02-01")


def landed(
    folder: Path,
    text: str,
    after: Extent | None = None,
    max_bad: float = 1.0,
    before: DateOrder | None = None,
) -> tuple[Landed, dict[str, list[dict[str, Any]]]]:
    """A file after landing, and its rows."""
    folder.mkdir(exist_ok=True)
    (folder / "clicks.csv").write_text(text, encoding="utf-8", newline="")
    found = land(
        SOURCE, folder / "clicks.csv", folder / "into", max_bad, after, Reading(before=before)
    )
    rows = {
        name: sorted(pq.read_table(path).to_pylist(), key=lambda row: row["_source_row"])
        for name, path in (("accepted", found.accepted), ("quarantined", found.quarantined))
    }
    return found, rows


def extent_of(folder: Path, text: str) -> Extent:
    extent = landed(folder, text)[0].extent
    assert extent is not None
    return extent


def rows_of(*days: str) -> st.SearchStrategy[str]:
    """Rows of some days, of the cells that a CSV may have; of four deliveries one has something odd."""
    cells = st.sampled_from(["1", "2", '"1"', '"1\n2"', '1"', "\x1f", "é"])
    rows = st.lists(
        st.builds(click, st.sampled_from("ab"), st.sampled_from(days), cells) | st.just("\n"),
        max_size=3,
    )
    odd = st.sampled_from(
        [
            click("", days[0]),
            click("a", "soon"),
            click("a", "2023-02-01"),
            click("a", days[0], '"1'),
            "1,2\n",
            click("c", days[0])[:-1],
        ]
    )
    last = st.one_of(st.just(""), st.just(""), st.just(""), odd)
    return st.builds(lambda first, end: "".join(first) + end, rows, last)


@pytest.mark.slow
@settings(
    max_examples=25,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(
    before=rows_of("2023-01-01", "1/1/2023", "1/31/2023", "2023-02-01"),
    more=rows_of("2023-03-01", "4/1/2023", "4/30/2023"),
    start=st.sampled_from(["", "\ufeff", "\n\n"]),
)
def test_the_rest_of_a_file_and_what_came_before_make_the_whole_of_it(
    tmp_path: Path, before: str, more: str, start: str
) -> None:
    text = f"{start}{HEADER}\n{JANUARY}{before}"
    known, first_rows = landed(tmp_path, text)
    try:
        whole, all_rows = landed(tmp_path, text + more)
    except BadInput:
        event("refused")
        with pytest.raises(BadInput):
            landed(tmp_path, text + more, known.extent, before=known.date_order)
        return
    found, rows = landed(tmp_path, text + more, known.extent, before=known.date_order)
    event(f"read on: {found.before is not None}")
    if found.before:
        assert known.counts.keys().isdisjoint(found.counts)
        (file,) = found.files
        of_all = {**known.counts, **found.counts}
        found = replace(found, files=(replace(file, before=None, counts=of_all),))
        rows = {name: [*first_rows[name], *rows[name]] for name in rows}
    assert rows == all_rows
    assert found == whole


def test_the_rows_behind_the_end_alone_are_read(tmp_path: Path) -> None:
    extent = extent_of(tmp_path, f"{HEADER}\n{JANUARY}")
    assert (extent.rows, extent.lines, extent.months) == (3, 3, ("2023-01",))
    found, rows = landed(tmp_path, f"{HEADER}\n{JANUARY}\n{FEBRUARY}", extent)
    assert found.before == extent and found.counts == {"2023-02": Counts(2, 2)}
    assert [row["_source_row"] for row in rows["accepted"]] == [4, 5]
    assert found.extent == extent_of(tmp_path, f"{HEADER}\n{JANUARY}\n{FEBRUARY}")


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(
            f"{HEADER}\n{JANUARY.replace('1', '3', 1)}{FEBRUARY}", id="another row before"
        ),
        pytest.param(f"{HEADER}\n{FEBRUARY}{JANUARY}", id="another order"),
        pytest.param(f"{HEADER}\n{click('a', '2023-01-01')}", id="a row less"),
        pytest.param(f"{HEADER}\n{JANUARY}\n\n", id="nothing but blank lines more"),
        pytest.param(f"{HEADER}\n{JANUARY}{FEBRUARY}{click('c', '2023-01-02')}", id="a late row"),
        pytest.param(
            f"{HEADER}\n{JANUARY}{FEBRUARY}{click('c', 'soon')}", id="a row without a month"
        ),
        pytest.param(f"{HEADER}\n{JANUARY}{FEBRUARY}1,2\n", id="a broken row"),
    ],
)
def test_all_of_a_file_is_read_that_did_more_than_grow_by_later_months(
    tmp_path: Path, text: str
) -> None:
    found, rows = landed(tmp_path, text, extent_of(tmp_path, f"{HEADER}\n{JANUARY}"))
    assert found.before is None
    assert (found, rows) == landed(tmp_path, text)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(f"{HEADER}\n{JANUARY[:-1]}", id="the last line has no end"),
        pytest.param(f"{HEADER}\n{JANUARY}{click('c', 'soon')}", id="a row is bad"),
        pytest.param(f"{HEADER}\n{JANUARY}" + click("c", "2023-01-01", '"1'), id="a quote is open"),
    ],
)
def test_nothing_is_read_on_from_an_end_that_more_text_can_change(
    tmp_path: Path, text: str
) -> None:
    assert landed(tmp_path, text)[0].extent is None


def test_a_source_whose_rows_may_repeat_in_later_months_is_read_whole(tmp_path: Path) -> None:
    extent = extent_of(tmp_path, f"{HEADER}\n{JANUARY}")
    (tmp_path / "clicks.csv").write_text(f"{HEADER}\n{JANUARY}{FEBRUARY}", encoding="utf-8")
    keyed = replace(SOURCE, keys=("Customer_ID",))
    assert land(keyed, tmp_path / "clicks.csv", tmp_path / "into", 1.0, extent).before is None


def test_bad_rows_are_a_share_of_the_whole_file_and_told_with_their_lines_in_it(
    tmp_path: Path,
) -> None:
    bad = click("", "2023-02-01")
    text = f"{HEADER}\n{JANUARY}{FEBRUARY}{bad}"
    extent = extent_of(tmp_path, f"{HEADER}\n{JANUARY}")
    found, rows = landed(tmp_path, text, extent, max_bad=0.2)
    assert found.before == extent and found.extent is None
    assert [row["_source_line"] for row in rows["quarantined"]] == [6]
    with pytest.raises(BadInput, match=r"1 of 5 rows are bad .*first on line 6"):
        landed(tmp_path, text, extent, max_bad=0.19)
    with pytest.raises(BadInput, match="NUL byte on line 5"):
        landed(tmp_path, f"{HEADER}\n{JANUARY}{FEBRUARY[:-2]}\0", extent)
