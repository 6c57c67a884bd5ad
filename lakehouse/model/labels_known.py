"""The price of learning only from labels that were known in time: loans, and AUC."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from lakehouse.model.metrics import Estimate, auc_difference
from lakehouse.model.scored import Bootstrap, Scored
from lakehouse.model.split import Part, Parts, known_before
from lakehouse.training_columns import LABEL_OBSERVED


@dataclass(frozen=True)
class KnownLabels:
    """How many train loans had a known label before `first_day`, the first application of a later part.

    `left_out` are the others; `on_first_day` of these were observed on that very day.
    """

    part: str
    first_day: date
    loans: int
    defaults: int
    left_out: int
    on_first_day: int


@dataclass(frozen=True)
class AucWithout:
    """A model's AUC on test with the rule and without it, and the first minus the second.

    Each is at its own setting.
    """

    model: str
    auc: Estimate
    auc_without: Estimate
    difference: Estimate


@dataclass(frozen=True)
class LabelsKnown:
    """The cost of the rule: train loans before validation and before test, and the AUC of each model.

    It is not `applied` if it was not asked for, or left a part without both outcomes to learn from.
    """

    applied: bool
    train: tuple[KnownLabels, ...]
    models: tuple[AucWithout, ...]


def with_rule_if_possible(parts: Parts) -> Parts:
    """The parts, without the rule if it leaves a later part without both outcomes to learn from."""
    later = (parts.validation, parts.test)
    possible = all(parts.train_for(part).labels.nunique() == 2 for part in later)
    return parts if possible else without_rule(parts)


def without_rule(parts: Parts) -> Parts:
    """The same parts, where a model learns from every label of train."""
    return replace(parts, labels_known=False)


def cost(
    parts: Parts, models: Sequence[Scored], without: Sequence[Scored], bootstrap: Bootstrap
) -> LabelsKnown:
    """The cost of the rule, from each model scored with it and `without`."""
    by_name = {model.name: model for model in without}
    labels, draws = parts.test.labels.to_numpy("float64"), bootstrap.of(parts.test.loans)
    pairs = [(model, by_name[model.name]) for model in models]
    return LabelsKnown(
        applied=parts.labels_known,
        train=tuple(_known(parts.train, later) for later in (parts.validation, parts.test)),
        models=tuple(
            AucWithout(
                model.name,
                model.test.auc,
                other.test.auc,
                auc_difference(labels, model.scores, other.scores, draws),
            )
            for model, other in pairs
        ),
    )


def _known(train: Part, later: Part) -> KnownLabels:
    known = known_before(train, later.first_day)
    return KnownLabels(
        later.name,
        later.first_day.date(),
        len(known.loans),
        int(known.labels.sum()),
        len(train.loans) - len(known.loans),
        int((train.loans[LABEL_OBSERVED] == later.first_day).sum()),
    )
