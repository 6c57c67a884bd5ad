"""DESCRIBE, DESCRIBE HISTORY and SHOW, out of the logs, so that both engines answer the same."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.types import StructType
from sqlglot import Token

from lakehouse.errors import BadInput
from lakehouse.releases import inspect, published
from lakehouse.sql.parse import parse, tokens_of
from lakehouse.sql.place import Place, QueryError
from lakehouse.sql.resolve import Resolver, TableAt

_FORMS = (
    "DESCRIBE gold.label_store, DESCRIBE HISTORY gold.label_store, SHOW TABLES [IN gold], SHOW COLUMNS "
    "IN gold.label_store, SHOW SCHEMAS"
)
_COLUMNS = "col_name STRING, data_type STRING, comment STRING"
_HISTORY = (
    "version BIGINT, time TIMESTAMP, operation STRING, inserted BIGINT, updated BIGINT, deleted BIGINT, "
    "releases ARRAY<BIGINT>, run STRING, engine STRING"
)
_TABLES = "layer STRING, table STRING, version BIGINT, rows BIGINT, about STRING"
_DESCRIBE = re.compile(
    r"\s*DESC(?:RIBE)?\s+(?:(HISTORY)\s+|TABLE\s+)?(?:EXTENDED\s+|FORMATTED\s+)?", re.IGNORECASE
)
_LIMIT = re.compile(r"\s+LIMIT\s+([0-9]+)[\s;]*\Z", re.IGNORECASE)
_SHOW_TABLES = re.compile(
    r"\s*SHOW\s+TABLES(?:\s+(?:IN|FROM)\s+`?(\w+)`?)?(?:\s+(?:LIKE\s+)?['\"]([^'\"]*)['\"])?[\s;]*",
    re.IGNORECASE,
)
_SHOW_COLUMNS = re.compile(r"\s*SHOW\s+COLUMNS\s+(?:IN|FROM)\s+", re.IGNORECASE)
_SHOW_SCHEMAS = re.compile(r"\s*SHOW\s+(?:SCHEMAS|DATABASES|NAMESPACES)[\s;]*", re.IGNORECASE)


@dataclass(frozen=True)
class Listed:
    """Rows that we know without an engine, and their columns as Spark SQL writes them."""

    columns: str
    rows: Sequence[tuple[object, ...]]

    def as_frame(self, spark: SparkSession) -> DataFrame:
        return spark.createDataFrame(list(self.rows), self.columns)


def about(text: str, tokens: Sequence[Token], resolver: Resolver) -> Listed | None:
    """The answer of a statement about tables; None for a query. QueryError for a form that is not known."""
    word = tokens[0].text.upper()
    if word == "SHOW":
        return _show(text, tokens, resolver)
    if word not in ("DESCRIBE", "DESC"):
        return None
    found = _DESCRIBE.match(text)
    begin = found.end() if found else 0
    if not (found and found[1]):
        return _columns(_named(text, begin, resolver), resolver)
    limit = _LIMIT.search(text)
    at = _named(text[: limit.start()] if limit else text, begin, resolver)
    return _history(at, resolver, int(limit[1]) if limit else None)


def _show(text: str, tokens: Sequence[Token], resolver: Resolver) -> Listed:
    if found := _SHOW_TABLES.fullmatch(text):
        return _tables(resolver, found[1], found[2])
    if found := _SHOW_COLUMNS.match(text):
        at = _named(text, found.end(), resolver)
        return Listed("col_name STRING", [row[:1] for row in _columns(at, resolver).rows])
    if _SHOW_SCHEMAS.fullmatch(text):
        layers = dict.fromkeys(table.layer for table in resolver.datamart.catalog.tables)
        return Listed("layer STRING", [(layer,) for layer in layers])
    raise QueryError(f"this is not known; there are {_FORMS}", Place(text, 0, tokens[-1].end + 1))


def _named(text: str, begin: int, resolver: Resolver) -> TableAt:
    """The table that is named from a place on, with its clause."""
    # Read as the FROM of a query, whose words stand where they stood.
    if begin < len("FROM") or not text[begin:].strip(" ;\n"):
        raise QueryError(f"the name of a table is missing; there are {_FORMS}")
    try:
        query = parse(text, begin, "FROM")
    except QueryError as error:
        raise QueryError(
            f"this is not known; there are {_FORMS}", Place(text, begin, len(text))
        ) from error
    found = list(resolver.resolve(query))
    at = found[0].source if len(found) == 1 else None
    if not isinstance(at, TableAt):
        raise QueryError(f"one table is described at once; there are {_FORMS}")
    end = found[0].reference.place.end
    if behind := [each for each in tokens_of(text) if each.start >= end and each.text != ";"]:
        place = Place(text, behind[0].start, behind[-1].end + 1)
        raise QueryError(f"nothing can stand behind the table; there are {_FORMS}", place)
    return at


def _columns(at: TableAt, resolver: Resolver) -> Listed:
    log, table = resolver.datamart.log, at.table
    declared = {each.name: each.doc for each in table.fields}
    schema = StructType.fromJson(json.loads(log.schema(table, at.version)))
    return Listed(
        _COLUMNS,
        [
            (f.name, f.dataType.simpleString(), declared.get(f.name, f.metadata.get("comment")))
            for f in schema.fields
        ],
    )


def _history(at: TableAt, resolver: Resolver, limit: int | None) -> Listed:
    """The versions of a table, newest first, each with its releases; none after a pinned release."""
    name, pinned = at.table.full_name, resolver.pinned
    owning: dict[int, list[int]] = {}
    for release in published.releases(resolver.datamart.log):
        if name in release.versions and not (pinned and release.number > pinned.number):
            owning.setdefault(release.versions[name], []).append(release.number)
    return Listed(
        _HISTORY,
        [
            (
                *(v.version, v.time, v.operation, v.inserted, v.updated, v.deleted),
                *(owning.get(v.version, []), v.run, v.engine),
            )
            for v in inspect.history(resolver.datamart, name)
            if not pinned or at.version is None or v.version <= at.version
        ][:limit],
    )


def _tables(resolver: Resolver, layer: str | None, like: str | None) -> Listed:
    """The tables that a release has; at none that is pinned, those of the ledger as they are now, too."""
    log, catalog = resolver.datamart.log, resolver.datamart.catalog
    layers = dict.fromkeys(table.layer for table in catalog.tables)
    if layer and layer.casefold() not in layers:
        raise BadInput(f"no layer is called {layer!r}; there are {', '.join(layers)}")
    pattern = re.compile(
        "|".join(re.escape(p).replace(r"\*", ".*") for p in (like or "*").split("|"))
    )
    rows = []
    for table in catalog.tables:
        if (layer and table.layer != layer.casefold()) or not pattern.fullmatch(table.name):
            continue
        if table.is_ledger:
            version = None if resolver.pinned else log.version(table)
        else:
            version = resolver.release.versions.get(table.full_name)
        if version is not None:
            count = sum(log.rows_by_month(table, version).values())
            rows.append((table.layer, table.name, version, count, table.doc))
    return Listed(_TABLES, rows)
