"""The modules of a proposed source: bronze, silver, and a test with two invented rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from lakehouse.landing.cells import IDENTIFIER
from lakehouse.scaffold.proposal import Column, Proposal
from lakehouse.scaffold.python_text import call, literal, sentence
from lakehouse.table import snake_case

# By type: the call that cleans a cell, an invented cell with its value, and one that cannot be read with why.
_CELLS = {
    "INT": ("any_number", "7", "7", "seven", "not a number"),
    "DOUBLE": ("any_number", "1.5", "1.5", "much", "not a number"),
    "DATE": ("date", "2024-01-15", '"2024-01-15"', "soon", "not a date"),
    "BOOLEAN": ("yes_or_no", "yes", "True", "perhaps", "neither yes nor no"),
    "STRING": ("any_text", "some", '"some"', "", ""),
}
_DAY = "2024-01-31"


def source_files(
    proposal: Proposal, file_name: str, identifiers: tuple[str, ...]
) -> Mapping[str, str]:
    """The texts of the modules, by their place in the folder of the bank.

    `file_name` is that of its raw files; `identifiers` are the ids whose cells all are a word with a digit.
    """
    name = proposal.source
    return {
        f"bronze/{name}.py": "\n".join(_bronze(proposal, file_name, identifiers)) + "\n",
        f"silver/{name}.py": "\n".join(_silver(proposal)) + "\n",
        f"tests/test_{name}.py": "\n".join(_test(proposal)) + "\n",
    }


def required(proposal: Proposal, identifiers: tuple[str, ...]) -> list[tuple[str, str]]:
    """The columns that every row needs, each with the form of its cells."""
    ids = dict.fromkeys([each for each in (proposal.entity, *proposal.keys) if each])
    kinds = {name: IDENTIFIER if name in identifiers else "text" for name in ids}
    return [*(kinds | ({proposal.date: "date"} if proposal.date else {})).items()]


def _bronze(proposal: Proposal, file_name: str, identifiers: tuple[str, ...]) -> Iterator[str]:
    name = proposal.source
    yield f'"""One row: a delivered row of {name}, as text. Proposed by `new source`: write what it means."""'
    yield ""
    yield "from lakehouse.bronze.raw import bronze_table"
    yield "from lakehouse.table import Field, Source"
    yield ""
    yield "SOURCE = Source("
    yield f"    name={literal(name)},"
    yield f"    file_names=({literal(file_name)},),"
    yield "    columns=("
    for each in proposal.columns:
        parts = [literal(each.column), '"STRING"', literal(sentence(each.column))]
        yield call(
            "Field(", [*parts, *(["personal=True"] if each.role == "personal" else [])], ")", 8
        )
    yield "    ),"
    yield (
        call("keys=(", [*map(literal, proposal.keys)], ")", 4)
        if len(proposal.keys) > 1
        else (f"    keys=({literal(proposal.keys[0])},),")
    )
    yield f"    entity={literal(proposal.entity)},"
    yield f"    date={literal(proposal.date)},"
    yield "    required=("
    for column, kind in required(proposal, identifiers):
        yield call("(", [literal(column), literal(kind)], ")", 8)
    yield "    ),"
    if proposal.date_order:
        yield f"    date_order={literal(proposal.date_order)},"
    if proposal.delimiter != ",":
        yield f"    delimiter={literal(proposal.delimiter)},"
    if proposal.encoding:
        yield f"    encoding={literal(proposal.encoding)},"
    if proposal.decimal != ".":
        yield f"    decimal={literal(proposal.decimal)},"
    yield ")"
    yield ""
    yield f"TABLE = bronze_table(SOURCE, {literal(f'A delivered row of {name}.')})"


def values(proposal: Proposal) -> list[Column]:
    """The columns that silver cleans: all but keys, personal ones, and those that stay in bronze."""
    return [
        each
        for each in proposal.columns
        if each.role == "value" or (each.role == "entity" and each.column not in proposal.keys)
    ]


def _cleaner(each: Column) -> str:
    if each.type == "DATE":
        for order in ("day first", "month first"):
            if order in each.why:
                return f"{order.replace(' ', '_')}_date"
    return _CELLS[each.type][0]


def _silver(proposal: Proposal) -> Iterator[str]:
    name, cells = proposal.source, values(proposal)
    used = {_cleaner(each) for each in cells}
    yield f'"""One row: a delivered row of {name}, typed, without its personal columns."""'
    yield ""
    plain = ", ".join(sorted({*(used & {"date"}), "silver_table"}))
    yield f"from lakehouse.silver.cleaning import {plain}"
    if used - {"date"}:
        yield f"from lakehouse.silver.open_cells import {', '.join(sorted(used - {'date'}))}"
    yield ""
    yield f"from ..bronze.{name} import TABLE as BRONZE"
    yield ""
    yield "# Nobody has said what is plausible: `number` takes bounds, `choice` the words of a text."
    yield "TABLE = silver_table("
    yield "    BRONZE,"
    yield f"    {literal(f'A delivered row of {name}, typed, without its personal columns.')},"
    if cells:
        yield "    ["
        for each in cells:
            parts = [literal(each.column), literal(sentence(each.column))]
            whole = ["whole=True"] if each.type == "INT" else []
            yield call(f"{_cleaner(each)}(", [*parts, *whole], ")", 8)
        yield "    ],"
    else:
        yield "    [],"
    yield ")"


def _test(proposal: Proposal) -> Iterator[str]:
    name, cells = proposal.source, values(proposal)
    yield f'"""The source {name}: two invented rows, one that is read and one that cannot be."""'
    yield ""
    yield "from pathlib import Path"
    yield ""
    yield "from lakehouse.catalog import load"
    yield "from lakehouse.testing import check_rows"
    yield ""
    yield f'SILVER = load(Path(__file__).parent.parent).table("silver.{name}")'
    personal = [snake_case(each.column) for each in proposal.of_role("personal")]
    if personal:
        yield ""
        yield ""
        yield "def test_no_personal_column_leaves_bronze():"
        yield call("personal = [", [*map(literal, personal)], "]", 4, after="")
        yield "    assert not {*personal} & {*SILVER.columns}"
    yield ""
    yield ""
    yield "def test_a_row_is_typed_and_what_cannot_be_read_is_null_with_a_reason():"
    ids = [name for name in proposal.keys if name != proposal.date]
    for row, number in (("read", 1), ("unread", 2)):
        yield f"    {row} = {{"
        for key in ids:
            yield f"        {literal(key)}: {literal(f'A{number}')},"
        if proposal.date:
            yield f"        {literal(proposal.date)}: {literal(_DAY)},"
        for each in cells:
            yield f"        {literal(each.column)}: {literal(_CELLS[each.type][1 if number == 1 else 3])},"
        yield "    }"
    yield "    expected_read = {"
    yield from _keys_of(proposal, ids, 1)
    for each in cells:
        yield f"        {literal(snake_case(each.column))}: {_CELLS[each.type][2]},"
    yield '        "_issues": [],'
    yield "    }"
    yield "    expected_unread = {"
    yield from _keys_of(proposal, ids, 2)
    for each in cells:
        yield f"        {literal(snake_case(each.column))}: None,"
    why = [
        literal(f"{snake_case(each.column)}: {_CELLS[each.type][4]}")
        for each in cells
        if _CELLS[each.type][4]
    ]
    yield call('"_issues": [', why, "]", 8)
    yield "    }"
    yield "    check_rows(SILVER, [read, unread], [expected_read, expected_unread])"


def _keys_of(proposal: Proposal, ids: list[str], number: int) -> Iterator[str]:
    for key in ids:
        yield f"        {literal(snake_case(key))}: {literal(f'A{number}')},"
    if proposal.date:
        yield f"        {literal(snake_case(proposal.date))}: {literal(_DAY)},"
