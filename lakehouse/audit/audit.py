"""The leakage audit of a release: every check, with what it compared and what it found."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from lakehouse.audit.absence import absence_check
from lakehouse.audit.as_of import as_of_check
from lakehouse.audit.delays import with_delays
from lakehouse.audit.earlier import as_known_then, as_release_before
from lakehouse.audit.finding import Check, Finding
from lakehouse.audit.functions import functions_check
from lakehouse.audit.held import held_checks
from lakehouse.audit.jump import jump_check
from lakehouse.audit.lineage import lineage_check
from lakehouse.audit.replay import REPLAYS, replay_checks, replayable
from lakehouse.audit.restated import restatement_check
from lakehouse.audit.target import (
    after_application_check,
    shuffled_labels_check,
    split_check,
    too_good_check,
)
from lakehouse.audit.waterfall import waterfall_check
from lakehouse.catalog import Catalog
from lakehouse.engines.store import Store
from lakehouse.errors import BadInput
from lakehouse.model.features import features_of, prepared
from lakehouse.model.sample import sampled
from lakehouse.model.sanity import out_of_time_scores
from lakehouse.model.split import Split, divide
from lakehouse.progress import Progress, Steps, silent
from lakehouse.releases.release import Release
from lakehouse.storage.work import work_folder
from lakehouse.training.point_in_time import JoinedGroup, with_features
from lakehouse.training.receipts import receipts
from lakehouse.training.sets import Asked, TrainingSet, prepare
from lakehouse.training_columns import APPLICATION, LABEL_OBSERVED, LABELLED

SPLIT = Split()
_APPLIED = "_applied"
# Those about the release, functions, lineage and numbers.
_QUESTIONS = 4


def audit(
    store: Store,
    catalog: Catalog,
    release: Release,
    cut: str | None = None,
    on_progress: Progress = silent,
) -> list[Check]:
    """Every check of a release; the replays cut it after the month `cut`.

    BadInput if that is impossible, unless what the release holds is wrong by itself.
    """
    asked = Steps(on_progress, _QUESTIONS + REPLAYS)
    asked.begin("audit", "what the release holds")
    training_set = prepare(store, release, Asked())
    checks = [*_timed(lambda: held_checks(store, catalog, release))]
    checks += _timed(lambda: [_as_of(training_set, catalog)])
    checks += _timed(lambda: [waterfall_check(training_set, receipts(store.log))])
    try:
        month = replayable(store, catalog, release, cut)
    except BadInput as refusal:
        if cut or all(check.passed for check in checks):
            raise
        return [*checks, _not_asked("replays", refusal)]
    questions: dict[str, Callable[[], Iterable[Check]]] = {
        "functions": lambda: [functions_check(store, catalog, release)],
        "lineage": lambda: [lineage_check(store, catalog, release)],
        "numbers": lambda: _by_number(store, release, training_set, on_progress),
    }
    for doing, ask in questions.items():
        asked.begin("audit", doing)
        try:
            checks += _timed(ask)
        except BadInput as refusal:
            # Too few loans for these; the faults that were found are told all the same.
            if cut or all(check.passed for check in checks):
                raise
            return [*checks, _not_asked(doing, refusal)]
    with work_folder(store.log.place) as work:
        return [*checks, *replay_checks(store, catalog, release, month, asked, work)]


def _not_asked(name: str, refusal: BadInput) -> Check:
    return Check(
        name=name,
        proves="This and all later checks need a release that is built again, and more loans.",
        looked_at="nothing",
        findings=(Finding("the pipeline", str(refusal)),),
    )


def _timed(ask: Callable[[], Iterable[Check]]) -> Iterator[Check]:
    began = time.monotonic()
    for check in ask():
        yield replace(check, seconds=time.monotonic() - began)
        began = time.monotonic()


def _as_of(training_set: TrainingSet, catalog: Catalog) -> Check:
    groups, definitions = training_set.selection.groups, catalog.labels.definitions
    labels, name = training_set.label_store, catalog.label_store.full_name
    return as_of_check(training_set.frame, groups, labels, definitions, name)


def _by_number(
    store: Store, release: Release, training_set: TrainingSet, on_progress: Progress
) -> Iterator[Check]:
    """The checks that compare numbers, on a bounded sample of the loans."""
    loans = prepared(sampled(training_set.frame))
    names = list(features_of(loans).names)
    yield too_good_check(loans, names)
    yield absence_check(loans, names)
    yield jump_check(loans, names)
    on_progress("audit", "features as known then")
    then = as_known_then(store, release)
    yield with_delays(restatement_check("known then", loans, then), loans, then)
    on_progress("audit", "features of the release before")
    before = as_release_before(store, release, training_set)
    yield restatement_check("release before", loans, before)
    on_progress("audit", "numbers after the application")
    later = prepared(sampled(_after_application(training_set)))
    yield after_application_check(loans, later, names)
    yield split_check(divide(loans, SPLIT), SPLIT.repeat_customers)
    yield shuffled_labels_check(loans, lambda dealt: out_of_time_scores(dealt, SPLIT))


def _after_application(training_set: TrainingSet) -> DataFrame:
    """The training set with each feature as of the day of the label, NULL unless its row is newer."""
    label = training_set.selection.label
    assert label is not None, "a training set without labels has no day of the label"
    applied = training_set.spine.withColumn(_APPLIED, F.col(APPLICATION))
    groups = training_set.groups
    if label.rule:
        later = applied.withColumn(APPLICATION, F.col(LABEL_OBSERVED))
    else:
        later = applied.withColumn(APPLICATION, F.add_months(F.col(APPLICATION), label.mob))
        groups = [(replace(g, max_age_months=label.mob), rows) for g, rows in groups]
    joined = with_features(later, groups)
    newer = [column for group, _ in groups for column in _where_newer(group)]
    kept = [name for name in LABELLED if name != APPLICATION]
    return joined.select(*kept, F.col(_APPLIED).alias(APPLICATION), *newer)


def _where_newer(group: JoinedGroup) -> Iterator[Column]:
    newer = F.col(group.date_column) > F.col(_APPLIED)
    for name in (*group.features, group.date_column):
        yield F.when(newer, F.col(f"`{name}`")).alias(name)
