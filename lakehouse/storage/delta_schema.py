"""The columns of a declared table as Delta has them."""

from __future__ import annotations

from deltalake import Field, Schema
from deltalake.schema import ArrayType, MapType, PrimitiveType

from lakehouse.table import Table

_PRIMITIVES = {
    "STRING": "string",
    "DATE": "date",
    "TIMESTAMP": "timestamp",
    "DOUBLE": "double",
    "INT": "integer",
    "BIGINT": "long",
    "BOOLEAN": "boolean",
}


def schema(table: Table) -> Schema:
    """The Delta schema of a declaration; the doc of a column becomes its comment."""
    fields = [
        Field(f.name, _delta_type(f.type), nullable=True, metadata={"comment": f.doc})
        for f in table.fields
    ]
    return Schema(fields)


def _delta_type(name: str) -> PrimitiveType | ArrayType | MapType:
    if name.startswith("ARRAY<"):
        return ArrayType(_delta_type(name[6:-1]), contains_null=True)
    if name.startswith("MAP<"):
        key, value = name[4:-1].split(",")
        return MapType(_delta_type(key), _delta_type(value), value_contains_null=True)
    return PrimitiveType(_PRIMITIVES[name])


def type_names(table: Table) -> dict[str, str]:
    """Name and type of each declared column, written as in `Log.columns`."""
    return {field.name: str(field.type) for field in schema(table).fields}
