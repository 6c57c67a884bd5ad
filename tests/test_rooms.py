"""The engine rooms know no bank: its columns and tables come to them by declarations."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from lakehouse import training_columns
from lakehouse.bronze.quarantine import TABLE
from lakehouse.bronze.superseded import TABLE as SUPERSEDED
from lakehouse.catalog import Catalog, load
from tests.banks.files import FOLDER

PACKAGE = Path(__file__).parents[1] / "lakehouse"
CZECH = PACKAGE.parent / "examples/czech"
# A table and a column of each bank.
ONE_OF_EACH = {
    "lakehouse": {"gold.label_store", "fe_1"},
    "corner": {"gold.outcomes", "cust_no"},
    "czech": {"gold.loan_outcomes", "k_symbol", "A11", "sex"},
}
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


def written(code: str) -> set[str]:
    """Every text of a module, without docstrings."""
    tree = ast.parse(code)
    prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    return {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose
    }


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


def own_names(catalog: Catalog) -> set[str]:
    """The tables of a bank, and the columns that no table of the lakehouse has, and no training set."""
    shared = (TABLE.full_name, SUPERSEDED.full_name)
    tables = [t for t in catalog.data if t.full_name not in shared]
    columns = {name for table in tables for name in table.columns if name[0] != "_"}
    every = {name for table in catalog.tables if table not in tables for name in table.columns}
    of_a_set = {value for value in vars(training_columns).values() if isinstance(value, str)}
    # Also a line of a waterfall.
    return {table.full_name for table in tables} | columns - every - of_a_set - {"loans"}


@pytest.mark.parametrize("tables", ["lakehouse", FOLDER, CZECH], ids=["shipped", "own", "second"])
def test_no_room_but_those_of_the_shipped_bank_says_a_name_of_a_bank(tables: str | Path) -> None:
    names = own_names(load(tables))
    assert names >= ONE_OF_EACH[Path(tables).name]
    found = {
        f"{room}/{file.name}": texts
        for room in (*ROOMS, "audit", "model", "exports", "notebook")
        for file in (PACKAGE / room).rglob("*.py")
        if (texts := names & written(file.read_text(encoding="utf-8")))
    }
    assert found == {}


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
