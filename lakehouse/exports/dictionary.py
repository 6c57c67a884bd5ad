"""The data dictionary, from the declarations."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from lakehouse.exclusion import Exclusion
from lakehouse.label import LabelDefinition
from lakehouse.protected import Protected
from lakehouse.table import Field, Table


def entries(
    tables: Iterable[Table],
    exclusions: Sequence[Exclusion] = (),
    protected: Sequence[Protected] = (),
) -> list[dict[str, object]]:
    """The tables and their columns as plain values; that of labels with its definitions and exclusions.

    A feature that carries one of the `protected` attributes says which.
    """
    return [
        {
            "table": table.full_name,
            "one_row_is": table.doc,
            "keys": list(table.keys),
            "partition": table.partition,
            "from": [upstream.full_name for upstream in table.upstreams],
            "look_back_months": table.look_back_months,
            "expectations": dict(table.expectations),
            "columns": [
                _column(field, _carried(table, field, protected)) for field in table.fields
            ],
            "label_definitions": [_definition(each) for each in _definitions(table)],
            "exclusions": [_exclusion(each) for each in exclusions if table.labels],
        }
        for table in tables
    ]


def _column(field: Field, carried: Sequence[str]) -> dict[str, object]:
    return {
        "name": field.name,
        "type": field.type,
        "meaning": field.doc,
        "bounds": str(field.bounds) if field.bounds else None,
        "outcome": field.outcome,
        "personal": field.personal,
        "protected": list(carried),
    }


def _carried(table: Table, field: Field, protected: Iterable[Protected]) -> list[str]:
    """The names of the protected attributes that a column carries; only features do."""
    is_feature = table.group is not None and field in table.features
    return [each.name for each in protected if is_feature and field.name in each.carried_by]


def _definitions(table: Table) -> Sequence[LabelDefinition]:
    return table.labels.definitions if table.labels else ()


def _definition(definition: LabelDefinition) -> dict[str, object]:
    return {
        "name": definition.name,
        "meaning": definition.doc,
        "default_is": str(definition),
        "window": definition.window,
        "observed": definition.observed,
    }


def _exclusion(exclusion: Exclusion) -> dict[str, object]:
    return {
        "name": exclusion.name,
        "reason": exclusion.reason,
        "condition": exclusion.condition,
        "reads": [f"{table}.{column}" for table, columns in exclusion.reads for column in columns],
    }


def markdown(
    tables: Iterable[Table],
    exclusions: Sequence[Exclusion] = (),
    protected: Sequence[Protected] = (),
) -> str:
    """The dictionary as Markdown, one section per table."""
    return "\n\n".join(_section(table, exclusions, protected) for table in tables)


def _section(table: Table, exclusions: Sequence[Exclusion], protected: Sequence[Protected]) -> str:
    facts = [f"One row: {table.doc}", f"Key: {', '.join(table.keys)}."]
    if table.upstreams:
        facts.append(f"From: {', '.join(upstream.full_name for upstream in table.upstreams)}.")
    if table.look_back_months:
        facts.append(f"Looks back {table.look_back_months} months.")
    facts += [f"Always: {sql}." for _, sql in table.expectations]
    columns = [
        f"| {field.name} | {field.type} | {_meaning(field, _carried(table, field, protected))} |"
        for field in table.fields
    ]
    head = ["| column | type | meaning |", "|---|---|---|"]
    lines = [f"## {table.full_name}", "", " ".join(facts), "", *head, *columns]
    if table.labels:
        named = [
            (each.name, each.doc, str(each), each.window, each.observed)
            for each in _definitions(table)
        ]
        lines += _listed(("label definition", "meaning", "default is", "window", "observed"), named)
        left_out = [(each.name, each.reason, f"`{each.condition}`") for each in exclusions]
        lines += _listed(("exclusion", "reason", "condition"), left_out) if left_out else []
    if carried := [*_carriers(table, protected)]:
        lines += _listed(("protected attribute", "meaning", "carried by"), carried)
    return "\n".join(lines)


def _carriers(table: Table, protected: Iterable[Protected]) -> Iterator[tuple[str, str, str]]:
    """Each protected attribute that columns of a table carry, with its meaning and their names."""
    for each in protected:
        if names := [f.name for f in table.fields if _carried(table, f, [each])]:
            yield each.name, each.doc, ", ".join(names)


def _listed(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """A table in Markdown, with an empty line before it."""
    lines = [head, ["---"] * len(head), *rows]
    cells = ([cell.replace("|", "\\|") for cell in line] for line in lines)
    return ["", *(f"| {' | '.join(line)} |" for line in cells)]


def _meaning(field: Field, carried: Sequence[str]) -> str:
    meaning = field.doc.replace("|", "\\|")
    outcome = " Outcome: no feature may know it." if field.outcome else ""
    bounds = f" From {field.bounds}." if field.bounds else ""
    personal = " Personal: never shown." if field.personal else ""
    told = f" Protected: carries {' and '.join(carried)}." if carried else ""
    return meaning + bounds + outcome + personal + told
