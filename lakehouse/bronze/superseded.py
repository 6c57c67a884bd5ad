"""One row: a delivered row for which another one stands, or a deletion.

With the rows of the bronze tables they are all that the newest versions of all files say. So a raw file that
was archived is not needed again.
"""

from lakehouse.table import MONTH_FIELD, Field, Table

SUPERSEDED, EQUAL, DELETION = "superseded", "equal", "deletion"
CELLS, DELETES, ENTITY, FATE, KEY_HASH = "cells", "deletes", "entity_id", "fate", "_key"

TABLE = Table(
    layer="bronze",
    name="superseded",
    doc="A delivered row for which the row of another file stands, or a deletion of a key.",
    keys=("source", "_source_file", KEY_HASH),
    fields=(
        Field("source", "STRING", "The raw source, by the name that the bank declares."),
        Field("_source_file", "STRING", "Name of the raw file the row was delivered in."),
        Field("_source_row", "BIGINT", "The row's number in that file; the header is row 1."),
        Field(KEY_HASH, "STRING", "MD5 of the cells of its key, by name."),
        Field(
            FATE,
            "STRING",
            "superseded: the row of a later file, or a deletion, stands for it. equal: a row that says the "
            "same stands for it. deletion: it deletes its key.",
        ),
        Field(DELETES, "BOOLEAN", "Whether the row is a deletion of its key."),
        Field(ENTITY, "STRING", "Whose row it is, as its table says it; NULL if it does not say."),
        Field(
            CELLS,
            "MAP<STRING,STRING>",
            "Its cells by column, those of its key only if it is a deletion.",
            personal=True,
        ),
        Field("_row_hash", "STRING", "MD5 of the row's cells by name, as its table has it."),
        Field("_run_id", "STRING", "The run that wrote the row, here or first into its table."),
        Field("_ingested_at", "TIMESTAMP", "When that run began, UTC."),
        MONTH_FIELD,
    ),
    unversioned=("_source_row", "_run_id", "_ingested_at"),
    entity=ENTITY,
)
