"""A training set as a plan: tables, versions and the join; nothing is computed here."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from lakehouse.engines.store import Store
from lakehouse.errors import BadInput, LakehouseError
from lakehouse.months import MonthRange
from lakehouse.releases.erasures import erasures
from lakehouse.releases.readable import check_readable
from lakehouse.releases.release import Release
from lakehouse.storage.datamart import Datamart
from lakehouse.storage.files import fingerprint
from lakehouse.storage.log import Log
from lakehouse.storage.work import work_folder
from lakehouse.table import Table, quoted
from lakehouse.training.left_out import count_left_out
from lakehouse.training.point_in_time import JOIN, JoinedGroup, first_labels, with_features
from lakehouse.training.selection import Selection, select
from lakehouse.training.spine import SPINES, SpineReading, keep_spine, spine_file
from lakehouse.training_columns import (
    APPLICATION,
    BALANCE,
    CUSTOMER,
    DPD,
    LABEL,
    LABEL_DEF,
    LOAN,
    MOB,
    SNAPSHOT_DATE,
)


@dataclass(frozen=True)
class Asked:
    """The options of the user for a training set; all features if none and no group is named."""

    groups: tuple[str, ...] = ()
    features: tuple[str, ...] = ()
    label_def: str | None = None
    months: MonthRange = MonthRange()
    spine: Path | None = None
    date_order: str | None = None


class TrainingSet:
    """One training set: its tables, their versions and how they are joined."""

    def __init__(
        self,
        store: Store,
        release: int,
        versions: Mapping[str, int],
        selection: Selection,
    ) -> None:
        self._store = store
        self._catalog = store.datamart.catalog
        self.release = release
        self.selection = selection
        own = (
            [self._loans.full_name, self._catalog.label_store.full_name] if selection.label else []
        )
        tables = [*(group.table for group in selection.groups), *own]
        for name in tables:
            if name not in versions:
                raise BadInput(f"release {release} has no table {name}; take a later release")
        self.versions = {name: versions[name] for name in sorted(tables)}
        self.code = JOIN

    @property
    def training_set_id(self) -> str:
        """The id, which depends on release, versions, parameters and the code of the join.

        If a person in the set is erased, its content changes, so the id is another one from then on.
        """
        parts = [self.release, self.versions, self.selection.as_json(), self.code]
        for erasure in erasures(self._store.log):
            if _id(parts) in erasure.training_sets:
                parts.append(erasure.erasure_id)
        return _id(parts)

    @property
    def tables(self) -> list[Table]:
        return [self._catalog.table(name) for name in self.versions]

    @property
    def spine(self) -> DataFrame:
        """The labelled loans, or the applications of the user: one per row of the training set."""
        if self.selection.spine:
            name, log = spine_file(self.selection.spine), self._store.log
            kept = f"{log.root}/{name}"
            if not log.place.has(name):
                raise LakehouseError(
                    f"the spine of training set {self.training_set_id} is gone: no {kept}; "
                    "restore it, or build with --spine again"
                )
            return self._store.read_parquet(kept)
        assert self.selection.label is not None, "neither a spine nor a label"
        labels = first_labels(self.label_store, self.selection.label.name)
        return self._in_months(labels)

    @property
    def label_store(self) -> DataFrame:
        """The label store as of the release, its columns named as in a training set."""
        table, labels = self._catalog.label_store, self._catalog.labels
        names = {
            labels.own.loan: LOAN,
            table.entity: CUSTOMER,
            labels.own.application: APPLICATION,
            labels.label: LABEL,
            labels.label_def: LABEL_DEF,
            labels.own.mob: MOB,
            table.date: SNAPSHOT_DATE,
        }
        return self._read(table).select(*_named(names))

    @property
    def frame(self) -> DataFrame:
        """The training set as a DataFrame; it is computed when its rows are read."""
        return with_features(self.spine, self.groups)

    @property
    def groups(self) -> list[tuple[JoinedGroup, DataFrame]]:
        """Each feature group with its rows as of the release."""
        return [(group, self._group_rows(group)) for group in self.selection.groups]

    def left_out(self) -> dict[str, int]:
        """The number of loans of the asked months without a row, by reason; none with a spine."""
        label = self.selection.label
        if label is None:
            return {}
        labels = self._catalog.labels
        names = {
            labels.loans.loan: LOAN,
            self._loans.entity: CUSTOMER,
            labels.loans.application: APPLICATION,
            labels.loans.mob: MOB,
            labels.dpd: DPD,
            labels.balance: BALANCE,
            self._loans.date: SNAPSHOT_DATE,
        }
        loans = self._read(self._loans).select(*_named(names))
        newest_day = loans.agg(F.max(SNAPSHOT_DATE)).collect()[0][0]
        return count_left_out(self._in_months(loans), self.spine, label, newest_day)

    @property
    def _loans(self) -> Table:
        """The table with every loan, labelled or not."""
        return self._catalog.label_store.upstreams[0]

    def _group_rows(self, group: JoinedGroup) -> DataFrame:
        """The rows of a feature group, their key named as the join names it."""
        table = self._catalog.table(group.table)
        names = {table.entity: CUSTOMER, table.date: SNAPSHOT_DATE}
        return self._read(table).withColumnsRenamed(names)

    def _read(self, table: Table) -> DataFrame:
        return self._store.read(table, self.versions[table.full_name])

    def _in_months(self, rows: DataFrame) -> DataFrame:
        month, asked = F.date_format(F.col(APPLICATION), "yyyy-MM"), self.selection.months
        if asked.first:
            rows = rows.where(month >= asked.first)
        if asked.last:
            rows = rows.where(month <= asked.last)
        return rows


def _named(names: Mapping[str, str]) -> list[Column]:
    """Columns under other names."""
    return [F.col(quoted(own)).alias(name) for own, name in names.items()]


def _id(parts: Sequence[Any]) -> str:
    return "ts-" + hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:12]


def spine_folder(log: Log) -> Path:
    """The folder with the spines of users, which are named by their SHA-256."""
    return log.place.on_this_machine() / SPINES


def prepare(store: Store, release: Release, asked: Asked) -> TrainingSet:
    """The training set that was asked for, as of a release; BadInput if that is impossible."""
    if asked.spine and (asked.label_def or asked.months != MonthRange()):
        raise BadInput(
            "a spine says by itself which applications; leave out --label-def, --from, --to"
        )
    if asked.date_order and not asked.spine:
        raise BadInput("--date-order tells how the dates of a --spine are written; give both")
    columns = features_at(store.datamart, release)
    selection = select(
        columns,
        asked.groups,
        asked.features,
        asked.label_def,
        asked.months,
        fingerprint(asked.spine) if asked.spine else None,
        definitions=() if asked.spine else store.datamart.catalog.labels.definitions,
    )
    training_set = TrainingSet(store, release.number, release.versions, selection)
    check_readable(store.log, release.pins, training_set.tables)
    if asked.spine:
        with work_folder(store.log.place) as work:
            reading = SpineReading(asked.date_order, store.datamart.catalog.time_zone)
            taken = _column_names(columns)
            kept_as = keep_spine(asked.spine, store.log.place, taken, work, reading)
        selection = replace(selection, spine=kept_as)
        training_set = TrainingSet(store, release.number, release.versions, selection)
    return training_set


def features_at(datamart: Datamart, release: Release) -> dict[Table, tuple[str, ...]]:
    """The features that each group had at a release, in the order of its columns."""
    log, declared = datamart.log, datamart.catalog.feature_groups
    groups = [table for table in declared if table.full_name in release.versions]
    check_readable(log, release.pins, groups)
    features = {}
    for table in groups:
        had = log.columns(table, release.versions[table.full_name])
        features[table] = tuple(name for name in had if name not in (*table.keys, table.partition))
    return features


def _column_names(columns: Mapping[Table, Sequence[str]]) -> list[str]:
    dates = [table.group.date_column for table in columns if table.group]
    return [*dates, *(name for names in columns.values() for name in names)]
