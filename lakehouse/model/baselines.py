"""What a model has to beat: the default rate of train for everybody, and the one best feature."""

from __future__ import annotations

from sklearn.dummy import DummyClassifier
from sklearn.pipeline import Pipeline, make_pipeline

from lakehouse.model.features import Features
from lakehouse.model.pipelines import PipelineFactory, logistic
from lakehouse.model.single_feature import single_feature_auc
from lakehouse.model.split import Part

CHANCE = 0.5


def prevalence(_features: Features) -> Pipeline:
    """The default rate of train, for every loan."""
    return make_pipeline(DummyClassifier(strategy="prior"))


def one_feature(name: str) -> PipelineFactory:
    """A logistic regression on one feature: train gives its direction and what missing means."""

    def pipeline(features: Features) -> Pipeline:
        chosen = [
            [each for each in names if each == name] for names in (features.numeric, features.text)
        ]
        return logistic(Features(*map(tuple, chosen)), strength=1.0)

    return pipeline


def best_feature(train: Part, features: Features) -> str:
    """The feature that alone tells the defaults of train apart best, a missing value being the median."""
    names = list(features.numeric)
    filled = train.loans.fillna(train.loans[names].median())
    aucs = single_feature_auc(filled, features.names)[list(features.names)]
    return str((aucs.fillna(CHANCE) - CHANCE).abs().idxmax())
