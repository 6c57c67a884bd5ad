"""The columns of every bronze table of a raw file: the raw cells as text, and where each row came from."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from lakehouse import functions as F
from lakehouse.table import MONTH_FIELD, UNDATED_FIELD, Field, Source, Table

if TYPE_CHECKING:
    from pyspark.sql import Column

# Programs write these words in the place of a missing cell.
NULL_WORDS = ("nan", "null", "none", "n/a", "na", "nil", "nat", "#n/a", "<na>", "\\n")
# And these in the place of a missing id; in another cell they may mean something.
NO_ID_WORDS = (
    *NULL_WORDS, "-nan", "(null)", "[null]", "<null>", "<none>", "(none)", "unknown", "missing",
    "(blank)", "undefined", "?", "??", "???", "_", "__", "___", "~", "=", "\u2013", "\u2014",
)  # fmt: skip
# Signs without a letter or digit, as --, and the errors of spreadsheets, as #REF!; for every engine.
NO_ID = r"[!-/][^\p{L}\p{N}]*|#.+[!?]"
# As 14:05 or 14:05:09.25, for every engine.
TIME_OF_DAY = "([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9]([.][0-9]{1,6})?)?"
ROW_HASH = "_row_hash"
PROVENANCE = (
    Field("_source_file", "STRING", "Name of the raw file the row was delivered in."),
    Field("_source_row", "BIGINT", "The row's number in that file; the header is row 1."),
    Field(
        ROW_HASH, "STRING", "MD5 of the row's cells by name; two rows with the same hash are equal."
    ),
    Field("_run_id", "STRING", "The run that wrote the row."),
    Field("_ingested_at", "TIMESTAMP", "When that run began, UTC."),
)


def bronze_table(source: Source, doc: str) -> Table:
    """The bronze table of a source: raw columns as text, the date as DATE, and the provenance."""
    cells = tuple(
        replace(column, type="DATE" if column.name == source.date else "STRING")
        for column in source.columns
    )
    return Table(
        layer="bronze",
        name=source.name,
        doc=doc,
        keys=source.keys,
        fields=(*cells, *PROVENANCE, MONTH_FIELD if source.date else UNDATED_FIELD),
        unversioned=("_source_file", "_source_row", "_run_id", "_ingested_at"),
        source=source,
        entity=source.entity,
        date=source.date,
    )


def is_no_id(text: str) -> bool:
    """Whether a text is what programs write in the place of a missing id."""
    is_error = text[:1] == "#" and text[-1:] in ("!", "?")
    is_signs = text < "0" and not any(map(str.isalnum, text))
    return is_error or is_signs or text.lower() in NO_ID_WORDS


def filled(raw: Column) -> Column:
    """The cell without spaces around it; NULL where it is missing."""
    trimmed = F.trim(raw)
    # Only letters and a few signs come after a colon, so that no number is compared with the words.
    is_word = ((trimmed > ":") | trimmed.startswith("#")) & F.lower(trimmed).isin(*NULL_WORDS)
    return F.when((trimmed != "") & ~is_word, trimmed)
