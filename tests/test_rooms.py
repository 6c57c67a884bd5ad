"""The engine rooms know no bank: its columns and tables come to them by declarations."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "lakehouse"
ROOMS = ("storage", "engines", "landing", "releases", "training", "upkeep", "run", "sql")
OF_A_BANK = re.compile(
    r"""Customer_ID | customer_id | SSN | loan_id | fe_[0-9] | \bfe_$ | ^Name$
    | lakehouse\.(silver|gold)\b | lakehouse\.bronze\.(?!raw\b|quarantine\b|superseded\b)""",
    re.VERBOSE,
)


def said(code: str) -> Iterator[str]:
    """Every name and text of a module, without comments and docstrings."""
    tree = ast.parse(code)
    prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
            yield node.value
        for name in ("id", "attr", "arg", "name", "module"):
            value = getattr(node, name, None)
            if isinstance(value, str):
                yield value


def of_a_bank(code: str) -> list[str]:
    return [text for text in said(code) if OF_A_BANK.search(text)]


@pytest.mark.parametrize("room", ROOMS)
def test_no_engine_room_names_a_column_or_table_of_a_bank(room: str) -> None:
    named = {
        file.name: texts
        for file in (PACKAGE / room).rglob("*.py")
        if (texts := of_a_bank(file.read_text(encoding="utf-8")))
    }
    assert named == {}


@pytest.mark.parametrize(
    "code",
    [
        'rows["Customer_ID"]',
        'sql = f"SELECT {x}, customer_id FROM t"',
        'columns = ("Name", "x")',
        'SSN = "[0-9]"',
        'f"fe_{i}"',
        "rows.loan_id",
        "from lakehouse.gold.label_store import TABLE",
        "from lakehouse.bronze.attributes import SOURCE",
    ],
)
def test_a_column_or_table_of_a_bank_is_noticed(code: str) -> None:
    assert of_a_bank(code)


def test_prose_and_the_lakehouses_own_tables_are_not_noticed() -> None:
    code = '"""A Customer_ID."""\nfrom lakehouse.bronze.quarantine import TABLE  # customer_id\n'
    assert of_a_bank(code) == []
