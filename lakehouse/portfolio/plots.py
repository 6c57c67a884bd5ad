"""The charts of a portfolio as PNG: what the text is about has the accent colour, all else is grey."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from lakehouse.gold.arrears import BOUNDS, BUCKETS
from lakehouse.plots import ACCENT, GREY, INK, PALE, WARM, chart, in_percent, png, theme
from lakehouse.portfolio.portfolio import Portfolio, defined
from lakehouse.portfolio.proposal import not_back

_SHADES = LinearSegmentedColormap.from_list("shades", ["#ffffff", ACCENT])
_LINES = ((ACCENT, "-"), (WARM, "--"), (INK, ":"), (GREY, "-."))
_MOST_TICKS = 8
FEWEST_MOVES = 30  # of fewer loans a month tells chance


def draw(portfolio: Portfolio) -> dict[str, bytes]:
    """File name -> PNG of every chart."""
    with rc_context(theme()):
        charts = {f"vintages_{bound}": _vintages(portfolio, bound) for bound in BOUNDS}
        charts |= {
            "flattening": _flattening(portfolio),
            "roll_rates": _roll_rates(portfolio),
            "worse_by_month": _worse_by_month(portfolio),
            "maturity": _maturity(portfolio),
        }
        return {f"{name}.png": png(figure) for name, figure in charts.items()}


def _vintages(portfolio: Portfolio, bound: int) -> Figure:
    figure, axes = chart(f"Ever {bound} or more days past due, by cohort")
    by_cohort: dict[str, list[tuple[int, float]]] = defaultdict(list)
    for cell in portfolio.cells:
        if cell.dpd_bound == bound and cell.is_shown:
            by_cohort[cell.cohort].append((cell.mob, cell.bad_ever / cell.loans))
    for curve in by_cohort.values():
        mobs = [mob for mob, _ in curve]
        # A month that is not mature is a gap in the line.
        shares = dict(curve)
        every = range(mobs[0], mobs[-1] + 1)
        values = [shares.get(mob, np.nan) for mob in every]
        axes.plot(every, values, color=GREY, linewidth=0.8, alpha=0.45)
    together = portfolio.curve(bound)
    if together.points:
        mobs = [point.mob for point in together.points]
        shares_of_all = [point.bad_ever.value or 0.0 for point in together.points]
        axes.plot(mobs, shares_of_all, color=ACCENT, linewidth=2.6)
        axes.text(
            mobs[-1], shares_of_all[-1], f" {shares_of_all[-1]:.1%}", color=ACCENT, va="center"
        )
        axes.margins(x=0.1)
    if not by_cohort:
        _nothing(axes, "no cohort is mature")
    axes.set_xlabel("month on book")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_ylim(bottom=0)
    in_percent(axes.yaxis)
    return figure


def _flattening(portfolio: Portfolio) -> Figure:
    figure, axes = chart("Share of the bad loans that were bad by then")
    drawn = False
    for together, (color, style) in zip(portfolio.curves, _LINES, strict=False):
        points = [p for p in together.points if p.reached.value is not None]
        if not together.is_enough or not points:
            continue
        drawn = True
        mobs = [point.mob for point in points]
        values = [point.reached.value or 0.0 for point in points]
        low, high = ([getattr(p.reached, end) for p in points] for end in ("low", "high"))
        axes.fill_between(mobs, low, high, color=color, alpha=0.12, linewidth=0)
        label = f"{together.dpd_bound} days"
        axes.plot(mobs, values, color=color, linestyle=style, linewidth=2, label=label)
    if drawn:
        axes.axhline(0.95, color=PALE, linewidth=1.4, zorder=0)
        axes.text(0, 0.955, "95%", color=GREY, va="bottom", fontsize=9)
        axes.legend(loc="lower right")
    else:
        _nothing(axes, "too few mature cohorts or bad loans")
    axes.set_xlabel("month on book")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_ylim(0, 1.05)
    in_percent(axes.yaxis)
    return figure


def _roll_rates(portfolio: Portfolio) -> Figure:
    figure, axes = chart("From the bucket before to the bucket now")
    rows = portfolio.rolls.rows
    shares = np.array([[s.value if s.value is not None else np.nan for s in r.to] for r in rows])
    axes.imshow(shares, cmap=_SHADES, vmin=0, vmax=1, aspect="auto")
    for y, row in enumerate(rows):
        for x, share in enumerate(row.to):
            if share.value is not None:
                color = "white" if share.value > 0.55 else INK
                axes.text(x, y, f"{share.value:.1%}", ha="center", va="center", color=color)
    axes.set_xticks(range(len(BUCKETS)), BUCKETS)
    axes.set_yticks(range(len(BUCKETS)), [f"{row.bucket}\n{row.loans:,}" for row in rows])
    axes.set_xlabel("days past due now")
    axes.set_ylabel("days past due a month before, loans")
    axes.spines[:].set_visible(False)
    return figure


def _worse_by_month(portfolio: Portfolio) -> Figure:
    figure, axes = chart("Share that does not come back, by month")
    months = [each.month or "" for each in portfolio.rolls_by_month]
    first = len(BUCKETS) - len(BOUNDS)
    for place, (color, style) in zip(range(first, len(BUCKETS)), _LINES, strict=False):
        shares = [not_back(each.rows[place]) for each in portfolio.rolls_by_month]
        known = [
            s.value if s.value is not None and s.of >= FEWEST_MOVES else np.nan for s in shares
        ]
        label = f"{BUCKETS[place]} {'stays' if place == len(BUCKETS) - 1 else 'gets worse'}"
        axes.plot(
            range(len(months)), known, color=color, linestyle=style, linewidth=1.8, label=label
        )
    _months(axes, months)
    axes.set_ylim(0, 1.05)
    axes.legend(loc="lower right", fontsize=9)
    in_percent(axes.yaxis)
    return figure


def _maturity(portfolio: Portfolio) -> Figure:
    figure, axes = chart("Loans with a known label, by month of application")
    names = defined(portfolio.maturity)
    months = sorted({each.month for each in portfolio.maturity})
    for number, name in enumerate(names):
        color, style = _LINES[number % len(_LINES)]
        shares = {m.month: m.known.value or 0.0 for m in portfolio.maturity if m.label_def == name}
        values = [shares[month] for month in months]
        width = 2.2 - 0.25 * min(number, 4)
        axes.plot(
            range(len(months)), values, color=color, linestyle=style, linewidth=width, label=name
        )
    _months(axes, months)
    axes.set_ylim(0, 1.05)
    if names:
        axes.legend(loc="lower left", fontsize=9)
    in_percent(axes.yaxis)
    return figure


def _months(axes: Axes, months: Sequence[str]) -> None:
    step = max(1, -(-len(months) // _MOST_TICKS))
    axes.set_xticks(range(len(months))[::step], months[::step], rotation=30, ha="right")


def _nothing(axes: Axes, why: str) -> None:
    axes.text(0.5, 0.5, why, color=GREY, ha="center", transform=axes.transAxes)
