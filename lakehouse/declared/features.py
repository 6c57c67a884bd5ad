"""Faults of feature groups: how they join applications, what their features take, and their names."""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from lakehouse.declared.names import PLAIN, instead, twice
from lakehouse.feature import Feature, FeatureTransform
from lakehouse.table import AS_OF_SUFFIX, Source, Table
from lakehouse.training_columns import LABELLED, PREVIOUS_APPLICATION, SNAPSHOT_DATE

# A training set, or the join on the way to it, has other columns of these names.
RESERVED = (*LABELLED, SNAPSHOT_DATE, PREVIOUS_APPLICATION)
_DECLARES = re.compile(r"^@feature\b[^\n]*\n(?:@[^\n]*\n)*def (\w+)", re.MULTILINE)
_BINDS = re.compile(r"^(?:def|class) (\w+)|^(\w+)[ \t]*(?::[^=\n]+)?=(?!=)", re.MULTILINE)


def feature_faults(table: Table) -> Iterator[str]:
    """The faults in a feature group, a line each."""
    place = table.full_name
    yield from _joining(place, table)
    for field in table.features:
        if field.name.lower() in RESERVED or field.name.lower().endswith(AS_OF_SUFFIX):
            yield (
                f"{place}: feature {field.name} has the name of a column that training sets have besides "
                "features; rename it"
            )
    if not table.features:
        yield f"{place} has no feature; declare one, as a function with @feature"
    if isinstance(table.transform, FeatureTransform):
        yield from _inputs(table, table.transform)


def repeated_features(groups: Sequence[Table]) -> Iterator[str]:
    """Groups of one name, and features of one name in two groups: a training set has both."""
    for name in twice([group.group.name for group in groups if group.group]):
        yield f"feature group {name} is declared twice; rename one"
    owners: dict[str, Table] = {}
    for group in groups:
        for field in group.features:
            owner = owners.setdefault(field.name.lower(), group)
            if owner is not group:
                yield (
                    f"{group.full_name}: feature {field.name} is also one of {owner.full_name}; rename one, "
                    "for a training set has both"
                )


def overwritten_features(modules: Iterable[tuple[Table, str]]) -> Iterator[str]:
    """Features that their module defines again below, so that Python has forgotten them without a word."""
    for table, module in modules:
        file = getattr(sys.modules.get(module), "__file__", None)
        if not file or not isinstance(table.transform, FeatureTransform):
            continue
        text = Path(file).read_text(encoding="utf-8")
        bound = Counter(match[1] or match[2] for match in _BINDS.finditer(text))
        for name in dict.fromkeys(_DECLARES.findall(text)):
            if bound[name] > 1:
                yield f"{table.full_name}: feature {name} is declared twice in {module}; rename one"


def _joining(place: str, table: Table) -> Iterator[str]:
    """Faults in what joins the rows of a group to applications."""
    group = table.group
    assert group
    if not PLAIN.fullmatch(group.name):
        yield f"{place}: feature group {group.name!r} has no plain name; write letters, digits and _"
    if group.max_age_months < 1:
        yield (
            f"{place}: feature group {group.name} declares max_age_months {group.max_age_months}; declare "
            "1 or more months, after which a row is too old"
        )
    for what, name in (("entity", table.entity), ("date", table.date)):
        if not name:
            yield (
                f"{place}: feature group {group.name} has no {what}; declare the column "
                f"{'that says whose row it is' if what == 'entity' else 'with the day of the row'}"
            )
    sources = [*_sources(table)]
    if table.entity and sources and not any(source.entity for source in sources):
        names = " and ".join(source.name for source in sources)
        yield (
            f"{place} is about {table.entity}, and source {names} declares no entity; no person could be "
            "erased from it: declare as entity the column that says whose row it is"
        )
    joined = (table.entity, table.date)
    if all(joined) and set(table.keys) != set(joined):
        yield (
            f"{place}: feature group {group.name} has the keys {', '.join(table.keys)}; declare "
            f"{' and '.join(joined)}, for an application takes one row of an entity and a day"
        )


def _sources(table: Table) -> Iterator[Source]:
    """The sources that a table is computed from, also by way of others."""
    if table.source:
        yield table.source
    for upstream in table.upstreams:
        yield from _sources(upstream)


def _inputs(table: Table, transform: FeatureTransform) -> Iterator[str]:
    """Inputs that are neither a column nor a feature, and features that read each other in a circle."""
    by_name = {each.name: each for each in transform.features}
    above = dict.fromkeys(name for each in table.upstreams for name in each.columns)
    owner = " and ".join(each.full_name for each in table.upstreams)
    for each in transform.features:
        for name in each.inputs:
            is_feature = name in by_name and name != each.name
            # Only an engine can tell the columns that `prepare` adds.
            if not (is_feature or name in above or transform.prepare):
                there = [*above, *(other for other in by_name if other != each.name)]
                yield f"{table.full_name}: feature {each.name} takes {name}; {instead(name, there, owner)}"
    if circle := _circle(by_name):
        yield (f"{table.full_name}: {_told(circle)}; let one of them take columns only")


def _told(circle: Sequence[str]) -> str:
    *first, last = (f"feature {name}" for name in circle)
    return f"{', '.join(first)} and {last} read each other in a circle"


def _circle(by_name: Mapping[str, Feature]) -> list[str]:
    """Features that each read the next one, and the last the first; empty if there are none."""
    reads = {
        name: [each for each in feature.inputs if each in by_name and each != name]
        for name, feature in by_name.items()
    }
    while free := [name for name, read in reads.items() if reads.keys().isdisjoint(read)]:
        for name in free:
            del reads[name]
    path: list[str] = []
    name = next(iter(reads), "")
    while name and name not in path:
        path.append(name)
        name = next(each for each in reads[name] if each in reads)
    return path[path.index(name) :] if name else []
