"""The output of the command line: tables for people, JSON for programs, progress on stderr."""

from lakehouse.cli.show.answers import answer, json_text
from lakehouse.cli.show.building import plan, report, report_as_json
from lakehouse.cli.show.checking import audit, model
from lakehouse.cli.show.keeping import erased, optimized, package, vacuumed
from lakehouse.cli.show.looking import diff, releases, releases_as_json, status_rows
from lakehouse.cli.show.progress_lines import progress
from lakehouse.cli.show.tables import rows
from lakehouse.cli.show.terminal import note, on_terminal, plain
from lakehouse.cli.show.training import training_set, training_set_as_json, training_sets

__all__ = [
    "answer",
    "audit",
    "diff",
    "erased",
    "json_text",
    "model",
    "note",
    "on_terminal",
    "optimized",
    "package",
    "plain",
    "plan",
    "progress",
    "releases",
    "releases_as_json",
    "report",
    "report_as_json",
    "rows",
    "status_rows",
    "training_set",
    "training_set_as_json",
    "training_sets",
    "vacuumed",
]
