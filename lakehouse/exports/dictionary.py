"""The data dictionary, from the declarations."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from lakehouse.exclusion import Exclusion
from lakehouse.label import LabelDefinition
from lakehouse.table import Field, Table


def entries(
    tables: Iterable[Table], exclusions: Sequence[Exclusion] = ()
) -> list[dict[str, object]]:
    """The tables and their columns as plain values; that of labels with its definitions and exclusions."""
    return [
        {
            "table": table.full_name,
            "one_row_is": table.doc,
            "keys": list(table.keys),
            "partition": table.partition,
            "from": [upstream.full_name for upstream in table.upstreams],
            "look_back_months": table.look_back_months,
            "expectations": dict(table.expectations),
            "columns": [_column(field) for field in table.fields],
            "label_definitions": [_definition(each) for each in _definitions(table)],
            "exclusions": [_exclusion(each) for each in exclusions if table.labels],
        }
        for table in tables
    ]


def _column(field: Field) -> dict[str, object]:
    return {
        "name": field.name,
        "type": field.type,
        "meaning": field.doc,
        "bounds": str(field.bounds) if field.bounds else None,
        "outcome": field.outcome,
        "personal": field.personal,
    }


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


def markdown(tables: Iterable[Table], exclusions: Sequence[Exclusion] = ()) -> str:
    """The dictionary as Markdown, one section per table."""
    return "\n\n".join(_section(table, exclusions) for table in tables)


def _section(table: Table, exclusions: Sequence[Exclusion]) -> str:
    facts = [f"One row: {table.doc}", f"Key: {', '.join(table.keys)}."]
    if table.upstreams:
        facts.append(f"From: {', '.join(upstream.full_name for upstream in table.upstreams)}.")
    if table.look_back_months:
        facts.append(f"Looks back {table.look_back_months} months.")
    facts += [f"Always: {sql}." for _, sql in table.expectations]
    columns = [f"| {field.name} | {field.type} | {_meaning(field)} |" for field in table.fields]
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
    return "\n".join(lines)


def _listed(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """A table in Markdown, with an empty line before it."""
    lines = [head, ["---"] * len(head), *rows]
    cells = ([cell.replace("|", "\\|") for cell in line] for line in lines)
    return ["", *(f"| {' | '.join(line)} |" for line in cells)]


def _meaning(field: Field) -> str:
    meaning = field.doc.replace("|", "\\|")
    outcome = " Outcome: no feature may know it." if field.outcome else ""
    bounds = f" From {field.bounds}." if field.bounds else ""
    return meaning + bounds + outcome + (" Personal: never shown." if field.personal else "")
