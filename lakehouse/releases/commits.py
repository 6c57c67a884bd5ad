"""What a commit of ours says: the run, the code, and what it consumed of files and upstreams."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from lakehouse.landing.extent import Extent
from lakehouse.months import MonthRange
from lakehouse.releases.recorded import Recorded

# A quarantine's commit says of which table, and which file of it.
QUARANTINED_OF = "quarantined_of"


def recorded_by(version: int, metadata: Mapping[str, Any]) -> Recorded:
    return Recorded(
        version=version,
        code=metadata.get("code"),
        consumed=metadata.get("consumed", {}),
        sha256=metadata.get("sha256"),
        scopes=scopes_of(metadata.get("scopes", [])),
        extent=extent_of(metadata),
        pending_months=tuple(metadata.get("pending_months", [])),
    )


def as_metadata(known: Recorded, run_id: str) -> dict[str, Any]:
    """What a commit says that leaves a table holding what is recorded of it."""
    return {
        "run_id": run_id,
        "code": known.code,
        "consumed": dict(known.consumed),
        **source_record(known.sha256, known.scopes, known.extent),
        "pending_months": list(known.pending_months),
    }


def scopes_of(pairs: Iterable[list[str | None]]) -> tuple[MonthRange, ...]:
    return tuple(MonthRange(first, last) for first, last in pairs)


def extent_of(source: Mapping[str, Any]) -> Extent | None:
    told = source.get("extent")
    return Extent(**{**told, "months": tuple(told["months"])}) if told else None


def source_record(
    sha256: str | None, scopes: Iterable[MonthRange], extent: Extent | None
) -> dict[str, Any]:
    """What a bronze commit says of the raw file it took."""
    return {
        "sha256": sha256,
        "scopes": [[scope.first, scope.last] for scope in scopes],
        "extent": asdict(extent) if extent else None,
    }
