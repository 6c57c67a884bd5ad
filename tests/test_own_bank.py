"""A bank is a folder or a package: how it is found, what is refused, and what its fingerprints follow."""

from __future__ import annotations

import hashlib
import importlib.util
import marshal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from lakehouse.bank import SHIPPED, chosen
from lakehouse.catalog import Catalog, load
from lakehouse.errors import BadInput
from lakehouse.fingerprint import PACKAGE, essence, modules_behind
from lakehouse.lake import Lakehouse
from tests.banks.files import FOLDER, copied

OWN = {
    *("bronze.people", "bronze.credits", "silver.people", "silver.credits"),
    *("gold.features_people", "gold.outcomes"),
}
OF_EVERY_BANK = {"bronze.quarantine", "bronze.superseded"}


def names(catalog: Catalog) -> set[str]:
    return {table.full_name for table in catalog.tables}


def refusal(tables: str | Path) -> str:
    with pytest.raises(BadInput) as refused:
        load(tables)
    assert "\n" not in str(refused.value)
    return str(refused.value)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, an empty one, where nothing else names a bank."""
    monkeypatch.delenv("LAKEHOUSE_TABLES", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_folder_is_a_bank_with_the_ledger_and_the_quarantine_of_every_bank() -> None:
    catalog = load(FOLDER)
    ledger = {name for name in names(load("lakehouse")) if name.startswith("ledger.")}
    assert names(catalog) == OWN | OF_EVERY_BANK | ledger
    assert catalog.bank.name == "corner" and not catalog.bank.is_shipped
    assert catalog.label_store.full_name == "gold.outcomes"


def test_its_modules_import_each_other_relatively_or_by_its_name_and_leave_nothing_behind(
    tmp_path: Path,
) -> None:
    assert names(load(copied(tmp_path / "left_clean"))) > OWN
    assert not [*tmp_path.rglob("__pycache__")]
    assert str(tmp_path) not in sys.path


def test_code_that_was_compiled_before_an_edit_is_not_used(tmp_path: Path) -> None:
    bank = copied(tmp_path / "compiled_once")
    compiled = compile("MOST = 7", "limits.py", "exec")
    stale = bank / "__pycache__" / f"limits.{sys.implementation.cache_tag}.pyc"
    stale.parent.mkdir()
    # As Python writes it: for a text of this size and time.
    seen = (bank / "limits.py").stat()
    header = importlib.util.MAGIC_NUMBER + bytes(4)
    header += int(seen.st_mtime).to_bytes(4, "little") + seen.st_size.to_bytes(4, "little")
    stale.write_bytes(header + marshal.dumps(compiled))

    (turnover,) = [f for f in load(bank).table("silver.people").fields if f.name == "turnover"]
    assert turnover.bounds is not None and turnover.bounds.high == 1_000_000


def test_a_package_on_the_path_is_a_bank_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bank = copied(tmp_path / "banks_of_us" / "retail")
    for file in bank.rglob("*.py"):
        text = file.read_text(encoding="utf-8")
        file.write_text(text.replace("from retail", "from banks_of_us.retail"), encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    catalog = load("banks_of_us.retail")
    assert names(catalog) > OWN and catalog.bank.name == "retail"
    assert refusal("banks_of_us.retial").endswith("is it banks_of_us.retail?")


def test_an_option_comes_before_the_environment_and_that_before_a_project(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("by_project", "by_environment", "by_option"):
        copied(here / "banks" / name)
    assert chosen() == SHIPPED
    (here / "pyproject.toml").write_text('[tool.lakehouse]\ntables = "banks/by_project" # ours\n')
    assert chosen().name == "by_project"
    monkeypatch.setenv("LAKEHOUSE_TABLES", "banks/by_environment")
    assert chosen().name == "by_environment"
    assert chosen("banks/by_option").name == "by_option"
    assert chosen("lakehouse") == SHIPPED
    monkeypatch.setenv("LAKEHOUSE_TABLES", "")
    (here / "pyproject.toml").write_text('[tool.other]\n# tool.lakehouse\ntables = "nothing"\n')
    assert chosen() == SHIPPED


@pytest.mark.parametrize(
    "text",
    ["[tool.lakehouse]\ntable = 'x'\n", "tool.lakehouse.tables = 'x'\n", "[tool.lakehouse]\n"],
)
def test_a_project_whose_tables_cannot_be_read_is_refused(here: Path, text: str) -> None:
    (here / "pyproject.toml").write_text(text)
    with pytest.raises(BadInput, match=r"pyproject\.toml: write it as two lines"):
        chosen()


def test_a_bank_may_declare_its_name(tmp_path: Path) -> None:
    bank = copied(tmp_path / "folder_of_2024")
    (bank / "__init__.py").write_text('"""Ours."""\nBANK = "the-corner"\n')
    assert load(bank).bank.name == "the-corner"
    for wrong in ('"lakehouse"', "7", '"a b"'):
        bank = copied(tmp_path / f"folder_{len([*tmp_path.iterdir()])}")
        (bank / "__init__.py").write_text(f"BANK = {wrong}\n")
        assert "it declares BANK = " in refusal(bank)


def test_what_is_no_bank_is_refused_in_one_line(here: Path) -> None:
    copied(here / "retail")
    copied(here / "project" / "inner")
    (here / "datamart" / "bronze").mkdir(parents=True)
    assert refusal("retial") == (
        "--tables retial: there is no such folder or package; is it retail?"
    )
    assert refusal("./retial").endswith("there is no such folder; is it retail?")
    assert "silver or gold with modules of Python; is it project/inner?" in refusal("project")
    for no_bank in ("json", "datamart"):
        assert "has no folder bronze, silver or gold with modules of" in refusal(no_bank)
    assert "give the folder of a bank" in refusal("qqqqqqqq")
    assert "give the folder of a bank" in refusal("qqqqqqqq.retail")
    assert refusal("").startswith("--tables is empty; give the folder of a bank")
    copied(here / "retail-v2")
    assert "'retail-v2' is no name of one" in refusal("retail-v2")
    copied(here / "json")
    assert "another package is called json" in refusal("./json")
    copied(here / "elsewhere" / "corner")
    load(FOLDER)
    assert f"another package is called corner ({FOLDER}" in refusal("elsewhere/corner")


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ("nothing_of_this_name\n", ":2: {}.limits cannot be imported"),
        ("import a_library_of_nobody\n", "No module named 'a_library_of_nobody'"),
        ("MOST = (\n", "SyntaxError: "),
        ("raise SystemExit(3)\n", "SystemExit: 3"),
    ],
)
def test_a_module_that_cannot_be_imported_is_named_with_its_line(
    tmp_path: Path, broken: str, said: str
) -> None:
    bank = copied(tmp_path / f"broken_{abs(hash(broken))}")
    (bank / "limits.py").write_text(f'"""Bounds."""\n{broken}')
    line = refusal(bank)
    assert f"{bank / 'limits.py'}:2: " in line
    assert said.format(bank.name).split(" cannot")[0].split(".limits")[-1] in line


def test_a_declaration_that_is_refused_names_its_line_too(tmp_path: Path) -> None:
    bank = copied(tmp_path / "wrongly_declared")
    file = bank / "bronze/people.py"
    file.write_text(file.read_text().replace('delimiter=";"', 'delimiter="ab"'))
    line = refusal(bank)
    assert f"{file}:" in line and "source people declares delimiter 'ab'" in line


@pytest.mark.parametrize("init", ["raise ValueError('no')", None])
def test_a_bank_that_could_not_be_imported_does_not_stand_for_another_of_its_name(
    tmp_path: Path, init: str | None
) -> None:
    name = f"twice{'' if init is None else '_with_init'}"
    first, second = (copied(tmp_path / place / name) for place in ("a", "b"))
    if init is None:
        (first / "bronze" / "people.py").write_text("TABLE = (")
    else:
        (first / "__init__.py").write_text(init)
    assert "cannot be imported" in refusal(first)
    for module in [each for each in sys.modules if each.split(".")[0] == name]:
        del sys.modules[module]
    assert load(second).bank.folder == second
    assert Path(sys.modules[f"{name}.bronze.people"].__file__ or "").is_relative_to(second)


def test_a_bank_without_a_source_is_refused(tmp_path: Path) -> None:
    (tmp_path / "of_nothing" / "gold").mkdir(parents=True)
    (tmp_path / "of_nothing" / "gold" / "rates.py").write_text("RATE = 2\n")
    assert "the bank of_nothing declares no source" in refusal(tmp_path / "of_nothing")


def test_a_table_stands_in_the_folder_of_its_layer(tmp_path: Path) -> None:
    bank = copied(tmp_path / "misplaced")
    (bank / "silver/people.py").rename(bank / "gold/people.py")
    (bank / "gold/features_people.py").unlink()
    assert refusal(bank).startswith("misplaced.gold.people declares silver.people")


@pytest.fixture
def changed(tmp_path: Path) -> Callable[[str, str, str], set[str]]:
    """The tables whose fingerprint a change in a file of a bank changes."""

    def call(file: str, old: str, new: str) -> set[str]:
        bank = copied(tmp_path / f"changing_{len([*tmp_path.iterdir()])}")
        before = load(bank).code
        text = (bank / file).read_text()
        assert old in text
        (bank / file).write_text(text.replace(old, new))
        after = load(bank).code
        return {name for name in before if before[name] != after[name]}

    return call


def test_a_fingerprint_follows_imports_within_the_package_of_the_bank(
    changed: Callable[[str, str, str], set[str]],
) -> None:
    limits = {"silver.people", "silver.credits", "gold.outcomes"}
    assert changed("limits.py", "= 30", "= 60") == limits
    assert changed("limits.py", "Bounds that", "The bounds that") == set()
    assert changed("gold/outcomes.py", "LATE.mob)", "LATE.mob )") == {"gold.outcomes"}
    own = {"silver.people"}
    assert changed("silver/people.py", '("east", "west")', '("east", "west", "north")') == own


def test_a_fingerprint_follows_no_other_package(tmp_path: Path) -> None:
    bank = copied(tmp_path / "reading_others")
    other = tmp_path / "another_package.py"
    other.write_text("X = 1\n")
    file = bank / "limits.py"
    file.write_text(file.read_text() + "\n\ndef x():\n    import another_package\n")
    before = load(bank).code
    other.write_text("X = 2\n")
    assert load(bank).code == before


def test_a_fingerprint_is_made_of_the_same_as_ever_so_that_no_old_datamart_is_computed_again() -> (
    None
):
    catalog = load("lakehouse")
    modules = dict(catalog.modules)
    table = catalog.table("gold.features_attributes")
    others = frozenset(modules.values()) - {modules[table]}
    digest = hashlib.sha256()
    for name in sorted(modules_behind(table, modules[table], others)):
        file = PACKAGE.joinpath(*name.split(".")[1:]).with_suffix(".py")
        digest.update(f"{name}\n{essence(file.read_text(encoding='utf-8'))}\n".encode())
    fields = [(field.name, field.type) for field in table.fields]
    digest.update(repr((fields, table.keys, table.look_back_months)).encode())
    assert catalog.code[table.full_name] == digest.hexdigest()[:16]


def test_python_takes_the_tables_too(tmp_path: Path) -> None:
    lake = Lakehouse.new(tmp_path / "datamart", tables=FOLDER)
    assert names(lake.datamart.catalog) > OWN
    with pytest.raises(BadInput, match=f"has no tables yet; .* --tables {FOLDER}` builds it"):
        Lakehouse(tmp_path / "datamart", tables=FOLDER)
