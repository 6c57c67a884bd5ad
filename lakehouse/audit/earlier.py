"""A training set with its features as earlier releases knew them, or why there is nothing to compare."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from lakehouse.audit.restated import Earlier
from lakehouse.engines.store import Store
from lakehouse.errors import LakehouseError
from lakehouse.model.features import prepared
from lakehouse.model.sample import sampled
from lakehouse.releases import published
from lakehouse.releases.release import Release
from lakehouse.training.known_then import THEN
from lakehouse.training.point_in_time import with_features
from lakehouse.training.sets import Asked, TrainingSet, features_at, prepare
from lakehouse.training_columns import APPLICATION


def as_known_then(store: Store, release: Release) -> Earlier | str:
    """Each loan as the newest release knew it that knew its month and no later one."""
    try:
        training_set = prepare(store, release, Asked(known=THEN))
    except LakehouseError as error:
        return str(error)
    then = training_set.selection.then
    if then is None or not then.releases:
        return "no release knew the month of an application and no later one"
    loans = prepared(sampled(training_set.frame))
    since = np.array([each.since for each in then.releases], dtype="datetime64[D]")
    known = {r.number: r.through for r in published.releases(store.log)}
    through = np.array([None, *(known[each.release] for each in then.releases)], dtype=object)
    begun = np.searchsorted(since, loans[APPLICATION].to_numpy(), side="right")
    groups = training_set.selection.groups
    had = {
        group.name: np.array([False, *(group.table in each.versions for each in then.releases)])[
            begun
        ]
        for group in groups
    }
    of_loans = {name: pd.Series(had_it) for name, had_it in had.items()}
    return Earlier("then", loans, pd.Series(through[begun]), groups, of_loans)


def as_release_before(store: Store, release: Release, training_set: TrainingSet) -> Earlier | str:
    """Each loan as the newest kept release before knew it."""
    kept = [each for each in published.kept(store.log) if each.number < release.number]
    if not kept:
        return "no release before it is kept"
    before = kept[-1]
    try:
        had = features_at(store.datamart, before)
    except LakehouseError as error:
        return str(error)
    groups = tuple(
        replace(group, features=tuple(name for name in group.features if name in features))
        for group in training_set.selection.groups
        for table, features in had.items()
        if table.full_name == group.table
    )
    if all(before.versions[group.table] == release.versions[group.table] for group in groups):
        return f"release {before.number} before it has the same features"
    selection = replace(training_set.selection, groups=groups)
    earlier = TrainingSet(store, before.number, before.versions, selection)
    loans = prepared(sampled(with_features(training_set.spine, earlier.groups)))
    through = pd.Series(before.through, index=loans.index)
    return Earlier(f"by release {before.number}", loans, through, groups)
