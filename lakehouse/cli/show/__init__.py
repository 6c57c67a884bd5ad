"""The output of the command line: tables for people, JSON for programs, progress on stderr."""

from lakehouse.cli.show.answers import answer, json_text
from lakehouse.cli.show.building import generated, plan, report, report_as_json
from lakehouse.cli.show.checking import audit, doctor, model, portfolio
from lakehouse.cli.show.delivering import deliveries, file_rows
from lakehouse.cli.show.keeping import backed_up, erased, optimized, package, restored, vacuumed
from lakehouse.cli.show.looking import (
    diff,
    history,
    quality,
    quarantine,
    releases,
    releases_as_json,
    status,
    version_as_json,
)
from lakehouse.cli.show.progress_lines import progress
from lakehouse.cli.show.tables import rows
from lakehouse.cli.show.terminal import error, note, on_terminal, plain, say
from lakehouse.cli.show.training import (
    receipt_as_json,
    training_set,
    training_set_as_json,
    training_sets,
)

__all__ = [
    "answer",
    "audit",
    "backed_up",
    "deliveries",
    "diff",
    "doctor",
    "erased",
    "error",
    "file_rows",
    "generated",
    "history",
    "json_text",
    "model",
    "note",
    "on_terminal",
    "optimized",
    "package",
    "plain",
    "plan",
    "portfolio",
    "progress",
    "quality",
    "quarantine",
    "receipt_as_json",
    "releases",
    "releases_as_json",
    "report",
    "report_as_json",
    "restored",
    "rows",
    "say",
    "status",
    "training_set",
    "training_set_as_json",
    "training_sets",
    "vacuumed",
    "version_as_json",
]
