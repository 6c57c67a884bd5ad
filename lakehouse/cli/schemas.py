"""The JSON schema of the answer that each command prints with --json, made of the types of the answers."""

from __future__ import annotations

import types
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime
from typing import Any, Union, get_args, get_origin, get_type_hints

from lakehouse.audit.finding import Finding as Leak
from lakehouse.exports.package import Package
from lakehouse.portfolio.portfolio import Portfolio
from lakehouse.releases.diff import Cell
from lakehouse.releases.inspect import TableStatus
from lakehouse.run.deliveries import Delivery, FileRows
from lakehouse.run.issues import OddCells
from lakehouse.run.quality import Quality, Quarantine
from lakehouse.run.refused import RefusedFile
from lakehouse.scaffold.proposal import Proposal
from lakehouse.training.coverage import Coverage, Found
from lakehouse.upkeep.backup import BackedUp
from lakehouse.upkeep.doctor import Finding
from lakehouse.upkeep.erase import Erased
from lakehouse.upkeep.optimize import Optimized
from lakehouse.upkeep.restore import Restored
from lakehouse.upkeep.vacuum import Vacuumed

Schema = dict[str, Any]
_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_PLAIN = {str: "string", int: "integer", float: "number", bool: "boolean", type(None): "null"}


@dataclass(frozen=True)
class TableDone:
    """The work of a run on a table; counts of raw rows are null where it read no file."""

    table: str
    rows_in: int | None
    accepted: int | None
    quarantined: int | None
    equal_duplicates: int | None
    superseded: int | None
    inserted: int
    updated: int
    deleted: int
    changed: int
    version: int | None
    seconds: float


@dataclass(frozen=True)
class Run:
    """The work of a run: the newest release, and those that it published."""

    release: int | None
    published: list[int]
    tables: list[TableDone]
    notes: list[str]
    raw_files: int
    refused: list[RefusedFile]
    odd_cells: list[OddCells]
    coverage: list[Coverage]
    engine: str
    seconds: float


@dataclass(frozen=True)
class Planned:
    """Whether a run would do something to a table, and why."""

    table: str
    pending: bool
    reason: str | None


@dataclass(frozen=True)
class RawFile:
    """A raw file that was written."""

    file: str
    rows: int


@dataclass(frozen=True)
class NewFiles:
    """The files that a scaffold wrote."""

    files: list[str]


@dataclass(frozen=True)
class NewTable(NewFiles):
    """The files of a new table, and the columns of what it reads that are not in it, with why."""

    left_out: list[str]


@dataclass(frozen=True)
class NewSource(Proposal):
    """A source that was proposed for a raw file, and the files that were written."""

    files: list[str]


@dataclass(frozen=True)
class Version:
    """A version of a table."""

    table: str
    version: int
    committed_at: datetime
    operation: str
    inserted: int
    updated: int
    deleted: int
    run_id: str | None
    engine: str


@dataclass(frozen=True)
class Release:
    """A release, by the columns of ledger.releases."""

    release: int
    run_id: str
    finished_at: datetime
    months: list[str]
    through: str | None
    versions: Mapping[str, int]
    row_counts: Mapping[str, int]
    sources: Mapping[str, str]
    code: Mapping[str, str]
    code_fingerprint: str
    engine: str
    given_up_at: datetime | None


@dataclass(frozen=True)
class Differences:
    """The numbers of rows that differ in a table; with --keys also the rows."""

    table: str
    added: int
    changed: int
    removed: int


@dataclass(frozen=True)
class Row:
    """A row that differs: its key, and the cells that changed."""

    what: str
    key: Mapping[str, Any]
    cells: list[Cell]


@dataclass(frozen=True)
class DifferingRows:
    """The rows that differ in a table, and how many more there are."""

    table: str
    added: int
    changed: int
    removed: int
    rows: list[Row]
    more: int


@dataclass(frozen=True)
class Receipt:
    """The receipt of a training set."""

    training_set_id: str
    release: int
    parameters: Mapping[str, Any]
    versions: Mapping[str, int]
    row_count: int
    left_out: Mapping[str, int]
    content_hash: str
    code_fingerprint: str
    engine: str
    created_at: datetime
    erased_at: datetime | None
    unknown_then: Mapping[str, int]
    waterfall: Mapping[str, int]


@dataclass(frozen=True)
class TrainingSet(Receipt):
    """A receipt, with the applications that found features by group and month."""

    coverage: Mapping[str, Mapping[str, Found]]


@dataclass(frozen=True)
class Check:
    """A question of the audit, and its answer."""

    name: str
    proves: str
    looked_at: str
    findings: list[Leak]
    seconds: float
    passed: bool


@dataclass(frozen=True)
class Entry:
    """A table of the data dictionary."""

    table: str
    one_row_is: str
    keys: list[str]
    partition: str | None
    look_back_months: int | None
    expectations: Mapping[str, str]
    columns: list[Mapping[str, Any]]
    label_definitions: list[Mapping[str, Any]]
    exclusions: list[Mapping[str, Any]]


@dataclass(frozen=True)
class Model:
    """The assessment of the features by a model; the report shows it whole."""

    verdict: Mapping[str, Any]
    evidence: Mapping[str, Any]
    psi_by_chance: float | None
    facts: Mapping[str, Any]
    split: Mapping[str, Any]
    parts: list[Mapping[str, Any]]
    method: Mapping[str, Any]
    review: Mapping[str, Any]
    origin: Mapping[str, Any]
    audited: list[Mapping[str, Any]]


_ANSWERS: dict[str, Any] = {
    "audit": list[Check],
    "backup": BackedUp,
    "deliveries": list[Delivery] | FileRows,
    "dictionary": list[Entry],
    "diff": list[Differences] | list[DifferingRows],
    "doctor": list[Finding],
    "erase": Erased,
    "generate": list[RawFile],
    "history": list[Version],
    "model": Model,
    "new bank": NewFiles,
    "new feature": NewFiles,
    "new source": NewSource,
    "new table": NewTable,
    "optimize": Optimized,
    "package": Package,
    "plan": list[Planned],
    "portfolio": Portfolio,
    "quality": Quality,
    "quarantine": Quarantine,
    "releases": list[Release],
    "restore": Restored,
    "run": Run,
    "status": list[TableStatus],
    "training-set": TrainingSet,
    "training-sets": list[Receipt],
    "vacuum": Vacuumed,
}


def schemas() -> dict[str, Schema]:
    """The schema of each command's answer, by the name of the command."""
    return {
        name: {"$schema": _DIALECT, "title": f"The answer of {name} --json", **_schema(answer)}
        for name, answer in _ANSWERS.items()
    }


def _schema(kind: Any) -> Schema:
    """The schema of a type: of plain values, dates, lists, mappings, dataclasses and unions of these."""
    if kind in _PLAIN:
        return {"type": _PLAIN[kind]}
    if kind is datetime:
        return {"type": "string", "format": "date-time"}
    if is_dataclass(kind):
        return _of_dataclass(kind)
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return {"anyOf": [_schema(each) for each in inner]}
    if origin is Mapping or (isinstance(origin, type) and issubclass(origin, Mapping)):
        return {"type": "object", "additionalProperties": _schema(inner[1])}
    if isinstance(origin, type) and issubclass(origin, Sequence):
        return {"type": "array", "items": _schema(inner[0])}
    return {}


def _of_dataclass(kind: Any) -> Schema:
    hints = get_type_hints(kind)
    doc = " ".join((kind.__doc__ or "").split("\n\n")[0].split())
    return {
        "type": "object",
        "description": doc,
        "properties": {each.name: _schema(hints[each.name]) for each in fields(kind)},
        "required": [each.name for each in fields(kind)],
    }
