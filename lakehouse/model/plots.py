"""The charts of an assessment as PNG; the preferred model has the accent colour, the others are grey."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence

import numpy as np
from matplotlib import font_manager, rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import PercentFormatter
from sklearn.metrics import roc_curve

from lakehouse.model.assessment import Assessment
from lakehouse.model.baselines import CHANCE
from lakehouse.model.metrics import Numbers
from lakehouse.model.shift import LARGE, MODERATE, Shift

ACCENT, INK, GREY, PALE = "#0b5fa5", "#1f2328", "#6e7781", "#d0d7de"
_LINES = ((ACCENT, "-", 2.4), (INK, "-", 1.1), (GREY, "--", 1.4))
_FONTS = ("Inter", "Helvetica Neue", "Segoe UI", "Arial", "Liberation Sans", "DejaVu Sans")
_TOP = 12
_LEAST_PSI = 0.01  # lower values are drawn here
_DPI = 200
_BLANK = {"facecolor": "white", "edgecolor": "none", "pad": 1}


def draw(assessment: Assessment) -> dict[str, bytes]:
    """File name -> PNG of every chart."""
    with rc_context(_style()):
        return {f"{name}.png": _png(chart(assessment)) for name, chart in CHARTS.items()}


def _style() -> dict[str, object]:
    installed = set(font_manager.get_font_names())
    return {
        "font.family": next(name for name in _FONTS if name in installed),
        "font.size": 10,
        "text.color": INK,
        "axes.edgecolor": PALE,
        "axes.labelcolor": GREY,
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


def _png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, dpi=_DPI, metadata={"Software": None})
    return buffer.getvalue()


def _axes(title: str, height: float = 3.9) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(5.5, height), layout=ConstrainedLayoutEngine(h_pad=0.12, w_pad=0.12))
    axes = figure.add_subplot()
    axes.set_title(title)
    return figure, axes


def _roc(assessment: Assessment) -> Figure:
    figure, axes = _axes("ROC curve on test")
    for scored, (colour, style, width) in zip(assessment.scored, _LINES, strict=False):
        alarms, caught, _ = roc_curve(assessment.labels, scored.scores)
        label = f"{scored.name}, AUC {scored.test.auc.value:.3f}"
        axes.plot(alarms, caught, color=colour, linestyle=style, linewidth=width, label=label)
    axes.plot([0, 1], [0, 1], color=PALE, linewidth=1.4, label="chance, AUC 0.5")
    axes.set(xlim=(0, 1), ylim=(0, 1.01), xlabel="good loans refused", ylabel="defaults refused")
    axes.legend(loc="lower right", labelcolor=[ACCENT, INK, GREY, GREY], handlelength=1.6)
    _in_percent(axes)
    return figure


def _calibration(assessment: Assessment) -> Figure:
    figure, axes = _axes("Calibration on test, by tenth of the score")
    bins = assessment.evidence.model.test.calibration
    predicted, observed = ([b.predicted.value for b in bins], [b.observed for b in bins])
    axes.plot([0, 1], [0, 1], color=PALE, linewidth=1.4)
    axes.vlines(predicted, [o.low for o in observed], [o.high for o in observed], ACCENT, alpha=0.4)
    axes.plot(predicted, [o.value for o in observed], "o", color=ACCENT, markersize=6)
    top = min(1.0, max(*predicted, *(o.high for o in observed)) + 0.05)
    axes.set(
        xlim=(0, top),
        ylim=(0, top),
        xlabel="predicted default rate",
        ylabel="observed default rate",
    )
    axes.text(0.05 * top, 0.94 * top, "above the line: more defaults than predicted", color=GREY)
    axes.text(0.96 * top, 0.04 * top, "below: fewer", color=GREY, ha="right")
    _in_percent(axes)
    return figure


def _auc_by_month(assessment: Assessment) -> Figure:
    figure, axes = _axes("AUC by month of application")
    months = assessment.evidence.model.by_month
    places = np.arange(len(months))
    axes.axhline(CHANCE, color=PALE, linewidth=1.4)
    axes.text(places[-1] + 0.2, CHANCE, "chance", color=GREY, va="bottom", fontsize=9)
    intervals = [month.metrics.auc for month in months]
    axes.vlines(places, [i.low for i in intervals], [i.high for i in intervals], ACCENT, alpha=0.4)
    rivals = assessment.scored[:3]
    aucs = [[month.metrics.auc.value for month in scored.by_month] for scored in rivals]
    for values, (colour, _, _), marker in zip(aucs, _LINES, "oDs", strict=True):
        axes.plot(places, values, marker, color=colour, markersize=8 if marker == "o" else 4.5)
    ends = _apart([values[-1] for values in aucs], 0.035)
    for scored, (colour, _, _), end in zip(rivals, _LINES, ends, strict=True):
        axes.text(places[-1] + 0.2, end, scored.name, color=colour, va="center", fontsize=9)
    axes.set_xticks(places, [f"{m.month}\n{m.part}\n{m.metrics.loans:,} loans" for m in months])
    axes.set_xlim(-0.5, len(months) + 0.4)
    return figure


def _apart(values: Sequence[float], gap: float) -> list[float]:
    """The values, moved up if one is less than `gap` above another; NaN becomes the AUC of chance."""
    finite = np.nan_to_num(values, nan=CHANCE)
    placed, least = finite.copy(), -np.inf
    for index in np.argsort(finite, kind="stable"):
        placed[index] = least = max(finite[index], least + gap)
    return list(placed)


def _score_distribution(assessment: Assessment) -> Figure:
    figure, axes = _axes("Scores on test, by what happened")
    scores, bins = assessment.evidence.model.scores, np.linspace(0, 1, 26)
    for outcome, name, colour in ((0, "repaid", GREY), (1, "defaulted", ACCENT)):
        of_outcome = scores[assessment.labels == outcome]
        shares, _ = np.histogram(
            of_outcome, bins, weights=np.full(len(of_outcome), 1 / len(of_outcome))
        )
        axes.stairs(shares, bins, fill=True, color=colour, alpha=0.25)
        axes.stairs(shares, bins, color=colour, linewidth=1.6)
        peak = int(shares.argmax())
        label = f"{name} ({len(of_outcome):,})"
        axes.text(bins[peak + 1] + 0.01, shares[peak], label, color=colour, va="top", weight="bold")
    axes.set(xlim=(0, 1), xlabel="predicted probability of default", ylabel="share of the loans")
    _in_percent(axes)
    return figure


def _top_features(assessment: Assessment) -> Figure:
    features = assessment.importance.features[:_TOP][::-1]
    figure, axes = _axes("AUC lost without a feature", height=4.2)
    lost, spread = [f.auc_lost for f in features], [f.spread for f in features]
    axes.barh([f.name for f in features], lost, color=ACCENT, height=0.6)
    axes.errorbar(lost, range(len(features)), xerr=spread, fmt="none", color=INK, linewidth=1)
    for place, feature in enumerate(features):
        end = max(0.0, feature.auc_lost + feature.spread)
        axes.text(end, place, f"  {feature.auc_lost:.3f}", va="center", color=GREY, fontsize=9)
    axes.set_xlabel("AUC lost on test")
    axes.tick_params(axis="y", colors=INK)
    axes.margins(x=0.15)
    return figure


def _psi(assessment: Assessment) -> Figure:
    shifts = assessment.evidence.shifts
    groups = sorted({shift.group for shift in shifts}, reverse=True)
    figure, axes = _axes("Shift of each feature from train to test (PSI)")
    for row, group in enumerate(groups):
        of_group = [shift for shift in shifts if shift.group == group]
        values = np.clip([shift.psi for shift in of_group], _LEAST_PSI, None)
        colours = [ACCENT if shift.mark == "large" else GREY for shift in of_group]
        axes.scatter(values, row + _spread(len(of_group)), s=18, c=colours, alpha=0.6, linewidths=0)
        side = "right" if values[0] > LARGE else "left"
        axes.text(
            values[0], row + 0.3, _label(of_group[0]), ha=side, va="bottom", fontsize=9, bbox=_BLANK
        )
    for mark in (MODERATE, LARGE):
        axes.axvline(mark, color=PALE, linewidth=1.2, zorder=0)
    middle = float(np.sqrt(MODERATE * LARGE))
    for place, name, side in (
        (MODERATE, "stable ", "right"),
        (middle, "moderate", "center"),
        (LARGE, " large", "left"),
    ):
        axes.text(place, len(groups) - 0.35, name, color=GREY, ha=side, fontsize=8.5)
    axes.set(xscale="log", ylim=(-0.5, len(groups) - 0.2), xlabel="PSI")
    axes.set_yticks(range(len(groups)), groups)
    axes.set_xticks(
        [_LEAST_PSI, MODERATE, LARGE, 1, 10], ["0.01 or less", "0.1", "0.25", "1", "10"]
    )
    return figure


def _label(shift: Shift) -> str:
    return f"{shift.name} (missing for all of test)" if shift.missing_in_test == 1 else shift.name


def _spread(number: int) -> Numbers:
    """Vertical positions around 0, so that `number` dots of one group do not hide each other."""
    return np.asarray((np.arange(number) * 0.618) % 1 * 0.5 - 0.25)


def _in_percent(axes: Axes) -> None:
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))


CHARTS: dict[str, Callable[[Assessment], Figure]] = {
    "roc": _roc,
    "calibration": _calibration,
    "auc_by_month": _auc_by_month,
    "scores": _score_distribution,
    "importance": _top_features,
    "psi": _psi,
}
