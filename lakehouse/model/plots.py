"""The charts of an assessment as PNG; the preferred model has the accent colour, the others are grey."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure
from sklearn.metrics import roc_curve

from lakehouse.model.assessment import Assessment
from lakehouse.model.baselines import CHANCE
from lakehouse.model.metrics import Numbers
from lakehouse.model.rolling import Rolling
from lakehouse.model.shift import LARGE, MODERATE, Shift
from lakehouse.plots import ACCENT, GREY, INK, PALE, chart, in_percent, png, theme

_LINES = ((ACCENT, "-", 2.4), (INK, "-", 1.1), (GREY, "--", 1.4))
_TOP = 12
_LEAST_PSI = 0.01  # lower values are drawn here
_BLANK = {"facecolor": "white", "edgecolor": "none", "pad": 1}


def draw(assessment: Assessment) -> dict[str, bytes]:
    """File name -> PNG of every chart."""
    with rc_context(theme()):
        charts = {name: drawn(assessment) for name, drawn in CHARTS.items()}
        if assessment.rolling:
            charts["rolling"] = _rolling(assessment.rolling)
        return {f"{name}.png": png(figure) for name, figure in charts.items()}


def _roc(assessment: Assessment) -> Figure:
    figure, axes = chart("ROC curve on test")
    for scored, (colour, style, width) in zip(assessment.scored, _LINES, strict=False):
        alarms, caught, _ = roc_curve(assessment.labels, scored.scores)
        label = f"{scored.name}, AUC {scored.test.auc.value:.3f}"
        axes.plot(alarms, caught, color=colour, linestyle=style, linewidth=width, label=label)
    axes.plot([0, 1], [0, 1], color=PALE, linewidth=1.4, label="chance, AUC 0.5")
    axes.set(xlim=(0, 1), ylim=(0, 1.01), xlabel="good loans refused", ylabel="defaults refused")
    axes.legend(loc="lower right", labelcolor=[ACCENT, INK, GREY, GREY], handlelength=1.6)
    in_percent(axes.xaxis, axes.yaxis)
    return figure


def _calibration(assessment: Assessment) -> Figure:
    figure, axes = chart("Calibration on test, by tenth of the score")
    bins = assessment.evidence.model.test.calibration
    predicted, observed = ([b.predicted.value for b in bins], [b.observed for b in bins])
    axes.plot([0, 1], [0, 1], color=PALE, linewidth=1.4)
    axes.vlines(predicted, [o.low for o in observed], [o.high for o in observed], ACCENT, alpha=0.4)
    axes.plot(predicted, [o.value for o in observed], "o", color=ACCENT, markersize=6)
    top = min(1.0, max(*predicted, *(o.high for o in observed)) + 0.05)
    axes.set(
        xlim=(0, top),
        ylim=(0, top),
        xlabel="predicted default rate; above the line more happened",
        ylabel="observed default rate",
    )
    in_percent(axes.xaxis, axes.yaxis)
    return figure


def _auc_by_month(assessment: Assessment) -> Figure:
    figure, axes = chart("AUC by month of application")
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


def _rolling(rolling: Rolling) -> Figure:
    figure, axes = chart("AUC of a model in use, by month of application")
    months = [month.month for month in rolling.months]
    axes.axhline(CHANCE, color=PALE, linewidth=1.4)
    for number, (name, (colour, _, _), marker) in enumerate(
        zip(rolling.models, _LINES, "oD", strict=False)
    ):
        # Side by side, so that no interval hides the other.
        places = [months.index(month.month) + 0.25 * number for month in rolling.scored]
        aucs = [month.aucs[number].auc for month in rolling.scored]
        axes.vlines(places, [a.low for a in aucs], [a.high for a in aucs], colour, alpha=0.4)
        values = [auc.value for auc in aucs]
        axes.plot(places, values, marker, color=colour, markersize=5, label=name)
    for place, month in enumerate(rolling.months):
        if month.too_few:
            axes.plot(place, CHANCE, "x", color=GREY, markersize=5)
    axes.set_xticks(range(len(months)), months, rotation=90, fontsize=8)
    axes.set_ylabel("AUC; x: too few events")
    # The first months never have an AUC, because no label is known yet.
    axes.legend(loc="upper left", fontsize=9, borderpad=0)
    return figure


def _apart(values: Sequence[float], gap: float) -> list[float]:
    """The values, moved up if one is less than `gap` above another; NaN becomes the AUC of chance."""
    finite = np.nan_to_num(values, nan=CHANCE)
    placed, least = finite.copy(), -np.inf
    for index in np.argsort(finite, kind="stable"):
        placed[index] = least = max(finite[index], least + gap)
    return list(placed)


def _score_distribution(assessment: Assessment) -> Figure:
    figure, axes = chart("Scores on test, by what happened")
    scores, bins = assessment.evidence.model.scores, np.linspace(0, 1, 26)
    for outcome, name, colour in ((0, "repaid", GREY), (1, "defaulted", ACCENT)):
        of_outcome = scores[assessment.labels == outcome]
        shares, _ = np.histogram(
            of_outcome, bins, weights=np.full(len(of_outcome), 1 / len(of_outcome))
        )
        axes.stairs(shares, bins, fill=True, color=colour, alpha=0.25)
        label = f"{name} ({len(of_outcome):,})"
        axes.stairs(shares, bins, color=colour, linewidth=1.6, label=label)
    axes.set(xlim=(0, 1), xlabel="predicted probability of default", ylabel="share of the loans")
    # Room above the bars, so that the names are over none.
    axes.set_ylim(0, 1.3 * axes.get_ylim()[1])
    axes.legend(loc="upper right", labelcolor=[GREY, ACCENT], ncols=2)
    in_percent(axes.xaxis, axes.yaxis)
    return figure


def _top_features(assessment: Assessment) -> Figure:
    features = assessment.importance.features[:_TOP][::-1]
    figure, axes = chart("AUC lost without a feature", height=4.2)
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
    figure, axes = chart("Shift of each feature from train to test (PSI)")
    for row, group in enumerate(groups):
        of_group = [shift for shift in shifts if shift.group == group]
        values = np.clip([shift.psi for shift in of_group], _LEAST_PSI, None)
        colours = [ACCENT if shift.mark == "large" else GREY for shift in of_group]
        axes.scatter(values, row + _spread(len(of_group)), s=18, c=colours, alpha=0.6, linewidths=0)
        # At the left end, where no dot can be: these are below and above it.
        axes.text(_LEAST_PSI, row + 0.3, _label(of_group[0]), va="bottom", fontsize=9, bbox=_BLANK)
    for mark in (MODERATE, LARGE):
        axes.axvline(mark, color=PALE, linewidth=1.2, zorder=0)
    told = f"PSI: below {MODERATE:g} stable, from {LARGE:g} large"
    axes.set(xscale="log", ylim=(-0.5, len(groups) - 0.4), xlabel=told)
    axes.set_yticks(range(len(groups)), groups)
    axes.set_xticks(
        [_LEAST_PSI, MODERATE, LARGE, 1, 10], ["0.01 or less", "0.1", "0.25", "1", "10"]
    )
    return figure


def _label(shift: Shift) -> str:
    missing = ", missing for all of test" if shift.missing_in_test == 1 else ""
    return f"most: {shift.name}{missing}"


def _spread(number: int) -> Numbers:
    """Vertical positions around 0, so that `number` dots of one group do not hide each other."""
    return np.asarray((np.arange(number) * 0.618) % 1 * 0.5 - 0.25)


CHARTS: dict[str, Callable[[Assessment], Figure]] = {
    "roc": _roc,
    "calibration": _calibration,
    "auc_by_month": _auc_by_month,
    "scores": _score_distribution,
    "importance": _top_features,
    "psi": _psi,
}
