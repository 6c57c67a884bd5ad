"""A table's fingerprint changes with the code that makes it, and with nothing else."""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lakehouse import fingerprint
from lakehouse.catalog import load
from lakehouse.fingerprint import code_fingerprints, essence, modules_behind
from lakehouse.table import Field, Table

CODE = '''"""What one row is."""

from lakehouse.silver.cleaning import number

LIMIT = 30  # days


def late(dpd):
    """Whether it is late."""
    # Late is late.
    return dpd >= LIMIT


class Rule:
    """A rule."""

    text = "# no comment"
'''


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"""What one row is."""', '"""Another word on it,\n\nover lines."""'),
        ("  # days", "  # days past due, of course"),
        ("  # days", ""),
        ("    # Late is late.\n", ""),
        ('    """Whether it is late."""\n', ""),
        ('"""A rule."""', "'A rule, in other words.'"),
        ("\n\n\nclass", "\n\nclass"),
        ("LIMIT\n", "LIMIT  \n"),
        ("LIMIT = 30", "# A new line above.\nLIMIT = 30"),
    ],
)
def test_words_about_the_code_change_nothing(old: str, new: str) -> None:
    assert CODE.count(old) == 1
    assert essence(CODE.replace(old, new)) == essence(CODE)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("LIMIT = 30", "LIMIT = 31"),
        (">=", ">"),
        ("import number", "import text"),
        ("# no comment", "# some comment"),
        ("return dpd", "return -dpd"),
        ("    return", "    print(1)\n    return"),
    ],
)
def test_code_changes_it(old: str, new: str) -> None:
    assert old in CODE
    assert essence(CODE.replace(old, new)) != essence(CODE)


@pytest.mark.parametrize(
    "path", [*fingerprint.PACKAGE.rglob("*.py"), Path(ast.__file__)], ids=lambda path: path.stem
)
def test_comments_are_those_that_python_sees(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    tokens = [*tokenize.generate_tokens(io.StringIO(source).readline)]
    comments = [token for token in tokens if token.type == tokenize.COMMENT]
    lines = source.splitlines()
    for comment in comments:
        (row, start), (_, end) = comment.start, comment.end
        lines[row - 1] = lines[row - 1][:start] + lines[row - 1][end:]
    kept = essence(source)
    assert kept == essence("\n".join(lines))
    texts = [token.string for token in tokens if token.type == tokenize.STRING]
    in_one_line = [text for text in texts if "#" in text and not text.startswith('"""')]
    assert all(text in kept for text in in_one_line)


def test_a_string_that_is_no_docstring_is_code() -> None:
    texts = ['SQL = """\n# a\n"""\n', 'SQL = """\n# b\n"""\n']
    assert essence(texts[0]) != essence(texts[1])


TABLES = dict(load().modules)


def module_of(full_name: str) -> str:
    return next(m for table, m in TABLES.items() if table.full_name == full_name)


def reach(full_name: str) -> set[str]:
    module = module_of(full_name)
    others = frozenset(TABLES.values()) - {module}
    return modules_behind(load().table(full_name), module, others)


def test_a_table_reaches_its_module_and_what_that_imports_but_no_other_tables() -> None:
    reached = reach("gold.features_financials")
    assert {"lakehouse.gold.features_financials", "lakehouse.gold.feature_group"} <= reached
    assert "lakehouse.feature" in reached
    assert "lakehouse.silver.financials" not in reached
    assert "lakehouse.cli" not in reached and "lakehouse.run.run" not in reached


def test_a_bronze_table_reaches_all_that_reads_its_file() -> None:
    reached = reach("bronze.attributes")
    room = Path(fingerprint.PACKAGE) / "landing"
    # Which files there are does not decide what a row of them becomes.
    finding = {"__init__", "file_names", "inbox", "raw_file"}
    landing = {f"lakehouse.landing.{path.stem}" for path in room.glob("*.py")}
    assert len(landing) > 4 and landing - {f"lakehouse.landing.{n}" for n in finding} <= reached
    assert "lakehouse.bronze.raw" in reached


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the package's text that fingerprints are taken of."""
    copy = tmp_path / "lakehouse"
    for path in fingerprint.PACKAGE.rglob("*.py"):
        target = copy / path.relative_to(fingerprint.PACKAGE)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
    monkeypatch.setattr(fingerprint, "PACKAGE", copy)
    return copy


def codes() -> dict[str, str]:
    return dict(load().code)


GOLD_GROUPS = {"gold.features_attributes", "gold.features_clickstream", "gold.features_financials"}
SILVER = {"silver.attributes", "silver.clickstream", "silver.financials", "silver.loan_daily"}
BRONZE = {"bronze.attributes", "bronze.clickstream", "bronze.financials", "bronze.loan_daily"}


@pytest.mark.parametrize(
    ("file", "changed"),
    [
        ("gold/features_financials.py", {"gold.features_financials"}),
        ("gold/label_store.py", {"gold.label_store"}),
        ("silver/loan_daily.py", {"silver.loan_daily"}),
        ("bronze/loan_daily.py", {"bronze.loan_daily"}),
        ("silver/cleaning.py", SILVER),
        ("gold/feature_group.py", GOLD_GROUPS),
        ("feature.py", GOLD_GROUPS),
        ("landing/land.py", BRONZE),
        ("landing/rows.py", BRONZE),
    ],
)
def test_a_change_of_code_reaches_just_the_tables_it_makes(
    package: Path, file: str, changed: set[str]
) -> None:
    before = codes()
    with (package / file).open("a", encoding="utf-8") as text:
        text.write("\nCHANGED = True\n")
    after = codes()
    assert {name for name in before if before[name] != after[name]} == changed


@pytest.mark.parametrize(
    "form", ["from {}.months import shift", "from {} import months", "import {}.months as m"]
)
def test_every_form_of_import_is_followed(package: Path, form: str) -> None:
    module = package / "gold" / "label_store.py"
    module.write_text(
        module.read_text(encoding="utf-8") + form.format("lakehouse"), encoding="utf-8"
    )
    assert "lakehouse.months" in reach("gold.label_store")


ROOMS_THAT_DECIDE_NO_ROW = sorted(
    path.name
    for path in fingerprint.PACKAGE.iterdir()
    if path.is_dir() and path.name not in {"bronze", "silver", "gold", "landing", "__pycache__"}
)


@pytest.mark.parametrize("room", ROOMS_THAT_DECIDE_NO_ROW)
def test_no_table_is_computed_again_for_a_change_in_a_room_that_decides_no_row(
    package: Path, room: str
) -> None:
    before = codes()
    modules = [*(package / room).rglob("*.py")]
    for module in modules:
        with module.open("a", encoding="utf-8") as text:
            text.write("\nCHANGED = True\n")
    assert len(modules) > 1
    assert codes() == before


def test_a_comment_anywhere_changes_no_fingerprint(package: Path) -> None:
    before = codes()
    for path in package.rglob("*.py"):
        path.write_text(f"{path.read_text(encoding='utf-8')}\n# A comment.\n", encoding="utf-8")
    assert codes() == before


@pytest.mark.parametrize(
    "change",
    [
        lambda t: replace(t, fields=(*t.fields, Field("new", "INT", ""))),
        lambda t: replace(t, keys=t.keys[:1]),
        lambda t: replace(t, look_back_months=7),
    ],
    ids=["fields", "keys", "look-back"],
)
def test_a_changed_declaration_is_a_change(change: Callable[[Table], Table]) -> None:
    name = "gold.features_attributes"
    table, module = load().table(name), module_of(name)

    def code_of(declared: Table) -> str:
        return code_fingerprints([(declared, module)], TABLES.values())[name]

    plain = code_of(table)
    assert code_of(change(table)) != plain
    assert code_of(replace(table, doc="Other words.")) == plain


@pytest.mark.parametrize(("decimal", "is_change"), [(",", True), (".", False)])
def test_which_columns_are_numbers_is_code_of_a_source_with_decimal_commas(
    decimal: Any, is_change: bool
) -> None:
    name = "bronze.financials"
    table, module = load().table(name), module_of(name)
    assert table.source

    def code_of(*numbers: str) -> str:
        assert table.source
        source = replace(table.source, decimal=decimal, numbers=numbers)
        return code_fingerprints([(replace(table, source=source), module)], TABLES.values())[name]

    assert (code_of("Annual_Income") != code_of()) == is_change
