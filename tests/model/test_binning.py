"""Bins, weights of evidence and the scorecard, counted again from the train loans."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from lakehouse.errors import BadInput
from lakehouse.model import sanity
from lakehouse.model.assessment import Assessment
from lakehouse.model.binning import Bin, Binned, Card, Scale, is_installed
from lakehouse.model.features import features_of, prepared
from lakehouse.model.report import write_report

pytestmark = [pytest.mark.slow, pytest.mark.each]

TrainingSet = Callable[..., pd.DataFrame]
Assessed = Callable[..., Assessment]
needs_package = pytest.mark.skipif(
    not is_installed(), reason="optbinning is not installed; requirements-dev.txt installs it"
)


def test_the_scale_doubles_the_odds_every_20_points() -> None:
    assert Scale().of(1 / 51) == pytest.approx(600)
    assert Scale().of(1 / 101) == pytest.approx(620)
    assert Scale(500, 10, 50).of(1 / 6) == pytest.approx(450)


def test_without_the_package_there_is_a_report_and_no_scorecard(
    assessed: Assessed, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    found_spec = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "optbinning" else found_spec(name)
    )
    assert not is_installed()
    found = assessed(binning=True)
    assert found.scorecard is None and found.told == found.scored
    assert "Bins and scorecard" not in write_report(found, tmp_path).read_text("utf-8")


@pytest.fixture(scope="module")
def loans(training_set: TrainingSet) -> pd.DataFrame:
    """Loans with a copy of a feature, one that never varies, and one that is never known."""
    frame = prepared(training_set(months=12))
    return frame.assign(same=frame["risk"] * 2 + frame["noise"] / 100, fixed=1.0, none=np.nan)


@pytest.fixture(scope="module")
def card(loans: pd.DataFrame) -> Card:
    return Card(features_of(loans)).fit(loans, loans["label"])


def binned(card: Card, name: str) -> Binned:
    (found,) = (each for each in card.binned if each.name == name)
    return found


def of_bin(loans: pd.DataFrame, one: Bin) -> pd.DataFrame:
    """The loans whose risk is in a bin, read from its words."""
    words = one.values.split()
    risk = loans["risk"]
    if one.values == "missing":
        return loans[risk.isna()]
    if words[0] == "below":
        return loans[risk < float(words[1])]
    if words[1:] == ["or", "more"]:
        return loans[risk >= float(words[0])]
    return loans[(risk >= float(words[0])) & (risk < float(words[2]))]


@needs_package
def test_each_bin_is_counted_and_weighed_as_in_the_textbook(
    loans: pd.DataFrame, card: Card
) -> None:
    every = binned(card, "risk")
    bad, good = loans["label"].sum(), (1 - loans["label"]).sum()
    assert sum(one.loans for one in every.bins) == len(loans)
    assert every.bins[-1].values == "missing" and len(every.bins) > 3
    for one in every.bins:
        own = of_bin(loans, one)["label"]
        # The words round the ends of a bin to 6 digits, which moves no loan here.
        assert (one.loans, one.defaults) == (len(own), own.sum())
        shares = (1 - own).sum() / good, own.sum() / bad
        assert one.woe == pytest.approx(math.log(shares[0] / shares[1]), rel=1e-6)
        assert one.iv == pytest.approx((shares[0] - shares[1]) * one.woe, rel=1e-6)
    assert every.iv == pytest.approx(sum(one.iv for one in every.bins))


@needs_package
def test_the_bins_of_a_number_are_monotone(card: Card) -> None:
    for name in ("risk", "noise", "same"):
        rates = [b.defaults / b.loans for b in binned(card, name).bins if b.values != "missing"]
        steps = np.diff(rates)
        assert (steps >= 0).all() or (steps <= 0).all(), name


@needs_package
def test_features_are_by_information_value_and_one_that_never_varies_is_left_out(
    card: Card,
) -> None:
    ivs = [each.iv for each in card.binned]
    assert ivs == sorted(ivs, reverse=True) and ivs[0] > 0.5 > 0.1 > ivs[-1]
    assert {each.name for each in card.binned} == {"risk", "same", "noise", "occupation"}
    texts = ", ".join(b.values for b in binned(card, "occupation").bins).split(", ")
    assert sorted(texts) == ["Baker", "Lawyer", "Pilot"]


@needs_package
def test_points_fall_where_more_loans_default(card: Card) -> None:
    in_card = [each for each in card.binned if each.in_card]
    assert {"risk", "same"} & {each.name for each in in_card}
    for each in in_card:
        assert each.coefficient is not None and each.coefficient < 0
        by_woe = sorted(each.bins, key=lambda one: one.woe)
        points = [one.points for one in by_woe]
        assert None not in points and points == sorted(points)  # type: ignore[type-var]
    others = [one for each in card.binned if not each.in_card for one in each.bins]
    assert others and all(one.points is None for one in others)


@needs_package
def test_the_points_of_a_loan_are_the_sum_of_its_bins_and_its_default_rate(
    loans: pd.DataFrame, card: Card
) -> None:
    rates, points = card.predict_proba(loans)[:, 1], card.points(loans)
    assert points == pytest.approx([Scale().of(rate) for rate in rates])
    alone = Card(features_of(loans[["risk"]])).fit(loans, loans["label"])
    by_bin = alone.points(loans)
    for one in binned(alone, "risk").bins:
        assert one.points is not None
        own = by_bin[of_bin(loans, one).index]
        assert own == pytest.approx([one.points] * len(own))


@needs_package
def test_bins_see_no_loan_after_train(training_set: TrainingSet, assessed: Assessed) -> None:
    frame = training_set()
    # Labels of the validation month and of test, from which no bin may learn, are turned.
    other = frame.assign(label=frame["label"].where(frame.index < 200, 1 - frame["label"]))
    one, two = (assessed(each, binning=True).scorecard for each in (frame, other))
    assert one and two and one.features == two.features
    assert (one.scored.scores == two.scored.scores).all()
    assert sum(b.loans for b in one.features[0].bins) == 200


@needs_package
def test_the_scorecard_is_scored_on_the_loans_of_the_models(
    assessed: Assessed, assessment: Assessment
) -> None:
    found = assessed(binning=True)
    assert found.scorecard and found.scored[0].test == assessment.scored[0].test
    card = found.scorecard.scored
    assert [each.name for each in found.told].index("scorecard") == 2
    assert card.test.loans == found.evidence.model.test.loans
    expected = roc_auc_score(found.labels, card.scores)
    assert card.test.auc.value == pytest.approx(expected) and expected > 0.7
    assert [(m.month, m.part) for m in card.by_month] == [
        (m.month, m.part) for m in found.evidence.model.by_month
    ]
    assert assessed(binning=True).as_json() == found.as_json()


@needs_package
def test_the_page_has_the_points(assessed: Assessed, tmp_path: Path) -> None:
    found = assessed(binning=True)
    page = write_report(found, tmp_path).read_text("utf-8")
    assert found.scorecard and "Bins and scorecard" in page
    first = found.scorecard.card[0]
    assert f"<summary>{first.name}, IV {first.iv:.3f}</summary>" in page
    assert f"<td>{first.bins[0].points:,.1f}</td>" in page


@needs_package
def test_features_that_never_vary_are_refused(loans: pd.DataFrame) -> None:
    with pytest.raises(BadInput, match="no feature varies"):
        Card(features_of(loans[["fixed", "none"]])).fit(loans, loans["label"])


@needs_package
def test_features_that_say_nothing_still_make_a_card(loans: pd.DataFrame) -> None:
    card = Card(features_of(loans[["noise"]])).fit(loans, loans["label"])
    assert card.names == ["noise"] and len(card.predict_proba(loans)) == len(loans)


def test_the_package_is_asked_for_only_with_binning(
    assessed: Assessed, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_args: object) -> None:
        raise AssertionError("no scorecard was asked for")

    monkeypatch.setattr(sanity, "scorecard", never)
    assert assessed().scorecard is None
