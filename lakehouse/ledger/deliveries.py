"""One row: one version of a raw file that was taken, and where its rows are now."""

from lakehouse.table import Field, Table

# Without a hash and copies of its rows: it can be made again, and its digest is in what a table records.
TABLE = Table(
    layer="ledger",
    name="deliveries",
    doc="One version of a raw file that was taken, and where its rows are now.",
    keys=("source", "file", "sha256"),
    fields=(
        Field("source", "STRING", "The raw source, as in bronze.quarantine."),
        Field("file", "STRING", "Name of the file within the data folder, with /."),
        Field("sha256", "STRING", "SHA-256 of its bytes."),
        Field("size", "BIGINT", "Its bytes."),
        Field(
            "stamp",
            "STRING",
            "Inode and times of the file, or time of the object; empty if it was too young to rely on them.",
        ),
        Field("rows_in", "BIGINT", "Rows that were read: the sum of the next four."),
        Field("accepted", "BIGINT", "Rows that are in the bronze table."),
        Field("quarantined", "BIGINT", "Rows that no table could take."),
        Field("equal_duplicates", "BIGINT", "Rows that another one is equal to."),
        Field(
            "superseded", "BIGINT", "Rows in whose place one of a later file, or a deletion, is."
        ),
        Field("months", "ARRAY<STRING>", "Months of its rows, YYYY-MM."),
        Field("delivery", "STRING", "Taken as complete months, or as rows to add or correct."),
        Field("record", "STRING", "The part of it that was taken, as JSON."),
        Field("rows_by_month", "STRING", "The five numbers of rows for each month, as JSON."),
        Field("first_run_id", "STRING", "The run that first took it."),
        Field("last_run_id", "STRING", "The run that took it last."),
        Field("taken_at", "TIMESTAMP", "When that run began, UTC."),
        Field("replaced", "BOOLEAN", "Whether a newer version of the file was taken."),
    ),
    partition=None,
)
