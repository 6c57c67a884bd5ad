"""SQL on rows of one key: which are equal in all that is declared, and which contradict each other."""

from __future__ import annotations

from lakehouse.landing.cells import compared
from lakehouse.storage.duck import identifier, literal
from lakehouse.table import Source

# A reason begins with this and the number of the other row.
CONTRADICTS = "contradicts row "


def met(source: Source, candidates: str, may_delete: bool = False) -> str:
    """The rows whose keys are met more than once, out of a relation of rows that are good by themselves.

    There may be a few more, as keys are told by a hash.
    """
    keys = _keys(source)
    deletes = ", _deletes" if may_delete else ", false AS _deletes"
    # Grouping by a hash first keeps the memory small where (nearly) every key is met once.
    return f"""
        WITH candidates AS (FROM {candidates}),
        alike AS (
            SELECT hash({keys}) AS h FROM candidates GROUP BY h HAVING count(*) > 1)
        SELECT {keys}, _source_file, _source_row, _row_hash, month{deletes} FROM candidates
        WHERE hash({keys}) IN (SELECT h FROM alike)
    """


def members(source: Source) -> str:
    """The rows of the table `met` whose keys are met more than once in their file.

    With the first row of the key, and whether the texts of its rows `differ`.
    """
    keys = _keys(source)
    return f"""
        WITH groups AS (
            SELECT {keys}, _source_file, min(_source_row) AS first_row,
                   min(_row_hash) <> max(_row_hash) AS differ
            FROM met GROUP BY {keys}, _source_file HAVING count(*) > 1)
        SELECT {keys}, _source_file, _source_row, month, first_row, differ
        FROM met JOIN groups USING ({keys}, _source_file)
    """


def repeated_rows(source: Source, candidates: str, may_delete: bool = False) -> str:
    """Those of the relation `members` that are not accepted.

    `contradicts` is a row of the same key that says something else and `differs_in` the columns; both are
    NULL for equal rows. The other row is chosen by what it says, so that the order of rows changes no more
    than its number. Columns that no declaration knows say nothing about the key: a load time, an index.
    """
    keys = f"{_keys(source)}, _source_file"
    values = [name for name in source.header if name not in source.keys]
    cells = ", ".join(compared(f"({identifier(name)}::VARCHAR)") for name in values)
    names = ", ".join(map(literal, values))
    if may_delete:
        cells, names = f"_deletes::VARCHAR, {cells}", f"'whether it is deleted', {names}"
    least = "struct_pack(content := content, _source_row := _source_row)"
    return f"""
        WITH contents AS (
            SELECT {keys}, _source_row, [{cells}]::VARCHAR[] AS content
            FROM {candidates} SEMI JOIN (FROM members WHERE differ) USING (_source_file, _source_row)),
        firsts AS (
            SELECT {keys}, min({least}) AS one FROM contents GROUP BY {keys}),
        others AS (
            SELECT {keys}, min({least}) AS other
            FROM contents JOIN firsts USING ({keys})
            WHERE content <> one.content GROUP BY {keys}),
        judged AS (
            SELECT _source_file, _source_row, month, first_row, content,
                   CASE WHEN content = one.content THEN other WHEN other IS NOT NULL THEN one
                   END AS against
            FROM members LEFT JOIN others USING ({keys}) LEFT JOIN firsts USING ({keys})
                 LEFT JOIN (SELECT _source_file, _source_row, content FROM contents)
                 USING (_source_file, _source_row))
        SELECT _source_file, _source_row, month, against._source_row AS contradicts,
               array_to_string(list_transform(
                   list_filter(range(1, {len(values) + may_delete + 1}),
                               lambda i: content[i] <> against.content[i]),
                   lambda i: ([{names}]::VARCHAR[])[i]), ', ') AS differs_in
        FROM judged WHERE against IS NOT NULL OR _source_row > first_row
    """


# The rows of `members` whose key has the same text in each row.
EQUAL_ROWS = """
    SELECT _source_file, _source_row, month, NULL::BIGINT AS contradicts, NULL::VARCHAR AS differs_in
    FROM members WHERE _source_row > first_row
"""


def _keys(source: Source) -> str:
    return ", ".join(identifier(key) for key in source.keys)
