"""On a terminal of any width no line is too long, and no id is cut."""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import redirect_stdout
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakehouse.cli import show

WIDTHS = st.integers(60, 140)
_IDS = st.sampled_from(
    [
        "gold.features_clickstream",
        "CUS_0x1069",
        "ts-d6c769869120",
        "CUS_0x3ea_2024_01_01",
        "漢字漢字",
    ]
)
_CELLS = st.one_of(
    _IDS,
    st.none(),
    st.booleans(),
    st.integers(0, 10**9),
    st.just(datetime(2024, 2, 29, 23, 59, 59)),
    st.lists(
        st.sampled_from(["the", "row", "of", "a", "customer", "is", "here", "twice", "2023-01"])
    ).map(" ".join),
)
_NAMES = ("table", "rows_in", "equal duplicates", "finished_at", "reason", "a", "b", "c", "d", "e")


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


def printed(width: int, tell: Callable[[], None]) -> list[str]:
    out = Screen()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out):
        patch.setenv("COLUMNS", str(width))
        patch.setenv("NO_COLOR", "1")
        tell()
    return out.getvalue().splitlines()


def as_shown(line: str) -> int:
    return sum(2 if letter in "漢字" else 1 for letter in line)


@st.composite
def tables(draw: st.DrawFn) -> list[dict[str, object]]:
    names = _NAMES[: draw(st.integers(1, len(_NAMES)))]
    row = st.fixed_dictionaries(dict.fromkeys(names, _CELLS))
    return draw(st.lists(row, min_size=1, max_size=4))


@given(tables(), WIDTHS, st.sets(st.sampled_from(_NAMES)))
def test_a_table_is_never_wider_than_the_terminal_and_cuts_no_id(
    rows: list[dict[str, object]], width: int, less: set[str]
) -> None:
    lines = printed(width, lambda: show.rows("Title", rows, sorted(less)))
    assert [line for line in lines if as_shown(line) > width] == []
    whole = " ".join(lines)
    note = whole.partition("Left out at")[2].partition(".")[0]
    left_out = [
        name for name in rows[0] if name.replace("_", " ") in note.split(": ")[-1].split(", ")
    ]
    assert set(left_out) <= less
    for row in rows:
        for name, value in row.items():
            if isinstance(value, str) and " " not in value and name not in left_out:
                assert value in whole


@given(st.lists(st.text("abcde.", min_size=1, max_size=30), min_size=1, max_size=40), WIDTHS)
def test_a_sentence_is_broken_between_words_only(words: list[str], width: int) -> None:
    lines = printed(width, lambda: show.say(" ".join(words)))
    assert max(map(len, lines)) <= width
    assert " ".join(lines).split() == words


def test_rows_too_wide_for_the_terminal_are_blocks_of_lines() -> None:
    row = {
        name: f"{name}-of-this-row" for name in ("customer_id", "loan_id", "label_def", "column")
    }
    assert printed(60, lambda: show.rows("Changed", [row, row]))[:6] == [
        "Changed",
        "",
        "  customer id  customer_id-of-this-row",
        "  loan id      loan_id-of-this-row",
        "  label def    label_def-of-this-row",
        "  column       column-of-this-row",
    ]


def test_columns_are_left_out_by_importance_and_named() -> None:
    row = {"table": "gold.features_clickstream", "run": "a287268e25dd", "engine": "e" * 30}
    lines = printed(60, lambda: show.rows("Versions", [row], less=("engine", "run")))
    assert "a287268e25dd" in lines[4] and "e" * 30 not in " ".join(lines)
    assert lines[-2:] == [
        "Left out at 60 columns: engine. A wider terminal or --json",
        "has them.",
    ]


def test_a_path_longer_than_the_terminal_stays_whole() -> None:
    path = "/" + "x" * 90
    assert path in printed(60, lambda: show.rows("Files", [{"file": path, "rows": 3}]))[2].split()
    assert path in printed(60, lambda: show.say(f"written to {path} just now"))
