"""The models as scikit-learn pipelines; everything that is learned from data is learned in `fit`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

from lakehouse.errors import BadInput
from lakehouse.model.features import Features
from lakehouse.model.split import Part, Parts

PipelineFactory = Callable[[Features], Pipeline]
LOGISTIC = "logistic regression"
BOOSTING = "gradient boosting"
SEED = 0
_RARE = 20  # a text with fewer train loans counts as rare, like a text that train does not have


def logistic(features: Features, strength: float = 0.01) -> Pipeline:
    """Logistic regression; a missing value becomes the median plus an indicator. `strength` is C."""
    numbers = make_pipeline(
        SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True),
        StandardScaler(),
    )
    texts = OneHotEncoder(
        handle_unknown="infrequent_if_exist", min_frequency=_RARE, sparse_output=False
    )
    return make_pipeline(
        _columns(features, numbers, texts), LogisticRegression(C=strength, max_iter=2000)
    )


def boosting(features: Features, trees: int = 120) -> Pipeline:
    """Histogram gradient boosting, which takes missing values and categories as they are."""
    texts = OrdinalEncoder(
        handle_unknown="use_encoded_value",
        unknown_value=np.nan,
        min_frequency=_RARE,
        max_categories=200,
    )
    model = HistGradientBoostingClassifier(
        max_iter=trees,
        learning_rate=0.05,
        max_leaf_nodes=8,
        min_samples_leaf=40,
        l2_regularization=1.0,
        categorical_features=range(len(features.numeric), len(features.names)),
        early_stopping=False,
        random_state=SEED,
    )
    return make_pipeline(_columns(features, "passthrough", texts), model)


def _columns(features: Features, numbers: object, texts: object) -> ColumnTransformer:
    return ColumnTransformer(
        [("numbers", numbers, list(features.numeric)), ("texts", texts, list(features.text))],
        verbose_feature_names_out=False,
    )


CANDIDATES: Mapping[str, Mapping[str, PipelineFactory]] = {
    BOOSTING: {f"{n} trees": partial(boosting, trees=n) for n in (60, 120, 240)},
    LOGISTIC: {f"C = {c}": partial(logistic, strength=c) for c in (0.001, 0.01, 0.1)},
}


@dataclass(frozen=True)
class Fitted:
    """Pipelines of one setting, fitted on train for each later part; with the log-loss on validation."""

    name: str
    setting: str
    by_part: Mapping[str, Pipeline]
    validation_log_loss: float

    @property
    def pipeline(self) -> Pipeline:
        """The pipeline that scores test."""
        return self.by_part["test"]

    def scores(self, part: Part) -> NDArray[np.float64]:
        """The predicted probability of default of each loan of validation or test."""
        return scores(self.by_part[part.name], part)


def scores(pipeline: Pipeline, part: Part) -> NDArray[np.float64]:
    """The predicted probability of default of each loan."""
    return np.asarray(pipeline.predict_proba(part.loans)[:, 1])


def fit_best(
    name: str, candidates: Mapping[str, PipelineFactory], features: Features, parts: Parts
) -> Fitted:
    """Fit each candidate on train only; return the one with the least log-loss on validation.

    It is then fitted again for test, if more labels of train were known by then.
    """
    validation, test = parts.validation, parts.test
    early = _learnable(parts, validation)
    fitted = {s: fit(factory(features), early) for s, factory in candidates.items()}
    losses = {s: log_loss(validation.labels, scores(p, validation)) for s, p in fitted.items()}
    best = min(losses, key=lambda setting: losses[setting])
    late = _learnable(parts, test)
    same = len(late.loans) == len(early.loans)
    for_test = fitted[best] if same else fit(candidates[best](features), late)
    by_part = {validation.name: fitted[best], test.name: for_test}
    return Fitted(name, best, by_part, float(losses[best]))


def fit(pipeline: Pipeline, train: Part) -> Pipeline:
    """The pipeline, fitted on the loans of a part."""
    return pipeline.fit(train.loans, train.labels)


def _learnable(parts: Parts, later: Part) -> Part:
    """The part to learn from before a later one; BadInput if it does not have both outcomes."""
    train = parts.train_for(later)
    if train.labels.nunique() < 2:
        raise BadInput(
            f"{len(train.loans):,} of {len(parts.train.loans):,} train loans have a label that was known "
            f"before {later.first_day:%Y-%m-%d}, the first day of {later.name}, {train.labels.sum():,} of "
            "them defaults; both outcomes are needed: take more months"
        )
    return train
