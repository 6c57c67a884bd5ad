"""Exclusions of a training set: resolved for a release, and the loans that they leave out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from pyspark.errors import PySparkException
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakehouse.catalog import Catalog
from lakehouse.errors import BadInput
from lakehouse.exclusion import Exclusion
from lakehouse.nearest import meant
from lakehouse.releases.release import Release
from lakehouse.storage.log import Log
from lakehouse.table import Table
from lakehouse.training.point_in_time import JoinedGroup
from lakehouse.training_columns import APPLICATION, CUSTOMER, LOAN, PREVIOUS_APPLICATION

# The name of the exclusion that a loan falls under.
EXCLUDED_BY = "_excluded_by"
_KEY = (LOAN, CUSTOMER, APPLICATION)


@dataclass(frozen=True)
class AskedExclusion:
    """An exclusion of a training set, with the rows that its condition may see."""

    name: str
    reason: str
    condition: str
    groups: tuple[JoinedGroup, ...]
    earlier_loans: bool

    def as_values(self) -> dict[str, Any]:
        """The exclusion as plain values, for the receipt."""
        return asdict(self)

    @staticmethod
    def from_values(values: Mapping[str, Any]) -> AskedExclusion:
        """The exclusion from the values of `as_values`."""
        groups = (
            JoinedGroup(**{**each, "features": tuple(each["features"])})
            for each in values["groups"]
        )
        return AskedExclusion(**{**values, "groups": tuple(groups)})


def asked_exclusions(
    catalog: Catalog, log: Log, release: Release, names: Sequence[str]
) -> tuple[AskedExclusion, ...]:
    """The declared exclusions with these names, in their declared order; BadInput for others."""
    declared = {each.name: each for each in catalog.exclusions}
    for name in names:
        if name not in declared:
            near = meant(name, list(declared)) or " or ".join(declared) or "none is declared"
            raise BadInput(f"no exclusion is called {name!r}; is it {near}?")
    taken = (each for name, each in declared.items() if name in names)
    return tuple(_resolved(catalog, log, release, each) for each in taken)


def _resolved(catalog: Catalog, log: Log, release: Release, exclusion: Exclusion) -> AskedExclusion:
    groups = tuple(
        _joined(catalog, log, release, exclusion, catalog.table(name), columns)
        for name, columns in exclusion.reads
    )
    return AskedExclusion(
        exclusion.name, exclusion.reason, exclusion.condition, groups, exclusion.earlier_loans
    )


def _joined(
    catalog: Catalog,
    log: Log,
    release: Release,
    exclusion: Exclusion,
    table: Table,
    columns: tuple[str, ...],
) -> JoinedGroup:
    """The rows of a table that an application may see: as its feature group, or the one made of it."""
    above = [each for each in catalog.feature_groups if table in (each, *each.upstreams)]
    outcomes = {field.name for field in table.fields if field.outcome} & {*columns}
    if not above or not above[0].group or outcomes:
        what = f"{table.full_name}.{min(outcomes)}" if outcomes else table.full_name
        raise BadInput(
            f"exclusion {exclusion.name} reads {what}, which no application may see; "
            "name columns of a feature group, or of a silver table that one is made of"
        )
    group = above[0].group
    version = release.versions.get(table.full_name)
    had = {} if version is None else log.columns(table, version)
    for column in columns:
        if column not in had:
            raise BadInput(
                f"exclusion {exclusion.name} reads {table.full_name}.{column}, which release "
                f"{release.number} lacks; take a later release, or leave the exclusion out"
            )
    name = group.name if table == above[0] else f"{table.layer}_{table.name}"
    return JoinedGroup(name, table.full_name, columns, group.max_age_months, group.delay_days)


def together(exclusions: Sequence[AskedExclusion]) -> tuple[JoinedGroup, ...]:
    """The groups of all exclusions, each once with the columns that any of them reads."""
    by_name: dict[str, JoinedGroup] = {}
    for group in (group for each in exclusions for group in each.groups):
        before = by_name.get(group.name, group)
        features = tuple(dict.fromkeys((*before.features, *group.features)))
        by_name[group.name] = JoinedGroup(
            group.name, group.table, features, group.max_age_months, group.delay_days
        )
    return tuple(by_name.values())


def with_previous(spine: DataFrame, loans: DataFrame) -> DataFrame:
    """The spine with the date of the customer's application before, NULL for the first."""
    other, before = F.col("_other"), F.col("_before")
    others = loans.select(
        F.col(LOAN).alias("_other"), CUSTOMER, F.col(APPLICATION).alias("_before")
    )
    pairs = spine.join(others.distinct(), CUSTOMER)
    is_same_day = (before == F.col(APPLICATION)) & (other < F.col(LOAN))
    earlier = pairs.where((before < F.col(APPLICATION)) | is_same_day)
    previous = earlier.groupBy(*_KEY).agg(F.max("_before").alias(PREVIOUS_APPLICATION))
    return spine.join(previous, list(_KEY), "left")


def excluded(seen: DataFrame, exclusions: Sequence[AskedExclusion]) -> DataFrame:
    """The loans that an exclusion leaves out, with the first one that does; BadInput for a wrong condition.

    `seen` has the loans with all that a condition may see.
    """
    reasons = [F.when(F.expr(each.condition), F.lit(each.name)) for each in exclusions]
    judged = seen.select(*_KEY, F.coalesce(*reasons).alias(EXCLUDED_BY))
    try:
        _ = judged.schema
    except PySparkException as error:
        known = ", ".join(seen.columns)
        raise BadInput(
            f"the condition of {' or '.join(each.name for each in exclusions)} cannot be computed "
            f"({type(error).__name__}); it may use {known}"
        ) from error
    return judged.where(F.col(EXCLUDED_BY).isNotNull())
