"""One row: one successful run, and the version of every table it left."""

from lakehouse.table import Field, Table

TABLE = Table(
    layer="ledger",
    name="releases",
    doc="One successful run, and the version of every table it left.",
    keys=("release",),
    fields=(
        Field("release", "BIGINT", "1, 2, 3 ...: the number to time-travel by."),
        Field("run_id", "STRING", "The run that made it."),
        Field("finished_at", "TIMESTAMP", "When it was published, UTC."),
        Field("months", "ARRAY<STRING>", "Months in which a table changed, YYYY-MM."),
        Field("through", "STRING", "The last month of raw data known, YYYY-MM."),
        Field("versions", "MAP<STRING,BIGINT>", "Delta version of each table, by layer.table."),
        Field("row_counts", "MAP<STRING,BIGINT>", "Rows of each table, by layer.table."),
        Field(
            "sources",
            "MAP<STRING,STRING>",
            "What was read of each raw file: JSON of sha256, months, and how far.",
        ),
        Field("code", "MAP<STRING,STRING>", "Code fingerprint of each table, by layer.table."),
        Field("code_fingerprint", "STRING", "Fingerprint of all of them together."),
        Field("engine", "STRING", "The engine that computed it: embedded or spark."),
        Field(
            "checksums",
            "MAP<STRING,STRING>",
            "SHA-256 of each data file that came with it, by layer/table/path of the file.",
        ),
        Field("given_up_at", "TIMESTAMP", "When vacuum gave it up, UTC; NULL while it is kept."),
    ),
    partition=None,
)
