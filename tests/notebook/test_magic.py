"""`%sql` and `%%sql` in a notebook: answers, names for them, errors without a traceback, completion."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import pandas as pd
import pytest
from IPython.core.interactiveshell import InteractiveShell

from lakehouse import Lakehouse
from lakehouse.catalog import load
from lakehouse.errors import BadInput
from lakehouse.notebook.asked import read
from lakehouse.notebook.completion import completions, sql_at
from tests.bank import EARLY, Bank

COUNT = "SELECT count(*) AS n FROM gold.label_store"


@pytest.fixture(scope="module")
def lake(pristine: Bank) -> Lakehouse:
    return Lakehouse(pristine.datamart, engine="embedded")


@pytest.fixture(scope="module")
def shell() -> Iterator[InteractiveShell]:
    made = InteractiveShell.instance()
    made.run_cell("%load_ext lakehouse")
    yield made
    InteractiveShell.clear_instance()


@pytest.fixture
def notebook(shell: InteractiveShell, lake: Lakehouse) -> InteractiveShell:
    """A notebook with a lake."""
    shell.reset(new_session=False)
    shell.user_ns["lake"] = lake
    return shell


def answer(notebook: InteractiveShell, cell: str) -> Any:
    done = notebook.run_cell(cell)
    assert done.success
    return done.result


def refusal(notebook: InteractiveShell, cell: str, capsys: pytest.CaptureFixture[str]) -> str:
    """The words of an error, which has no traceback."""
    capsys.readouterr()
    assert not notebook.run_cell(cell).success
    printed = capsys.readouterr()
    shown = printed.out + printed.err
    assert "Traceback" not in shown
    return shown.removeprefix("UsageError: ")


def test_a_cell_and_a_line_answer_as_a_pandas_frame(
    notebook: InteractiveShell, lake: Lakehouse
) -> None:
    rows = lake.table("gold.label_store").count()
    for cell in (
        f"%%sql\n{COUNT}",
        f"%sql {COUNT}",
        "%%sql SELECT count(*) AS n\nFROM label_store",
    ):
        found = answer(notebook, cell)
        assert isinstance(found, pd.DataFrame) and found.n.tolist() == [rows]


def test_a_release_and_a_month_pin_every_table(notebook: InteractiveShell, lake: Lakehouse) -> None:
    rows = lake.at(release=EARLY).table("gold.label_store").count()
    for options in ("--release 1", "--release=1", "--month 2023-10"):
        assert answer(notebook, f"%%sql {options}\n{COUNT}").n.tolist() == [rows]
    past = lake.at(release=EARLY)
    notebook.user_ns["past"] = past
    assert answer(notebook, f"%%sql --lake past\n{COUNT}").n.tolist() == [rows]


def test_an_answer_gets_a_name_and_is_asked_on(
    notebook: InteractiveShell, capsys: pytest.CaptureFixture[str]
) -> None:
    cell = "%%sql --release 1 bad <<\nSELECT loan_id, label FROM label_store WHERE label = 1"
    assert answer(notebook, cell) is None
    kept = notebook.user_ns["bad"]
    assert f"bad: {len(kept)} rows, 2 columns (loan_id, label)" in capsys.readouterr().out
    assert answer(notebook, "%sql SELECT count(*) AS n FROM bad").n.tolist() == [len(kept)]


def test_more_rows_than_the_limit_are_counted(
    notebook: InteractiveShell, lake: Lakehouse, capsys: pytest.CaptureFixture[str]
) -> None:
    found = answer(notebook, "%%sql --limit 5\nSELECT * FROM gold.label_store")
    rows = lake.table("gold.label_store").count()
    assert len(found) == 5
    assert f"these are 5 of {rows} rows; --limit takes more" in capsys.readouterr().err
    answer(notebook, f"%%sql --limit {rows}\nSELECT * FROM gold.label_store")
    assert capsys.readouterr().err == ""


def test_whole_numbers_stay_whole_beside_a_null(notebook: InteractiveShell) -> None:
    found = answer(notebook, "%sql SELECT * FROM VALUES (1), (NULL) AS t(a)")
    assert str(found.a.dtype) == "Int32" and found.a[0] == 1


def test_an_error_marks_the_line_of_the_query_and_has_no_traceback(
    notebook: InteractiveShell, capsys: pytest.CaptureFixture[str]
) -> None:
    cell = "%%sql\nSELECT loan_id,\n       lable\nFROM gold.label_store"
    said = refusal(notebook, cell, capsys)
    assert said.startswith("line 2, column 8: no column is called 'lable'; is it label?")
    assert "         lable\n         ^^^^^" in said
    said = refusal(notebook, "%sql SELECT cast('x' AS INT)", capsys)
    assert "the engine failed while it computed" in said
    assert "there are 1 to 4" in refusal(notebook, f"%%sql --release 9\n{COUNT}", capsys)


def test_a_note_about_a_version_is_printed(
    notebook: InteractiveShell, capsys: pytest.CaptureFixture[str]
) -> None:
    answer(notebook, f"%%sql\n{COUNT} VERSION AS OF 1")
    assert "note: gold.label_store VERSION AS OF 1 has no rows" in capsys.readouterr().err


def test_which_lake_is_asked_is_clear_or_refused(
    notebook: InteractiveShell, lake: Lakehouse, capsys: pytest.CaptureFixture[str]
) -> None:
    del notebook.user_ns["lake"]
    notebook.user_ns["mine"] = lake
    assert len(answer(notebook, f"%sql {COUNT}")) == 1
    notebook.user_ns["past"] = lake.at(release=EARLY)
    assert "the lakes mine, past; say which one" in refusal(notebook, f"%sql {COUNT}", capsys)
    assert "is it mine?" in refusal(notebook, f"%sql --lake mime {COUNT}", capsys)
    assert "there are mine, past" in refusal(notebook, f"%sql --lake zzz {COUNT}", capsys)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("--relase 1 SELECT 1", "no option --relase; is it --release"),
        ("--release 1 --month 2023-10 SELECT 1", "take one of --release and --month"),
        ("--limit x SELECT 1", "--limit takes a number of rows, and 'x' is none"),
        ("--release", "--release takes a value"),
        ("frame <<", "there is no query"),
    ],
)
def test_a_wrong_first_line_is_refused(line: str, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        read(line)


# Completion; | is the cursor


@pytest.mark.parametrize(
    ("cell", "offered"),
    [
        ("%%sql\nSELECT * FROM gold.la|", ["gold.label_store"]),
        ("%%sql\nSELECT * FROM label|", ["label_store"]),
        ("%%sql\nSELECT * FROM label_store l JOIN silver.lo|", ["silver.loan_daily"]),
        ("%%sql --release 1\nSELECT lab| FROM gold.label_store", ["label", "label_def"]),
        (
            "%%sql\nSELECT l.lab| FROM gold.label_store RELEASE AS OF 1 l",
            ["l.label", "l.label_def"],
        ),
        ("%%sql\nSELECT label_store.dp| FROM label_store WHERE x", ["label_store.dpd"]),
        ("x = %sql SELECT dp| FROM label_store", ["dpd"]),
        ("rows = lake.sql(f'''\n SELECT dp|\n FROM label_store''')", ["dpd"]),
        ('lake.sql("SELECT * FROM gold.la|")', ["gold.label_store"]),
        ("%%sql\nSEL|", ["SELECT"]),
        ("lake.sq|", None),
        ('lake.sql("SELECT 1").sh|', None),
        ("%%s|ql", None),
    ],
)
def test_completion_offers_tables_and_columns(cell: str, offered: list[str] | None) -> None:
    text, cursor = cell.replace("|", ""), cell.index("|")
    at = sql_at(text, cursor)
    assert (None if at is None else completions(*at, load().tables)) == offered


def test_a_notebook_completes_by_the_tables_of_its_lake(notebook: InteractiveShell) -> None:
    text = "%%sql\nSELECT *\nFROM gold.la"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = [*notebook.Completer.completions(text, len(text))]
    assert [text[: each.start] + each.text for each in found] == [
        "%%sql\nSELECT *\nFROM gold.label_store"
    ]
