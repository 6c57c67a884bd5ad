"""Every command works on a bank that is a folder, with other files, keys and columns."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from lakehouse.cli import main
from lakehouse.ledger.releases import TABLE as RELEASES
from lakehouse.storage.format import FORMAT, bank_of, format_of
from lakehouse.storage.log import Log
from tests.banks.files import FOLDER, copied, write

pytestmark = [pytest.mark.slow, pytest.mark.each]

ROOT = Path(__file__).parent.parent.parent
PERSON = "70003"


class Own:
    """A folder with raw files, a datamart and perhaps a copy of the bank, and main.py at work in it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.tables = str(FOLDER)

    def call(self, *words: str | Path, **env: str) -> subprocess.CompletedProcess[str]:
        bare = {n: v for n, v in os.environ.items() if n != "LAKEHOUSE_TABLES"}
        return subprocess.run(
            [sys.executable, ROOT / "main.py", *map(str, words)], cwd=self.root,
            env={"LAKEHOUSE_TABLES": self.tables, **bare, **env},
            capture_output=True, text=True, timeout=600,
        )  # fmt: skip

    def done(self, *words: str | Path) -> str:
        """The output of a command that has done it, and told no error."""
        ended = self.call(*words)
        assert (ended.returncode, "error" in ended.stderr) == (0, False), ended.stderr
        return ended.stdout

    def refused(self, *words: str | Path, **env: str) -> str:
        """The one line of a command that was refused."""
        ended = self.call(*words, **env)
        lines = [line for line in ended.stderr.splitlines() if line.startswith("error: ")]
        assert ended.returncode == 2 and len(lines) == 1, ended.stderr
        assert "Traceback" not in ended.stderr
        return lines[0]

    @property
    def log(self) -> Log:
        return Log(str(self.root / "datamart"))


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Own:
    """The bank after its first run, and a training set of it; only read it."""
    own = Own(tmp_path_factory.mktemp("own"))
    write(own.root / "data")
    own.done("run")
    own.done("training-set", "--out", "train.parquet")
    return own


@pytest.fixture
def own(built: Own, tmp_path: Path) -> Own:
    """A copy to change."""
    return Own(Path(shutil.copytree(built.root, tmp_path / "own")))


def test_the_datamart_says_which_bank_it_holds(built: Own) -> None:
    assert bank_of(built.log) == "corner" and format_of(built.log) == FORMAT


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("run", "Nothing is pending"),
        ("plan", "Nothing is pending"),
        ("status", "gold.features_people   160"),
        ("history gold.outcomes", "gold.outcomes"),
        ("releases", "2024-12"),
        ("diff 1 1", "none"),
        ("deliveries", "2 raw files: 2 taken"),
        ("deliveries people.csv", "160"),
        ("quarantine", "In quarantine: none"),
        ("quality", "silver.people"),
        ("dictionary", "| cust_no | STRING | The customer. |"),
        ("training-sets", "late_3"),
        ("doctor --deep", "credits.csv, people.csv"),
        ("erase --customer 70003 --dry-run", "gold.outcomes"),
        ("vacuum --dry-run", "gold.features_people"),
    ],
)
def test_a_command_that_looks_works_on_it(
    built: Own,
    words: str,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(built.root)
    assert main([*words.split(), "--tables", str(FOLDER)]) == 0
    assert said in capfd.readouterr().out


def test_its_dictionary_names_no_source_of_the_shipped_bank(built: Own) -> None:
    told = built.done("dictionary")
    for name in ("clickstream", "attributes", "financials", "loan_daily", "CUS_0x"):
        assert name not in told


def test_a_training_set_has_its_features_and_label_and_is_built_again(own: Own) -> None:
    rows = pq.read_table(own.root / "train.parquet").to_pylist()
    assert len(rows) == 160 and {row["label"] for row in rows} == {0, 1}
    assert rows[0]["customer_id"].startswith("7") and rows[0]["people_snapshot_date"]
    (made,) = json.loads(own.done("training-sets", "--json"))
    again = own.done("training-set", "--reproduce", made["training_set_id"], "--out", "a.parquet")
    assert made["training_set_id"] in again
    assert pq.read_table(own.root / "a.parquet").to_pylist() == rows


@pytest.mark.slow
def test_the_audit_of_a_set_and_the_model_know_its_groups(own: Own) -> None:
    words = ("audit", "--training-set", "train.parquet", "--split-at", "2024-06-01")
    looked_at = own.call(*words).stdout
    assert "160 loans with 1 feature groups" in looked_at and "no feature group" not in looked_at
    model = json.loads(own.done("model", "--test-months", "2", "--json"))
    assert {each["group"] for each in model["importance"]["features"]} == {"people"}


@pytest.mark.slow
def test_the_audit_of_a_release_passes_all_checks(own: Own) -> None:
    assert "Nothing leaks: 22 checks passed" in own.done("audit")


@pytest.mark.slow
def test_a_group_that_calls_the_customer_otherwise_is_renamed_by_the_audit_too(
    tmp_path: Path,
) -> None:
    own, bank = Own(tmp_path), copied(tmp_path / "clients")
    for name in ("bronze/people.py", "gold/features_people.py"):
        text = (bank / name).read_text().replace("cust_no", "client")
        (bank / name).write_text(text)
    file = bank / "gold/features_people.py"
    by_id = """@feature("INT")
def by_id(client):
    \"\"\"A bit of the id.\"\"\"
    return F.crc32(client) % 2


FEATURES ="""
    text = file.read_text().replace("FEATURES =", by_id, 1)
    file.write_text(
        text.replace(
            "from lakehouse.feature",
            "from lakehouse import functions as F\nfrom lakehouse.feature",
            1,
        )
    )
    people = write(own.root / "data") / "people.csv"
    people.write_text(people.read_text().replace("cust_no", "client"))
    own.tables = str(bank)
    own.done("run")
    audit = json.loads(own.call("audit", "--json").stdout)
    failed = {each["name"]: each["findings"] for each in audit if not each["passed"]}
    assert [*failed] == ["renamed customers"]
    assert "by_id" in str(failed)


def test_a_later_month_and_a_corrected_row_come_in(own: Own) -> None:
    write(own.root / "data", months=9)
    assert "Release 2 published" in own.done("run")
    assert "20" in own.done("diff", "1", "2", "gold.features_people")
    assert json.loads(own.done("status", "--json"))[6]["rows"] == 180


def test_the_person_is_erased_from_every_table_by_the_key_of_this_bank(own: Own) -> None:
    people = own.root / "data/people.csv"
    head, *rows = people.read_text().splitlines()
    own_row = next(row for row in rows if row.startswith(PERSON))
    damaged = f"{PERSON};Ann 3;100;east;not a day"
    people.write_text("\n".join([head, *rows, damaged, ""]))
    own.done("run")
    # Its row stands for that of the file before, which goes to the superseded ones.
    later = own_row.replace(own_row.split(";")[2], "111")
    (own.root / "data/people_02.csv").write_text(f"{head}\n{later}\n")
    own.done("run")
    erased = own.done("erase", "--customer", PERSON, "--yes")
    for table in ("bronze.quarantine", "bronze.superseded", "gold.features_people"):
        assert table in erased
    for file in (own.root / "datamart").rglob("*.parquet"):
        text = str(pq.ParquetFile(file).read().to_pylist())
        # Not as a part of a hash.
        assert not re.search(rf"(?<![0-9a-f]){PERSON}(?![0-9a-f])|Ann 3\b", text), file
    assert "missing" not in own.done("doctor", "--deep")
    assert bank_of(own.log) == "corner"


@pytest.mark.parametrize(
    "words",
    [
        "run",
        "run --repair",
        "plan",
        "status",
        "history",
        "releases",
        "diff 1 1",
        "deliveries",
        "quarantine",
        "quality",
        "training-set --out t.parquet",
        "training-sets",
        "audit",
        "model",
        "portfolio --out p",
        "optimize",
        "vacuum --yes",
        "erase --customer 70003 --yes",
        "backup --to b",
    ],
)
def test_the_tables_of_another_bank_are_refused(
    built: Own, words: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(built.root)
    before = sorted((built.root / "datamart").rglob("*"))
    assert main([*words.split(), "--tables", "lakehouse"]) == 2
    assert capfd.readouterr().err == (
        "error: datamart datamart holds the bank corner, and these are the tables of lakehouse; name "
        "those of its bank with --tables, or another folder with --datamart\n"
    )
    assert sorted((built.root / "datamart").rglob("*")) == before


def test_where_its_folder_lies_does_not_matter(own: Own) -> None:
    moved = shutil.copytree(FOLDER, own.root / "elsewhere" / "corner")
    assert "Nothing is pending" in own.done("run", "--tables", moved)
    other = copied(own.root / "elsewhere" / "kiosk")
    assert "these are the tables of kiosk" in own.refused("status", "--tables", other)
    (other / "__init__.py").write_text('BANK = "corner"\n')
    assert "gold.outcomes" in own.done("status", "--tables", other)


def test_a_ledger_that_was_lost_comes_back_with_the_bank(own: Own) -> None:
    shutil.rmtree(own.root / "datamart/ledger/releases")
    assert "holds the bank corner" in own.refused("status", "--tables", "lakehouse")
    assert "holds the bank corner" in own.refused("run", "--repair", "--tables", "lakehouse")
    own.done("run", "--repair", "--yes")
    assert bank_of(own.log) == "corner" and format_of(own.log) == FORMAT
    assert "160" in own.done("status")


def test_a_backup_names_the_bank_and_restores_it(own: Own) -> None:
    own.done("backup", "--to", "b")
    shutil.rmtree(own.root / "datamart")
    said = own.refused("restore", "--from", "b", "--tables", "lakehouse")
    assert "the backup b is of the bank corner, and these are the tables of lakehouse" in said
    own.done("restore", "--from", "b", "--yes")
    assert bank_of(own.log) == "corner" and format_of(own.log) == FORMAT
    assert "Nothing is pending" in own.done("run")


def test_what_belongs_to_the_shipped_bank_is_refused_in_one_line(built: Own) -> None:
    assert "generate writes raw files of the shipped bank, and none of corner" in built.refused(
        "generate", "--out", "g"
    )
    said = built.refused("portfolio", "--out", "p")
    assert "portfolio needs gold.vintages and gold.roll_rates, and the bank corner has no" in said


@pytest.mark.parametrize(
    "words", ["run", "status", "dictionary", "history", "doctor", "generate --out g"]
)
def test_a_bank_that_cannot_be_had_is_refused_by_every_command(
    words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    copied(tmp_path / "retail")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LAKEHOUSE_TABLES", "retial")
    assert main(words.split()) == 2
    said = "LAKEHOUSE_TABLES retial: there is no such folder or package; is it retail?"
    assert capfd.readouterr().err == f"error: {said}\n"


def test_a_bank_with_a_mistake_is_refused_without_a_traceback(own: Own) -> None:
    broken = copied(own.root / "broken")
    (broken / "limits.py").write_text("MOST =\n")
    said = own.refused("status", "--tables", broken)
    assert f"{broken / 'limits.py'}:1: " in said and "SyntaxError" in said


def test_a_project_names_its_bank_once(own: Own) -> None:
    shutil.copytree(FOLDER, own.root / "corner")
    (own.root / "pyproject.toml").write_text('[tool.lakehouse]\ntables = "corner"\n')
    assert own.call("status", LAKEHOUSE_TABLES="").returncode == 0
    assert not [*(own.root / "corner").rglob("__pycache__")]


def test_a_command_to_go_on_with_names_the_bank(own: Own, tmp_path: Path) -> None:
    told = own.call("run", "--datamart", tmp_path / "new", "--tables", FOLDER).stdout
    assert f"--tables {FOLDER}" in told.splitlines()[-1]


def test_a_datamart_that_does_not_say_its_bank_is_of_the_shipped_one(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with zipfile.ZipFile(ROOT / "tests/fixtures/datamart_format_4.zip") as packed:
        packed.extractall(tmp_path)
    (datamart,) = (path.parents[1] for path in tmp_path.rglob("ledger/releases"))
    assert main(["status", "--datamart", str(datamart), "--tables", str(FOLDER)]) == 2
    assert "holds the bank lakehouse, and these are the tables of corner" in capfd.readouterr().err
    assert main(["status", "--datamart", str(datamart)]) == 0


def test_a_shipped_datamart_is_not_marked_as_newer(tmp_path: Path, taken: Path) -> None:
    log = Log(str(taken))
    assert bank_of(log) == "lakehouse" and format_of(log) == FORMAT - 1
    assert log.exists(RELEASES)


PYTHON = """
import warnings
from lakehouse import Lakehouse
lake = Lakehouse("datamart", tables={folder!r})
print(str(lake).splitlines()[0][:50])
print(lake.release, lake.sql("SELECT count(*) AS n FROM gold.outcomes WHERE is_late = 1").first().n > 20)
print(lake.lookup("70004", "2024-05-01").branch[0] in ("east", "west"))
print(sorted(lake.customer("70004").tables))
print(len(lake.training_set().toPandas()), lake.at(release=1).table("silver.credits").count())
from IPython.testing.globalipapp import start_ipython
shell = start_ipython()
shell.run_line_magic("load_ext", "lakehouse")
shell.user_ns["lake"] = lake
print(len(shell.run_cell_magic("sql", "", "SELECT DISTINCT branch FROM gold.features_people")))
del shell.user_ns["lake"]
print(shell.run_line_magic("sql", "SELECT count(*) AS n FROM features_people").n[0])
"""


def test_python_and_notebooks_take_its_tables(built: Own) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", PYTHON.format(folder=str(FOLDER))], cwd=built.root,
        env={**os.environ, "PYTHONPATH": str(ROOT), "LAKEHOUSE_TABLES": str(FOLDER)},
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    tables = "bronze.credits bronze.people gold.features_people gold.outcomes silver.credits silver.people"
    assert ended.stdout.splitlines() == [
        "Lakehouse datamart of the bank corner at release 1",
        "None True", "True", str(tables.split()), "160 800", "2", "160",
    ]  # fmt: skip


@pytest.mark.spark
@pytest.mark.slow
def test_either_engine_goes_on_where_the_other_stopped(own: Own, tmp_path: Path) -> None:
    # Its workers cannot import the bank, from whose function a label comes.
    bank = copied(tmp_path / "elsewhere" / "calling")
    (bank / "__init__.py").write_text('BANK = "corner"\n')
    (bank / "late.py").write_text(
        "from .limits import LATE_DAYS\n\ndef late(n):\n    return int(n >= LATE_DAYS)\n"
    )
    outcomes = (bank / "gold/outcomes.py").read_text()
    called = outcomes.replace(
        '(F.col("days_late") >= LATE.dpd).cast("int")', 'F.udf(late, "int")("days_late")'
    ).replace(
        "from ..limits import LATE_DAYS", "from ..late import late\nfrom ..limits import LATE_DAYS"
    )
    assert called != outcomes
    (bank / "gold/outcomes.py").write_text(called)
    write(own.root / "data", months=9)
    own.tables = str(bank)
    assert "Release 2 published" in own.done("run", "--engine", "spark")
    assert "Nothing is pending" in own.done("run")
    own.done("run", "--datamart", tmp_path / "of_one")
    for where in ("datamart", tmp_path / "of_one"):
        own.done("training-set", "--datamart", where, "--out", f"{Path(where).name}.parquet")
    both = [pq.read_table(own.root / f"{name}.parquet") for name in ("datamart", "of_one")]
    assert both[0].num_rows == 180 and both[0].to_pylist() == both[1].to_pylist()
