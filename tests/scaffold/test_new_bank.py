"""A new bank loads, is formatted, holds every row, passes its own test, and is never written over one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from lakehouse.catalog import load
from lakehouse.errors import BadInput
from lakehouse.landing.land import land
from lakehouse.scaffold.new_bank import new_bank

ROOT = Path(__file__).parent.parent.parent


def check_form(*files: Path) -> None:
    """Check that ruff finds nothing in these files, and would format none of them."""
    config = ("--config", str(ROOT / "pyproject.toml"), "--no-cache")
    modules = [str(file) for file in files if file.suffix == ".py"]
    for words in (("check",), ("format", "--check")):
        command = [sys.executable, "-m", "ruff", *words, *config, *modules]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout


def check_tests(bank: Path) -> None:
    """Check that a bank's own tests pass, as its owner runs them."""
    command = [sys.executable, "-m", "pytest", "-n", "0", "-p", "no:cacheprovider", bank / "tests"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stdout


def test_a_new_bank_loads_and_takes_each_of_its_rows(tmp_path: Path) -> None:
    files = new_bank(tmp_path / "harbour")
    check_form(*files)
    catalog = load(tmp_path / "harbour")
    assert catalog.bank.name == "harbour" and catalog.label_store.full_name == "gold.label_store"
    assert [group.full_name for group in catalog.feature_groups] == ["gold.features_customers"]
    for table in catalog.sources:
        assert table.source
        data = tmp_path / "harbour/data" / table.source.file_names[0]
        counts = land(table.source, data, tmp_path / table.name).counts.values()
        assert sum(each.rows_in for each in counts) == sum(each.accepted for each in counts) > 90


def test_its_own_test_passes(tmp_path: Path) -> None:
    new_bank(tmp_path / "lighthouse")
    check_tests(tmp_path / "lighthouse")


def test_a_file_that_is_there_is_never_written_over(tmp_path: Path) -> None:
    bank = tmp_path / "quayside"
    (bank / "data").mkdir(parents=True)
    (bank / "data/loans.csv").write_text("mine\n")
    with pytest.raises(BadInput, match=r"has data/loans.csv already; nothing was written"):
        new_bank(bank)
    assert [each.name for each in bank.rglob("*")] == ["data", "loans.csv"]
    (bank / "data/loans.csv").rename(bank / "data/mine.csv")
    new_bank(bank)
    with pytest.raises(BadInput, match="may be a bank already; add to it"):
        new_bank(bank)


def test_what_cannot_be_written_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise OSError(28, "No space left on device")

    opened = Path.open

    def open_(self: Path, *words: object, **named: object) -> object:
        return fails() if self.name == "loans.csv" else opened(self, *words, **named)  # type: ignore[call-overload]

    monkeypatch.setattr(Path, "open", open_)
    with pytest.raises(OSError, match="No space"):
        new_bank(tmp_path / "within" / "pier")
    assert [*tmp_path.iterdir()] == []


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("json", "another package is called json"),
        ("lakehouse", "another package is called lakehouse"),
        ("my-bank", "'my-bank' is no name of one"),
        ("class", "'class' is no name of one"),
        ("2024", "'2024' is no name of one"),
    ],
)
def test_a_name_that_no_bank_can_have_is_refused(tmp_path: Path, name: str, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        new_bank(tmp_path / name)
    assert [*tmp_path.iterdir()] == []


def test_a_file_is_no_folder_of_a_bank(tmp_path: Path) -> None:
    (tmp_path / "harvest").write_text("")
    with pytest.raises(BadInput, match="is a file; give the name of a new folder"):
        new_bank(tmp_path / "harvest")
