"""What the numbers say, in words: each sentence is derived from them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from lakehouse.model.baselines import CHANCE
from lakehouse.model.coverage import Coverage
from lakehouse.model.metrics import Estimate
from lakehouse.model.scored import Scored
from lakehouse.model.shift import LARGE, Shift

_NOTABLE_GAP = 0.1  # between the shares of train and test loans that a group is known for


@dataclass(frozen=True)
class Verdict:
    """`kind` is leak, chance, reversed or signal; the headline says it, the reasons say more."""

    kind: str
    headline: str
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Evidence:
    """The numbers a verdict rests on: the models, the preferred one first, and the best feature.

    `gain` is the AUC of the preferred model above the best feature's; `leak_auc` would mean a leak.
    """

    models: tuple[Scored, ...]
    best_feature: Scored
    gain: Estimate
    leak_auc: float
    coverage: tuple[Coverage, ...]
    shifts: tuple[Shift, ...]

    @property
    def model(self) -> Scored:
        return self.models[0]

    @property
    def too_good(self) -> list[Scored]:
        """What reaches the AUC that would mean a leak."""
        return [s for s in (*self.models, self.best_feature) if s.test.auc.value >= self.leak_auc]


def judge(evidence: Evidence) -> Verdict:
    """The verdict on these numbers."""
    kind, headline = _headline(evidence)
    return Verdict(kind, headline, tuple(_reasons(evidence)))


def _headline(evidence: Evidence) -> tuple[str, str]:
    auc, said = evidence.model.test.auc, _said(evidence.model)
    if evidence.too_good:
        said = _said(evidence.too_good[0])
        return "leak", f"This would mean a leak: {said}. Run `python main.py audit`."
    if auc.contains(CHANCE):
        return "chance", f"Not distinguishable from chance, which is 0.5: {said}."
    if auc.value < CHANCE:
        return "reversed", f"Worse than chance, the ranking is reversed: {said}."
    return "signal", f"The features rank later applicants by risk: {said}."


def _said(scored: Scored) -> str:
    auc = scored.test.auc
    return (
        f"{scored.name} has an AUC of {auc.value:.3f} out of time "
        f"(95% interval {auc.low:.3f} to {auc.high:.3f})"
    )


def _reasons(evidence: Evidence) -> Iterator[str]:
    yield _about_leaks(evidence)
    yield _against_best_feature(evidence)
    yield _about_calibration(evidence.model)
    yield from (_about_gap(c) for c in evidence.coverage if c.train - c.test > _NOTABLE_GAP)
    yield _about_shifts(evidence.shifts)


def _about_leaks(evidence: Evidence) -> str:
    bound = f"an AUC of {evidence.leak_auc:g} or more"
    if evidence.too_good:
        titles = ", ".join(each.title for each in evidence.too_good)
        return (
            f"Nothing known at an application should give {bound}; here it is reached by {titles}."
        )
    return (
        f"Nothing reaches {bound}, which would mean a leak. "
        "This does not prove that there is none; `python main.py audit` looks for each kind."
    )


def _against_best_feature(evidence: Evidence) -> str:
    gain = evidence.gain
    if gain.contains(0.0):
        said = "All features together are not distinguishable from one"
    else:
        said = f"All features together tell {'more' if gain.value > 0 else 'less'} than one"
    return (
        f"{said}: the AUC differs by {gain.value:+.3f} (95% interval {gain.low:+.3f} to "
        f"{gain.high:+.3f}) from the {evidence.best_feature.title}."
    )


def _about_calibration(model: Scored) -> str:
    predicted, observed = model.test.predicted.value, model.test.observed
    if observed.contains(predicted):
        word = "in line with"
    else:
        word = "above" if predicted > observed.value else "below"
    return (
        f"{model.name.capitalize()} predicts {predicted:.1%} defaults, {word} the "
        f"{observed.value:.1%} that happened (95% interval {observed.low:.1%} to {observed.high:.1%})."
    )


def _about_gap(group: Coverage) -> str:
    train = f"of train loans it is known for {group.train:.0%}"
    if group.test:
        return f"{group.group} is known for only {group.test:.0%} of test loans; {train}."
    return (
        f"{group.group} is missing for every test loan; {train}. "
        "The model could learn from it, but this test says nothing of it."
    )


def _about_shifts(shifts: tuple[Shift, ...]) -> str:
    large = Counter(each.group for each in shifts if each.mark == "large")
    if not large:
        return f"No feature shifted much from train to test (no PSI of {LARGE} or more)."
    spelt_out = ", ".join(f"{n} of {group}" for group, n in large.most_common())
    return (
        f"{large.total()} of {len(shifts)} features shifted much from train to test "
        f"(PSI of {LARGE} or more): {spelt_out}."
    )
