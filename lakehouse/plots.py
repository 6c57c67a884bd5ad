"""One look for all charts: a theme, colours that colour-blind eyes tell apart, and direct labels."""

from __future__ import annotations

import io
from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING, Any

from cycler import cycler
from matplotlib import font_manager, rcParams
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import PercentFormatter

if TYPE_CHECKING:
    import pandas as pd

ACCENT, WARM, INK, GREY, PALE = "#0b5fa5", "#d55e00", "#1f2328", "#6e7781", "#d0d7de"
# Colours of lines and bars, in this order; text takes INK and GREY.
PALETTE = (ACCENT, WARM, GREY, PALE)
_FONTS = ("Inter", "Helvetica Neue", "Segoe UI", "Arial", "Liberation Sans", "DejaVu Sans")
_BAR_INCHES, _MARGIN_INCHES = 0.28, 1.0
_DPI = 200


def theme() -> dict[str, Any]:
    """Matplotlib's settings of the look."""
    installed = set(font_manager.get_font_names())
    return {
        "font.family": next(name for name in _FONTS if name in installed),
        "font.size": 10,
        "text.color": INK,
        "axes.edgecolor": PALE,
        "axes.labelcolor": GREY,
        "axes.prop_cycle": cycler(color=PALETTE),
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.titlelocation": "left",
        "axes.titlesize": 11.5,
        "axes.titleweight": "bold",
        "axes.titlepad": 12,
        "xtick.color": GREY,
        "ytick.color": GREY,
        "xtick.major.size": 0,
        "ytick.major.size": 0,
        "xtick.minor.size": 0,
        "xtick.major.pad": 7,
        "ytick.major.pad": 7,
        "legend.frameon": False,
    }


def chart(title: str, height: float = 3.9, width: float = 5.5) -> tuple[Figure, Axes]:
    """A chart of a page, with its title."""
    figure = Figure(figsize=(width, height), layout=ConstrainedLayoutEngine(h_pad=0.12, w_pad=0.12))
    axes = figure.add_subplot()
    axes.set_title(title)
    return figure, axes


def png(figure: Figure) -> bytes:
    """The chart as PNG; the same chart gives the same bytes."""
    buffer = io.BytesIO()
    figure.savefig(buffer, dpi=_DPI, metadata={"Software": None})
    return buffer.getvalue()


def in_percent(*axes: Axis) -> None:
    """Show the numbers of axes as percent."""
    for axis in axes:
        axis.set_major_formatter(PercentFormatter(1, decimals=0))


def use() -> None:
    """Give all charts of this process the look, in the size of a notebook."""
    rcParams.update(theme())
    rcParams.update(
        {"figure.figsize": (8, 3.6), "figure.dpi": 100, "figure.constrained_layout.use": True}
    )


def _axes(title: str, height: float = 3.6) -> Axes:
    # Imported here, because the report of a model draws without it.
    import matplotlib.pyplot as plt

    _, axes = plt.subplots(figsize=(8, height))
    axes.set_title(title)
    return axes


def bars(
    values: pd.Series[float],
    title: str,
    *,
    xlabel: str = "",
    accent: Collection[str] = (),
    spell: Callable[[float], str] = "{:.2f}".format,
    start: float = 0,
) -> Axes:
    """Horizontal bars, the first value on top, each with its number behind it.

    `accent` are the names whose bars have the accent colour, all by default; `start` is where bars begin.
    """
    shown = values[::-1]
    axes = _axes(title, _MARGIN_INCHES + _BAR_INCHES * len(shown))
    colors = [ACCENT if name in (accent or values.index) else PALE for name in shown.index]
    drawn = axes.barh([str(name) for name in shown.index], shown - start, 0.7, start, color=colors)
    axes.bar_label(drawn, [spell(value) for value in shown], padding=4, color=GREY)
    axes.tick_params(axis="y", labelcolor=INK)
    axes.spines["left"].set_visible(False)
    axes.margins(x=0.12)
    axes.set_xlabel(xlabel)
    return axes


def lines(frame: pd.DataFrame, title: str, *, ylabel: str = "") -> Axes:
    """A line per column over the index, each with its name at its end; the last column has the accent."""
    axes = _axes(title)
    colors = (WARM, GREY, ACCENT)[-frame.shape[1] :]
    for (name, values), color in zip(frame.items(), colors, strict=True):
        axes.plot(frame.index, values, color=color, linewidth=2, marker="o", markersize=3)
        known = values.dropna()
        axes.annotate(f"  {name}", (known.index[-1], known.iloc[-1]), color=color, va="center")
    axes.set_ylabel(ylabel)
    return axes


def intervals(
    names: Sequence[str],
    values: Sequence[float],
    low: Sequence[float],
    high: Sequence[float],
    title: str,
    *,
    ylabel: str = "",
    middle: float | None = None,
    called: str = "",
) -> Axes:
    """A dot per name with the interval around it; `middle` is a line across, with what it is `called`."""
    axes = _axes(title)
    places = range(len(names))
    if middle is not None:
        axes.axhline(middle, color=PALE, linewidth=1.4, zorder=0)
        axes.text(len(names) - 0.4, middle, called, color=GREY, va="center")
    axes.vlines(places, low, high, color=ACCENT, alpha=0.4)
    axes.plot(places, values, "o", color=ACCENT, markersize=6)
    step = max(1, len(names) // 8)
    axes.set_xticks(list(places)[::step], list(names)[::step])
    axes.set_ylabel(ylabel)
    return axes


def dots(marked: pd.DataFrame, title: str) -> Axes:
    """A dot per cell of a table of true and false: in the accent colour where it is true."""
    axes = _axes(title, _MARGIN_INCHES + _BAR_INCHES * len(marked))
    for place, (_, row) in enumerate(marked[::-1].iterrows()):
        colors = [ACCENT if each else PALE for each in row]
        axes.scatter(range(len(row)), [place] * len(row), s=80, c=colors)
    axes.set_xticks(range(marked.shape[1]), [str(name) for name in marked.columns])
    axes.set_yticks(range(len(marked)), [str(name) for name in marked.index[::-1]])
    axes.tick_params(axis="y", labelcolor=INK)
    axes.spines[["left", "bottom"]].set_visible(False)
    axes.margins(x=0.05, y=0.08)
    return axes
