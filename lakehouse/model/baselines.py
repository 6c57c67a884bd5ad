"""Baselines that a model must beat: the default rate of train for every loan, and the best single feature."""

from __future__ import annotations

from sklearn.dummy import DummyClassifier
from sklearn.pipeline import Pipeline, make_pipeline

from lakehouse.model.features import Features
from lakehouse.model.pipelines import PipelineFactory, logistic
from lakehouse.model.single_feature import single_feature_auc
from lakehouse.model.split import Part

CHANCE = 0.5


def prevalence(_features: Features) -> Pipeline:
    """A pipeline that predicts the default rate of train for every loan."""
    return make_pipeline(DummyClassifier(strategy="prior"))


def one_feature(name: str) -> PipelineFactory:
    """Logistic regression on one feature; its direction and the effect of a missing value come from train."""

    def pipeline(features: Features) -> Pipeline:
        chosen = [[n for n in names if n == name] for names in (features.numeric, features.text)]
        return logistic(Features(*map(tuple, chosen)), strength=1.0)

    return pipeline


def best_feature(train: Part, features: Features) -> str:
    """The single feature that predicts the defaults of train best; a missing value counts as the median."""
    names = list(features.numeric)
    filled = train.loans.fillna(train.loans[names].median())
    aucs = single_feature_auc(filled, features.names)[list(features.names)]
    return str((aucs.fillna(CHANCE) - CHANCE).abs().idxmax())
