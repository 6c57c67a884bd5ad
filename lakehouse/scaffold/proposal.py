"""A proposal for a raw file: key, date, entity, types and personal columns, each with why; or Unsure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

from lakehouse.bronze.raw import PROVENANCE
from lakehouse.declared.names import PLAIN, instead
from lakehouse.errors import BadInput
from lakehouse.scaffold.personal import why_personal, words_of
from lakehouse.scaffold.raw_columns import Looked, RawColumns, Seen
from lakehouse.scaffold.unsure import Unsure
from lakehouse.table import MONTH, snake_case
from lakehouse.words import counted, named

Role = Literal["date", "entity", "key", "personal", "value", "bronze only"]
_DAY_OF_ROW = re.compile(r"snapshot_date|as_of(_date)?|reporting_date|stichtag", re.IGNORECASE)
_PEOPLE = {
    "customer",
    "cust",
    "client",
    "person",
    "borrower",
    "member",
    "party",
    "applicant",
    "kunde",
    "kunden",
    "user",
}
_IDS = {"id", "no", "nr", "number", "num", "key", "code", "ref", "uuid"}
# The share of cells that are numbers in a column of numbers; the others are faults.
_MOST = 0.9
_OF_SILVER = {"_issues", MONTH, *(field.name for field in PROVENANCE)}


@dataclass(frozen=True)
class Said:
    """The parts of a proposal that the user has said; None, or nothing, where it is to be found."""

    date: str | None = None
    keys: tuple[str, ...] = ()
    entity: str | None = None
    personal: tuple[str, ...] = ()
    not_personal: tuple[str, ...] = ()


@dataclass(frozen=True)
class Column:
    """A column of a proposal: what becomes of it, its type in silver, and why."""

    column: str
    role: Role
    type: str
    why: str


@dataclass(frozen=True)
class Proposal:
    """The declaration that is proposed for a raw file."""

    source: str
    file: str
    delimiter: str
    encoding: str | None
    decimal: str
    date_order: str | None
    rows: int
    broken: int
    keys: tuple[str, ...]
    date: str
    entity: str
    columns: tuple[Column, ...]
    notes: tuple[str, ...]

    def of_role(self, *roles: Role) -> tuple[Column, ...]:
        """The columns of these roles, in their order."""
        return tuple(each for each in self.columns if each.role in roles)


def proposed(source: str, raw: RawColumns, said: Said, entities: Sequence[str] = ()) -> Proposal:
    """The proposal for a raw file; Unsure, with the option that says it, where nothing tells.

    `entities` are the columns that say in other sources of the bank whose row it is.
    """
    _check_said(raw, said)
    personal = _personal(raw, said)
    date, why_date = _date(raw, said, personal)
    ids, why_ids = _ids(raw, said, personal, date)
    entity, why_entity = _entity(raw, said, ids, entities, personal)
    whys: dict[str, tuple[Role, str]] = dict.fromkeys(ids, ("key", why_ids))
    if entity:
        whys[entity] = ("entity", f"{why_entity}; {why_ids}" if entity in ids else why_entity)
    if date:
        whys[date] = ("date", why_date)
    columns: list[Column] = []
    taken = [snake_case(name) for name in whys]
    for seen in raw.columns:
        if seen.name in whys:
            role, why = whys[seen.name]
            columns.append(Column(seen.name, role, "DATE" if role == "date" else "STRING", why))
        elif seen.name in personal:
            columns.append(Column(seen.name, "personal", "STRING", personal[seen.name]))
        else:
            columns.append(_value(seen, raw, taken))
            taken.append(snake_case(seen.name))
    order = raw.column(date).order if date else None
    return Proposal(
        source, raw.file_name, raw.delimiter, raw.encoding, raw.decimal, order.order if order else None,
        raw.rows, raw.broken, (*ids, *_of_day(date)), date, entity, tuple(columns), tuple(_notes(raw)),
    )  # fmt: skip


def _check_said(raw: RawColumns, said: Said) -> None:
    """BadInput for a column that the user names and the file lacks."""
    there = [each.name for each in raw.columns]
    for option, names in (
        ("--date", [said.date] if said.date else []),
        ("--key", said.keys),
        ("--entity", [said.entity] if said.entity else []),
        ("--personal", said.personal),
        ("--not-personal", said.not_personal),
    ):
        for name in names:
            if name not in there:
                raise BadInput(
                    f"{option} {name}: {raw.file_name} has no such column; {instead(name, there, 'it')}"
                )


def _personal(raw: RawColumns, said: Said) -> dict[str, str]:
    """The columns that identify a person, each with why."""
    found = dict.fromkeys(said.personal, "you say so")
    for seen in raw.columns:
        why = why_personal(seen)
        if why and seen.name not in (*said.not_personal, *found):
            found[seen.name] = why
    return found


def _of_day(date: str) -> tuple[str, ...]:
    """The part of a key that is the day; none in data without a date."""
    return (date,) if date else ()


def _date(raw: RawColumns, said: Said, personal: dict[str, str]) -> tuple[str, str]:
    """The column with the day of a row, and why; empty if the user says that rows have none."""
    if said.date == "":
        return "", ""
    if said.date:
        seen = raw.column(said.date)
        if seen.is_unproven:
            raise _no_order(raw, seen)
        if not seen.days:
            raise BadInput(
                f"--date {said.date}: {raw.file_name} has no cell there that is a day like 2023-05-01 or "
                "5/1/2023, from 1970 to today"
            )
        return said.date, _why_date("you say so", seen)
    written = [each for each in raw.columns if each.are_dates and each.name not in personal]
    possible = [
        each for each in written if each.is_full and (each.days == each.rows or each.is_unproven)
    ]
    by_name = [each for each in possible if _DAY_OF_ROW.fullmatch(each.name)]
    if len(by_name) == 1:
        possible = by_name
    if len(possible) > 1:
        names = [each.name for each in possible]
        raise Unsure(f"the day of a row may be {_or(names)}", "--date COLUMN", names)
    if not possible:
        raise Unsure(
            f"no column of {raw.file_name} has in each row a day like 2023-05-01 or 5/1/2023, from 1970 to "
            "today",
            "--date COLUMN, or --date '' for data without a date",
            [each.name for each in written if each.days],
        )
    if possible[0].is_unproven:
        raise _no_order(raw, possible[0])
    return possible[0].name, _why_date("the only column with a day in each row", possible[0])


def _no_order(raw: RawColumns, seen: Seen) -> Unsure:
    why = f"no row of {raw.file_name} proves whether the dates of {seen.name} have the day or the month first"
    return Unsure(why, "--date-order dmy or mdy", ("dmy", "mdy"))


def _why_date(why: str, seen: Seen) -> str:
    return f"{why}; {seen.order.spelt}, as {_without_cells(seen)}" if seen.order else why


def _without_cells(seen: Seen) -> str:
    """The proof of an order without the date that proves it, which may be somebody's."""
    assert seen.order
    return "its rows prove" if seen.order.proof != "you say so" else "you say"


def _ids(
    raw: RawColumns, said: Said, personal: dict[str, str], date: str
) -> tuple[tuple[str, ...], str]:
    """The columns of the key besides the date, and why."""
    looked = raw.work
    if said.keys:
        own = tuple(name for name in said.keys if name != date)
        for name in own:
            if name in personal:
                raise _personal_id("--key", name, personal[name])
        _check_plain(raw, "--key", own)
        if not looked.is_unique((*own, *_of_day(date))):
            with_day = f"with {date} " if date else ""
            raise BadInput(
                f"--key {' --key '.join(said.keys)}: {with_day}it is the same in rows that differ; add a "
                "column with one more --key"
            )
        return own, "you say so"
    possible = [each for each in raw.columns if _may_be_id(each, personal, date)]
    likely = [each for each in possible if _is_id(each)]
    single = [each.name for each in likely if looked.is_unique((each.name, *_of_day(date)))]
    if len(single) > 1:
        each_with = f", each with {date}" if date else ""
        raise Unsure(f"the key may be {_or(single)}{each_with}", "--key COLUMN", single)
    if single:
        unique = f"unique with {date}, in each row," if date else "unique, in each row,"
        return (single[0],), f"{unique} and named as an id"
    return _several(raw, looked, likely, possible, date)


def _several(
    raw: RawColumns, looked: Looked, likely: Sequence[Seen], possible: Sequence[Seen], date: str
) -> tuple[tuple[str, ...], str]:
    """The pair of ids that is unique with the date; Unsure if there is none, or are several."""
    names = [each.name for each in likely]
    pairs = [
        pair for pair in combinations(names[:20], 2) if looked.is_unique((*pair, *_of_day(date)))
    ]
    with_day = f" with {date}" if date else ""
    if len(pairs) == 1:
        return pairs[0], f"{' and '.join(pairs[0])} are unique{with_day}, and named as ids"
    if pairs:
        told = [" and ".join(pair) for pair in pairs]
        raise Unsure(
            f"the key may be {_or(told)}{with_day and f', each{with_day}'}",
            "one --key COLUMN per column",
            names,
        )
    unique = [each.name for each in possible if looked.is_unique((each.name, *_of_day(date)))]
    if unique:
        why = f"no column of {raw.file_name} is named as an id;{with_day} {named(unique)} would be unique"
    else:
        why = f"no id of {raw.file_name} is unique{with_day}"
    raise Unsure(why, "--key COLUMN, as often as needed", unique or names)


def _may_be_id(seen: Seen, personal: dict[str, str], date: str) -> bool:
    is_number = seen.all_are("number") and not seen.all_are("integer")
    is_other = seen.name in personal or seen.name == date or seen.are_dates or is_number
    return seen.is_full and not is_other and bool(_plain_name(seen.name))


def _is_id(seen: Seen) -> bool:
    words = words_of(seen.name)
    return bool({*words[-1:]} & (_IDS | _PEOPLE)) or words[:1] == ["id"]


def _entity(
    raw: RawColumns, said: Said, ids: Sequence[str], others: Sequence[str], personal: dict[str, str]
) -> tuple[str, str]:
    """The column that says whose row it is, and why; empty if the user says that there is none."""
    if said.entity == "":
        if personal:
            raise BadInput(
                f"--entity '': {named(list(personal))} would be personal, and nobody could be erased; name "
                "the column that says whose row it is, or give --not-personal for each"
            )
        return "", ""
    if said.entity:
        if said.entity in personal:
            raise _personal_id("--entity", said.entity, personal[said.entity])
        _check_plain(raw, "--entity", (said.entity,))
        return said.entity, "you say so"
    known = [name for name in ids if name in others]
    if len(known) == 1:
        return known[0], "the entity of another source of this bank"
    by_name = [name for name in ids if {*words_of(name)} & _PEOPLE]
    if len(by_name) == 1:
        return by_name[0], "its name says a person"
    full = [
        each.name
        for each in raw.columns
        if _may_be_id(each, personal, "") and {*words_of(each.name)} & _PEOPLE and _is_id(each)
    ]
    if len(full) == 1 and not by_name:
        return full[0], "its name says a person"
    raise Unsure(
        f"nothing says whose row it is in {raw.file_name}",
        "--entity COLUMN, or --entity '' if its rows are about nobody",
        full or ids,
    )


def _personal_id(option: str, name: str, why: str) -> BadInput:
    return BadInput(
        f"{option} {name}: an id goes on into every table, and this column is personal ({why}); if it is "
        f"not, give --not-personal {name}"
    )


def _check_plain(raw: RawColumns, option: str, names: Sequence[str]) -> None:
    for name in names:
        if not raw.column(name).filled:
            raise BadInput(f"{option} {name}: no cell of it is filled; name another column")
        if not _plain_name(name):
            raise BadInput(
                f"{option} {name}: no column of a table can be called so; rename it in {raw.file_name} to "
                "letters, digits and _"
            )


def _plain_name(raw_name: str) -> str:
    """The name that a raw column has in silver; empty if no table can have it."""
    own = snake_case(raw_name)
    is_plain = PLAIN.fullmatch(own) and own not in _OF_SILVER
    # Engines take a point for a part of a column.
    return own if is_plain and not {*raw_name} & {".", "`"} else ""


def _value(seen: Seen, raw: RawColumns, taken: Sequence[str]) -> Column:
    """The fate of a column that is neither an id nor a date of rows nor personal."""
    own = _plain_name(seen.name)
    if not own or own in taken:
        return Column(seen.name, "bronze only", "STRING", "its name is none that a table can have")
    type_, why = _type(seen, raw.decimal)
    return Column(seen.name, "value", type_, why)


def _type(seen: Seen, decimal: str) -> tuple[str, str]:
    if not seen.filled:
        return "STRING", "no cell is filled"
    told = f"all {seen.filled:,} filled cells"
    if seen.are_dates:
        if seen.forms["slashes"] and seen.order is None:
            return "STRING", "dates that prove no order of day and month"
        order = f", {seen.order.spelt}" if seen.order else ""
        return "DATE", f"{told} are dates{order}"
    if seen.all_are("yes or no"):
        return "BOOLEAN", f"{told} are yes or no"
    numbers = seen.forms["number"]
    # A code like 007 is a number by its form only.
    if numbers >= _MOST * seen.filled and seen.forms["no code"] == numbers:
        faults = seen.filled - numbers
        many = f"{numbers:,} of {seen.filled:,} filled cells" if faults else told
        rest = f"{counted(faults, 'other cell')} may become NULL, with a reason; " if faults else ""
        is_whole = (
            seen.forms["integer"] == numbers and seen.fits_int and not seen.forms["with point"]
        )
        kind, called = ("INT", "whole numbers") if is_whole else ("DOUBLE", "numbers")
        return kind, f"{many} are {called}; {rest}bounds left open"
    if decimal == "," and seen.forms["decimal comma"] + seen.forms["integer"] == seen.filled:
        return "DOUBLE", f"{told} are numbers with a comma; bounds left open"
    few = f", {seen.distinct:,} different" if seen.distinct < seen.filled else ""
    return "STRING", f"text{few}; any text is taken"


def _notes(raw: RawColumns) -> list[str]:
    notes = []
    if raw.broken:
        notes.append(
            f"{raw.broken:,} of {raw.rows:,} rows have not the form of the header: quarantined"
        )
    return notes


def _or(names: Sequence[str]) -> str:
    return " or ".join(names) if len(names) <= 5 else named(names)
