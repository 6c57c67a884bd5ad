"""Target leakage by number: what tells defaults apart better than anything known on that day could.

All work on a training set of labelled loans as pandas, as `lakehouse.model.features.prepared` gives it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lakehouse.audit.finding import Check, Finding
from lakehouse.model.features import APPLICATION, LABEL
from lakehouse.model.single_feature import single_feature_auc
from lakehouse.model.split import Part, Parts

# The best honest feature of the real data has 0.74; one of 0.9 knows the outcome.
TOO_GOOD_AUC = 0.9
# Distances of an AUC from 0.5: next to nothing before the application, and plainly something after it.
NOTHING, MUCH = 0.05, 0.15
_SHUFFLES = 5
_STANDARD_ERRORS = 5.0

# The labels and scores of the loans out of time, of a model fitted on the earlier ones.
Scorer = Callable[[pd.DataFrame], tuple[NDArray[np.float64], NDArray[np.float64]]]


def too_good_check(loans: pd.DataFrame, features: Sequence[str]) -> Check:
    """Each feature alone against the label, and whether it is known at all."""
    strength = _strength(single_feature_auc(loans, features))
    found = strength[strength + 0.5 >= TOO_GOOD_AUC].sort_values(ascending=False)
    best = strength.idxmax()
    return Check(
        name="one feature alone",
        proves=f"No feature alone tells defaults apart with an AUC of {TOO_GOOD_AUC} or more.",
        looked_at=f"{len(features)} features of {len(loans):,} loans; best: {best}, "
        f"AUC {0.5 + strength[best]:.3f}",
        findings=tuple(
            Finding(str(name), f"alone it has AUC {0.5 + far:.3f}, more than could be known then")
            for name, far in found.items()
        ),
    )


def after_application_check(
    before: pd.DataFrame, after: pd.DataFrame, features: Sequence[str]
) -> Check:
    """Each feature as of the application against its value after it; a row of both is the same loan."""
    both = before[features].notna() & after[features].notna()
    then, later = (_strengths_where(both, each, features) for each in (before, after))
    bound = np.maximum(MUCH, _STANDARD_ERRORS * _standard_errors(both, before[LABEL]))
    found = later.index[(then <= NOTHING) & (later >= bound)]
    return Check(
        name="after the application",
        proves="No feature tells defaults apart only once the application is past.",
        looked_at=f"{int(both.any().sum())} features that loans have before and after it, "
        f"{int(both.any(axis=1).sum()):,} loans",
        findings=tuple(
            Finding(
                str(name),
                f"AUC {0.5 + then[name]:.3f} before the application, {0.5 + later[name]:.3f} after: "
                "the outcome writes it",
            )
            for name in found
        ),
    )


def shuffled_labels_check(loans: pd.DataFrame, scorer: Scorer, seed: int = 0) -> Check:
    """A model on labels dealt out at random must be at chance; if not, it has seen the test loans' labels."""
    aucs, error = [], 0.0
    for shuffle in range(_SHUFFLES):
        dealt = loans[LABEL].sample(frac=1, random_state=seed + shuffle).to_numpy()
        labels, scores = scorer(loans.assign(**{LABEL: dealt}))
        aucs.append(_auc(labels, scores))
        error = _standard_error(labels)
    mean, bound = float(np.mean(aucs)), _STANDARD_ERRORS * error / np.sqrt(_SHUFFLES)
    why = (
        f"mean AUC {mean:.3f} on shuffled labels, {abs(mean - 0.5) / bound * _STANDARD_ERRORS:.0f} "
    )
    why += "standard errors from chance: the model has seen labels of the loans it is tested on"
    return Check(
        name="shuffled labels",
        proves="The model learns nothing where there is nothing to learn.",
        looked_at=f"{_SHUFFLES} shuffles of {len(loans):,} labels; mean AUC {mean:.3f}, "
        f"chance is 0.5 within {bound:.3f}",
        findings=(Finding("model", why),) if abs(mean - 0.5) > bound else (),
    )


def split_check(parts: Parts, repeat_customers: bool) -> Check:
    """No customer on two sides of the split unless declared, and no later month before an earlier one."""
    pairs = list(zip(parts.in_order, parts.in_order[1:] + parts.in_order[:1], strict=True))
    found = [] if repeat_customers else [f for one, other in pairs for f in _shared(one, other)]
    found += [f for one, other in pairs[:2] for f in _out_of_order(one, other)]
    left_out = sum(part.left_out for part in parts.in_order)
    return Check(
        name="split",
        proves="No later loan is learned from"
        + ("." if repeat_customers else ", and no customer is both learned from and tested on."),
        looked_at=", ".join(f"{part.name} {len(part.loans):,} loans" for part in parts.in_order)
        + f"; {left_out:,} left out as customers of a later part",
        findings=tuple(found),
    )


def _shared(one: Part, other: Part) -> list[Finding]:
    shared = set(one.loans["customer_id"]) & set(other.loans["customer_id"])
    where = f"{one.name} and {other.name}"
    return [Finding(where, f"{len(shared):,} customers are in both")] if shared else []


def _out_of_order(one: Part, other: Part) -> list[Finding]:
    latest, earliest = one.loans[APPLICATION].max(), other.loans[APPLICATION].min()
    why = f"applications of {one.name} reach beyond the first of {other.name}"
    return [Finding(f"{one.name} and {other.name}", why)] if latest >= earliest else []


def _strengths_where(
    known: pd.DataFrame, loans: pd.DataFrame, features: Sequence[str]
) -> pd.Series:
    masked = loans.assign(**{name: loans[name].where(known[name]) for name in features})
    return _strength(single_feature_auc(masked, features)).reindex(list(features)).fillna(0.0)


def _strength(auc: pd.Series) -> pd.Series:
    """The distance from chance, in either direction."""
    return (auc - 0.5).abs().dropna()


def _standard_errors(known: pd.DataFrame, labels: pd.Series) -> pd.Series:
    return known.apply(lambda mask: _standard_error(labels[mask].to_numpy()))


def _standard_error(labels: NDArray[np.float64]) -> float:
    """Of an AUC at chance (Mann-Whitney); infinite where one outcome is missing."""
    bad, good = int((labels == 1).sum()), int((labels == 0).sum())
    return float(np.sqrt((bad + good + 1) / (12 * bad * good))) if bad and good else np.inf


def _auc(labels: NDArray[np.float64], scores: NDArray[np.float64]) -> float:
    frame = pd.DataFrame({LABEL: labels, "score": scores})
    return float(single_feature_auc(frame, ["score"])["score"])
