"""The data dictionary, from the declarations."""

from __future__ import annotations

from collections.abc import Iterable

from lakehouse.table import Field, Table


def entries(tables: Iterable[Table]) -> list[dict[str, object]]:
    """The tables and their columns as plain values."""
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
        }
        for table in tables
    ]


def _column(field: Field) -> dict[str, object]:
    return {
        "name": field.name,
        "type": field.type,
        "meaning": field.doc,
        "outcome": field.outcome,
        "personal": field.personal,
    }


def markdown(tables: Iterable[Table]) -> str:
    """The dictionary as Markdown, one section per table."""
    return "\n\n".join(map(_section, tables))


def _section(table: Table) -> str:
    facts = [f"One row: {table.doc}", f"Key: {', '.join(table.keys)}."]
    if table.upstreams:
        facts.append(f"From: {', '.join(upstream.full_name for upstream in table.upstreams)}.")
    if table.look_back_months:
        facts.append(f"Looks back {table.look_back_months} months.")
    facts += [f"Always: {sql}." for _, sql in table.expectations]
    columns = [f"| {field.name} | {field.type} | {_meaning(field)} |" for field in table.fields]
    head = ["| column | type | meaning |", "|---|---|---|"]
    return "\n".join([f"## {table.full_name}", "", " ".join(facts), "", *head, *columns])


def _meaning(field: Field) -> str:
    meaning = field.doc.replace("|", "\\|")
    outcome = " Outcome: no feature may know it." if field.outcome else ""
    return meaning + outcome + (" Personal: never shown." if field.personal else "")
