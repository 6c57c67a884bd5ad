"""Bad input, end to end: refused in one line with nothing changed, or taken with nothing lost."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from deltalake import write_deltalake

from lakehouse.catalog import load
from lakehouse.cli import main
from lakehouse.storage.log import Log

pytestmark = [pytest.mark.slow, pytest.mark.each]

ROOT = Path(__file__).parent.parent.parent
FILES = {
    "attributes": "features_attributes.csv",
    "clickstream": "feature_clickstream.csv",
    "financials": "features_financials.csv",
    "loan_daily": "lms_loan_daily.csv",
}
COMPUTED = [table for table in load().tables if table.transform]


@dataclass(frozen=True)
class Answer:
    code: int
    out: str
    err: str

    @property
    def only_line(self) -> str:
        """The one line on stderr; the test fails where there is none, or more than one."""
        lines = self.err.splitlines()
        assert len(lines) == 1, self.err
        assert lines[0].startswith("error: ")
        return lines[0]

    @property
    def report(self) -> dict[str, Any]:
        assert self.code == 0, self.err
        found: dict[str, Any] = json.loads(self.out)
        return found


def ask(*argv: str | Path) -> Answer:
    """Run the command line in this process."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = main([str(each) for each in argv])
    return Answer(code, out.getvalue(), err.getvalue())


def ask_process(*argv: str | Path, cwd: Path = ROOT) -> Answer:
    """Run main.py as its user does."""
    command = [sys.executable, str(ROOT / "main.py"), *map(str, argv)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=cwd, timeout=120)
    return Answer(done.returncode, done.stdout, done.stderr)


def run(data: Path, datamart: Path, *more: str) -> Answer:
    return ask("run", "--json", "--data", data, "--datamart", datamart, *more)


def listing(folder: Path) -> dict[str, tuple[int, int]]:
    """Every file with its size and time; the empty lock file tells nothing."""
    return {
        str(path.relative_to(folder)): (path.stat().st_size, path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file() and path.name != ".lock"
    }


def rows_of(path: Path) -> list[list[str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


def write_rows(path: Path, rows: Sequence[Sequence[str]], **form: Any) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, **{"lineterminator": "\n", **form}).writerows(rows)


def appended(path: Path, *lines: str) -> None:
    with path.open("a", newline="", encoding="utf-8") as file:
        file.writelines(f"{line}\n" for line in lines)


def table_rows(datamart: Path, full_name: str) -> list[dict[str, Any]]:
    return Log(str(datamart)).read(load().table(full_name))


def computed(datamart: Path) -> dict[str, list[str]]:
    """Every row of silver and gold, in an order that does not depend on the files."""
    return {
        table.full_name: sorted(map(repr, table_rows(datamart, table.full_name)))
        for table in COMPUTED
    }


def counted(report: dict[str, Any]) -> dict[str, tuple[int, int, int, int]]:
    """Rows in, accepted, quarantined and equal, by source; the law of them is checked."""
    found = {}
    for row in report["tables"]:
        if row["rows_in"] is not None:
            numbers = (
                row["rows_in"],
                row["accepted"],
                row["quarantined"],
                row["equal_duplicates"],
            )
            assert numbers[0] == sum(numbers[1:]), row
            found[row["table"].removeprefix("bronze.")] = numbers
    return found


@pytest.fixture(scope="module")
def built(generated: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A datamart of the small delivery as it is; copy it before changing it."""
    datamart = tmp_path_factory.mktemp("built") / "datamart"
    report = run(generated, datamart).report
    assert {name: n[1] for name, n in counted(report).items()} == {
        name: len(rows_of(generated / file)) - 1 for name, file in FILES.items()
    }
    return datamart


@pytest.fixture
def unchanged(built: Path) -> Iterator[Path]:
    """The built datamart, which the test may not change."""
    before = listing(built)
    yield built
    assert listing(built) == before


def assert_refused(data: Path, fresh: Path, existing: Path, *more: str) -> str:
    """Refused for a new datamart and for one that is there, in the same one line."""
    answers = [run(data, datamart, *more) for datamart in (fresh, existing)]
    assert [answer.code for answer in answers] == [2, 2]
    assert [answer.out for answer in answers] == ["", ""]
    assert listing(fresh) == {} if fresh.exists() else True
    first, second = (answer.only_line for answer in answers)
    assert first == second
    return first


# Files that are refused


@pytest.mark.parametrize("source", FILES)
@pytest.mark.parametrize(
    ("content", "what", "remedy"),
    [
        ("", "is empty (0 bytes)", "deliver the file again"),
        ("{header}\n", "holds no data row", "deliver the file again"),
        ("a,b,c\n1,2,3\n", "has the wrong header", "must name the columns of"),
    ],
    ids=["empty", "header-only", "wrong-header"],
)
def test_a_file_that_holds_nothing_of_use_is_refused(
    data: Path,
    tmp_path: Path,
    unchanged: Path,
    source: str,
    content: str,
    what: str,
    remedy: str,
) -> None:
    path = data / FILES[source]
    header = path.read_text(encoding="utf-8").splitlines()[0]
    path.write_text(content.format(header=header), encoding="utf-8")
    line = assert_refused(data, tmp_path / "fresh", unchanged)
    assert path.name in line and what in line and remedy in line


@pytest.mark.parametrize("source", FILES)
def test_a_file_that_is_not_there_is_refused_unless_it_was_taken_and_archived(
    data: Path, tmp_path: Path, unchanged: Path, source: str
) -> None:
    (data / FILES[source]).unlink()
    line = run(data, tmp_path / "fresh").only_line
    assert FILES[source] in line and "holds no" in line and "file there" in line
    answer = run(data, unchanged)
    assert answer.code == 0
    assert f"bronze.{source}: no file of it is there any more" in answer.out


def _without_column(content: bytes) -> bytes:
    return re.sub(rb"\bdue_amt\b", b"due_amount", content, count=1)


def _with_latin_1(content: bytes) -> bytes:
    return content + "Müller".encode("latin-1")


@pytest.mark.parametrize(
    ("source", "spoil", "what", "remedy"),
    [
        ("loan_daily", _without_column, "no column due_amt", "must name the columns"),
        ("attributes", _with_latin_1, "is not UTF-8: byte 0xFC on line 42", "save it as UTF-8"),
        ("clickstream", lambda c: c + b"\0\1\2", "NUL byte on line 234", "deliver it as CSV"),
        ("clickstream", lambda c: gzip.compress(c)[:-1], "is cut off", "Deliver the whole file"),
        ("financials", lambda c: b"PK\x03\x04" + c, "is a zip or Excel file", "unpack it"),
        (
            "financials",
            lambda c: c.decode().encode("utf-16-le"),
            "NUL byte on line 1",
            '"utf-16-le"',
        ),
        (
            "loan_daily",
            lambda c: c.replace(b",", b"^"),
            "wrong header",
            "declares delimiter='^'",
        ),
    ],
    ids=["column-missing", "latin-1", "binary", "gzip", "excel", "utf-16", "carets"],
)
def test_a_file_that_is_no_such_csv_is_refused(
    data: Path,
    tmp_path: Path,
    unchanged: Path,
    source: str,
    spoil: Callable[[bytes], bytes],
    what: str,
    remedy: str,
) -> None:
    path = data / FILES[source]
    path.write_bytes(spoil(path.read_bytes()))
    line = assert_refused(data, tmp_path / "fresh", unchanged)
    assert path.name in line and what in line and remedy in line


def _with_bad_quarter(data: Path) -> None:
    path = data / FILES["loan_daily"]
    rows = rows_of(path)
    day = rows[0].index("snapshot_date")
    for row in rows[1::4]:
        row[day] = "2023-02-30"
    write_rows(path, rows)


def test_a_quarter_of_bad_rows_is_refused_until_it_is_allowed(
    data: Path, tmp_path: Path, unchanged: Path
) -> None:
    _with_bad_quarter(data)
    line = assert_refused(data, tmp_path / "fresh", unchanged)
    assert "110 of 440 rows are bad (25.0%, allowed 20%)" in line
    assert FILES["loan_daily"] in line and "--max-bad" in line and "first on line 2)" in line
    report = run(data, tmp_path / "fresh", "--max-bad", "0.5").report
    assert counted(report)["loan_daily"] == (440, 330, 110, 0)
    assert len(table_rows(tmp_path / "fresh", "bronze.quarantine")) == 110


def test_two_files_for_one_source_are_refused(data: Path, tmp_path: Path, unchanged: Path) -> None:
    shutil.copy(data / FILES["attributes"], data / "feature_attributes.csv")
    line = assert_refused(data, tmp_path / "fresh", unchanged)
    assert "holds both features_attributes.csv and feature_attributes.csv" in line


def test_a_missing_data_folder_is_refused(tmp_path: Path, unchanged: Path) -> None:
    line = assert_refused(tmp_path / "nowhere", tmp_path / "fresh", unchanged)
    assert str(tmp_path / "nowhere") in line and "--data" in line


# As the user runs it


@pytest.mark.parametrize("file", ["missing", "empty", "no data folder"])
def test_main_py_refuses_in_one_line_and_makes_no_folder(
    data: Path, tmp_path: Path, file: str
) -> None:
    path = data / FILES["attributes"]
    if file == "missing":
        path.unlink()
    elif file == "empty":
        path.write_text("", encoding="utf-8")
    else:
        shutil.rmtree(data)
    answer = ask_process("--json", "--data", data, "--datamart", tmp_path / "datamart")
    assert answer.code == 2 and answer.out == ""
    assert ("attributes" if file != "no data folder" else str(data)) in answer.only_line
    assert not (tmp_path / "datamart").exists() or listing(tmp_path / "datamart") == {}


def test_a_refusal_is_the_only_line_though_progress_would_be_told(
    data: Path, tmp_path: Path
) -> None:
    (data / FILES["loan_daily"]).write_text("", encoding="utf-8")
    answer = ask("--data", data, "--datamart", tmp_path / "datamart")
    assert answer.code == 2 and "Traceback" not in answer.err
    assert answer.only_line.startswith("error: ")


def test_debug_shows_the_traceback_and_then_the_line(tmp_path: Path) -> None:
    argv = ["--data", str(tmp_path / "nowhere"), "--datamart", str(tmp_path / "datamart")]
    answer = ask_process(*argv, "--debug")
    assert answer.code == 2 and answer.err.startswith("Traceback")
    assert answer.err.splitlines()[-1] == ask(*argv).only_line


# Arguments that are refused


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["run", "--month", "2023-13"], "'2023-13' is not a month; write it as 2023-05"),
        (["run", "--month", "2023-1"], "is not a month"),
        (["run", "--month", "٢٠٢٣-01"], "is not a month"),
        (["run", "--through", "May"], "is not a month"),
        (["run", "--through", "2023-02", "--month", "2023-02"], "exclude each other"),
        (["plan", "--through", "2023-02", "--month", "2023-02"], "exclude each other"),
        (["run", "--max-bad", "2"], "--max-bad"),
        (["run", "--max-bad", "nan"], "--max-bad"),
        (["run", "--engine", "abacus"], "--engine"),
        (["frobnicate"], "frobnicate"),
        (["run", "--frobnicate"], "--frobnicate"),
        (["--frobnicate"], "--frobnicate"),
        (["--by-month", "status"], "status"),
        (["history", "gold.nothing"], "no table is called 'gold.nothing'"),
        (["history", "--limit", "0"], "--limit"),
        (["dictionary", "nothing"], "no table is called 'nothing'"),
        (["diff", "1", "99"], "no release 99; there are 1 to 1"),
        (["diff", "1"], "R2"),
        (["diff", "1", "x"], "'x'"),
        (["generate"], "--out"),
        (["generate", "--customers", "0", "--out", "x"], "--customers"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_arguments_that_make_no_sense_are_refused(
    generated: Path, unchanged: Path, argv: list[str], words: str
) -> None:
    places = ["--data", generated, "--datamart", unchanged]
    takes_places = argv[0] not in ("dictionary", "generate", "frobnicate")
    answer = ask(*argv, *(places if takes_places else []))
    assert answer.code == 2 and answer.out == ""
    assert words in answer.only_line


@pytest.mark.parametrize("argv", [["frobnicate"], ["--month", "2023-00"]])
def test_main_py_refuses_arguments_in_one_line(tmp_path: Path, argv: list[str]) -> None:
    answer = ask_process(*argv, cwd=tmp_path)
    assert answer.code == 2 and answer.out == "" and argv[-1] in answer.only_line
    assert list(tmp_path.iterdir()) == []


def test_a_month_that_no_file_has_is_refused(generated: Path, tmp_path: Path) -> None:
    answer = run(generated, tmp_path / "fresh", "--month", "2031-01")
    assert answer.code == 2 and listing(tmp_path / "fresh") == {}
    assert "month 2031-01" in answer.only_line and "they have 2023-01 to" in answer.only_line


def test_a_month_that_no_file_has_is_refused_where_all_is_up_to_date(
    generated: Path, unchanged: Path
) -> None:
    answer = run(generated, unchanged, "--month", "2031-01")
    assert answer.code == 2 and "2031-01" in answer.only_line


@pytest.mark.parametrize("command", ["status", "history", "releases", "diff"])
def test_reading_a_datamart_that_is_not_there_is_refused(tmp_path: Path, command: str) -> None:
    numbers = ["1", "2"] if command == "diff" else []
    answer = ask(command, *numbers, "--datamart", tmp_path / "nowhere")
    assert (
        answer.code == 2
        and "has no tables yet" in answer.only_line
        and "main.py" in answer.only_line
    )
    assert not (tmp_path / "nowhere").exists()


def test_the_history_of_a_table_that_was_never_built_is_refused(
    built: Path, tmp_path: Path
) -> None:
    datamart = tmp_path / "datamart"
    shutil.copytree(built, datamart)
    shutil.rmtree(datamart / "gold" / "label_store")
    answer = ask("history", "gold.label_store", "--datamart", datamart)
    assert answer.code == 2 and "gold.label_store" in answer.only_line


# Datamarts that are refused


def test_a_datamart_on_a_file_is_refused(generated: Path, tmp_path: Path) -> None:
    path = tmp_path / "datamart"
    path.write_text("mine", encoding="utf-8")
    for answer in (run(generated, path), ask("status", "--datamart", path)):
        assert answer.code == 2 and "is a file" in answer.only_line and str(path) in answer.err
    assert path.read_text(encoding="utf-8") == "mine"


def _under_a_file(tmp_path: Path, mode: int) -> Path:
    file = tmp_path / "file"
    file.write_text("mine", encoding="utf-8")
    file.chmod(mode)
    return file / "datamart"


@pytest.mark.parametrize("mode", [0o644, 0o755], ids=["plain", "executable"])
def test_a_datamart_under_a_file_is_refused(generated: Path, tmp_path: Path, mode: int) -> None:
    path = _under_a_file(tmp_path, mode)
    answer = run(generated, path)
    assert answer.code == 2 and str(path) in answer.only_line and "--datamart" in answer.err


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="no /proc on this system")
def test_a_datamart_where_no_folder_can_be_made_is_refused(generated: Path) -> None:
    answer = run(generated, Path("/proc/datamart"))
    assert answer.code == 2 and "/proc/datamart" in answer.only_line


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes anywhere")
def test_a_datamart_without_the_right_to_write_is_refused(generated: Path, tmp_path: Path) -> None:
    (tmp_path / "locked").mkdir(mode=0o500)
    answer = run(generated, tmp_path / "locked" / "datamart")
    assert answer.code == 2 and "cannot be written" in answer.only_line


def test_a_folder_with_other_files_is_no_datamart(generated: Path, tmp_path: Path) -> None:
    (tmp_path / "datamart").mkdir()
    (tmp_path / "datamart" / "thesis.docx").write_text("mine", encoding="utf-8")
    before = listing(tmp_path / "datamart")
    answer = run(generated, tmp_path / "datamart")
    assert answer.code == 2 and "thesis.docx" in answer.only_line
    assert "it is not a lakehouse datamart" in answer.err and "--datamart" in answer.err
    assert listing(tmp_path / "datamart") == before


@pytest.mark.parametrize("among_ours", [False, True])
def test_a_delta_table_of_foreign_making_is_refused(
    generated: Path, built: Path, tmp_path: Path, among_ours: bool
) -> None:
    import pyarrow as pa

    datamart = tmp_path / "datamart"
    if among_ours:
        shutil.copytree(built, datamart)
        shutil.rmtree(datamart / "bronze" / "clickstream")
    write_deltalake(datamart / "bronze" / "clickstream", pa.table({"id": [1], "x": ["y"]}))
    before = listing(datamart)
    for answer in (run(generated, datamart), ask("plan", "--datamart", datamart)):
        assert answer.code == 2 and "bronze" in answer.only_line and "--datamart" in answer.err
    assert listing(datamart) == before


def test_a_folder_in_a_tables_place_is_refused(
    generated: Path, built: Path, tmp_path: Path
) -> None:
    datamart = tmp_path / "datamart"
    shutil.copytree(built, datamart)
    shutil.rmtree(datamart / "gold" / "label_store")
    (datamart / "gold" / "label_store").mkdir()
    (datamart / "gold" / "label_store" / "notes.txt").write_text("mine", encoding="utf-8")
    before = listing(datamart)
    answer = run(generated, datamart)
    assert answer.code == 2 and "label_store is not a Delta table" in answer.only_line
    assert listing(datamart) == before


# Other forms of a good file


def _reorder(path: Path) -> None:
    write_rows(path, [row[::-1] for row in rows_of(path)])


def _add_column(path: Path) -> None:
    first, *others = rows_of(path)
    write_rows(path, [[*first, "Risk_Grade"], *([*row, f"g{row[0]}"] for row in others)])


def _mark(path: Path) -> None:
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())


def _end_in_crlf(path: Path) -> None:
    write_rows(path, rows_of(path), lineterminator="\r\n")


def _quote_all(path: Path) -> None:
    write_rows(path, rows_of(path), quoting=csv.QUOTE_ALL)


def _write_dates_month_first(path: Path) -> None:
    def month_first(cell: str) -> str:
        iso = re.fullmatch(r"(\d{4})-(\d\d)-(\d\d)", cell)
        return f"{int(iso[2])}/{int(iso[3])}/{iso[1]}" if iso else cell

    rows = [[month_first(cell) for cell in row] for row in rows_of(path)]
    assert rows[1] != rows_of(path)[1]
    write_rows(path, rows)


def _rewritten(data: Path, *rewrites: Callable[[Path], None]) -> None:
    for rewrite, file in zip(rewrites, FILES.values(), strict=True):
        rewrite(data / file)


def test_files_in_other_forms_build_the_same_silver_and_gold(
    data: Path, built: Path, tmp_path: Path
) -> None:
    _rewritten(data, _mark, _end_in_crlf, _quote_all, _reorder)
    report = run(data, tmp_path / "datamart").report
    for name, file in FILES.items():
        rows = len(rows_of(data / file)) - 1
        assert counted(report)[name] == (rows, rows, 0, 0)
    assert computed(tmp_path / "datamart") == computed(built)


def test_dates_written_month_first_build_the_same_silver_and_gold(
    data: Path, built: Path, tmp_path: Path
) -> None:
    _rewritten(data, *[_write_dates_month_first] * 4)
    report = run(data, tmp_path / "datamart").report
    assert all(n[0] == n[1] for n in counted(report).values())
    assert computed(tmp_path / "datamart") == computed(built)


def test_an_extra_column_is_kept_in_bronze_reported_and_changes_nothing_else(
    data: Path, built: Path, tmp_path: Path
) -> None:
    _add_column(data / FILES["attributes"])
    report = run(data, tmp_path / "datamart").report
    (note,) = (line for line in report["notes"] if "Risk_Grade" in line)
    assert FILES["attributes"] in note and "bronze.attributes" in note
    rows = table_rows(tmp_path / "datamart", "bronze.attributes")
    assert len(rows) == 40
    assert all(row["Risk_Grade"] == f"g{row['Customer_ID']}" for row in rows)
    assert computed(tmp_path / "datamart") == computed(built)


def test_a_file_with_an_extra_column_can_be_delivered_again(
    data: Path, built: Path, tmp_path: Path
) -> None:
    datamart = tmp_path / "datamart"
    shutil.copytree(built, datamart)
    _add_column(data / FILES["attributes"])
    first = run(data, datamart).report
    path = data / FILES["attributes"]
    path.write_text(path.read_text(encoding="utf-8").replace(",gCUS", ",hCUS", 1), encoding="utf-8")
    second = run(data, datamart).report
    changed = [
        {row["table"]: row["changed"] for row in report["tables"] if row["changed"]}
        for report in (first, second)
    ]
    assert changed == [{"bronze.attributes": 40}, {"bronze.attributes": 1}]
    grades = [row["Risk_Grade"][0] for row in table_rows(datamart, "bronze.attributes")]
    assert sorted(grades) == ["g"] * 39 + ["h"]


@pytest.mark.parametrize(
    "rewrites",
    [[_reorder, _mark, _end_in_crlf, _quote_all], [_write_dates_month_first] * 4],
    ids=["a form a file", "month first"],
)
def test_the_same_rows_in_another_form_change_no_row(
    data: Path, built: Path, tmp_path: Path, rewrites: list[Callable[[Path], None]]
) -> None:
    datamart = tmp_path / "datamart"
    shutil.copytree(built, datamart)
    _rewritten(data, *rewrites)
    report = run(data, datamart).report
    assert {name: n[1] for name, n in counted(report).items()} == {
        name: len(rows_of(data / file)) - 1 for name, file in FILES.items()
    }
    assert {row["table"]: row["changed"] for row in report["tables"] if row["changed"]} == {}


# One delivery with every bad row and cell there is

TOMORROW = (date.today() + timedelta(days=2)).isoformat()
HUGE = "9" * 40
BIG = "x" * 10_000_000
LOAN = "{loan},{customer},2023-02-01,10,{mob},10000,{due},1000,{overdue},9000,{day}"
_GOOD = {"loan": "L", "customer": "C", "mob": "1", "due": "1000", "overdue": "0"}


def _loan(**cells: str) -> str:
    return LOAN.format(**{**_GOOD, "day": "2023-03-01", **cells})


# Each line, and a part of every reason why it is quarantined.
BAD_LOANS = {
    "short": (_loan(loan="L1").rsplit(",", 2)[0], ["too few columns: 9 where the header has 11"]),
    "long": (_loan(loan="L2") + ",x,y", ["too many columns: 13 where the header has 11"]),
    "no-such-day": (_loan(loan="L3", day="2023-02-30"), ["not in the calendar: '2023-02-30'"]),
    "no-such-day-month-first": (_loan(loan="L4", day="2/30/2023"), ["not in the calendar"]),
    "future": (_loan(loan="L5", day=TOMORROW), [f"in the future: '{TOMORROW}'"]),
    "no-customer": (_loan(loan="L6", customer=""), ["Customer_ID is missing"]),
    "blank-loan": (_loan(loan="  "), ["loan_id is missing"]),
    "contradicts-a": (_loan(loan="L7", overdue="0"), ["contradicts row"]),
    "contradicts-b": (_loan(loan="L7", overdue="7"), ["contradicts row"]),
    "1e400": (_loan(loan="L8", due="1e400"), ["due_amt is too large: '1e400'"]),
    "nan": (_loan(loan="L9", overdue="NaN"), ["overdue_amt is not a number: 'NaN'"]),
    "40-digits": (_loan(loan="L10", mob=HUGE), ["installment_num is beyond 32 bits"]),
    "open-quote": ('"L11,C,2023-02-01', ["a quote that is not closed"]),
    "10-mb": (_loan(loan="L12", day=BIG), ["snapshot_date is not a date"]),
    "many-reasons": (
        _loan(loan="", customer="", mob="six", due="much", day="never"),
        [
            "Customer_ID is missing",
            "loan_id is missing",
            "snapshot_date is not a date",
            "installment_num is not a whole number: 'six'",
            "due_amt is not a number: 'much'",
        ],
    ),
}
# Cells of rows that are taken: the column, the cell, and the reason in `_issues` (None: none).
BAD_CELLS = [
    ("attributes", "Age", "1e400", "age: outside 18 to 100"),
    ("attributes", "Age", "NaN", "age: not a number"),
    ("attributes", "Age", HUGE, "age: outside 18 to 100"),
    ("attributes", "Age", BIG, "age: not a number"),
    ("financials", "Annual_Income", "1e400", "annual_income: outside 0 to 1e+07"),
    ("financials", "Annual_Income", "NaN", "annual_income: not a number"),
    ("financials", "Annual_Income", HUGE, "annual_income: outside 0 to 1e+07"),
    ("financials", "Annual_Income", "-Infinity", "annual_income: not a number"),
    ("financials", "Annual_Income", "", None),
    ("clickstream", "fe_1", "1e400", "fe_1: outside -1e+06 to 1e+06"),
    ("clickstream", "fe_1", "NaN", "fe_1: not a number"),
    ("clickstream", "fe_1", HUGE, "fe_1: outside -1e+06 to 1e+06"),
    ("clickstream", "fe_1", "1.5", "fe_1: not a whole number"),
    ("loan_daily", "loan_amt", "1e400", "loan_amt: outside 0 to 1e+15"),
    ("loan_daily", "paid_amt", "NaN", "paid_amt: not a number"),
    ("loan_daily", "balance", "1e16", "balance: outside 0 to 1e+15"),
    ("loan_daily", "overdue_amt", "1e16", "overdue_amt: outside -1e+15 to 1e+15"),
]


@dataclass(frozen=True)
class Dirty:
    datamart: Path
    report: dict[str, Any]
    delivered: dict[str, int]  # rows by source
    first_bad_line: int


@pytest.fixture(scope="module")
def dirty(generated: Path, tmp_path_factory: pytest.TempPathFactory) -> Dirty:
    """The small delivery with every bad row and cell, and ten copies of rows, run at once."""
    folder = tmp_path_factory.mktemp("dirty")
    data = folder / "data"
    shutil.copytree(generated, data)
    delivered = {}
    for name, file in FILES.items():
        header, *rows = rows_of(data / file)
        customer = header.index("Customer_ID")
        for i, (source, column, cell, _) in enumerate(BAD_CELLS):
            if source == name:
                rows[i][header.index(column)] = cell
                rows[i][customer] = f"CELL_{i}"
        text = "Occupation" if name == "attributes" else None
        if text:
            rows[20][header.index(text)] = "Clerk, retired"
            rows[21][header.index(text)] = 'two\nlines, "quoted"'
            rows[22][header.index(text)] = BIG
            for i in (20, 21, 22):
                rows[i][customer] = f"TEXT_{i}"
        copies = rows[-10:] if name == "loan_daily" else []
        write_rows(data / file, [header, *rows, *copies])
        delivered[name] = len(rows) + len(copies)
    loans = data / FILES["loan_daily"]
    first_bad_line = loans.read_text(encoding="utf-8").count("\n") + 1
    appended(loans, *(line for line, _ in BAD_LOANS.values()))
    delivered["loan_daily"] += len(BAD_LOANS)
    answer = run(data, folder / "datamart")
    return Dirty(folder / "datamart", answer.report, delivered, first_bad_line)


def test_of_a_dirty_delivery_no_row_is_lost(dirty: Dirty) -> None:
    bad, copies = len(BAD_LOANS), 10
    expected = {name: (rows, rows, 0, 0) for name, rows in dirty.delivered.items()}
    rows = dirty.delivered["loan_daily"]
    expected["loan_daily"] = (rows, rows - bad - copies, bad, copies)
    assert counted(dirty.report) == expected
    for name, (_, taken, *_) in expected.items():
        assert len(table_rows(dirty.datamart, f"bronze.{name}")) == taken
        assert len(table_rows(dirty.datamart, f"silver.{name}")) == taken


@pytest.mark.parametrize("kind", BAD_LOANS)
def test_a_bad_row_is_in_quarantine_with_place_text_and_every_reason(
    dirty: Dirty, kind: str
) -> None:
    text, reasons = BAD_LOANS[kind]
    line = dirty.first_bad_line + list(BAD_LOANS).index(kind)
    found = [
        row
        for row in table_rows(dirty.datamart, "bronze.quarantine")
        if row["_source_line"] == line
    ]
    assert [row["raw_text"] for row in found] == [text]
    (row,) = found
    assert (row["source"], row["_source_file"]) == ("loan_daily", FILES["loan_daily"])
    assert row["_source_row"] == line and row["mended_run_id"] is None
    assert len(row["reasons"]) == len(reasons)
    for told, reason in zip(row["reasons"], reasons, strict=True):
        assert reason in told and len(told) < 200


def test_contradicting_rows_name_each_other(dirty: Dirty) -> None:
    rows = {
        row["_source_row"]: row["reasons"]
        for row in table_rows(dirty.datamart, "bronze.quarantine")
        if row["raw_text"].startswith("L7,")
    }
    first, second = sorted(rows)
    words = "of the same Customer_ID, loan_id, snapshot_date: it differs in overdue_amt"
    assert rows[first] == [f"contradicts row {second} {words}"]
    assert rows[second] == [f"contradicts row {first} {words}"]


@pytest.mark.parametrize("i", range(len(BAD_CELLS)), ids=[f"{c[1]}={c[2][:12]}" for c in BAD_CELLS])
def test_a_bad_cell_is_null_in_silver_with_its_reason_and_kept_in_bronze(
    dirty: Dirty, i: int
) -> None:
    source, column, cell, reason = BAD_CELLS[i]
    key = f"CELL_{i}"
    (raw,) = (
        row for row in table_rows(dirty.datamart, f"bronze.{source}") if row["Customer_ID"] == key
    )
    assert raw[column] == (cell or None)
    (clean,) = (
        row for row in table_rows(dirty.datamart, f"silver.{source}") if row["customer_id"] == key
    )
    assert clean[column.lower()] is None
    told = [issue for issue in clean["_issues"] if issue.startswith(f"{column.lower()}: ")]
    assert told == ([reason] if reason else [])


@pytest.mark.parametrize(
    ("key", "text"),
    [("TEXT_20", "Clerk, retired"), ("TEXT_21", 'two\nlines, "quoted"'), ("TEXT_22", BIG)],
    ids=["comma", "line-break", "10-mb"],
)
def test_a_strange_text_stays_whole_in_bronze_and_is_no_occupation(
    dirty: Dirty, key: str, text: str
) -> None:
    raw, clean = (
        next(row for row in table_rows(dirty.datamart, name) if row[column] == key)
        for name, column in (
            ("bronze.attributes", "Customer_ID"),
            ("silver.attributes", "customer_id"),
        )
    )
    assert raw["Occupation"] == text
    assert clean["occupation"] is None and "occupation: not a known value" in clean["_issues"]


def test_of_two_equal_rows_one_is_kept(dirty: Dirty) -> None:
    rows = table_rows(dirty.datamart, "bronze.loan_daily")
    keys = [(row["Customer_ID"], row["loan_id"], row["snapshot_date"]) for row in rows]
    assert len(set(keys)) == len(keys) == dirty.delivered["loan_daily"] - len(BAD_LOANS) - 10


# Cells that are numbers, and make no sense together


def test_an_absurd_number_of_missed_installments_stops_no_run(data: Path, tmp_path: Path) -> None:
    amounts = [("1", "50000"), ("1", "999999999"), ("0.01", "999999999"), ("1e-300", "1")]
    for i, (due, overdue) in enumerate(amounts):
        absurd = _loan(loan=f"ABSURD_{i}", due=due, overdue=overdue)
        appended(data / FILES["loan_daily"], absurd)
    assert run(data, tmp_path / "datamart").report["published"] == [1]
    assert ask("status", "--json", "--datamart", tmp_path / "datamart").code == 0
    rows = table_rows(tmp_path / "datamart", "silver.loan_daily")
    absurd_rows = [row for row in rows if row["loan_id"].startswith("ABSURD")]
    assert len(absurd_rows) == 4
    assert all(row["dpd"] is None and row["_issues"] for row in absurd_rows)


def _with_days_as(path: Path, form: str, last: int) -> None:
    """Keep the rows of the months up to `last` of 2023, their days in another form."""
    header, *rows = rows_of(path)
    day = header.index("snapshot_date")
    kept = [row for row in rows if row[day] <= f"2023-{last:02}-31"]
    for row in kept:
        year, month, _ = map(int, row[day].split("-"))
        row[day] = form.format(y=year, m=month)
    write_rows(path, [header, *kept])


def test_dates_that_nothing_proves_are_refused_until_their_order_is_given(
    data: Path, tmp_path: Path, unchanged: Path
) -> None:
    path = data / FILES["clickstream"]
    _with_days_as(path, "5/{m}/{y}", 1)
    line = assert_refused(data, tmp_path / "fresh", unchanged)
    assert "'5/1/2023' on line 2 may be 2023-01-05 or 2023-05-01" in line
    assert path.name in line and "--date-order" in line
    datamart = tmp_path / "datamart"
    for order, month in (("mdy", "2023-05"), ("dmy", "2023-01")):
        report = run(data, datamart, "--date-order", order, "--allow-shrink").report
        assert any(note.endswith("--date-order says so") for note in report["notes"])
        assert month in {row["month"] for row in table_rows(datamart, "bronze.clickstream")}
    assert run(data, datamart).report["tables"] == []
    newest = max(table_rows(datamart, "ledger.releases"), key=lambda row: row["release"])
    assert '"date_order": {"order": "dmy"' in dict(newest["sources"])["bronze.clickstream"]


def test_a_file_that_grows_is_read_in_the_order_that_was_found_in_it(
    data: Path, tmp_path: Path
) -> None:
    path, datamart = data / FILES["clickstream"], tmp_path / "datamart"
    whole = path.read_bytes()
    months = {}
    for last in (3, 4):
        path.write_bytes(whole)
        _with_days_as(path, "1/{m}/{y}", last)
        report = run(data, datamart).report
        assert any("are read day first" in note for note in report["notes"])
        months[last] = {row["month"] for row in table_rows(datamart, "bronze.clickstream")}
    assert any("only grew" in note for note in report["notes"])
    assert months[4] - months[3] == {"2023-04"} and "2023-01" in months[3]
