"""The data dictionary, from the declarations."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from lakehouse.table import Field, Table


def entries(tables: Iterable[Table]) -> list[dict[str, Any]]:
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


def _column(field: Field) -> dict[str, Any]:
    return {
        "name": field.name,
        "type": field.type,
        "meaning": field.doc,
        "outcome": field.outcome,
        "personal": field.personal,
    }


def markdown(tables: Iterable[Table]) -> str:
    """The dictionary as Markdown, one section per table."""
    return "\n\n".join(_section(entry) for entry in entries(tables))


def _section(entry: dict[str, Any]) -> str:
    facts = [f"One row: {entry['one_row_is']}", f"Key: {', '.join(entry['keys'])}."]
    if entry["from"]:
        facts.append(f"From: {', '.join(entry['from'])}.")
    if entry["look_back_months"]:
        facts.append(f"Looks back {entry['look_back_months']} months.")
    facts += [f"Always: {sql}." for sql in entry["expectations"].values()]
    columns = [f"| {c['name']} | {c['type']} | {_meaning(c)} |" for c in entry["columns"]]
    head = ["| column | type | meaning |", "|---|---|---|"]
    return "\n".join([f"## {entry['table']}", "", " ".join(facts), "", *head, *columns])


def _meaning(column: dict[str, Any]) -> str:
    meaning = str(column["meaning"]).replace("|", "\\|")
    outcome = " Outcome: no feature may know it." if column["outcome"] else ""
    return meaning + outcome + (" Personal: never shown." if column["personal"] else "")
