"""SQL on rows of one key: which are equal in all that is declared, and which contradict each other."""

from __future__ import annotations

from lakehouse.landing.cells import compared
from lakehouse.storage.duck import identifier, literal
from lakehouse.table import Source


def members(source: Source, candidates: str) -> str:
    """The rows of repeated keys, out of a relation of rows that are good by themselves.

    With the first row of the key, and whether the texts of its rows `differ`.
    """
    keys = _keys(source)
    # Grouping by a hash first keeps the memory small where (nearly) every key is met once.
    return f"""
        WITH candidates AS (FROM {candidates}),
        alike AS (
            SELECT hash({keys}) AS h FROM candidates GROUP BY h HAVING count(*) > 1),
        met AS (
            SELECT {keys}, _source_row, _row_hash, month FROM candidates
            WHERE hash({keys}) IN (SELECT h FROM alike)),
        groups AS (
            SELECT {keys}, min(_source_row) AS first_row, min(_row_hash) <> max(_row_hash) AS differ
            FROM met GROUP BY {keys} HAVING count(*) > 1)
        SELECT {keys}, _source_row, month, first_row, differ FROM met JOIN groups USING ({keys})
    """


def repeated_rows(source: Source, candidates: str) -> str:
    """Those of the relation `members` that are not accepted.

    `contradicts` is a row of the same key that says something else and `differs_in` the columns; both are
    NULL for equal rows. Columns that no declaration knows say nothing about the key: a load time, an index.
    """
    keys = _keys(source)
    values = [name for name in source.header if name not in source.keys]
    cells = ", ".join(compared(f"({identifier(name)}::VARCHAR)") for name in values)
    names = ", ".join(map(literal, values))
    return f"""
        WITH contents AS (
            SELECT {keys}, _source_row, [{cells}]::VARCHAR[] AS content
            FROM {candidates} WHERE _source_row IN (SELECT _source_row FROM members WHERE differ)),
        firsts AS (
            SELECT {keys}, arg_min(content, _source_row) AS first_content
            FROM contents GROUP BY {keys}),
        disagreeing AS (
            SELECT {keys}, min(_source_row) AS other_row,
                   arg_min(content, _source_row) AS other_content
            FROM contents JOIN firsts USING ({keys})
            WHERE content <> first_content GROUP BY {keys}),
        judged AS (
            SELECT _source_row, month, first_row, other_row, content,
                   content = first_content AS like_first,
                   CASE WHEN content = first_content THEN other_content
                        ELSE first_content END AS against
            FROM members LEFT JOIN disagreeing USING ({keys}) LEFT JOIN firsts USING ({keys})
                 LEFT JOIN (SELECT _source_row, content FROM contents) USING (_source_row))
        SELECT _source_row, month,
               CASE WHEN other_row IS NULL THEN NULL
                    WHEN like_first THEN other_row ELSE first_row END AS contradicts,
               array_to_string(list_transform(
                   list_filter(range(1, {len(values) + 1}), lambda i: content[i] <> against[i]),
                   lambda i: ([{names}]::VARCHAR[])[i]), ', ') AS differs_in
        FROM judged WHERE other_row IS NOT NULL OR _source_row > first_row
    """


# The rows of `members` whose key has the same text in each row.
EQUAL_ROWS = """
    SELECT _source_row, month, NULL::BIGINT AS contradicts, NULL::VARCHAR AS differs_in
    FROM members WHERE _source_row > first_row
"""


def _keys(source: Source) -> str:
    return ", ".join(identifier(key) for key in source.keys)
