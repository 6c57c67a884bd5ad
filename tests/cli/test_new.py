"""A bank from nothing, by commands of a process: bank, source, run, training set."""

from __future__ import annotations

import io
import re
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable

from lakehouse.cli import main

ROOT = Path(__file__).parent.parent.parent
CLIENTS = "\n".join(
    ["customer_no;Vorname;Umsatz;seit;Stichtag"]
    + [f"C{1001 + n};Jörg;{n},5;{10 + n}/03/2019;{20 + n % 9}/0{n % 6 + 1}/2024" for n in range(18)]
)


def done(folder: Path, *words: str | Path) -> str:
    """The output of a command that succeeds in that folder."""
    command = [sys.executable, ROOT / "main.py", *map(str, words)]
    ended = subprocess.run(command, capture_output=True, text=True, cwd=folder, timeout=300)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


@pytest.mark.slow
def test_a_bank_from_nothing(tmp_path: Path) -> None:
    done(tmp_path, "new", "bank", "mill")
    file = tmp_path / "mill/data/Kunden.csv"
    file.write_text(f"{CLIENTS}\n", encoding="latin-1")
    told = ("--encoding", "latin-1", "--date", "Stichtag", "--yes")
    shown = done(tmp_path, "new", "source", "mill/data/Kunden.csv", "--tables", "mill", *told)
    assert re.search("Vorname +personal", shown) and "Jörg" not in shown
    done(tmp_path, "new", "feature", "pay", "--tables", "mill", "--table", "gold.features_customers",
         "--takes", "income", "--type", "INT", "--doc", "Income in whole units")  # fmt: skip
    of_bank = ("--tables", "mill", "--datamart", "mart")
    done(tmp_path, "run", *of_bank, "--data", "mill/data")
    done(tmp_path, "training-set", *of_bank, "--out", "set.parquet")
    rows = DeltaTable(str(tmp_path / "mart/silver/kunden")).to_pyarrow_table().to_pylist()
    assert len(rows) == 18 and {str(row["seit"])[:7] for row in rows} == {"2019-03"}
    assert sorted(row["umsatz"] for row in rows)[:2] == [0.5, 1.5]
    made = pq.read_table(tmp_path / "set.parquet").to_pylist()
    assert len(made) == 96 and all(row["pay"] == row["income"] for row in made)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_is_asked_for_what_nothing_tells(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    bank = tmp_path / "asked_by_terminal"
    assert main(["new", "bank", str(bank)]) == 0
    file = bank / "data" / "visits.csv"
    file.write_text("customer_no,visits,since,seen_on\nC1,2,2020-01-31,2024-01-31\n")
    for answers, code in (("seen_on\nn\n", 2), ("\n", 2), ("seen_on\ny\n", 0)):
        assert not (bank / "bronze/visits.py").exists()
        monkeypatch.setattr("sys.stdin", Terminal(answers))
        assert main(["new", "source", str(file), "--tables", str(bank)]) == code
    told = capfd.readouterr()
    assert (
        "the day of a row may be since or seen_on; say it with --date COLUMN (since, seen_on)"
        in told.err
    )
    assert (bank / "bronze/visits.py").exists() and "Proposal for visits" in told.out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["source", "x.csv"], "new source writes into your own bank, and none is named; give --tables"),
        (["source", "x.csv", "--tables", "{bank}"], "x.csv is not a file"),
        (["source", "{bank}/data/loans.csv", "--tables", "{bank}"], "say it with --name NAME"),
        (
            ["source", "{bank}/data/loans.csv", "--tables", "{bank}", "--name", "credits", "--key", "loan_no",
             "--date", "recorded_on"],
            "cannot ask without a terminal; look with --dry-run, then give --yes",
        ),
        (
            ["source", "{bank}/data/loans.csv", "--tables", "{bank}", "--name", "credits", "--key", "loan_no",
             "--date", "recorded_on", "--yes"],
            "sources credits and loans both take loans.csv",
        ),
    ],
)  # fmt: skip
def test_a_refusal_is_one_line_and_changes_nothing(
    shared: Path, capfd: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    before = {file: file.read_bytes() for file in shared.rglob("*.*")}
    assert main(["new", *(word.format(bank=shared) for word in words)]) == 2
    (line,) = [line for line in capfd.readouterr().err.splitlines() if line.startswith("error")]
    assert said in line
    assert {file: file.read_bytes() for file in shared.rglob("*.*")} == before


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bank that no test changes."""
    bank = tmp_path_factory.mktemp("new") / "shared_by_refusals"
    assert main(["new", "bank", str(bank)]) == 0
    return bank
