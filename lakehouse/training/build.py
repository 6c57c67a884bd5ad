"""Builds training sets: the engine computes them, then they are sorted, hashed and written in one pass."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import datetime, timezone
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.errors import PySparkException

from lakehouse.engines.store import Store
from lakehouse.errors import BadInput, LakehouseError
from lakehouse.releases import published
from lakehouse.releases.erasures import erasures
from lakehouse.releases.readable import check_whole
from lakehouse.storage.duck import duckdb_in, identifier, parquet_in
from lakehouse.storage.files import placed
from lakehouse.storage.work import work_folder
from lakehouse.training.content_hash import ContentHash
from lakehouse.training.receipts import (
    Receipt,
    check_not_erased,
    check_same,
    keep,
    receipt,
    receipts,
)
from lakehouse.training.sets import TrainingSet
from lakehouse.training_columns import LABEL_OBSERVED

_BATCH_ROWS = 50_000


def build(training_set: TrainingSet, store: Store, out: Path | None = None) -> Receipt:
    """Compute a training set, write it to `out` if given, and keep its receipt.

    If the same set was built before, its receipt stays. LakehouseError if the content is different now.
    """
    erased = erasures(store.log)
    training_set = training_set.kept()
    with _target(out) as target:
        made = _computed(training_set, store, training_set.training_set_id, target)
        return keep(store, made, erased)


def reproduce(store: Store, training_set_id: str, out: Path | None = None) -> Receipt:
    """Build a training set again from its receipt; LakehouseError if the content is different."""
    past = receipt(store.log, training_set_id)
    with _target(out) as target:
        check_same(past, _computed(again(store, past), store, past.training_set_id, target))
    return past


def again(store: Store, past: Receipt) -> TrainingSet:
    """The training set of a receipt.

    LakehouseError if a table version is gone, which it names, or if a person in the set was erased.
    """
    check_not_erased(past)
    training_set = TrainingSet(store, past.release, past.versions, past.selection)
    # Each must be there, though only its identities of versions are needed.
    numbers = (past.release, *past.then)
    releases = {number: published.release(store.log, number) for number in numbers}
    for pins in past.pins(releases):
        check_whole(store.log, pins, training_set.tables)
    return training_set


def _target(out: Path | None) -> AbstractContextManager[Path | None]:
    return placed(out, "train.parquet") if out else nullcontext()


def _computed(
    training_set: TrainingSet, store: Store, training_set_id: str, target: Path | None
) -> Receipt:
    """Compute and hash the rows, and write them if there is a target; sorted by the spine's columns."""
    about = {
        "training_set_id": training_set_id,
        "release": str(training_set.release),
        "parameters": training_set.selection.as_json(),
        "versions": json.dumps(training_set.versions),
    }
    with _failing(training_set):
        waterfall = training_set.waterfall()
        about["waterfall"] = json.dumps(waterfall.as_lines())
        unknown_then = training_set.unknown_then()
        if not waterfall.rows:
            raise BadInput(_why_empty(training_set, waterfall.left_out))
        with _rows_in_order(training_set, store) as rows:
            past = [r for r in receipts(store.log) if r.training_set_id == training_set_id]
            row_count, content_hash = _write(rows, target, about, [r.content_hash for r in past])
    if waterfall.rows != row_count:
        raise LakehouseError(
            f"training set of release {training_set.release}: {waterfall.rows:,} applications became "
            f"{row_count:,} rows; a feature group has a key twice, `python main.py audit` tells more"
        )
    return Receipt(
        training_set_id=training_set_id,
        release=training_set.release,
        parameters=about["parameters"],
        versions=training_set.versions,
        row_count=row_count,
        left_out=waterfall.left_out,
        content_hash=content_hash,
        code_fingerprint=training_set.code,
        engine=store.name,
        created_at=datetime.now(timezone.utc),
        unknown_then=unknown_then,
        waterfall=waterfall.as_lines(),
    )


def _why_empty(training_set: TrainingSet, left_out: Mapping[str, int]) -> str:
    label, known_by = training_set.selection.label, training_set.selection.labels_known_by
    left = ", ".join(f"{n:,} {reason.replace('_', ' ')}" for reason, n in left_out.items())
    return (
        f"release {training_set.release}: no loan of these months has a label "
        f"{label.name if label else ''}"
        + (f" that was known by {known_by}" if known_by else "")
        + f" (loans: {left}); ask for other months"
        + (" or a later day" if known_by else "")
        + ", or run main.py where the definition is newer than the release"
    )


@contextmanager
def _failing(training_set: TrainingSet) -> Iterator[None]:
    """Turn an error of an engine into a LakehouseError."""
    try:
        yield
    except (PySparkException, duckdb.Error) as error:
        # The message is not shown, because it may show a row.
        raise LakehouseError(
            f"training set of release {training_set.release}: the engine fails to compute it "
            f"({type(error).__name__}); a data file may be damaged: python main.py doctor --deep tells "
            "which, and --debug shows the whole error"
        ) from error


@contextmanager
def _rows_in_order(training_set: TrainingSet, store: Store) -> Iterator[pa.RecordBatchReader]:
    """The rows as a sorted stream: the engine writes them in parts, and DuckDB merges the parts."""
    with work_folder(store.log.place) as work, duckdb_in(work) as connection:
        parts = work / "parts"
        store.write_parquet(training_set.frame, parts)
        order = ", ".join(map(identifier, training_set.spine.columns))
        rows = connection.sql(f"FROM {parquet_in(parts)} ORDER BY {order}")
        yield rows.to_arrow_reader(_BATCH_ROWS)


def _write(
    rows: pa.RecordBatchReader,
    target: Path | None,
    about: Mapping[str, str],
    past_hashes: Collection[str],
) -> tuple[int, str]:
    """Write the rows if there is a target; their number, and their hash as a past receipt has it."""
    digest = ContentHash(rows.schema)
    if target is None:
        for batch in rows:
            digest.update(batch)
        return digest.rows, _hash(digest, past_hashes)
    with pq.ParquetWriter(target, rows.schema, compression="zstd") as writer:
        for batch in rows:
            digest.update(batch)
            writer.write_batch(batch)
        content_hash = _hash(digest, past_hashes)
        metadata = {**about, "content_hash": content_hash}
        writer.add_key_value_metadata({f"lakehouse.{k}": value for k, value in metadata.items()})
    return digest.rows, content_hash


def _hash(digest: ContentHash, past_hashes: Collection[str]) -> str:
    # Receipts from before there was a column label_observed do not cover it.
    earlier = digest.hexdigest(without=(LABEL_OBSERVED,))
    return earlier if earlier in past_hashes else digest.hexdigest()
