"""One row: a delivered row that no table could take, with every reason."""

from lakehouse.table import MONTH_FIELD, Field, Table

TABLE = Table(
    layer="bronze",
    name="quarantine",
    doc="A delivered row that no table could take, with every reason.",
    keys=("source", "_source_file", "_row_hash"),
    fields=(
        Field("source", "STRING", "The raw source, by the name that the bank declares."),
        Field("_source_file", "STRING", "Name of the raw file the row was delivered in."),
        Field("_source_row", "BIGINT", "The row's number in that file; the header is row 1."),
        Field("_source_line", "BIGINT", "The line of that file on which the row begins."),
        Field("raw_text", "STRING", "The row as it stood in the file.", personal=True),
        # Reasons show cells, and in a shifted row any cell may be a name.
        Field(
            "reasons", "ARRAY<STRING>", "Every reason why no table could take it.", personal=True
        ),
        Field(MONTH_FIELD.name, "STRING", "Month of its snapshot_date, if that is readable."),
        Field(
            "_row_hash",
            "STRING",
            "MD5 of raw_text and of the number of equal rows before it in that file.",
        ),
        Field("_run_id", "STRING", "The run that first met the row."),
        Field("_ingested_at", "TIMESTAMP", "When that run began, UTC."),
        Field(
            "mended_run_id",
            "STRING",
            "The run whose delivery no longer has the row; NULL while it is open.",
        ),
    ),
    unversioned=("_source_row", "_source_line", "_run_id", "_ingested_at"),
    partition="source",
)
