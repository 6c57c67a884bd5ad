"""An optional source without a file: its tables are absent, and commands say so or do without."""

from __future__ import annotations

import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from lakehouse.catalog import load
from lakehouse.cli import main
from lakehouse.errors import BadInput
from lakehouse.lake import AbsentSource, Lakehouse
from lakehouse.storage.create import create_missing
from lakehouse.storage.datamart import Datamart
from tests.banks import calls
from tests.banks.files import copied, write

ABSENT = (
    "note: no file of the optional source calls has come, so bronze.calls, silver.calls, "
    "gold.features_calls are absent"
)


class Home:
    """A folder with raw files, a datamart, and a bank with an optional source."""

    def __init__(self, root: Path, bank: Path, capfd: pytest.CaptureFixture[str]) -> None:
        self.root, self.bank, self._capfd = root, bank, capfd

    def told(self, *words: str, code: int = 0) -> tuple[str, str]:
        """The output of a command, and its notes."""
        self._capfd.readouterr()
        assert main([*words, "--tables", str(self.bank)]) == code
        out, err = self._capfd.readouterr()
        return out, "\n".join(line for line in err.splitlines() if line[:5] in ("note:", "error"))


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = copied(tmp_path_factory.mktemp("banks") / "calling_bank")
    calls.add(folder)
    return folder


@pytest.fixture
def home(
    tmp_path: Path,
    bank: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> Home:
    write(tmp_path / "data")
    monkeypatch.chdir(tmp_path)
    return Home(tmp_path, bank, capfd)


def test_its_group_is_absent_until_its_first_file_comes_and_stays_then(home: Home) -> None:
    assert home.told("run")[1] == ABSENT
    out, notes = home.told("run")
    assert "Nothing is pending" in out and notes == ABSENT
    for words in ("plan", "status"):
        assert home.told(words)[1] == ABSENT
    for words in ("quality", "deliveries", "vacuum --dry-run", "optimize", "releases"):
        home.told(*words.split())
    assert home.told("training-set", "--out", "1.parquet")[1] == ABSENT
    assert "calls" not in pq.read_schema("1.parquet").names
    assert "a later one may have it" in home.told("quality", "silver.calls", code=2)[1]

    calls.write(home.root / "data")
    out, notes = home.told("run")
    assert "gold.features_calls" in out and notes == ""
    assert home.told("training-set", "--out", "2.parquet")[1] == ""
    assert pq.read_table("2.parquet").column("calls").null_count == 0
    assert home.told("training-set", "--out", "a.parquet", "--release", "1")[1] == ABSENT

    (home.root / "data/calls.csv").unlink()
    assert "the rows that were taken stay" in home.told("run")[1]
    assert home.told("status")[1] == ""


def test_python_warns_of_the_group_that_a_set_lacks(home: Home) -> None:
    home.told("run")
    lake = Lakehouse("datamart", tables=home.bank)
    with pytest.warns(AbsentSource, match="optional source calls"):
        assert "calls" not in lake.training_set().columns
    assert set(lake.quality().table) == set()
    why = lake.plan("data").loc["gold.features_calls", "why"]
    assert why == ABSENT.removeprefix("note: ")


@pytest.mark.slow
def test_the_audit_and_the_doctor_do_without_it(home: Home) -> None:
    home.told("run")
    assert "Nothing leaks" in home.told("audit")[0]
    assert "Nothing to do" in home.told("doctor", "--recompute")[0]


def test_a_table_that_a_killed_run_has_made_for_it_keeps_no_run_from_going_on(home: Home) -> None:
    create_missing(Datamart.at(home.root / "datamart", load(home.bank)))
    assert home.told("run")[1] == ABSENT
    assert "Nothing is pending" in home.told("run")[0]
    assert home.told("status")[1] == ABSENT
    calls.write(home.root / "data")
    assert "gold.features_calls" in home.told("run")[0] and home.told("status")[1] == ""


def test_another_source_stays_mandatory(home: Home) -> None:
    (home.root / "data/people.csv").unlink()
    assert "put the people file there" in home.told("run", code=2)[1]
    assert not (home.root / "datamart").exists()


def test_a_source_of_labels_cannot_be_optional(tmp_path: Path) -> None:
    folder = copied(tmp_path / "optional_credits")
    file = folder / "bronze/credits.py"
    text = file.read_text()
    file.write_text(text.replace('delimiter=";"', 'delimiter=";",\n        optional=True'))
    with pytest.raises(BadInput, match="credits is optional, and the labels of "):
        load(folder)
    shutil.rmtree(folder)
