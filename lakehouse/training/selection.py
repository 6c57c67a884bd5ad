"""The loans and features of a training set, resolved from names, so that it can be built again later."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from lakehouse.errors import BadInput
from lakehouse.label import LabelDefinition
from lakehouse.months import MonthRange
from lakehouse.table import Table
from lakehouse.training.point_in_time import JoinedGroup


@dataclass(frozen=True)
class Selection:
    """The loans and features of a training set.

    `spine` is the SHA-256 of a spine file of the user; then there are no labels. Delays, ages and the
    definition of the label are stored as they were declared on that day.
    """

    groups: tuple[JoinedGroup, ...]
    label: LabelDefinition | None
    months: MonthRange = MonthRange()
    spine: str | None = None

    def as_json(self) -> str:
        """The selection as text; it is part of the id of every training set, so its bytes stay."""
        values = asdict(self)
        del values["months"]
        values |= {"first_month": self.months.first, "last_month": self.months.last}
        return json.dumps(values, sort_keys=True)

    @staticmethod
    def from_json(text: str) -> Selection:
        """The selection from the text of `as_json`."""
        values: dict[str, Any] = json.loads(text)
        groups = tuple(
            JoinedGroup(**{**group, "features": tuple(group["features"])})
            for group in values["groups"]
        )
        label = values["label"]
        return Selection(
            groups=groups,
            label=LabelDefinition(**label) if label else None,
            months=MonthRange(values.get("first_month"), values.get("last_month")),
            spine=values.get("spine"),
        )


def select(
    tables: Mapping[Table, Sequence[str]],
    groups: Sequence[str] = (),
    features: Sequence[str] = (),
    label_def: str | None = None,
    months: MonthRange = MonthRange(),
    spine: str | None = None,
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
            close = difflib.get_close_matches(name, names, n=3) or names[:5]
            raise BadInput(f"no {kind} is called {name!r}; is it {' or '.join(close)}?")
