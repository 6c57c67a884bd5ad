"""A new table of silver or gold that passes on what it reads, with a test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from keyword import iskeyword
from pathlib import Path

from lakehouse.catalog import Catalog, load
from lakehouse.declared.features import RESERVED
from lakehouse.declared.names import PLAIN
from lakehouse.errors import BadInput
from lakehouse.scaffold.files import all_or_none, loaded_again, own_bank
from lakehouse.scaffold.new_feature import SAMPLES, docstring, feature_check
from lakehouse.scaffold.python_text import call, literal, sentence
from lakehouse.table import MONTH, Field, Table, snake_case
from lakehouse.words import named

_GROUP = "features_"


@dataclass(frozen=True)
class NewTable:
    """A table that was written: its files, and the columns of what it reads that are not in it, with why."""

    table: str
    files: tuple[Path, ...]
    left_out: tuple[str, ...]


def new_table(full_name: str, reads: str, tables: str | None) -> NewTable:
    """Write a table that reads another one; BadInput, and nothing is written, if it cannot be there."""
    bank = own_bank(tables, "new table")
    catalog = load(tables)
    layer, name = _parts(full_name)
    upstream = catalog.table(reads)
    _check(catalog, layer, name, upstream)
    module = dict(catalog.modules)[upstream].rpartition(".")[2]
    left_out: list[str] = []
    if layer == "silver":
        own, test = _silver(upstream, module)
    elif name.startswith(_GROUP):
        kept, left_out = _passed(catalog, upstream)
        own, test = _group(name, upstream, module, kept)
    else:
        own, test = _gold(name, upstream, module)
    with all_or_none() as written:
        written.add(bank.folder, {f"{layer}/{name}.py": own, f"tests/test_{layer}_{name}.py": test})
        loaded_again(tables, bank).table(f"{layer}.{name}")
    return NewTable(full_name, tuple(written.files), tuple(left_out))


def _parts(full_name: str) -> tuple[str, str]:
    layer, _, name = full_name.partition(".")
    if layer not in ("silver", "gold") or not PLAIN.fullmatch(name) or name != snake_case(name):
        raise BadInput(
            f"{full_name} is not a name of a new table; write silver.NAME or gold.NAME, in small letters "
            "(a source writes those of bronze)"
        )
    return layer, name


def _check(catalog: Catalog, layer: str, name: str, upstream: Table) -> None:
    if f"{layer}.{name}" in [table.full_name for table in catalog.tables]:
        raise BadInput(f"{layer}.{name} is there already; choose another name")
    if upstream.is_ledger or (upstream.layer == "bronze") != (layer == "silver"):
        below = "bronze" if layer == "silver" else "silver or gold"
        raise BadInput(
            f"{layer}.{name} reads {upstream.full_name}; a table of {layer} reads one of {below}"
        )
    if name.startswith(_GROUP) and upstream.is_undated:
        raise BadInput(
            f"{upstream.full_name} has no date, and an application sees a row of a day; write a group of a "
            "table with dates by hand, and name this one in joined"
        )
    if layer == "silver" and (upstream.source is None or name != upstream.name):
        raise BadInput(
            f"silver.{name} reads {upstream.full_name}; the table of silver has the name of its source's "
            "table of bronze"
        )


def _passed(catalog: Catalog, upstream: Table) -> tuple[list[Field], list[str]]:
    """The columns that may be features as they are, and the others with why they are not."""
    taken = {field.name.lower() for group in catalog.feature_groups for field in group.features}
    kept, left_out = [], []
    for field in upstream.fields:
        if field.name in (*upstream.keys, MONTH) or field.name.startswith("_"):
            continue
        why = ""
        if field.outcome:
            why = "tells how a loan went on"
        elif field.type not in SAMPLES:
            why = f"is a {field.type}"
        elif field.name.lower() in taken or field.name.lower() in RESERVED or iskeyword(field.name):
            why = "has a name that is taken"
        if why:
            left_out.append(f"{field.name} {why}")
        else:
            kept.append(field)
    if not kept:
        why = named(left_out) or "it has keys only"
        raise BadInput(
            f"no column of {upstream.full_name} may be a feature as it is ({why}); write the group by hand"
        )
    return kept, left_out


def _group(name: str, upstream: Table, module: str, kept: Sequence[Field]) -> tuple[str, str]:
    features = "\n\n".join(
        f'@feature("{each.type}")\ndef {each.name}({each.name}):\n{docstring(each.doc)}\n'
        f"    return {each.name}\n"
        for each in kept
    )
    doc = literal(f"What {upstream.full_name} knows, as of {upstream.date}.")
    own = f'''"""One row: what {upstream.full_name} knows, as of {upstream.date}."""

from lakehouse.feature import declared_in, feature
from lakehouse.gold.feature_group import feature_group

from ..{upstream.layer}.{module} import TABLE as READ


{features}

TABLE = feature_group(
    {literal(name.removeprefix(_GROUP))},
    {doc},
    READ,
    declared_in(globals()),
    max_age_months=12,
)
'''
    first = kept[0]
    check = feature_check("TABLE", first.name, first, SAMPLES[first.type])
    test = f"""{_head(f"gold.{name}", "check_feature, check_group_is_point_in_time")}

def test_a_feature_is_its_column():
{check}


def test_nothing_comes_from_the_future():
    check_group_is_point_in_time(TABLE)
"""
    return own, test


def _gold(name: str, upstream: Table, module: str) -> tuple[str, str]:
    fields = [
        each for each in upstream.fields if not each.name.startswith("_") and each.name != MONTH
    ]
    declared = "\n".join(
        call(
            "Field(",
            [literal(each.name), literal(each.type), literal(each.doc)]
            + (["outcome=True"] if each.outcome else []),
            ")",
            4,
        )
        for each in fields
    )
    own = f'''"""One row: a row of {upstream.full_name}. Write what it becomes."""

from lakehouse.table import MONTH_FIELD, Field, Table

from ..{upstream.layer}.{module} import TABLE as READ

FIELDS = (
{declared}
    MONTH_FIELD,
)


def transform(rows):
    """The columns of this table, as they are."""
    return rows.select(*(field.name for field in FIELDS))


TABLE = Table(
    layer="gold",
    name={literal(name)},
    doc={literal(f"A row of {upstream.full_name}.")},
    keys=READ.keys,
    fields=FIELDS,
    upstreams=(READ,),
    transform=transform,
    entity=READ.entity,
    date=READ.date,
)
'''
    return own, _test_of_rows(f"gold.{name}", upstream)


def _silver(upstream: Table, module: str) -> tuple[str, str]:
    assert upstream.source
    personal = upstream.source.personal
    raw = [each for each in upstream.source.columns if each.name not in (*upstream.keys, *personal)]
    cells = "\n".join(
        call("any_text(", [literal(each.name), literal(sentence(each.name))], ")", 8)
        for each in raw
    )
    listed = f"    [\n{cells}\n    ]," if raw else "    [],"
    imported = "from lakehouse.silver.open_cells import any_text\n" if raw else ""
    own = f'''"""One row: a row of {upstream.full_name}, without its personal columns."""

from lakehouse.silver.cleaning import silver_table
{imported}
from ..bronze.{module} import TABLE as BRONZE

TABLE = silver_table(
    BRONZE,
    {literal(f"A row of {upstream.full_name}, without its personal columns.")},
{listed}
)
'''
    return own, _test_of_rows(f"silver.{upstream.name}", upstream)


def _head(full_name: str, checks: str) -> str:
    return f'''"""The table {full_name}: write here what it promises."""

from pathlib import Path

from lakehouse.catalog import load
from lakehouse.testing import {checks}

TABLE = load(Path(__file__).parent.parent).table("{full_name}")
'''


def _test_of_rows(full_name: str, upstream: Table) -> str:
    ids = [name for name in upstream.keys if name != upstream.date and _is_text(upstream, name)]
    given = [_row(ids, value) for value in ("A1", "A2")]
    expected = [_row([snake_case(name) for name in ids], value) for value in ("A1", "A2")]
    rows = call("rows = [", given, "]", 4, after="")
    wanted = call("expected = [", expected, "]", 4, after="")
    return f"""{_head(full_name, "check_rows")}

def test_each_row_is_a_row_of_what_it_reads():
{rows}
{wanted}
    check_rows(TABLE, rows, expected)
"""


def _row(ids: Sequence[str], value: str) -> str:
    return f"{{{', '.join(f'{literal(name)}: {literal(value)}' for name in ids)}}}"


def _is_text(table: Table, name: str) -> bool:
    return any(field.name == name and field.type == "STRING" for field in table.fields)
