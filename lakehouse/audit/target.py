"""Target leakage by numbers: features that predict defaults better than anything known on that day could.

All checks take a training set of labelled loans, as pandas, from `lakehouse.model.features.prepared`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lakehouse.audit.finding import Check, Finding
from lakehouse.audit.noise import beyond_noise
from lakehouse.errors import BadInput
from lakehouse.model.single_feature import auc_of_columns, scored_columns, single_feature_auc
from lakehouse.model.split import Part, Parts
from lakehouse.training_columns import APPLICATION, CUSTOMER, LABEL, LABEL_OBSERVED

# The best honest feature of the real data has 0.74. A feature with 0.9 knows the outcome.
TOO_GOOD_AUC = 0.9
# Distances of an AUC from 0.5: at most NOTHING before the application, and at least MUCH after it.
NOTHING, MUCH = 0.05, 0.15
_SHUFFLES = 5
# So many times as many deals are tried, where some leave a part of the split without one of the outcomes.
_DEALS = 20
_STANDARD_ERRORS = 5.0

# Returns labels and scores of the latest loans, from a model that is fitted on the earlier ones.
Scorer = Callable[[pd.DataFrame], tuple[NDArray[np.float64], NDArray[np.float64]]]


def too_good_check(loans: pd.DataFrame, features: Sequence[str]) -> Check:
    """Check the AUC of each single feature against the label, and of whether the feature is missing.

    An AUC that chance gives in one clean release of a hundred is none, as of a feature that few loans have.
    """
    scored = scored_columns(loans, features)
    strength = _strength(auc_of_columns(scored, loans[LABEL].to_numpy() == 1))
    by_chance = beyond_noise(len(strength)) * _standard_errors(scored.notna(), loans[LABEL])
    high = strength[strength + 0.5 >= TOO_GOOD_AUC].sort_values(ascending=False)
    too_good = high[high >= by_chance[high.index]]
    few = len(high) - len(too_good)
    best = strength.idxmax()
    return Check(
        name="one feature alone",
        proves=f"No single feature predicts defaults with an AUC of {TOO_GOOD_AUC} or more.",
        looked_at=f"{len(features)} features of {len(loans):,} loans; best: {best}, "
        f"AUC {0.5 + strength[best]:.3f}"
        + (f"; {few} with {TOO_GOOD_AUC} or more, of too few loans to tell" if few else ""),
        findings=tuple(
            Finding(
                str(name), f"by itself it has AUC {0.5 + far:.3f}, more than could be known then"
            )
            for name, far in too_good.items()
        ),
    )


def after_application_check(
    before: pd.DataFrame, after: pd.DataFrame, features: Sequence[str]
) -> Check:
    """Check each feature before the application against its value after it; both have the same loans."""
    both = before[features].notna() & after[features].notna()
    then, later = (_strengths_where(both, loans, features) for loans in (before, after))
    bound = np.maximum(MUCH, _STANDARD_ERRORS * _standard_errors(both, before[LABEL]))
    leaking = later.index[(then <= NOTHING) & (later >= bound)]
    return Check(
        name="after the application",
        proves="No feature predicts defaults only with its values from after the application.",
        looked_at=f"{int(both.any().sum())} features that loans have before and after it, "
        f"{int(both.any(axis=1).sum()):,} loans",
        findings=tuple(
            Finding(
                str(name),
                f"AUC {0.5 + then[name]:.3f} before the application, {0.5 + later[name]:.3f} after: "
                "the outcome determines it",
            )
            for name in leaking
        ),
    )


def shuffled_labels_check(loans: pd.DataFrame, scorer: Scorer, seed: int = 0) -> Check:
    """Check that a model on shuffled labels is at chance; if not, it has seen the labels of test loans."""
    aucs, error = [], 0.0
    for deal in range(_SHUFFLES * _DEALS):
        dealt = loans[LABEL].sample(frac=1, random_state=seed + deal).to_numpy()
        try:
            labels, scores = scorer(loans.assign(**{LABEL: dealt}))
        except BadInput:
            # With few defaults, chance may leave a part without any: that tells nothing, so deal again.
            if deal == _SHUFFLES * _DEALS - 1:
                raise
            continue
        aucs.append(_auc(labels, scores))
        error = _standard_error(labels)
        if len(aucs) == _SHUFFLES:
            break
    mean, bound = float(np.mean(aucs)), _STANDARD_ERRORS * error / np.sqrt(_SHUFFLES)
    why = (
        f"mean AUC {mean:.3f} on shuffled labels, {abs(mean - 0.5) / bound * _STANDARD_ERRORS:.0f} "
    )
    why += "standard errors from chance: the model has seen labels of the loans it is tested on"
    return Check(
        name="shuffled labels",
        proves="The model learns nothing if there is nothing to learn.",
        looked_at=f"{_SHUFFLES} shuffles of {len(loans):,} labels; mean AUC {mean:.3f}, "
        f"chance is 0.5 within {bound:.3f}",
        findings=(Finding("model", why),) if abs(mean - 0.5) > bound else (),
    )


def split_check(parts: Parts, repeat_customers: bool) -> Check:
    """Check the split of a model: its parts, and for each later part the loans that it learns from."""
    learnt = [(parts.train_for(later), later) for later in (parts.validation, parts.test)]
    return parts_check(parts.in_order, learnt, repeat_customers)


def parts_check(
    in_order: Sequence[Part], learnt: Sequence[tuple[Part, Part]], repeat_customers: bool
) -> Check:
    """Check that the parts are in order of time, and that no customer is in two of them unless declared.

    `learnt` are the loans learned from and the later part they are for: each label must be known before it.
    """
    pairs = list(pairwise(in_order))
    around = [*pairs, (in_order[-1], in_order[0])][: len(in_order) * (len(in_order) - 1) // 2]
    findings = [] if repeat_customers else [f for one, other in around for f in _shared(one, other)]
    findings += [f for one, other in pairs for f in _out_of_order(one, other)]
    findings += [f for train, later in learnt for f in _unknown_labels(train, later)]
    left_out = sum(part.left_out for part in in_order)
    return Check(
        name="split",
        proves="The model learns from no later loan, from no label that nobody knew yet"
        + ("." if repeat_customers else ", and from no customer that it is tested on."),
        looked_at=", ".join(f"{part.name} {len(part.loans):,} loans" for part in in_order)
        + f"; {left_out:,} left out as customers of a later part; learned from "
        + ", ".join(f"{len(train.loans):,} before {later.name}" for train, later in learnt),
        findings=tuple(findings),
    )


def _unknown_labels(train: Part, later: Part) -> list[Finding]:
    unknown = int((train.loans[LABEL_OBSERVED] >= later.first_day).sum())
    why = (
        f"{unknown:,} of {len(train.loans):,} labels of {train.name} were observed on "
        f"{later.first_day:%Y-%m-%d}, the first day of {later.name}, or later: nobody knew them yet"
    )
    return [Finding(f"{train.name} and {later.name}", why)] if unknown else []


def _shared(one: Part, other: Part) -> list[Finding]:
    shared = set(one.loans[CUSTOMER]) & set(other.loans[CUSTOMER])
    where = f"{one.name} and {other.name}"
    return [Finding(where, f"{len(shared):,} customers are in both")] if shared else []


def _out_of_order(one: Part, other: Part) -> list[Finding]:
    latest, earliest = one.loans[APPLICATION].max(), other.loans[APPLICATION].min()
    why = f"the last application of {one.name} is not before the first of {other.name}"
    return [Finding(f"{one.name} and {other.name}", why)] if latest >= earliest else []


def _strengths_where(
    is_known: pd.DataFrame, loans: pd.DataFrame, features: Sequence[str]
) -> pd.Series:
    masked = loans.assign(**{name: loans[name].where(is_known[name]) for name in features})
    return _strength(single_feature_auc(masked, features)).reindex(list(features)).fillna(0.0)


def _strength(auc: pd.Series) -> pd.Series:
    """The distance from chance, in either direction."""
    return (auc - 0.5).abs().dropna()


def _standard_errors(is_known: pd.DataFrame, labels: pd.Series) -> pd.Series:
    return is_known.apply(lambda mask: _standard_error(labels[mask].to_numpy()))


def _standard_error(labels: NDArray[np.float64]) -> float:
    """The standard error of an AUC at chance (Mann-Whitney); infinite if one outcome is missing."""
    bad, good = int((labels == 1).sum()), int((labels == 0).sum())
    return float(np.sqrt((bad + good + 1) / (12 * bad * good))) if bad and good else np.inf


def _auc(labels: NDArray[np.float64], scores: NDArray[np.float64]) -> float:
    frame = pd.DataFrame({LABEL: labels, "score": scores})
    return float(single_feature_auc(frame, ["score"])["score"])
