"""One row: one training set ever built, with all that is needed to build it again."""

from lakehouse.table import Field, Table

TABLE = Table(
    layer="ledger",
    name="training_sets",
    doc="One training set ever built, with all that is needed to build it again.",
    keys=("training_set_id",),
    fields=(
        Field("training_set_id", "STRING", "Its id; the same set built again has the same."),
        Field("release", "BIGINT", "The release it was built from."),
        Field("parameters", "STRING", "The parameters it was built with, resolved, as JSON."),
        Field("versions", "MAP<STRING,BIGINT>", "Delta version of each table that was read."),
        Field("row_count", "BIGINT", "Rows."),
        Field("left_out", "MAP<STRING,BIGINT>", "Loans that are not in it, by reason."),
        Field("content_hash", "STRING", "Hash of its content, free of row order and engine."),
        Field("code_fingerprint", "STRING", "Fingerprint of the code of the join."),
        Field("engine", "STRING", "The engine that built it: embedded or spark."),
        Field("created_at", "TIMESTAMP", "When it was first built, UTC."),
        Field(
            "erased_at",
            "TIMESTAMP",
            "When a person in it was erased, UTC: since then it cannot be built again; else NULL.",
        ),
    ),
    partition=None,
)
