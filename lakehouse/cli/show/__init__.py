"""The output of the command line: tables for people, JSON for programs, progress on stderr."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
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
    from lakehouse.cli.show.making import new_bank, new_feature, new_source, new_table, proposal
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
    "new_bank",
    "new_feature",
    "new_source",
    "new_table",
    "note",
    "on_terminal",
    "optimized",
    "package",
    "plain",
    "plan",
    "portfolio",
    "progress",
    "proposal",
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
_MODULES = {
    "answers": ("answer", "json_text"),
    "building": ("generated", "plan", "report", "report_as_json"),
    "checking": ("audit", "doctor", "model", "portfolio"),
    "delivering": ("deliveries", "file_rows"),
    "keeping": ("backed_up", "erased", "optimized", "package", "restored", "vacuumed"),
    "looking": (
        "diff",
        "history",
        "quality",
        "quarantine",
        "releases",
        "releases_as_json",
        "status",
        "version_as_json",
    ),
    "making": ("new_bank", "new_feature", "new_source", "new_table", "proposal"),
    "progress_lines": ("progress",),
    "tables": ("rows",),
    "terminal": ("error", "note", "on_terminal", "plain", "say"),
    "training": ("receipt_as_json", "training_set", "training_set_as_json", "training_sets"),
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> object:
    # Loaded when a command answers: a help text needs none of them, and they took a quarter of a start.
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
