"""Faults of a source: what it says of its columns, and columns that it names and does not have."""

from __future__ import annotations

from collections.abc import Iterator

from lakehouse.declared.names import PLAIN, meaning_fault, twice, unknown
from lakehouse.table import Source


def source_faults(source: Source) -> Iterator[str]:
    """The faults in the declaration of a source, a line each."""
    place = f"source {source.name}"
    if not PLAIN.fullmatch(source.name):
        yield f"source {source.name!r} has no plain name; write letters, digits and _, as loan_daily"
    if not (source.file_names or source.patterns):
        yield f"{place} has no file_names and no patterns; declare how its files are called"
    for name in source.file_names:
        if not name.strip() or name.startswith("/") or "\\" in name:
            yield f"{place} has the file name {name!r}; write it as it is in the data folder, with /"
    for column in source.columns:
        if column.type != "STRING":
            yield (
                f"{place}: column {column.name} is declared as {column.type}, and a raw cell is a text; "
                "declare STRING, and its type in silver"
            )
        if not column.name.strip():
            yield f"{place} has a column without a name; write the name that is in the header"
        if fault := meaning_fault(column.doc, "write what the column means"):
            yield f"{place}: column {column.name} {fault}"
    for name in twice(source.header):
        yield f"{place} has column {name} twice; rename or remove one"
    yield from _columns(place, source)
    yield from _required(place, source)
    if fault := entity_fault(source):
        yield fault


def entity_fault(source: Source) -> str:
    """Why no person could be erased from a source; empty if each one can, or if it holds none."""
    personal = [each.name for each in source.columns if each.personal or each.number]
    if source.entity in source.header or not (personal or source.entity):
        return ""
    has = f"has personal columns ({', '.join(personal)}) and " if personal else ""
    lack = f"the entity {source.entity!r}, which it lacks" if source.entity else "no entity"
    return (
        f"source {source.name} {has}declares {lack}; no person could be erased from it: "
        "declare as entity the column that says whose row it is"
    )


def _columns(place: str, source: Source) -> Iterator[str]:
    """Columns that a source names and does not have."""
    if not source.keys:
        yield f"{place} has no keys; declare the columns by which two rows are the same"
    yield from unknown(place, "key", source.keys, source.header)
    if source.date:
        yield from unknown(place, "date", [source.date], source.header)
    if source.monthly and not source.date:
        yield f"{place} is declared as monthly and has no date; declare its date, or not monthly"
    yield from unknown(place, "renamed column", [own for _, own in source.renames], source.header)
    for name, own in source.renames:
        if name in source.header:
            yield f"{place} renames its own column {name} to {own}; remove the rename or the column"
    for name in twice([name for name, _ in source.renames]):
        yield f"{place} renames {name} twice; remove one"
    required = [name for name, _ in source.required]
    yield from unknown(place, "required column", required, source.header)
    yield from unknown(place, "column of numbers", source.numbers or (), source.header)
    if source.valid_to:
        yield from unknown(place, "valid_to", [source.valid_to], source.header)
        if not source.date:
            yield f"{place} declares valid_to and no date; declare as date the day from which a row holds"
        if source.valid_to in (*source.keys, *dict(source.required)):
            yield (
                f"{place}: valid_to {source.valid_to} is a key or required, and it is empty as long as a row "
                "holds; take it from there"
            )
    yield from unknown(place, "day_of", (n for pair in source.day_of for n in pair), source.header)
    ordered = dict.fromkeys(name for pair in source.order for name in pair)
    yield from unknown(place, "ordered date", ordered, source.header)


def _required(place: str, source: Source) -> Iterator[str]:
    """Cells that must be there and need not, and dates that are read as something else."""
    kinds = dict(source.required)
    for name in twice([name for name, _ in source.required]):
        yield f"{place}: required column {name} stands twice; remove one"
    for day, time in source.day_of:
        for name, kind in ((day, "date"), (time, "time")):
            if name in source.header and kinds.get(name) != kind:
                yield (
                    f"{place}: day_of has {name}, which is not required as a {kind}; "
                    f"add ({name!r}, {kind!r}) to required"
                )
    for name in source.keys:
        if name in source.header and name not in kinds:
            yield f"{place}: key {name} is not required, so a row could be without; add it to required"
    dates = dict.fromkeys([source.date, *(name for pair in source.order for name in pair)])
    for name in dates:
        if name in source.header and kinds.get(name) != "date":
            yield f"{place}: {name} is not required as a date; add ({name!r}, 'date') to required"
