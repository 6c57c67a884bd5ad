"""Names and SSNs are only in bronze: every other byte, and everything printed, is searched."""

from __future__ import annotations

import csv
import io
import re
import shutil
import stat
import sys
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path

import pdfplumber
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lakehouse.cli import main
from lakehouse.generate import generate
from lakehouse.storage.create import create_missing
from lakehouse.storage.datamart import Datamart
from tests.bank import PERSONS
from tests.narrow import narrow

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
CATALOG = narrow()
HEADER = ("Customer_ID", "Name", "Age", "SSN", "Occupation", "snapshot_date")
DAY, CLICKS = "2023-02-01", "feature_clickstream.csv"


# What is planted


@dataclass
class Planted:
    """Names and SSNs that nobody has, each in one place; `told` are all that were dealt out."""

    told: list[str] = field(default_factory=list)

    def name(self) -> str:
        """A name of two words, each of which is looked for."""
        n = len(self.told)
        words = [f"Zq{_letters(n)}via", f"Thorn{_letters(n)}qwist"]
        self.told += words
        return " ".join(words)

    def word(self) -> str:
        """A name of one word."""
        self.told.append(f"Xoq{_letters(len(self.told))}ulda")
        return self.told[-1]

    def ssn(self) -> str:
        area, group = divmod(len(self.told), 100)
        self.told.append(f"{900 + area}-{group:02d}-8642")
        return self.told[-1]


def _letters(n: int) -> str:
    return "".join(chr(ord("a") + int(digit)) for digit in f"{n:03d}")


def rows_of_persons(planted: Planted) -> Iterator[str]:
    """Good, shifted, broken, repeated and contradicting rows of attributes."""
    name, word, ssn = planted.name, planted.word, planted.ssn
    yield f'CUS_0xa1,"{name()}, {word()}",41,{ssn()},Lawyer,{DAY}'
    for i in range(5):  # all cells moved on by i, a name of one and of two words in each place
        for who in (name(), word()):
            cells = [f"CUS_0xb{i}{len(who)}", who, "42", ssn(), "Lawyer"]
            yield ",".join([*cells[i:], *cells[:i], DAY])
    yield f"CUS_0xc1,44,{ssn()},Lawyer,{word()},{DAY}"
    yield f"CUS_0xc2,Lawyer,44,{word()},{ssn()},{DAY}"
    yield f"CUS_0xc3,{name()},{ssn()},44,{DAY},Lawyer"
    yield f"{DAY},{name()},44,Lawyer,CUS_0xc4,{ssn()}"
    yield f"CUS_0xc5,44,Lawyer,{DAY},{ssn()},{word()}"
    yield f"CUS_0xc6,44,Lawyer,{DAY},{word()},{name()}"
    yield f"CUS_0xd1,{name()},44,{ssn()},Lawyer"
    yield f"CUS_0xd2,{name()},{word()},44,{ssn()},Lawyer,{DAY}"
    yield f'CUS_0xd3,"{name()},44,{ssn()},Lawyer,{DAY}'
    yield f",{name()},44,{ssn()},Lawyer,{DAY}"
    for who in (name(), word()):
        yield f"CUS_0xe1,{who},44,{ssn()},Lawyer,{DAY}"
    twice = f"CUS_0xe2,{name()},44,{ssn()},Lawyer,{DAY}"
    yield from (twice, twice)


def write_persons(file: Path, planted: Planted, last: Iterable[str]) -> None:
    """Everybody gets a new name and SSN, and a nickname that no declaration knows; then the planted rows."""
    with file.open(encoding="utf-8", newline="") as lines:
        persons = list(csv.DictReader(lines))
    with file.open("w", encoding="utf-8", newline="") as out:
        rows = csv.DictWriter(out, [*HEADER[:5], "Nick_Name", HEADER[5]], lineterminator="\n")
        rows.writeheader()
        for person in persons:
            secrets = {"Name": planted.name(), "SSN": planted.ssn(), "Nick_Name": planted.word()}
            rows.writerow({**person, **secrets})
        # The nickname of the planted rows is empty: their cells are those of HEADER.
        out.writelines(re.sub(r",([^,]*)$", r",,\1", row) + "\n" for row in last)


# What is looked through


def texts_of(path: Path) -> Iterator[str]:
    """The name and content of a file: its bytes, and what is packed in it."""
    yield str(path)
    yield path.read_bytes().decode("utf-8", errors="replace")
    if path.suffix == ".parquet":
        yield repr(pq.read_table(path, partitioning=None).to_pydict())
        yield repr(pq.read_metadata(path).metadata)
    elif path.suffix == ".zip":
        with zipfile.ZipFile(path) as packed:
            yield from (
                packed.read(name).decode("utf-8", errors="replace") for name in packed.namelist()
            )
    elif path.suffix == ".pdf":
        with pdfplumber.open(path) as pdf:
            yield from (page.extract_text() for page in pdf.pages)


def found_in(texts: Iterable[str], secrets: Iterable[str]) -> set[str]:
    """Secrets that a text tells, in whatever case, an SSN also without its dashes."""
    forms = {
        form.lower(): secret for secret in secrets for form in (secret, secret.replace("-", ""))
    }
    # The longest first, or one that another begins with is found in its place.
    any_of_them = re.compile("|".join(map(re.escape, sorted(forms, key=len, reverse=True))))
    return {forms[hit] for text in texts for hit in any_of_them.findall(text.lower())}


def files_with(root: Path, secrets: Iterable[str], but: Path | None = None) -> dict[str, set[str]]:
    """Each file under a folder that tells a secret, with what it tells."""
    files = (
        each for each in root.rglob("*") if each.is_file() and not (but and but in each.parents)
    )
    told = {str(each.relative_to(root)): found_in(texts_of(each), secrets) for each in files}
    return {name: secrets for name, secrets in told.items() if secrets}


@pytest.mark.parametrize("secret", ["Zqaaavia", "917-33-8642"])
def test_a_leak_is_found_wherever_it_is(tmp_path: Path, secret: str) -> None:
    clean = tmp_path / "clean"
    clean.mkdir()
    (clean / "a.csv").write_text("CUS_0x1,Zqaaa,917-33-864\n")
    assert files_with(clean, [secret]) == {}
    table = pa.table({"words": [[{"deep": f"x{secret}y"}]] * 1000})
    pq.write_table(table, tmp_path / "values.parquet", compression="zstd")
    pq.write_table(
        pa.table({"a": [1]}).replace_schema_metadata({"of": secret}), tmp_path / "about.parquet"
    )
    (tmp_path / "bytes.bin").write_bytes(b"\xff\x00" + secret.encode() + b"\xfe")
    (tmp_path / "shout.log").write_text(secret.upper().replace("-", ""))
    (tmp_path / f"{secret}.txt").touch()
    with zipfile.ZipFile(tmp_path / "packed.zip", "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("a.txt", secret * 100)
    expected = {"values.parquet", "about.parquet", "bytes.bin", "shout.log", "packed.zip"}
    assert files_with(tmp_path, [secret]).keys() == expected | {f"{secret}.txt"}


# What a user does


@dataclass(frozen=True)
class Used:
    """A datamart on which everything was done that a user does, and all that was printed."""

    root: Path
    planted: Planted
    printed: dict[str, str]

    @property
    def datamart(self) -> Path:
        return self.root / "datamart"


def ask(argv: list[str]) -> tuple[int, str]:
    """Exit code, and what a command prints to stdout and stderr."""
    printed = io.StringIO()
    with redirect_stdout(printed), redirect_stderr(printed):
        code = main(argv, CATALOG)
    return code, printed.getvalue()


def delivery(base: Path, to: Path, planted: Planted) -> Path:
    """The generated files with secrets planted; each delivery has others."""
    shutil.copytree(base, to)
    write_persons(to / PERSONS, planted, rows_of_persons(planted))
    clicks = to / CLICKS
    header, *rows = clicks.read_text(encoding="utf-8").splitlines()
    named = (f"{row},{planted.name()}" for row in rows[:3])
    clicks.write_text("\n".join([f"{header},Remark", *named, *(f"{r}," for r in rows[3:]), ""]))
    return to


def refused_deliveries(good: Path, planted: Planted) -> Iterator[Path]:
    """Files that no run takes, for reasons of all kinds."""
    header, *rows = (good / PERSONS).read_bytes().splitlines(keepends=True)
    person = f"CUS_0xf1,{planted.name()},44,{planted.ssn()},Lawyer,,{DAY}\n".encode()
    contents = {
        "no_header": [person, *rows],
        "twice": [header.replace(b"Nick_Name", b"name"), person],
        "many_bad": [header, *[person.replace(b",44", b"")] * 9],
        "latin": [header, person, b"\xff" + person],
        "nul": [header, person.replace(b"44", b"\0")],
        "packed": [b"PK\x03\x04", person],
    }
    for name, lines in contents.items():
        folder = good.parent / name
        shutil.copytree(good, folder)
        (folder / PERSONS).write_bytes(b"".join(lines))
        yield folder


@pytest.fixture(scope="module")
def used(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Used]:
    root = tmp_path_factory.mktemp("used")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lakehouse.lake.load", lambda: CATALOG)
        patch.chdir(root)
        planted = Planted()
        yield Used(root, planted, dict(_everything(root, planted)))


def _everything(root: Path, planted: Planted) -> Iterator[tuple[str, str]]:
    """Each command with what it printed."""
    generate(root / "raw" / "base", customers=150, months=8, seed=3)
    first, second = (
        delivery(root / "raw" / "base", root / "raw" / name, planted)
        for name in ("first", "second")
    )

    def told(*argv: str | Path, data: Path = second, code: int = 0) -> tuple[str, str]:
        places = ("--data", data, "--datamart", root / "datamart")
        given = [str(each) for each in (*argv, *(() if argv[0] == "dictionary" else places))]
        ended, printed = ask(given)
        assert ended == code, f"{given}: {printed}"
        return " ".join(given), printed

    yield told("run", "--through", "2023-02", "--max-bad", "0.5", data=first)
    yield told("run", "--max-bad", "0.5", "--json", data=first)
    yield told("run", "--max-bad", "0.5", "--allow-shrink")
    yield told("training-set", "--out", root / "train.parquet")
    spine = root / "spine.csv"
    spine.write_text(f"customer_id,application_date\nCUS_0xa1,{DAY}\n")
    yield told("training-set", "--out", root / "scores.parquet", "--spine", spine, "--json")
    for report in REPORTS:
        yield told(*report)
        yield told(*report, "--json")
    yield told("model", "--out", root / "report")
    yield told("audit")
    for folder in refused_deliveries(second, planted):
        yield told("run", data=folder, code=2)
        yield told("run", "--debug", data=folder, code=2)
    yield told("optimize")
    yield told("vacuum", "--keep-releases", "2", "--dry-run")
    yield told("erase", "--yes", "--customer", "CUS_0xa1")
    yield told("doctor", "--deep", "--debug")
    yield told("run", "--full-refresh", "--max-bad", "0.5", "--allow-shrink", data=first)


REPORTS = (
    ("plan",), ("status",), ("releases",), ("history",), ("history", "bronze.attributes"),
    ("diff", "1", "2", "--keys", "--limit", "1000"), ("diff", "2", "3", "--keys", "--limit", "1000"),
    ("training-sets",), ("doctor",), ("doctor", "--deep"), ("dictionary",),
)  # fmt: skip


def test_what_was_planted_is_in_bronze(used: Used) -> None:
    """Else it could be found nowhere."""
    told = set().union(*files_with(used.datamart / "bronze", used.planted.told).values())
    assert len(told) > 0.9 * len(used.planted.told) > 300


def test_no_byte_outside_bronze_tells_a_name_or_an_ssn(used: Used) -> None:
    assert len(list(used.datamart.rglob("*.parquet"))) > 100
    shutil.rmtree(used.root / "raw")

    assert files_with(used.root, used.planted.told, but=used.datamart / "bronze") == {}


def test_no_command_prints_a_name_or_an_ssn(used: Used) -> None:
    told = {argv: found_in([printed], used.planted.told) for argv, printed in used.printed.items()}
    assert {argv: secrets for argv, secrets in told.items() if secrets} == {}
    assert len(told) > 2 * len(REPORTS) and sum(map(len, used.printed.values())) > 50_000


def test_personal_cells_that_changed_are_listed_as_hidden(used: Used) -> None:
    (argv,) = (
        each for each in used.printed if each.startswith("diff 2 3") and "--json" not in each
    )
    assert used.printed[argv].count("(hidden)") > 100


# Who may look


def mode(folder: Path) -> int:
    return stat.S_IMODE(folder.stat().st_mode)


@pytest.mark.skipif(sys.platform == "win32", reason="modes are of Unix")
def test_bronze_and_the_work_of_a_job_are_their_owners_alone(used: Used) -> None:
    assert mode(used.datamart / "bronze") == mode(used.datamart / "_work") == 0o700


@pytest.mark.skipif(sys.platform == "win32", reason="modes are of Unix")
def test_bronze_of_an_older_datamart_is_closed_by_the_next_run(tmp_path: Path) -> None:
    datamart = Datamart.at(tmp_path, CATALOG)
    create_missing(datamart)
    (tmp_path / "bronze").chmod(0o755)

    create_missing(datamart)

    assert mode(tmp_path / "bronze") == 0o700


# What is committed


def committed() -> list[Path]:
    kept = ("*.ipynb", "*.pdf", "*.typ", "*.json", "*.md", "*.html", "*.png", "*.svg")
    folders = (ROOT / "notebooks", ROOT / "deck", ROOT / "docs")
    return [
        *ROOT.glob("*.md"),
        *(f for folder in folders for kind in kept for f in folder.rglob(kind)),
    ]


def test_documents_notebooks_and_deck_tell_no_name_and_no_ssn_of_the_data() -> None:
    with (ROOT / "data" / PERSONS).open(encoding="utf-8", newline="") as lines:
        persons = list(csv.DictReader(lines))
    secrets = {row[column] for row in persons for column in ("Name", "SSN")}
    secrets = {each for each in secrets if len(each) > 7}
    assert len(secrets) > 2000 and len(committed()) > 10

    told = {path.name: found_in(texts_of(path), secrets) for path in committed()}

    assert {name: secrets for name, secrets in told.items() if secrets} == {}
