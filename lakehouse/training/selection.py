"""The loans and features of a training set, resolved from names, so that it can be built again later."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from lakehouse.errors import BadInput
from lakehouse.label import LabelDefinition
from lakehouse.months import MonthRange
from lakehouse.nearest import meant
from lakehouse.table import Table
from lakehouse.training.exclusions import AskedExclusion, together
from lakehouse.training.known_then import THEN, KnownThen
from lakehouse.training.point_in_time import JoinedGroup


@dataclass(frozen=True)
class Selection:
    """The loans and features of a training set.

    `spine` is the SHA-256 of a spine file of the user; then there are no labels. Only labels observed on
    `labels_known_by` or before are taken, if it is given. Delays, ages and the definition of the label are
    stored as they were declared on that day. `then` says which release each application reads; None if
    all read the release of the set. `exclusions` are the kinds of loans that are left out.
    """

    groups: tuple[JoinedGroup, ...]
    label: LabelDefinition | None
    months: MonthRange = MonthRange()
    spine: str | None = None
    labels_known_by: date | None = None
    then: KnownThen | None = None
    exclusions: tuple[AskedExclusion, ...] = ()

    @property
    def joined(self) -> tuple[JoinedGroup, ...]:
        """The groups of the features, and what the exclusions read."""
        return (*self.groups, *together(self.exclusions))

    def as_json(self) -> str:
        """The selection as text; it is part of the id of every training set, so its bytes stay."""
        values = asdict(self)
        del values["months"], values["then"]
        if not self.exclusions:
            del values["exclusions"]
        values["label"] = self.label.as_values() if self.label else None
        values |= {"first_month": self.months.first, "last_month": self.months.last}
        # Sets without it keep the id that they had before there was such a day.
        known_by = values.pop("labels_known_by")
        if known_by:
            values["labels_known_by"] = known_by.isoformat()
        if self.then:
            values |= {"known": THEN, **asdict(self.then)}
        return json.dumps(values, sort_keys=True)

    @staticmethod
    def from_json(text: str) -> Selection:
        """The selection from the text of `as_json`."""
        values: dict[str, Any] = json.loads(text)
        groups = tuple(
            JoinedGroup(**{**group, "features": tuple(group["features"])})
            for group in values["groups"]
        )
        label, known_by = values["label"], values.get("labels_known_by")
        return Selection(
            groups=groups,
            label=LabelDefinition.from_values(label) if label else None,
            months=MonthRange(values.get("first_month"), values.get("last_month")),
            spine=values.get("spine"),
            labels_known_by=date.fromisoformat(known_by) if known_by else None,
            then=KnownThen.from_json(values) if "known" in values else None,
            exclusions=tuple(map(AskedExclusion.from_values, values.get("exclusions", ()))),
        )


def select(
    tables: Mapping[Table, Sequence[str]],
    groups: Sequence[str] = (),
    features: Sequence[str] = (),
    label_def: str | None = None,
    months: MonthRange = MonthRange(),
    spine: str | None = None,
    labels_known_by: date | None = None,
    *,
    definitions: Sequence[LabelDefinition],
) -> Selection:
    """The selection for these names; all groups and features by default. BadInput for unknown names.

    `tables` are the feature groups with the features that they have, which today's declaration need not say.
    Without a `label_def` it takes the first of the `definitions`, with a `spine` none.
    """
    return Selection(
        groups=joined_groups(tables, groups, features),
        label=None if spine else _definition(label_def, definitions),
        months=months,
        spine=spine,
        labels_known_by=labels_known_by,
    )


def joined_groups(
    tables: Mapping[Table, Sequence[str]], groups: Sequence[str], features: Sequence[str]
) -> tuple[JoinedGroup, ...]:
    """The groups that were asked for, with the chosen features; without groups that have none of these."""
    declared = {table.group.name: (table, table.group) for table in tables if table.group}
    _check_known("feature group", groups, declared)
    taken = {name: pair for name, pair in declared.items() if not groups or name in groups}
    _check_known("feature", features, [f for table, _ in taken.values() for f in tables[table]])
    joined = (
        JoinedGroup(
            name,
            table.full_name,
            tuple(f for f in tables[table] if not features or f in features),
            group.max_age_months,
            group.delay_days,
        )
        for name, (table, group) in taken.items()
    )
    return tuple(group for group in joined if group.features)


def _definition(name: str | None, definitions: Sequence[LabelDefinition]) -> LabelDefinition:
    if name is None:
        return definitions[0]
    by_name = {definition.name: definition for definition in definitions}
    _check_known("label definition", [name], by_name)
    return by_name[name]


def _check_known(kind: str, asked: Iterable[str], existing: Iterable[str]) -> None:
    names = list(existing)
    for name in asked:
        if name not in names:
            near = meant(name, names) or " or ".join(names[:5])
            raise BadInput(f"no {kind} is called {name!r}; is it {near}?")
