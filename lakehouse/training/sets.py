"""A training set as a plan: tables, versions and the join; nothing is computed here."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from lakehouse.engines.store import Store
from lakehouse.errors import BadInput, LakehouseError
from lakehouse.months import MonthRange
from lakehouse.releases.erasures import erasures
from lakehouse.releases.readable import check_readable, check_whole
from lakehouse.releases.release import Release
from lakehouse.storage.datamart import Datamart
from lakehouse.storage.files import fingerprint
from lakehouse.storage.log import Log
from lakehouse.storage.place import Place
from lakehouse.storage.work import work_folder
from lakehouse.table import Table, quoted
from lakehouse.training.exclusions import (
    asked_exclusions,
    excluded,
    together,
    with_previous,
)
from lakehouse.training.known_then import (
    NOW,
    KnownThen,
    check_types,
    checked_clock,
    resolve,
    steps_until,
    unknown_then,
)
from lakehouse.training.left_out import count_lines
from lakehouse.training.point_in_time import (
    JOIN,
    JoinedGroup,
    applications,
    beside,
    first_labels,
    with_features,
)
from lakehouse.training.seen_then import SeenThen
from lakehouse.training.selection import Selection, select
from lakehouse.training.spine import SPINES, SpineReading, keep_also, keep_spine, spine_file
from lakehouse.training.waterfall import ROWS, Waterfall
from lakehouse.training.without_protected import without_protected
from lakehouse.training_columns import (
    APPLICATION,
    BALANCE,
    CUSTOMER,
    DPD,
    DUE,
    LABEL,
    LABEL_DEF,
    LABEL_OBSERVED,
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
    labels_known_by: date | None = None
    known: str = NOW
    clock: str | None = None
    exclude: tuple[str, ...] = ()
    without_protected: bool = False


class TrainingSet:
    """One training set: its tables, their versions and how they are joined.

    Its spine, if it has one, is in the datamart, or in `scratch` as long as it is only looked at.
    """

    def __init__(
        self,
        store: Store,
        release: int,
        versions: Mapping[str, int],
        selection: Selection,
        scratch: Place | None = None,
    ) -> None:
        self._scratch = scratch
        self._store = store
        self._catalog = store.datamart.catalog
        self.release = release
        self.selection = selection
        own = (
            [self._loans.full_name, self._catalog.label_store.full_name] if selection.label else []
        )
        tables = {*(group.table for group in selection.joined), *own}
        for name in sorted(tables):
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
            if self._scratch:
                return self._store.read_own(self._scratch.on_this_machine() / name)
            kept = f"{log.root}/{name}"
            if not log.place.has(name):
                raise LakehouseError(
                    f"the spine of training set {self.training_set_id} is gone: no {kept}; "
                    "restore it, or build with --spine again"
                )
            return self._store.read_parquet(kept)
        excluded, population = self._excluded, self._population
        return population.join(excluded, [LOAN, CUSTOMER], "left_anti") if excluded else population

    def kept(self) -> TrainingSet:
        """The same set, its spine in the datamart."""
        spine = self.selection.spine
        if spine is None or self._scratch is None:
            return self
        keep_also(spine, self._scratch, self._store.log.place)
        return TrainingSet(self._store, self.release, self.versions, self.selection)

    @property
    def _population(self) -> DataFrame:
        """The labelled loans of the asked months whose label was known by then, before exclusions."""
        known_by, labelled = self.selection.labels_known_by, self._labelled
        labelled = labelled.where(F.col(LABEL).isNotNull())
        return labelled.where(F.col(LABEL_OBSERVED) <= known_by) if known_by else labelled

    @property
    def _excluded(self) -> DataFrame | None:
        """The loans that an exclusion leaves out; None without exclusions."""
        exclusions = self.selection.exclusions
        if not exclusions:
            return None
        loans = self._population.select(LOAN, CUSTOMER, APPLICATION)
        if any(each.earlier_loans for each in exclusions):
            loans = with_previous(loans, self._days)
        return excluded(self._joined(loans, together(exclusions)), exclusions)

    @property
    def _labelled(self) -> DataFrame:
        """The labelled loans of the asked months, whenever observed, also those that are indeterminate."""
        assert self.selection.label is not None, "neither a spine nor a label"
        return self._in_months(first_labels(self.label_store, self.selection.label.name))

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
            **({labels.own.mob: MOB} if labels.has_days else {}),
            table.date: SNAPSHOT_DATE,
        }
        return self._read(table).select(*_named(names))

    @property
    def frame(self) -> DataFrame:
        """The training set as a DataFrame; it is computed when its rows are read."""
        return self._joined(self.spine, self.selection.groups)

    def _joined(self, spine: DataFrame, groups: Sequence[JoinedGroup]) -> DataFrame:
        """The rows of a spine with these groups, each as its application may see it."""
        then = self.selection.then
        if then is None:
            return with_features(spine, [(group, self._group_rows(group)) for group in groups])
        days = applications(spine)
        return beside(spine, [(group, self._then(group, then).rows(days)) for group in groups])

    @property
    def groups(self) -> list[tuple[JoinedGroup, DataFrame]]:
        """Each feature group with its rows as of the release."""
        return [(group, self._group_rows(group)) for group in self.selection.groups]

    def applications_by_day(self) -> dict[date, int]:
        """The number of applications by day."""
        return _by_day(self.spine)

    def applications_before_exclusions(self) -> dict[date, int]:
        """The number of applications by day, with those that an exclusion leaves out."""
        return _by_day(self._population) if self.selection.exclusions else _by_day(self.spine)

    def unknown_then(self) -> dict[str, int]:
        """The number of applications whose release lacked features, by reason; none as known now."""
        then, groups = self.selection.then, self.selection.groups
        if then is None:
            return {}
        return unknown_then(self._store.datamart, then, groups, self.applications_by_day())

    def waterfall(self) -> Waterfall:
        """The loans of the asked months, each in one line: left out for a reason, or a row.

        With a spine its applications are the rows. LakehouseError if the lines do not add up.
        """
        label, known_by = self.selection.label, self.selection.labels_known_by
        if label is None:
            applications = self.spine.count()
            return Waterfall(applications, {}, applications)
        days = self._days
        newest_day = days.agg(F.max(SNAPSHOT_DATE)).collect()[0][0]
        if label.rule:
            # A loan has one row, of the day on which it began; the newest day is that of a label.
            (observed,) = self.label_store.agg(F.max(SNAPSHOT_DATE)).collect()[0]
            newest_day = max(day for day in (newest_day, observed) if day)
        loans, names = self._in_months(days), [each.name for each in self.selection.exclusions]
        lines = count_lines(
            loans, self._labelled, self._excluded, label, newest_day, known_by, names
        )
        number = loans.select(LOAN, CUSTOMER).distinct().count()
        made = Waterfall(number, lines, lines.pop(ROWS))
        made.check()
        return made

    @property
    def _days(self) -> DataFrame:
        """Every day of every loan, labelled or not."""
        labels = self._catalog.labels
        names = {
            labels.loans.loan: LOAN,
            self._loans.entity: CUSTOMER,
            labels.loans.application: APPLICATION,
            self._loans.date: SNAPSHOT_DATE,
        }
        if labels.has_days:
            names |= {labels.loans.mob: MOB, labels.dpd: DPD, labels.balance: BALANCE}
        else:
            names[labels.due] = DUE
        return self._read(self._loans).select(*_named(names))

    @property
    def _loans(self) -> Table:
        """The table with every loan, labelled or not."""
        return self._catalog.label_store.upstreams[0]

    def _group_rows(self, group: JoinedGroup) -> DataFrame:
        """The rows of a feature group, their key named as the join names it."""
        table = self._catalog.table(group.table)
        names = {table.entity: CUSTOMER, table.date: SNAPSHOT_DATE}
        return self._read(table).withColumnsRenamed(names)

    def _then(self, group: JoinedGroup, then: KnownThen) -> SeenThen:
        table = self._catalog.table(group.table)
        return SeenThen(self._store, table, group, then, self.versions[group.table])

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


def _by_day(spine: DataFrame) -> dict[date, int]:
    counted = spine.groupBy(APPLICATION).count().collect()
    return {row[APPLICATION]: int(row["count"]) for row in counted}


def _id(parts: Sequence[Any]) -> str:
    return "ts-" + hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:12]


def spine_folder(log: Log) -> Path:
    """The folder with the spines of users, which are named by their SHA-256."""
    return log.place.on_this_machine() / SPINES


def prepare(
    store: Store, release: Release, asked: Asked, scratch: Place | None = None
) -> TrainingSet:
    """The training set that was asked for, as of a release; BadInput if that is impossible.

    A spine is stored in the datamart, or in `scratch` if that is given.
    """
    period = asked.months != MonthRange()
    if asked.spine and (asked.label_def or asked.labels_known_by or period or asked.exclude):
        raise BadInput(
            "a spine says by itself which applications; leave out --label-def, --labels-known-by, "
            "--from, --to, --exclude"
        )
    if asked.date_order and not asked.spine:
        raise BadInput("--date-order tells how the dates of a --spine are written; give both")
    clock = checked_clock(asked.known, asked.clock)
    columns = features_at(store.datamart, release)
    protected = store.datamart.catalog.protected if asked.without_protected else ()
    selection = select(
        without_protected(columns, protected, asked.features),
        asked.groups,
        asked.features,
        asked.label_def,
        asked.months,
        fingerprint(asked.spine) if asked.spine else None,
        asked.labels_known_by,
        definitions=() if asked.spine else store.datamart.catalog.labels.definitions,
    )
    exclusions = asked_exclusions(store.datamart.catalog, store.log, release, asked.exclude)
    selection = replace(selection, exclusions=exclusions)
    training_set = TrainingSet(store, release.number, release.versions, selection)
    check_whole(store.log, release.pins, training_set.tables)
    if asked.spine:
        place = scratch or store.log.place
        with work_folder(place) as work:
            reading = SpineReading(asked.date_order, store.datamart.catalog.time_zone)
            taken = _column_names(columns)
            kept_as = keep_spine(asked.spine, place, taken, work, reading)
        selection = replace(selection, spine=kept_as)
        training_set = TrainingSet(store, release.number, release.versions, selection, scratch)
    if not clock:
        return training_set
    then = _known_then(training_set, store, release, clock)
    selection = replace(selection, then=then)
    return TrainingSet(store, release.number, release.versions, selection, scratch)


def _known_then(training_set: TrainingSet, store: Store, release: Release, clock: str) -> KnownThen:
    """The release that each application of a set reads."""
    datamart, selection = store.datamart, training_set.selection
    tables = [datamart.catalog.table(group.table) for group in selection.joined]
    steps = steps_until(datamart, release, clock)
    then = resolve(datamart, clock, steps, tables, training_set.applications_before_exclusions())
    check_types(datamart, then, selection.joined, release.versions)
    return then


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
