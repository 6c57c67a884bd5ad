"""Queries in SQL: each table is read at a release, and what cannot be answered names its place."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, seed, settings
from hypothesis import strategies as st

from lakehouse import Lakehouse
from lakehouse.errors import BadInput, LakehouseError
from lakehouse.lake import SqlNote
from lakehouse.storage.log import Log
from tests.bank import CATALOG, CORRECTED, EARLY, FULL, LATER_DAY, Bank
from tests.on_spark import OnSpark

LABELS, LOANS = "gold.label_store", "silver.loan_daily"
TABLES = (LABELS, LOANS, "silver.attributes", "gold.features_attributes")


@pytest.fixture(scope="module")
def lake(pristine: Bank) -> Lakehouse:
    return Lakehouse(pristine.datamart, engine="embedded")


@pytest.fixture(scope="module")
def early(lake: Lakehouse) -> Lakehouse:
    return lake.at(release=EARLY)


def rows(lake: Lakehouse, query: str, **frames: Any) -> list[tuple[Any, ...]]:
    return sorted((tuple(row) for row in lake.sql(query, **frames).collect()), key=str)


def number(lake: Lakehouse, query: str, **frames: Any) -> Any:
    ((only,),) = rows(lake, query, **frames)
    return only


def count(lake: Lakehouse, table: str = LABELS) -> int:
    return lake.table(table).count()


def refusal(lake: Lakehouse, query: str, **frames: Any) -> str:
    with pytest.raises(BadInput) as caught:
        lake.sql(query, **frames)
    return str(caught.value)


# At a release


@pytest.mark.parametrize(
    "query",
    [
        "SELECT count(*) FROM gold.label_store",
        "SELECT count(*) FROM Gold.LABEL_STORE",
        "SELECT count(*) FROM `gold`.`label_store` AS l",
        "SELECT count(*) FROM label_store",
        "WITH l AS (SELECT * FROM gold.label_store) SELECT count(*) FROM l",
        "SELECT n FROM (SELECT count(*) AS n FROM gold.label_store)",
        "SELECT max((SELECT count(*) FROM gold.label_store)) FROM range(2)",
        "SELECT count(gold.label_store.mob) FROM gold.label_store /* all */ -- of them",
        "SELECT count(label_store.mob) FROM gold.label_store WHERE label_store.mob > 0;",
        "SELECT count(*) FROM gold.label_store LEFT SEMI JOIN silver.loan_daily d USING (loan_id)",
    ],
)
def test_a_query_counts_the_rows_of_the_release_that_the_lake_is_at(
    lake: Lakehouse, query: str
) -> None:
    for release in (EARLY, FULL, LATER_DAY):
        then = lake.at(release=release)
        assert number(then, query) == count(then)
    assert number(lake, query) == count(lake)
    assert count(lake) > count(lake.at(release=EARLY))


def test_two_releases_meet_in_one_query(lake: Lakehouse) -> None:
    query = f"SELECT count(*) FROM {LABELS} RELEASE AS OF 1 a FULL JOIN {LABELS} RELEASE AS OF 2 b"
    both = lake.sql(f"{query} ON a.loan_id = b.loan_id AND a.label_def = b.label_def")
    assert both.first()[0] == count(lake.at(release=FULL))  # type: ignore[index]
    added = f"SELECT * FROM {LABELS} release  as of 2 EXCEPT SELECT * FROM {LABELS} RELEASE AS OF 1"
    new = count(lake.at(release=FULL)) - count(lake.at(release=EARLY))
    assert lake.sql(added).count() == new > 0


def test_a_lake_without_a_release_reads_no_commit_that_is_not_published(
    pristine: Bank, tmp_path: Path
) -> None:
    bank = pristine.copied(tmp_path / "bank")
    lake = Lakehouse(bank.datamart, engine="embedded")
    published = count(lake)
    Log(str(bank.datamart)).open_to_write(CATALOG.table(LABELS)).delete("mob = 3")
    assert number(lake, f"SELECT count(*) FROM {LABELS}") == published
    assert lake.spark.sql(f"SELECT * FROM {LABELS}").count() < published


def test_a_frame_keeps_its_rows_when_another_lake_asks(pristine: Bank, tmp_path: Path) -> None:
    first = Lakehouse(pristine.datamart, engine="embedded").sql(f"SELECT * FROM {LABELS}")
    other = pristine.copied(tmp_path / "bank")
    other.change("lms_loan_daily.csv", lambda loans: loans.head(0))
    second = Lakehouse(other.datamart, engine="embedded").at(release=EARLY)
    before = first.count()
    assert second.sql(f"SELECT * FROM {LABELS}").count() < before == first.count()


def test_a_pinned_lake_never_answers_with_newer_rows(early: Lakehouse) -> None:
    newer = "is newer than release 1, at which this lake is; ask the lake without at()"
    assert newer in refusal(early, f"SELECT * FROM {LABELS} RELEASE AS OF 2")
    assert newer in refusal(early, f"SELECT * FROM {LABELS} VERSION AS OF 3")
    assert newer in refusal(early, f"SELECT * FROM {LABELS} TIMESTAMP AS OF '2999-01-01'")
    with pytest.raises(BadInput, match=r"this lake is at release 1; take lake\.sql"):
        _ = early.spark
    shown = rows(early, f"DESCRIBE HISTORY {LABELS}")
    assert {n for row in shown for n in row[6]} == {EARLY}
    assert max(row[0] for row in shown) == early.releases().loc[EARLY, "versions"][LABELS]


@pytest.mark.parametrize(
    "query",
    [
        "WITH a AS (TABLE newer) SELECT count(*) FROM a",
        "WITH a AS ((TABLE /* of the session */ `newer`)) SELECT count(*) FROM a",
        "WITH a AS (TABLE date) SELECT count(*) FROM a",
        "SELECT (TABLE newer)",
        "WITH RECURSIVE newer AS (SELECT count(*) FROM newer) SELECT * FROM newer",
        "WITH Newer AS (SELECT 1) SELECT count(*) FROM newer",
    ],
)
def test_no_view_of_the_session_is_read(lake: Lakehouse, early: Lakehouse, query: str) -> None:
    for view in ("newer", "date"):
        lake.sql(f"SELECT count(*) AS n FROM {LABELS}").createOrReplaceTempView(view)
    assert refusal(early, query)


@pytest.mark.parametrize(
    "query", ["SELECT ?", "SELECT :x", "SELECT " + "(" * 999 + "1" + ")" * 999]
)
def test_a_query_without_a_meaning_is_refused_in_one_line(lake: Lakehouse, query: str) -> None:
    assert "\n" not in refusal(lake, query)


def test_a_release_that_vacuum_gave_up_is_refused(pristine: Bank, tmp_path: Path) -> None:
    bank = pristine.copied(tmp_path / "bank")
    lake = Lakehouse(bank.datamart, engine="embedded")
    file = next(iter(bank.log.files(CATALOG.table(LABELS), bank.versions(EARLY)[LABELS])))
    (bank.datamart / LABELS.replace(".", "/") / file).unlink()
    with pytest.raises(
        LakehouseError, match=r"release 1 cannot be read any more: gold\.label_store"
    ):
        lake.at(release=EARLY).sql(f"SELECT count(*) FROM {LABELS}")


# A version is not a release


def noted(lake: Lakehouse, query: str) -> tuple[int, str]:
    """The number of rows of an answer, and the notes about it."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = lake.sql(query).count()
    assert {each.category for each in caught} <= {SqlNote}
    assert all(each.filename == __file__ for each in caught)
    return found, "\n".join(str(each.message) for each in caught)


def test_a_version_is_read_and_a_note_says_in_which_releases_it_is(lake: Lakehouse) -> None:
    version = lake.releases().loc[CORRECTED, "versions"][LABELS]
    found, note = noted(lake, f"SELECT * FROM {LABELS} VERSION AS OF {version}")
    assert found == count(lake)
    assert note == (
        f"{LABELS} VERSION AS OF {version} is a version of this table, and no release; "
        "it is in releases 3, 4"
    )
    assert noted(lake, f"SELECT * FROM {LABELS} RELEASE AS OF 4") == (found, "")


def test_a_version_without_rows_is_told_from_the_release_of_that_number(lake: Lakehouse) -> None:
    found, note = noted(lake, f"SELECT * FROM {LABELS} VERSION AS OF 1")
    assert found == 0
    assert "it is in no release" in note
    assert "VERSION AS OF 1 has no rows: a table counts its own commits" in note
    assert "release 1 has its version 2, which RELEASE AS OF 1 reads" in note


def test_a_time_means_the_version_of_then_by_the_log_itself(lake: Lakehouse) -> None:
    for release in (EARLY, FULL, LATER_DAY):
        moment = lake.releases().loc[release, "finished_at"]
        found, note = noted(lake, f"SELECT * FROM {LABELS} TIMESTAMP AS OF '{moment}'")
        assert found == count(lake.at(release=release))
        assert f"reads version {lake.releases().loc[release, 'versions'][LABELS]}," in note


@pytest.mark.parametrize(
    ("clause", "message"),
    [
        ("VERSION AS OF 99", "has no version 99; there are 0 to 4"),
        ("VERSION AS OF 'x'", "VERSION AS OF takes a number, and 'x' is none"),
        ("RELEASE AS OF 9", "no release 9; there are 1 to 4"),
        ("TIMESTAMP AS OF '1999-01-01'", "has no version of 1999-01-01; the first is of 20"),
        ("TIMESTAMP AS OF 'then'", "'then' is not a time; write it as 2023-07-01 12:00"),
        ("TIMESTAMP AS OF now()", "a number or a text stands behind AS OF"),
        ("RELEASE AS OF latest", "a number stands behind RELEASE AS OF, such as 3"),
    ],
)
def test_a_past_that_is_not_there_is_refused(lake: Lakehouse, clause: str, message: str) -> None:
    assert message in refusal(lake, f"SELECT * FROM {LABELS} {clause} a")


def test_a_column_in_double_quotes_is_told_to_be_a_text(lake: Lakehouse) -> None:
    with pytest.warns(SqlNote, match='"mob" is a text in Spark SQL, and no column; .* is `mob`'):
        assert rows(lake, f"""SELECT "mob" FROM {LABELS} WHERE label_def <> "x" LIMIT 1""") == [
            ("mob",)
        ]


def test_the_ledger_has_no_past(lake: Lakehouse, early: Lakehouse) -> None:
    assert number(lake, "SELECT count(*) FROM ledger.releases") == CORRECTED
    refused = refusal(early, "SELECT count(*) FROM ledger.releases")
    assert "this lake is at release 1, and ledger.releases is about all releases" in refused
    assert "ledger" not in {row[0] for row in rows(early, "SHOW TABLES")}
    assert "has no past; leave out" in refusal(
        lake, "TABLE x" and "SELECT 1 FROM ledger.releases RELEASE AS OF 1"
    )


# Names


def test_a_cte_with_the_name_of_a_table_shadows_it(early: Lakehouse) -> None:
    query = "WITH label_store AS (SELECT * FROM label_store WHERE mob = 6) SELECT count(*) FROM {}"
    at_six = early.table(LABELS).where("mob = 6").count()
    assert 0 < at_six < count(early)
    assert number(early, query.format("label_store")) == at_six
    assert number(early, query.format(LABELS)) == count(early)
    later = (
        "WITH a AS (SELECT * FROM label_store), label_store AS (SELECT 1) SELECT count(*) FROM a"
    )
    assert number(early, later) == count(early)


def test_a_frame_of_the_caller_is_called_by_its_name(early: Lakehouse) -> None:
    mine = early.table(LABELS).where("mob = 6")
    query = "SELECT count(*) FROM mine JOIN gold.label_store l USING (loan_id, label_def)"
    assert number(early, query, mine=mine) == mine.count()
    assert number(early, "SELECT count(*) FROM label_store", label_store=mine) == mine.count()


def test_two_tables_of_one_name_are_told_apart_by_their_layers(lake: Lakehouse) -> None:
    joined = (
        "SELECT count(silver.attributes.customer_id) FROM silver.attributes JOIN bronze.attributes "
        "ON silver.attributes.customer_id = bronze.attributes.Customer_ID"
    )
    assert number(lake, joined) == count(lake, "silver.attributes")
    assert (
        "is the name of bronze.attributes and silver.attributes; write the layer, too"
        in refusal(lake, "SELECT * FROM attributes")
    )
    twice = f"SELECT * FROM {LABELS} RELEASE AS OF 1 JOIN {LABELS} RELEASE AS OF 2"
    assert f"{LABELS} is there twice; give each an alias" in refusal(lake, twice)


MARKED = """\
select lable from gold.label_store | 1:8 no column is called 'lable'; is it label? | ^^^^^
SELECT a.mob FROM gold.label_store a\\n WHERE a.mbo = 1 | 2:8 no column is called 'mbo'; is it mob? | ^^^^^
select b.mob from gold.label_store a | 1:8 no table of this query is called 'b'; there is a | ^^^^^
with w as (select mob m from label_store) select mm from w | 1:50 no column is called 'mm'; is it m? | ^^
select x.lable from (select * from label_store) x | 1:8 no column is called 'lable'; is it label? | ^^^^^^^
select 1 from label_store where mob in (select m from label_store) | 1:48 no column is called 'm'; | ^
select mob from label_store a join silver.loan_daily b on true | 1:8 'mob' is a column of more | ^^^
select cuont(mob) from label_store | 1:8 no function is called 'cuont'; is it count | ^^^^^
select label, count(*) from label_store | 1:8 label is neither in GROUP BY nor in an aggregate | ^^^^^
select 1 from gold.lable_store | 1:15 no table is called 'gold.lable_store'; is it gold. | ^^^^^^^^^^^^^^^^
select mob form gold.label_store | 1:12 'form' does not fit here; is it FROM? | ^^^^
selct mob from label_store | 1:1 no statement begins with 'selct'; is it SELECT? | ^^^^^
select mob, from gold.label_store | 1:33 the engine cannot read on from here | ^
delete from label_store | 1:1 only reading is possible, so DELETE is refused | ^^^^^^
explain select lable from label_store | 1:16 no column is called 'lable'; is it label? | ^^^^^
describe gold.lable_store | 1:10 no table is called 'gold.lable_store'; is | ^^^^^^^^^^^^^^^^
describe history lable_store | 1:18 no table is called 'lable_store'; is it label_store | ^^^^^^^^^^^
select 'x | 1:9 a quote or comment is not closed | ^
select mob RELEASE AS OF 1 from label_store | 1:12 RELEASE AS OF 1 stands behind no table | ^^^^^^^^^^^^^^^
""".strip().split("\n")


@pytest.mark.parametrize("case", MARKED, ids=lambda case: str(case.split(" | ")[0]))
def test_a_mistake_is_marked_where_it_stands_and_names_the_nearest(
    lake: Lakehouse, case: str
) -> None:
    query, said, mark = case.replace("\\n", "\n").split(" | ")
    place, _, message = said.partition(" ")
    line, _, column = place.partition(":")
    first, shown, marked = refusal(lake, query).split("\n")
    assert first.startswith(f"line {line}, column {column}: {message}")
    assert shown == f"  {query.split(chr(10))[int(line) - 1]}"
    assert marked == " " * (int(column) + 1) + mark


@pytest.mark.parametrize(
    "query",
    [
        f"DROP TABLE {LABELS}",
        f"INSERT INTO {LABELS} SELECT * FROM {LABELS}",
        f"DELETE FROM {LABELS}",
        f"MERGE INTO {LABELS} a USING {LABELS} b ON a.mob = b.mob WHEN MATCHED THEN DELETE",
        f"CREATE TABLE gold.x AS SELECT * FROM {LABELS}",
        f"CREATE OR REPLACE TEMP VIEW x AS SELECT * FROM {LABELS}",
        f"WITH x AS (SELECT 1) INSERT INTO {LABELS} SELECT * FROM x",
        f"SELECT 1; DROP TABLE {LABELS}",
        f"EXPLAIN DELETE FROM {LABELS}",
        f"SELECT TRANSFORM (mob) USING 'cat' AS (x) FROM {LABELS}",
        f"VACUUM {LABELS}",
        f"OPTIMIZE {LABELS}",
        "SET x = 1",
        "",
        "-- nothing",
        f"SELECT * FROM table_changes('{LABELS}', 0)",
        "SELECT * FROM delta.`/tmp/x`",
        f"SELECT * FROM {LABELS}@v1",
        f"SELECT (TABLE {LABELS})",
    ],
)
def test_only_reading_is_possible_and_only_of_the_lake(lake: Lakehouse, query: str) -> None:
    before = {t.full_name: lake._log.version(t) for t in CATALOG.tables}
    assert refusal(lake, query)
    assert {t.full_name: lake._log.version(t) for t in CATALOG.tables} == before


# About tables


def test_tables_are_shown_as_they_are_at_the_release(lake: Lakehouse, early: Lakehouse) -> None:
    shown = {row[0] + "." + row[1]: row for row in rows(early, "SHOW TABLES")}
    assert {*early.releases().loc[EARLY, "versions"]} <= {*shown}
    for name in TABLES:
        assert shown[name][3] == count(early, name)
    assert {row[0] for row in rows(lake, "show tables in gold like 'f*'")} == {"gold"}
    assert [row[0] for row in lake.sql("SHOW COLUMNS IN label_store").collect()] == (
        lake.table(LABELS).columns
    )
    assert "no layer is called 'glod'" in refusal(lake, "SHOW TABLES IN glod")


def test_a_table_is_described_with_types_and_meanings(lake: Lakehouse) -> None:
    described = rows(lake, f"DESCRIBE {LABELS}")
    assert {row[0]: row[1] for row in described} == dict(lake.table(LABELS).dtypes)
    assert ("loan_id", "string", "The loan.") in described


def test_the_history_says_which_releases_have_a_version(lake: Lakehouse) -> None:
    shown = {row[0]: row for row in rows(lake, f"DESCRIBE HISTORY {LABELS}")}
    assert len(shown) == len(lake.history(LABELS))
    for release, versions in lake.releases().versions.items():
        assert release in shown[versions[LABELS]][6]
    newest = rows(lake, f"DESCRIBE HISTORY {LABELS} LIMIT 2;")
    assert {row[0] for row in newest} == {*sorted(shown)[-2:]}


@pytest.mark.parametrize(
    "query",
    [
        "DESCRIBE gold.label_store mob",
        "DESCRIBE gold.label_store RELEASE AS OF 1 WHERE mob = 3",
        "DESCRIBE HISTORY gold.label_store ORDER BY version",
        "SHOW COLUMNS IN gold.label_store LIMIT 2",
    ],
)
def test_words_behind_a_table_that_is_described_are_not_dropped(
    lake: Lakehouse, query: str
) -> None:
    assert "nothing can stand behind the table" in refusal(lake, query)


# The law


@st.composite
def sources(draw: st.DrawFn, depth: int = 2) -> tuple[str, str]:
    """A text for behind FROM, with a customer_id: as a user writes it, and over frames of tables."""
    if depth == 0 or draw(st.booleans()):
        name, release = draw(st.sampled_from(TABLES)), draw(st.sampled_from((None, EARLY, FULL)))
        clause = f" RELEASE AS OF {release}" if release else ""
        return f"{name}{clause}", frame_name(name, release or FULL)
    asked, plain = draw(selects(depth - 1))
    return f"({asked})", f"({plain})"


@st.composite
def selects(draw: st.DrawFn, depth: int = 2) -> tuple[str, str]:
    """A SELECT with a column customer_id, twice as above."""
    first, second, third = (draw(sources(depth)) for _ in range(3))
    join = draw(st.sampled_from(["", "JOIN", "LEFT JOIN", "LEFT ANTI JOIN"]))
    where = draw(st.sampled_from(["", "IN", "NOT IN"]))
    union = draw(selects(depth - 1)) if depth and draw(st.booleans()) else None
    cte = draw(st.sampled_from(["", "label_store", "c"]))
    texts = []
    for side in (0, 1):
        text = "SELECT a.customer_id, count(*) AS n FROM "
        text += f"{cte} a" if cte else f"{first[side]} a"
        text += f" {join} {second[side]} AS b ON a.customer_id = b.customer_id" if join else ""
        text += (
            f" WHERE a.customer_id {where} (SELECT customer_id FROM {third[side]} c)"
            if where
            else ""
        )
        text += " GROUP BY a.customer_id"
        text += f" UNION ALL SELECT * FROM ({union[side]}) u" if union else ""
        texts.append(
            f"WITH {cte} AS (SELECT customer_id FROM {first[side]} f) {text}" if cte else text
        )
    return texts[0], texts[1]


def frame_name(table: str, release: int) -> str:
    return f"law_{table.replace('.', '_')}_{release}"


@pytest.fixture(scope="module")
def frames(lake: Lakehouse) -> None:
    """Name each table at both releases in the session, without its comments, for queries to compare with."""
    for release in (EARLY, FULL):
        for name in TABLES:
            rows = lake.at(release=release).table(name).toArrow()
            plain = rows.cast(pa.schema([pa.field(f.name, f.type) for f in rows.schema]))
            frame = lake.spark.createDataFrame(plain)
            frame.createOrReplaceTempView(frame_name(name, release))


@pytest.mark.slow
@seed(28)
@settings(max_examples=40)
@given(pair=selects())
def test_a_query_at_a_release_answers_as_over_the_tables_of_that_release(
    lake: Lakehouse, frames: None, pair: tuple[str, str]
) -> None:
    asked, plain = pair
    then = lake.at(release=FULL)
    expected = sorted((tuple(row) for row in lake.spark.sql(plain).collect()), key=str)
    assert rows(then, asked) == expected


def test_each_table_has_in_sql_the_rows_that_it_has_as_a_frame(lake: Lakehouse) -> None:
    for table in CATALOG.tables:
        if lake._log.exists(table):
            found = lake.sql(f"SELECT * FROM {table.full_name}").toArrow()
            there = lake.table(table.full_name).toArrow()
            assert found.schema.equals(there.schema), table.full_name
            assert sorted(map(str, found.to_pylist())) == sorted(map(str, there.to_pylist()))


# On Spark

QUESTIONS = (
    f"SELECT count(*) FROM {LABELS}",
    f"SELECT count(*) FROM {LABELS} RELEASE AS OF 1 a JOIN label_store RELEASE AS OF 2 b USING (loan_id)",
    "WITH label_store AS (SELECT * FROM label_store WHERE mob = 6) SELECT count(*) FROM label_store",
    f"SELECT max(gold.label_store.dpd) FROM {LABELS} VERSION AS OF 2 WHERE gold.label_store.mob = 6",
    f"DESCRIBE {LABELS}",
    f"DESCRIBE HISTORY {LABELS}",
    "SHOW TABLES IN gold",
    "SHOW TABLES",
)


def told(datamart: str, engine: str, queries: list[str]) -> list[Any]:
    """The answer or the refusal of a lake at release 2 to each query."""
    lake = Lakehouse(datamart, engine=engine).at(release=FULL)
    answers: list[Any] = []
    for query in queries:
        try:
            frame = lake.sql(query)
            answers.append((frame.columns, [tuple(row) for row in frame.collect()]))
        except BadInput as error:
            answers.append(str(error))
    return answers


@pytest.mark.spark
def test_both_engines_say_the_same(pristine: Bank, on_spark: OnSpark) -> None:
    mistakes = [case.replace("\\n", "\n").split(" | ")[0] for case in MARKED]
    queries = [*QUESTIONS, *mistakes]
    embedded = told(str(pristine.datamart), "embedded", queries)
    spark = on_spark(told, str(pristine.datamart), "spark", queries)
    for query, ours, theirs in zip(queries, embedded, spark, strict=True):
        assert theirs == ours, query
    assert all(isinstance(each, str) for each in embedded[len(QUESTIONS) :])
