"""The sanity check takes a training set and returns an assessment; it prints and writes nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import sklearn
from threadpoolctl import threadpool_limits

from lakehouse.model.assessment import Assessment, Method, summary
from lakehouse.model.baselines import best_feature, one_feature, prevalence
from lakehouse.model.binning import is_installed, scorecard
from lakehouse.model.coverage import coverage
from lakehouse.model.features import Features, features_of, prepared
from lakehouse.model.importance import coefficients, permuted
from lakehouse.model.labels_known import cost, with_rule_if_possible, without_rule
from lakehouse.model.metrics import LEVEL, Estimate, Numbers, auc_difference
from lakehouse.model.origin import Audited, Origin
from lakehouse.model.pipelines import (
    BOOSTING,
    CANDIDATES,
    LOGISTIC,
    Fitted,
    PipelineFactory,
    fit_best,
    logistic,
    scores,
)
from lakehouse.model.review import Review
from lakehouse.model.rolling import roll
from lakehouse.model.scored import Bootstrap, Scored, scored
from lakehouse.model.shift import expected_by_chance, shifts
from lakehouse.model.split import Part, Parts, Split, divide, month_of
from lakehouse.model.verdict import Evidence, judge
from lakehouse.progress import Progress, Steps, silent

LEAK_AUC = 0.95
# An audit of the very parts that a model learns from and is tested on.
AuditOfParts = Callable[[Parts], tuple[Audited, ...]]


def no_audit(_parts: Parts) -> tuple[Audited, ...]:
    """No check at all."""
    return ()


def assess(
    frame: pd.DataFrame,
    facts: Mapping[str, Any],
    split: Split = Split(),
    bootstrap: Bootstrap = Bootstrap(),
    leak_auc: float = LEAK_AUC,
    on_progress: Progress = silent,
    rolling: bool = False,
    review: Review = Review(),
    origin: Origin | None = None,
    audit: AuditOfParts = no_audit,
    binning: bool = False,
    declared: Mapping[str, str] | None = None,
) -> Assessment:
    """Train on the early applications of a training set and test on the latest.

    A model learns only from labels that were known before the first application that it scores. If there
    are none, because the set has too few months, it learns from every label and the verdict says so.

    `facts` and `origin` say where the set comes from; they are passed on to the report. `rolling` also
    simulates a model in use, month by month. `binning` adds a scorecard, if its package is there. `review`
    says what a validator assumes; `declared` has the group of each feature. BadInput if the set has no
    labelled loans, too few months, or a part with only one outcome.
    """
    loans = prepared(frame)
    every, parts = features_of(loans), with_rule_if_possible(divide(loans, split))
    features = review.given(every)
    groups = {name: (declared or {}).get(name, "other") for name in features.names}
    with _one_thread():
        steps = Steps(on_progress, 2 * len(CANDIDATES) + 2 + month_of(loans).nunique() * rolling)
        fitted = _fit_models(features, parts, steps, "")
        every_label = without_rule(parts)
        told = ", with labels that nobody knew yet"
        fitted_without = _fit_models(features, every_label, steps, told)
        steps.begin("model", "metrics and their intervals")
        baselines = _fit_baselines(features, parts)
        *models, best, prior = (_score(m, parts, bootstrap) for m in (*fitted, *baselines))
        without = [_score(model, every_label, bootstrap) for model in fitted_without]
        steps.begin("model", "importance and shift of features")
        pipelines = {model.name: model.pipeline for model in fitted}
        importance = permuted(pipelines[BOOSTING], parts.test, features, groups, bootstrap.seed)
        deployed = (
            roll(loans, features, split.repeat_customers, bootstrap, steps) if rolling else None
        )
        seen = replace(parts, train=parts.train_for(parts.test))
        card = scorecard(features, parts, bootstrap) if binning and is_installed() else None
        reviewed = review.of(fitted[0], parts, seen, review.kept_out(every), bootstrap)
    evidence = Evidence(
        models=tuple(models),
        best_feature=best,
        gain=_gain(models[0], best, parts.test, bootstrap),
        leak_auc=leak_auc,
        coverage=coverage(seen),
        shifts=shifts(seen, features, groups),
        labels_known=cost(parts, models, without, bootstrap),
        score_shift=reviewed.stability.parts[-1],
    )
    return Assessment(
        verdict=judge(evidence),
        evidence=evidence,
        prevalence=prior,
        importance=importance,
        coefficients=coefficients(pipelines[LOGISTIC]),
        psi_by_chance=expected_by_chance(len(seen.train.loans), len(parts.test.loans)),
        facts=facts,
        split=split,
        parts=tuple(summary(part) for part in parts.in_order),
        method=_method(bootstrap),
        labels=parts.test.labels.to_numpy("float64"),
        review=reviewed,
        origin=origin,
        audited=audit(parts),
        rolling=deployed,
        scorecard=card,
    )


def out_of_time_scores(
    frame: pd.DataFrame, split: Split = Split(), pipeline_factory: PipelineFactory = logistic
) -> tuple[Numbers, Numbers]:
    """The labels of test, and the scores of a pipeline that is fitted only on train, on each label of it."""
    loans = prepared(frame)
    parts = divide(loans, split)
    with _one_thread():
        pipeline = pipeline_factory(features_of(loans))
        pipeline.fit(parts.train.loans, parts.train.labels)
        return parts.test.labels.to_numpy("float64"), scores(pipeline, parts.test)


def _one_thread() -> threadpool_limits:
    # One thread gives the same numbers on any machine. On a busy machine two threads took 14 times as
    # long, because they wait for each other.
    return threadpool_limits(limits=1)


def _fit_models(features: Features, parts: Parts, steps: Steps, told: str) -> list[Fitted]:
    """Each model at its best setting, the one with the least log-loss on validation first."""
    fitted = []
    for name, candidates in CANDIDATES.items():
        steps.begin("model", f"{name}: {len(candidates)} settings{told}")
        fitted.append(fit_best(name, candidates, features, parts))
    return sorted(fitted, key=lambda model: model.validation_log_loss)


def _fit_baselines(features: Features, parts: Parts) -> list[Fitted]:
    best = best_feature(parts.train_for(parts.validation), features)
    return [
        fit_best("best single feature", {best: one_feature(best)}, features, parts),
        fit_best("prevalence of train", {"": prevalence}, features, parts),
    ]


def _score(model: Fitted, parts: Parts, bootstrap: Bootstrap) -> Scored:
    by_part = {part.name: model.scores(part) for part in (parts.validation, parts.test)}
    return scored(model.name, model.setting, parts, by_part, bootstrap)


def _gain(model: Scored, best: Scored, test: Part, bootstrap: Bootstrap) -> Estimate:
    labels = test.labels.to_numpy("float64")
    return auc_difference(labels, model.scores, best.scores, bootstrap.of(test.loans))


def _method(bootstrap: Bootstrap) -> Method:
    versions = {"scikit-learn": sklearn.__version__, "numpy": np.__version__}
    return Method(bootstrap.draws, bootstrap.seed, LEVEL, versions)
