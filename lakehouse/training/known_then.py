"""Features as they were known then: which release each application reads, as values of a receipt."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from lakehouse.errors import BadInput, LakehouseError
from lakehouse.months import spell
from lakehouse.releases import published
from lakehouse.releases.readable import check_kept, check_whole
from lakehouse.releases.release import Release
from lakehouse.releases.timeline import CLOCKS, MONTH_CLOCK, Step, timeline
from lakehouse.storage.datamart import Datamart
from lakehouse.table import Table
from lakehouse.training.point_in_time import JoinedGroup

NOW, THEN = "now", "then"
NO_RELEASE = "no release was known"
# A feature that is a whole number in an older release, and a wider number now.
_WIDER = {"integer": ("integer", "long", "double"), "long": ("long", "double")}


@dataclass(frozen=True)
class ThenRelease:
    """A release that applications read from the day `since` (an ISO date) on, until the next one.

    `versions` are those of the tables of feature groups; a table that it did not have is not there.
    """

    release: int
    since: str
    versions: Mapping[str, int]


@dataclass(frozen=True)
class KnownThen:
    """The releases that the applications of a training set read, oldest first, and the clock of that."""

    clock: str
    releases: tuple[ThenRelease, ...]

    @staticmethod
    def from_json(values: Mapping[str, Any]) -> KnownThen:
        """The value from its fields in a receipt."""
        return KnownThen(values["clock"], tuple(ThenRelease(**each) for each in values["releases"]))


def checked_clock(known: str, clock: str | None) -> str | None:
    """The clock of a training set, None if its features are as known now; BadInput for other words."""
    if known not in (NOW, THEN):
        raise BadInput(f"known takes {NOW} or {THEN}, not {known!r}")
    if clock not in (None, *CLOCKS):
        raise BadInput(f"clock takes {' or '.join(CLOCKS)}, not {clock!r}")
    if known == NOW and clock:
        raise BadInput("the clock says which release was known then; give it with known then")
    return (clock or MONTH_CLOCK) if known == THEN else None


def steps_until(datamart: Datamart, asked: Release, clock: str) -> list[Step]:
    """The steps of all releases up to the asked one, also of those that cannot be read any more."""
    releases = [r for r in published.releases(datamart.log) if r.number <= asked.number]
    return timeline(releases, clock, datamart.catalog.time_zone)


def resolve(
    datamart: Datamart,
    clock: str,
    steps: Sequence[Step],
    tables: Sequence[Table],
    days: Iterable[date],
) -> KnownThen:
    """The releases that applications of these days read.

    LakehouseError if one of them cannot be read any more: another one would say something else.
    """
    months_by_release: dict[int, set[str]] = {}
    for day in days:
        step = step_of(steps, day)
        if step:
            months_by_release.setdefault(step.release.number, set()).add(f"{day:%Y-%m}")
    used = [step for step in steps if step.release.number in months_by_release]
    for step in used:
        _check(datamart, step.release, tables, months_by_release[step.release.number])
    return KnownThen(clock, tuple(_pinned(step, tables) for step in used))


def step_of(steps: Sequence[Step], day: date) -> Step | None:
    """The last step up to a day; None if the day is before the first."""
    begun = [step for step in steps if step.since <= day]
    return begun[-1] if begun else None


def _pinned(step: Step, tables: Sequence[Table]) -> ThenRelease:
    versions = {
        table.full_name: step.release.versions[table.full_name]
        for table in sorted(tables, key=lambda table: table.full_name)
        if table.full_name in step.release.versions
    }
    return ThenRelease(step.release.number, step.since.isoformat(), versions)


def _check(datamart: Datamart, release: Release, tables: Sequence[Table], months: set[str]) -> None:
    try:
        check_whole(datamart.log, release.pins, tables)
    except LakehouseError as error:
        raise LakehouseError(
            f"applications of {spell(months)} read release {release.number}, as it was known then: {error}; "
            "or leave them out with --from and --to"
        ) from error


def check_all_kept(datamart: Datamart, then: KnownThen | None) -> None:
    """LakehouseError if vacuum gave up one of the releases."""
    by_number = {r.number: r for r in published.releases(datamart.log)} if then else {}
    for each in then.releases if then else ():
        check_kept(datamart.log, by_number[each.release].pins)


def columns_then(datamart: Datamart, group: JoinedGroup, version: int) -> dict[str, str]:
    """Name and type of the features of a group that its table had at a version."""
    had = datamart.log.columns(datamart.catalog.table(group.table), version)
    return {name: had[name] for name in group.features if name in had}


def check_types(
    datamart: Datamart, then: KnownThen, groups: Iterable[JoinedGroup], versions: Mapping[str, int]
) -> None:
    """BadInput if a feature had a type then whose values cannot be those of its type now."""
    for group in groups:
        now = columns_then(datamart, group, versions[group.table])
        for each in then.releases:
            if group.table not in each.versions:
                continue
            for name, type_ in columns_then(datamart, group, each.versions[group.table]).items():
                if not _fits(_plain(type_), _plain(now[name])):
                    raise BadInput(
                        f"feature {name} is {_plain(now[name])} and was {_plain(type_)} at release "
                        f"{each.release}; name the other features with --features, or take known now"
                    )


def _plain(type_: str) -> str:
    """`integer` for `PrimitiveType("integer")`."""
    return type_.split('"')[1] if '"' in type_ else type_


def _fits(then: str, now: str) -> bool:
    return now == then or now in _WIDER.get(then, ())


def unknown_then(
    datamart: Datamart,
    then: KnownThen,
    groups: Sequence[JoinedGroup],
    applications: Mapping[date, int],
) -> dict[str, int]:
    """The number of applications whose features are NULL because a release lacked them, by reason.

    A reason is that there was no release, that a group had no table in it, or that a feature was not there.
    """
    starts = [date.fromisoformat(each.since) for each in then.releases]
    by_step = Counter[int]()
    for day, number in applications.items():
        by_step[sum(start <= day for start in starts)] += number
    counts = Counter[str]()
    for begun, number in by_step.items():
        lacks = _lacks(datamart, then.releases[begun - 1], groups) if begun else [NO_RELEASE]
        counts.update(dict.fromkeys(lacks, number))
    return dict(counts)


def _lacks(datamart: Datamart, each: ThenRelease, groups: Sequence[JoinedGroup]) -> list[str]:
    reasons = []
    for group in groups:
        if group.table not in each.versions:
            reasons.append(f"no table of {group.name} yet")
            continue
        had = columns_then(datamart, group, each.versions[group.table])
        reasons += [f"no feature {name} yet" for name in group.features if name not in had]
    return reasons
