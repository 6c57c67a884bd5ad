"""One row: one training set that was built, with everything that is needed to build it again."""

from lakehouse.table import ROW_HASH_FIELD, Field, Table

TABLE = Table(
    layer="ledger",
    name="training_sets",
    doc="One training set that was built, with everything that is needed to build it again.",
    keys=("training_set_id",),
    fields=(
        Field(
            "training_set_id",
            "STRING",
            "Its id; the same set has the same id when it is built again.",
        ),
        Field("release", "BIGINT", "The release that it was built from."),
        Field("parameters", "STRING", "The resolved parameters that it was built with, as JSON."),
        Field("versions", "MAP<STRING,BIGINT>", "Delta version of each table that was read."),
        Field("row_count", "BIGINT", "Number of rows."),
        Field("left_out", "MAP<STRING,BIGINT>", "Number of loans that were left out, by reason."),
        Field(
            "content_hash",
            "STRING",
            "Hash of its content; it does not depend on row order or engine.",
        ),
        Field("code_fingerprint", "STRING", "Fingerprint of the code of the join."),
        Field("engine", "STRING", "The engine that built it: embedded or spark."),
        Field("created_at", "TIMESTAMP", "When it was first built, UTC."),
        Field(
            "erased_at",
            "TIMESTAMP",
            "When a person in it was erased, UTC; since then it cannot be built again. Else NULL.",
        ),
        Field(
            "unknown_then",
            "MAP<STRING,BIGINT>",
            "With known=then: applications with NULL features because their release lacked them, by reason.",
        ),
        Field(
            "waterfall",
            "MAP<STRING,BIGINT>",
            "All loans of its months, those left out by reason, and the rows: the first is the sum of the "
            "others. Empty in receipts of older programs.",
        ),
        ROW_HASH_FIELD,
    ),
    partition=None,
)
