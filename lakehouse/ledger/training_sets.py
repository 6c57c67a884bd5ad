"""One row: one training set ever built, with all that is needed to build it again."""

from lakehouse.table import Field, Table

TABLE = Table(
    layer="ledger",
    name="training_sets",
    doc="One training set ever built, with all that is needed to build it again.",
    keys=("training_set_id",),
    fields=(
        Field("training_set_id", "STRING", "Its id."),
        Field("release", "BIGINT", "The release it was built from."),
        Field("parameters", "STRING", "The parameters it was built with, as JSON."),
        Field("row_count", "BIGINT", "Rows."),
        Field("content_hash", "STRING", "Hash of its content, free of row order and engine."),
        Field("created_at", "TIMESTAMP", "When it was built, UTC."),
    ),
    partition=None,
)
