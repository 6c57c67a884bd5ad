"""One row: one successful run, and the version of every table that it published."""

from lakehouse.table import ROW_HASH_FIELD, Field, Table

TABLE = Table(
    layer="ledger",
    name="releases",
    doc="One successful run, and the version of every table that it published.",
    keys=("release",),
    fields=(
        Field("release", "BIGINT", "1, 2, 3 ...: the number to time-travel by."),
        Field("run_id", "STRING", "The run that made it."),
        Field("finished_at", "TIMESTAMP", "When it was published, UTC."),
        Field("months", "ARRAY<STRING>", "Months in which a table changed, YYYY-MM."),
        Field("through", "STRING", "The last known month of raw data, YYYY-MM."),
        Field("versions", "MAP<STRING,BIGINT>", "Delta version of each table, by layer.table."),
        Field(
            "commits",
            "MAP<STRING,STRING>",
            "Identity of that version: a hash of its commit, and one of its files' paths.",
        ),
        Field("row_counts", "MAP<STRING,BIGINT>", "Rows of each table, by layer.table."),
        Field(
            "sources",
            "MAP<STRING,STRING>",
            "The part of each raw file that was read: JSON of sha256, months and length.",
        ),
        Field("code", "MAP<STRING,STRING>", "Code fingerprint of each table, by layer.table."),
        Field("code_fingerprint", "STRING", "One fingerprint of all these together."),
        Field("engine", "STRING", "The engine that computed it: embedded or spark."),
        Field(
            "checksums",
            "MAP<STRING,STRING>",
            "SHA-256 of each data file that is new in it, by layer/table/path of the file.",
        ),
        Field(
            "given_up_at",
            "TIMESTAMP",
            "When vacuum gave the release up, UTC; NULL while it is kept.",
        ),
        ROW_HASH_FIELD,
    ),
    partition=None,
)
