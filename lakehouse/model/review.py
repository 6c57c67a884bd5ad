"""The questions of a validator to a fitted model: cut-offs, protected attributes, stability, coverage."""

from __future__ import annotations

from dataclasses import dataclass

from lakehouse.errors import BadInput
from lakehouse.model.coverage import coverage_by_month
from lakehouse.model.cutoffs import CutOffs, Margin, cut_offs
from lakehouse.model.features import Features
from lakehouse.model.pipelines import Fitted, scores
from lakehouse.model.scored import Bootstrap
from lakehouse.model.split import Parts
from lakehouse.model.stability import ScoreStability, stability
from lakehouse.model.subgroups import Attribute, attributes
from lakehouse.protected import Protected
from lakehouse.training.coverage import Coverage


@dataclass(frozen=True)
class Reviewed:
    """The answers about the preferred model; `kept_out` are the features that it was not given."""

    cut_offs: CutOffs
    attributes: tuple[Attribute, ...]
    stability: ScoreStability
    coverage: tuple[Coverage, ...]
    kept_out: tuple[str, ...]


@dataclass(frozen=True)
class Review:
    """The margin of a loan, the protected attributes, and whether a model does without their features."""

    margin: Margin = Margin()
    protected: tuple[Protected, ...] = ()
    without_protected: bool = False

    def kept_out(self, features: Features) -> tuple[str, ...]:
        """The features that a model is not given, because they carry a protected attribute."""
        carried = {name for each in self.protected for name in each.carried_by}
        return tuple(name for name in features.names if name in carried and self.without_protected)

    def given(self, features: Features) -> Features:
        """The features that a model is given; BadInput if none is left."""
        kept_out = self.kept_out(features)
        given = Features(
            tuple(name for name in features.numeric if name not in kept_out),
            tuple(name for name in features.text if name not in kept_out),
        )
        if not given.names:
            raise BadInput(
                f"every feature carries a protected attribute ({', '.join(kept_out)}); take more features"
            )
        return given

    def of(
        self, model: Fitted, parts: Parts, seen: Parts, kept_out: tuple[str, ...], draws: Bootstrap
    ) -> Reviewed:
        """The answers about a model; the train of `seen` are the loans that it has learned from."""
        test = parts.test
        labels, on_test = test.labels.to_numpy("float64"), model.scores(test)
        resamples = draws.of(test.loans)
        tried = cut_offs(labels, on_test, self.margin, resamples)
        bound = self.margin.break_even
        on_train, on_validation = (
            scores(model.pipeline, part) for part in (seen.train, parts.validation)
        )
        return Reviewed(
            cut_offs=tried,
            attributes=attributes(self.protected, test.loans, labels, on_test, bound, resamples),
            stability=stability(on_train, on_validation, on_test),
            coverage=coverage_by_month(parts.in_order),
            kept_out=kept_out,
        )
