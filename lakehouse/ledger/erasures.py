"""One row: one person erased from all tables and their history; nothing in it tells who."""

from lakehouse.table import Field, Table

TABLE = Table(
    layer="ledger",
    name="erasures",
    doc="One person erased from all tables and their history; nothing in it tells who.",
    keys=("erasure_id",),
    fields=(
        Field("erasure_id", "STRING", "Its id, drawn at random."),
        Field("erased_at", "TIMESTAMP", "When it was done, UTC."),
        Field(
            "row_counts",
            "MAP<STRING,BIGINT>",
            "Rows of the newest version that went, by layer.table.",
        ),
        Field("files", "BIGINT", "Data files of all versions that were written anew without."),
        Field(
            "training_sets",
            "ARRAY<STRING>",
            "Training sets with the person in them: they cannot be built again exactly.",
        ),
    ),
    partition=None,
)
