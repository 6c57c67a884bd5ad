"""The verdict in words; each sentence is derived from the numbers."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from lakehouse.model.baselines import CHANCE
from lakehouse.model.coverage import Coverage
from lakehouse.model.labels_known import LabelsKnown
from lakehouse.model.metrics import Estimate
from lakehouse.model.scored import Scored
from lakehouse.model.shift import LARGE, Shift
from lakehouse.model.stability import PartPsi

_NOTABLE_GAP = 0.1  # between the coverage of a group in train and in test


@dataclass(frozen=True)
class Verdict:
    """The verdict: `kind` is leak, chance, reversed or signal; headline and reasons explain it."""

    kind: str
    headline: str
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Evidence:
    """The numbers behind a verdict: the models, the preferred one first, and the best feature.

    `gain` is the AUC of the preferred model minus that of the best feature. An AUC of `leak_auc` or more
    would mean a leak. `score_shift` is that of the preferred model from train to test.
    """

    models: tuple[Scored, ...]
    best_feature: Scored
    gain: Estimate
    leak_auc: float
    coverage: tuple[Coverage, ...]
    shifts: tuple[Shift, ...]
    labels_known: LabelsKnown
    score_shift: PartPsi

    @property
    def model(self) -> Scored:
        return self.models[0]

    @property
    def too_good(self) -> list[Scored]:
        """The models and baselines whose AUC would mean a leak."""
        return [s for s in (*self.models, self.best_feature) if s.test.auc.value >= self.leak_auc]


def judge(evidence: Evidence) -> Verdict:
    """The verdict on these numbers."""
    kind, headline = _headline(evidence)
    if not evidence.labels_known.applied:
        headline += " It learned from labels that nobody knew yet."
    return Verdict(kind, headline, tuple(_reasons(evidence)))


def _headline(evidence: Evidence) -> tuple[str, str]:
    auc, result = evidence.model.test.auc, _auc_in_words(evidence.model)
    if evidence.too_good:
        result = _auc_in_words(evidence.too_good[0])
        return "leak", f"This would mean a leak: {result}. Run `python main.py audit`."
    if auc.contains(CHANCE):
        return "chance", f"Not distinguishable from chance, which is 0.5: {result}."
    if auc.value < CHANCE:
        return "reversed", f"Worse than chance, the ranking is reversed: {result}."
    return "signal", f"The features rank later applicants by risk: {result}."


def _auc_in_words(scored: Scored) -> str:
    auc = scored.test.auc
    return (
        f"{scored.name} has an AUC of {auc.value:.3f} out of time "
        f"(95% interval {auc.low:.3f} to {auc.high:.3f})"
    )


def _reasons(evidence: Evidence) -> Iterator[str]:
    yield _about_leaks(evidence)
    yield _against_best_feature(evidence)
    yield _about_calibration(evidence.model)
    yield _about_tenths(evidence.model)
    yield _about_labels(evidence.labels_known)
    yield from (_about_gap(c) for c in evidence.coverage if c.train - c.test > _NOTABLE_GAP)
    yield from _about_unknown(evidence.shifts)
    yield _about_shifts(evidence.shifts)
    if evidence.score_shift.mark != "stable":
        yield _about_score(evidence.score_shift)


def _about_leaks(evidence: Evidence) -> str:
    bound = f"an AUC of {evidence.leak_auc:g} or more"
    if evidence.too_good:
        titles = ", ".join(scored.title for scored in evidence.too_good)
        return f"Nothing known at an application should give {bound}; these reach it: {titles}."
    return (
        f"Nothing reaches {bound}, which would mean a leak. "
        "This does not prove that there is no leak; `python main.py audit` looks for each kind."
    )


def _against_best_feature(evidence: Evidence) -> str:
    gain = evidence.gain
    if gain.contains(0.0):
        comparison = "All features together are not distinguishable from the best single one"
    else:
        better = "better" if gain.value > 0 else "worse"
        comparison = f"All features together rank loans {better} than the best single one"
    return (
        f"{comparison}: the AUC differs by {gain.value:+.3f} (95% interval {gain.low:+.3f} to "
        f"{gain.high:+.3f}) from the {evidence.best_feature.title}."
    )


def _about_calibration(model: Scored) -> str:
    """The prediction on average; the intercept compares both on the same draws, so it sees more."""
    predicted, observed = model.test.predicted.value, model.test.observed
    intercept = model.recalibration.in_the_large
    if intercept.contains(0.0):
        word = "not distinguishable from"
    else:
        word = "fewer than" if intercept.value > 0 else "more than"
    return (
        f"{model.name.capitalize()} predicts {predicted:.1%} defaults on average, {word} the "
        f"{observed.value:.1%} that happened (95% interval {observed.low:.1%} to {observed.high:.1%}). "
        f"The intercept at slope 1 is {intercept.value:+.2f} (95% interval {intercept.low:+.2f} to "
        f"{intercept.high:+.2f}; 0 is right)."
    )


def _about_tenths(model: Scored) -> str:
    """The prediction by tenth of the score, which may be wrong where the average is right."""
    bins = model.test.calibration
    above = sum(bin.predicted.value > bin.observed.value for bin in bins)
    below = sum(bin.predicted.value < bin.observed.value for bin in bins)
    beyond = sum(not bin.observed.contains(bin.predicted.value) for bin in bins)
    return (
        f"By tenth of the score it predicts too many defaults in {above} of {len(bins)} and too few in "
        f"{below}; in {beyond} of them this is beyond the 95% interval. {_about_slope(model)}"
    )


def _about_slope(model: Scored) -> str:
    slope = model.recalibration.slope
    if math.isnan(slope.value):
        return (
            "There is no calibration slope: the scores are all equal, or part the outcomes fully."
        )
    told = f"The calibration slope is {slope.value:.2f} (95% interval {slope.low:.2f} to {slope.high:.2f})"
    if slope.contains(1.0):
        return f"{told}, not distinguishable from 1, which is right."
    if slope.value > 1:
        return f"{told}: low scores are too high, and high ones too low."
    return f"{told}: low scores are too low, and high ones too high."


def _about_labels(known: LabelsKnown) -> str:
    before_test, model = known.train[-1], known.models[0]
    train, difference = before_test.loans + before_test.left_out, model.difference
    if not known.applied:
        before = known.train[0]
        return (
            f"{before.loans:,} of {train:,} train loans had a known label before {before.first_day}, the "
            f"first day of {before.part}, and {before_test.loans:,} before {before_test.first_day}, the "
            "first day of test. The model learned from every label, so nobody could have had it then: "
            "take more months."
        )
    return (
        f"{before_test.left_out:,} of {train:,} train loans had no known label before "
        f"{before_test.first_day}, the first day of test, so they are left out. With them the AUC of "
        f"{model.model} is {model.auc_without.value:.3f}, without them {model.auc.value:.3f}: it differs by "
        f"{difference.value:+.3f} (95% interval {difference.low:+.3f} to {difference.high:+.3f})."
    )


def _about_gap(group: Coverage) -> str:
    train = f"it is known for {group.train:.0%} of train loans"
    if group.test:
        return f"{group.group} is known for only {group.test:.0%} of test loans; {train}."
    return (
        f"{group.group} is missing for every test loan; {train}. "
        "The model could learn from it, but this test says nothing about it."
    )


def _about_unknown(shifts: tuple[Shift, ...]) -> Iterator[str]:
    """The features that train has and test lacks, if there are any."""
    every = Counter(shift.group for shift in shifts)
    lost = Counter(shift.group for shift in shifts if shift.only_in_train)
    if lost:
        spelt_out = ", ".join(
            f"{n} of {every[group]} of {group}" for group, n in lost.most_common()
        )
        yield (
            f"{lost.total()} of {len(shifts)} features are never known in test, though in train: {spelt_out}."
        )


def _about_shifts(shifts: tuple[Shift, ...]) -> str:
    large = Counter(shift.group for shift in shifts if shift.mark == "large")
    if not large:
        return f"No feature shifted much from train to test (no PSI of {LARGE} or more)."
    spelt_out = ", ".join(f"{n} of {group}" for group, n in large.most_common())
    return (
        f"{large.total()} of {len(shifts)} features shifted much from train to test "
        f"(PSI of {LARGE} or more): {spelt_out}."
    )


def _about_score(shift: PartPsi) -> str:
    return (
        f"The score shifted too, from the loans it has learned from to test: its PSI is {shift.psi:.2f} "
        f"({shift.mark}), where chance gives about {shift.by_chance:.2f}."
    )
