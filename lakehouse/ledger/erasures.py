"""One row: one person erased from all tables and their history, without anything that identifies them."""

from lakehouse.table import ROW_HASH_FIELD, Field, Table

TABLE = Table(
    layer="ledger",
    name="erasures",
    doc="One person erased from all tables and their history, without anything that identifies them.",
    keys=("erasure_id",),
    fields=(
        Field("erasure_id", "STRING", "Its id, drawn at random."),
        Field("erased_at", "TIMESTAMP", "When it was done, UTC."),
        Field(
            "row_counts",
            "MAP<STRING,BIGINT>",
            "Rows removed from the newest version, by layer.table.",
        ),
        Field(
            "files", "BIGINT", "Data files of all versions that were rewritten without the person."
        ),
        Field(
            "training_sets",
            "ARRAY<STRING>",
            "Training sets that held the person: they cannot be built again exactly.",
        ),
        ROW_HASH_FIELD,
    ),
    partition=None,
)
