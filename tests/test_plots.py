"""The look of all charts: colours that everybody tells apart, and labels beside what they name."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex, to_rgb

from lakehouse import plots

# How eyes without one kind of cone see linear light: Machado and others, 2009, at full strength.
SEEN_BY = {
    "all cones": np.eye(3),
    "no red cones": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "no green cones": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "no blue cones": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}
# CIE 1976 distance; about 2 is the least that an eye sees side by side.
APART = 15


def lab(colour: str, seen: np.ndarray) -> np.ndarray:
    """A colour as these eyes see it, in CIE L*a*b*."""
    rgb = np.array(to_rgb(colour))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    to_xyz = np.array(
        [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    )
    xyz = to_xyz @ np.clip(seen @ linear, 0, 1) / [0.9505, 1, 1.089]
    f = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.fixture(autouse=True)
def look() -> Iterator[None]:
    with matplotlib.rc_context():
        matplotlib.use("agg")
        plots.use()
        yield
        plt.close("all")


@pytest.mark.parametrize("eyes", SEEN_BY)
def test_no_two_colours_of_the_palette_look_alike_to_any_eyes(eyes: str) -> None:
    seen = [lab(colour, SEEN_BY[eyes]) for colour in plots.PALETTE]
    assert min(np.linalg.norm(a - b) for a, b in combinations(seen, 2)) > APART


def test_each_bar_has_its_number_and_the_first_is_on_top() -> None:
    values = pd.Series({"first": 0.9, "second": 0.6})
    axes = plots.bars(values, "A title", accent={"first"}, start=0.5)
    assert [text.get_text() for text in axes.texts] == ["0.60", "0.90"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["second", "first"]
    assert [to_hex(bar.get_facecolor()) for bar in axes.patches] == [plots.PALE, plots.ACCENT]
    assert [(bar.get_x(), round(bar.get_width(), 9)) for bar in axes.patches] == [
        (0.5, 0.1),
        (0.5, 0.4),
    ]


def test_each_line_has_its_name_at_its_end_in_its_colour() -> None:
    frame = pd.DataFrame({"a": [1.0, 2.0, np.nan], "b": [3.0, 2.0, 1.0]})
    axes = plots.lines(frame, "A title")
    assert axes.get_legend() is None
    for line, text in zip(axes.lines, axes.texts, strict=True):
        assert to_hex(line.get_color()) == to_hex(text.get_color())
    assert [(text.get_text().strip(), text.xy) for text in axes.texts] == [
        ("a", (1, 2.0)),
        ("b", (2, 1.0)),
    ]


def test_intervals_and_dots_show_what_they_are_given() -> None:
    axes = plots.intervals(["x", "y"], [1, 2], [0, 1], [3, 4], "T", middle=1.5, called="chance")
    assert [text.get_text() for text in axes.texts] == ["chance"]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["x", "y"]
    marked = pd.DataFrame({"Mar": [True, False]}, index=["fe_1", "fe_2"])
    drawn = plots.dots(marked, "T").collections
    assert [to_hex(row.get_facecolor()[0]) for row in drawn] == [plots.PALE, plots.ACCENT]
