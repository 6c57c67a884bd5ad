"""The hash of a row's cells as SQL: landing writes it, and `doctor --deep` computes it again from bronze."""

from __future__ import annotations

import re
from collections.abc import Mapping

from lakehouse.storage.duck import literal
from lakehouse.table import Source

# All that Delta refuses, and all that has a meaning in SQL, in paths or on a terminal.
_NOT_IN_A_NAME = re.compile(r"[^\w-]")


def kept_as(raw_name: str) -> str:
    """The name of a raw column in its table: only letters, digits, - and _."""
    name = _NOT_IN_A_NAME.sub("_", raw_name)
    return f"raw{name}" if name.startswith("_") else name


def hashed_as(name: str, source: Source) -> str:
    """The name of a raw column in the hash of a row: the one that its table has."""
    return name if name in source.header else kept_as(name)


def row_hash(cells: Mapping[str, str], escaped: bool = True) -> str:
    """MD5 of the cells that are not NULL, sorted by name; `cells` are texts as SQL, by name.

    Each name and each value ends with 0x1F; inside them 0x1E and 0x1F are escaped. Not `escaped` is for cells
    that have neither.
    """
    pairs = []
    for name in sorted(cells):
        value = f"{cells[name]}::VARCHAR"
        if escaped:
            value = f"replace(replace({value}, chr(30), chr(30) || '0'), chr(31), chr(30) || '1')"
        spelt = name.replace("\x1e", "\x1e0").replace("\x1f", "\x1e1")
        pairs.append(f"({literal(spelt)} || chr(31)) || {value}")
    # concat_ws leaves out NULL, and with it the names of empty cells.
    return f"md5(concat_ws(chr(31), {', '.join(pairs)}, ''))"


def deletion_hash(keys: Mapping[str, str], escaped: bool = True) -> str:
    """MD5 of a row that deletes its key: only of that, and other than that of a row with no more cells."""
    return f"md5('deletion' || chr(31) || {row_hash(keys, escaped)})"


def row_hash_of_map(cells: str) -> str:
    """The same of a MAP of texts by name."""
    told = f"list_sort(list_filter(map_entries({cells}), lambda cell: cell.value IS NOT NULL))"
    name, value = (
        f"replace(replace(cell.{part}, chr(30), chr(30) || '0'), chr(31), chr(30) || '1')"
        for part in ("key", "value")
    )
    pairs = f"list_transform({told}, lambda cell: {name} || chr(31) || {value} || chr(31))"
    return f"md5(array_to_string({pairs}, ''))"


def refused_hash(text: str, number: str) -> str:
    """MD5 of a refused row: its text, and its number among the rows of that text in the file."""
    return f"md5(concat({text}, chr(31), {number}))"
