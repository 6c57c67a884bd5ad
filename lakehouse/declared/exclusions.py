"""Faults of exclusions: what they read, and what their conditions name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lakehouse.declared.names import instead, meaning_fault, twice
from lakehouse.declared.sql_names import condition_faults
from lakehouse.exclusion import Exclusion
from lakehouse.table import AS_OF_SUFFIX, Table
from lakehouse.training_columns import APPLICATION, CUSTOMER, LOAN, PREVIOUS_APPLICATION


def exclusion_faults(tables: Sequence[Table], exclusions: Sequence[Exclusion]) -> Iterator[str]:
    """The faults in the exclusions, a line each."""
    for name in twice([each.name for each in exclusions]):
        yield f"exclusion {name} is declared twice; rename one"
    for each in exclusions:
        yield from _faults(tables, each)


def _faults(tables: Sequence[Table], exclusion: Exclusion) -> Iterator[str]:
    place = f"exclusion {exclusion.name}"
    if not exclusion.name.strip():
        yield "an exclusion has no name; name it, as no_income"
    if fault := meaning_fault(exclusion.reason, "write as reason why the loans are left out"):
        yield f"{place} {fault}"
    by_name = {table.full_name: table for table in tables}
    seen = [
        LOAN,
        CUSTOMER,
        APPLICATION,
        *([PREVIOUS_APPLICATION] if exclusion.earlier_loans else []),
    ]
    is_sound = True
    for name, columns in exclusion.reads:
        table = by_name.get(name)
        if table is None:
            yield f"{place} reads {name}, which no module declares; {instead(name, by_name, 'the catalog')}"
            is_sound = False
            continue
        group = _group_of(tables, table)
        outcomes = [field.name for field in table.fields if field.outcome and field.name in columns]
        if group is None or outcomes:
            what = f"{name}.{outcomes[0]}" if outcomes else name
            yield (
                f"{place} reads {what}, which no application may see; name columns of a feature group, or "
                "of a silver table that one is made of"
            )
            is_sound = False
        for column in columns:
            if column not in table.columns:
                near = instead(column, table.columns, name)
                yield f"{place} reads {name}.{column}, which is not there; {near}"
                is_sound = False
        seen += [*columns, *([group + AS_OF_SUFFIX] if group else [])]
    # A condition names what it reads, so it is asked only if that is there.
    if is_sound:
        yield from condition_faults(
            f"the condition of {place}", exclusion.condition, seen, "what it reads"
        )


def _group_of(tables: Sequence[Table], table: Table) -> str | None:
    """The name that the training set gives to a table that applications may see; None if they may not."""
    for each in tables:
        if each.group and table.full_name in (t.full_name for t in (each, *each.upstreams)):
            own = table.full_name == each.full_name
            return each.group.name if own else f"{table.layer}_{table.name}"
    return None
