"""Ids that differ only in case, in zeros at their front or in what programs add: most often one id."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from lakehouse.ids import ZEROS_IN_FRONT
from lakehouse.landing.cells import ADDED
from lakehouse.landing.counts import Landed
from lakehouse.storage.duck import duckdb_in, identifier, literal, path_literal
from lakehouse.words import counted

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_EXAMPLES = 3
_FILES = 3


def near_ids(
    files: Iterable[Landed], work: Path, within: DuckDBPyConnection | None = None
) -> list[str]:
    """One line per id column in which accepted rows of the files have such ids, with up to 3 examples.

    Ids of the entity are compared between all files, other keys between columns of one name.
    `within` is a connection whose database is used, in place of one of its own.
    """
    columns: dict[str, list[str]] = {}
    for landed in files:
        source = landed.source
        for key in source.keys:
            if key == source.date or key in source.personal:
                continue
            kind = "the entity" if key == source.entity else key
            rows = f"read_parquet({path_literal(landed.accepted)}, hive_partitioning = false)"
            columns.setdefault(kind, []).append(
                f"SELECT DISTINCT {identifier(key)}::VARCHAR AS id,"
                f" _source_file AS file, {literal(key)} AS name FROM {rows}"
            )
    if not columns:
        return []
    with duckdb_in(work, within) as duckdb:
        lines = []
        for selects in columns.values():
            found = duckdb.execute(_near(selects)).fetchall()
            if found:
                lines.append(_line(found))
        return lines


def _near(selects: Iterable[str]) -> str:
    """The ids that have near ones: those of one kind side by side, each with its files."""
    bare = f"regexp_replace(lower(id), {literal(ADDED)}, '\\1', 'g')"
    return f"""
        WITH ids AS ({" UNION ALL ".join(selects)}),
        plain AS (
            SELECT id, min(name) AS name, {_few("file")} AS files,
                   regexp_replace({bare}, '{ZEROS_IN_FRONT}', '\\1\\2', 'g') AS alike
            FROM ids GROUP BY id)
        SELECT any_value(name), list(id || ' (' || files || ')' ORDER BY id)
        FROM plain GROUP BY alike HAVING count(*) > 1 ORDER BY min(id)
    """


def _few(files: str) -> str:
    """The first files in words: an id is often in one per month."""
    names = f"list_sort(list(DISTINCT {files}))"
    more = f"len({names}) - {_FILES}"
    return f"""array_to_string({names}[:{_FILES}], ', ')
        || CASE WHEN {more} > 0 THEN ' and ' || {more} || ' more' ELSE '' END"""


def _line(found: list[tuple[str, list[str]]]) -> str:
    examples = "; ".join(" and ".join(ids) for _, ids in found[:_EXAMPLES])
    n = len(found)
    return (
        f"{counted(n, 'id')} in {found[0][0]} {'is' if n == 1 else 'are'} written in more "
        "than one way, which differ only in case, zeros at the front, blanks, quotes or .0, and so count as "
        f"different: {examples}"
    )
