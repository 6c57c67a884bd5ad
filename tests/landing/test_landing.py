"""Landing: every row of a raw CSV is accepted, quarantined with reasons, or an equal duplicate."""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import hashlib
import io
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from lakehouse.bronze import loan_daily
from lakehouse.bronze.quarantine import TABLE as QUARANTINE
from lakehouse.days import DateOrder
from lakehouse.errors import BadInput, LakehouseError
from lakehouse.landing import broken_records, chunks
from lakehouse.landing.counts import Counts, Landed, Reading
from lakehouse.landing.land import land
from lakehouse.storage.files import fingerprint
from lakehouse.table import Field, Source

PEOPLE = Source(
    name="people",
    file_names=("people.csv", "persons.csv"),
    columns=tuple(
        Field(n, "STRING", "") for n in ("id", "note", "start", "n", "amt", "snapshot_date")
    ),
    keys=("id", "snapshot_date"),
    entity="id",
    date="snapshot_date",
    required=(
        ("id", "text"),
        ("snapshot_date", "date"),
        ("start", "date"),
        ("n", "integer"),
        ("amt", "number"),
    ),
)
HEADER = "id,note,start,n,amt,snapshot_date"


def row(id: str, note: str = "hi", start: str = "2023-01-01", n: str = "1", amt: str = "2.5",
        day: str = "2023-05-01") -> str:  # fmt: skip
    return f"{id},{note},{start},{n},{amt},{day}"


def csv_of(*rows: str, header: str = HEADER, end: str = "\n") -> bytes:
    return "".join(line + end for line in (header, *rows)).encode()


def landed(tmp_path: Path, content: bytes, max_bad: float = 1.0, source: Source = PEOPLE) -> Landed:
    path = tmp_path / "people.csv"
    path.write_bytes(content)
    result = land(source, path, tmp_path / "into", max_bad)
    assert sorted(p.name for p in (tmp_path / "into").iterdir()) == [
        f"{source.name}.accepted.parquet",
        f"{source.name}.quarantined.parquet",
    ]
    return result


def accepted(result: Landed) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(result.accepted).to_pylist()
    return sorted(rows, key=lambda r: r["_source_row"])


def quarantined(result: Landed) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(result.quarantined).to_pylist()
    return sorted(rows, key=lambda r: r["_source_row"])


def total(result: Landed) -> Counts:
    return sum(result.counts.values(), Counts())


def refusal(tmp_path: Path, content: bytes, max_bad: float = 0.2) -> str:
    with pytest.raises(BadInput) as caught:
        landed(tmp_path, content, max_bad)
    message = str(caught.value)
    assert "\n" not in message and "people.csv" in message
    assert list((tmp_path / "into").iterdir()) == []
    return message


def reasons_of(tmp_path: Path, *rows: str, source: Source = PEOPLE) -> list[str]:
    """The reasons of the one bad row that stands among good ones."""
    found = quarantined(landed(tmp_path, csv_of(row("good"), *rows), source=source))
    assert len(found) == 1
    reasons: list[str] = found[0]["reasons"]
    return reasons


# The happy path


RENAMED = replace(
    PEOPLE, renames=(("Kunde", "id"), ("Tag", "snapshot_date"), ("start_dt", "start"))
)


@pytest.mark.parametrize("mark", [",", ";"])
def test_a_renamed_column_is_the_declared_one_with_the_same_rows_and_hashes(
    tmp_path: Path, mark: str
) -> None:
    rows = [row("a"), row("b", day="2023-06-01"), row("a", note="other")]
    in_file = csv_of(*rows, header="Kunde, note ,start_dt,n,amt,Tag").replace(b",", mark.encode())
    as_declared = csv_of(*rows).replace(b",", mark.encode())
    found, wanted = (landed(tmp_path, text, source=RENAMED) for text in (in_file, as_declared))
    assert accepted(found) == accepted(wanted) != []
    assert [(each["_row_hash"], each["reasons"]) for each in quarantined(found)] == [
        (each["_row_hash"], each["reasons"]) for each in quarantined(wanted)
    ]
    assert total(found).quarantined == 2


def test_a_renamed_column_beside_the_one_of_that_name_is_told_as_twice(tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_bytes(csv_of("a," + row("a"), header=f"Kunde,{HEADER}"))
    with pytest.raises(BadInput, match=r"names columns twice .*: id, id; rename"):
        land(RENAMED, tmp_path / "people.csv", tmp_path / "into")


def test_a_good_file_is_accepted_whole(tmp_path: Path) -> None:
    result = landed(tmp_path, csv_of(row("a"), row("b", day="2023-06-01")))
    assert total(result) == Counts(2, 2, 0, 0)
    assert result.counts == {"2023-05": Counts(1, 1, 0, 0), "2023-06": Counts(1, 1, 0, 0)}
    assert pq.read_schema(result.accepted).names == [
        *PEOPLE.header, "_source_file", "_source_row", "_row_hash", "month"
    ]  # fmt: skip
    first = accepted(result)[0]
    assert first["snapshot_date"] == dt.date(2023, 5, 1) and first["start"] == "2023-01-01"
    assert (first["_source_file"], first["_source_row"], first["month"]) == (
        "people.csv", 2, "2023-05"
    )  # fmt: skip


def test_the_quarantine_has_the_columns_of_the_quarantine_table(tmp_path: Path) -> None:
    names = pq.read_schema(landed(tmp_path, csv_of(row("a"))).quarantined).names
    assert names == [f.name for f in QUARANTINE.fields if f.name in names] and len(names) == 8


def test_the_fingerprint_is_the_sha256_of_the_bytes(tmp_path: Path) -> None:
    content = csv_of(row("a"))
    result = landed(tmp_path, content)
    expected = hashlib.sha256(content).hexdigest()
    assert result.fingerprint == fingerprint(tmp_path / "people.csv") == expected


def test_importing_the_module_starts_no_duckdb() -> None:
    code = "import sys, lakehouse.landing.land; print('duckdb' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize(
    "content",
    [
        csv_of(row("a"), row("b"), end="\r\n"),
        b"\xef\xbb\xbf" + csv_of(row("a"), row("b")),
        csv_of(row("a"), row("b")).rstrip(b"\n"),
        csv_of(row("a"), row("b")) + b"\n\n",
        csv_of(row("a"), "", row("b"), "\r"),
        b"\n" + csv_of(row("a"), row("b")),
        csv_of(row("a"), row("b"), header="id, note ,start,n,amt , snapshot_date"),
        csv_of(row("a"), row("b"), header='"id",note,start,"n",amt,snapshot_date'),
        gzip.compress(csv_of(row("a"), row("b"))),
        csv_of(row("a"), row("b")).decode().encode("utf-16"),
        csv_of(row("a"), row("b")).replace(b",", b";"),
    ],
    ids=[
        "crlf",
        "bom",
        "no-last-break",
        "blank-end",
        "blank-inside",
        "blank-first",
        "spaces",
        "quoted",
        "gzip",
        "utf-16",
        "semicolons",
    ],
)
def test_forms_of_a_file_that_mean_the_same_land_the_same(tmp_path: Path, content: bytes) -> None:
    plain = accepted(landed(tmp_path, csv_of(row("a"), row("b"))))
    assert accepted(landed(tmp_path, content)) == plain


def test_quoted_commas_quotes_and_line_breaks_are_kept(tmp_path: Path) -> None:
    cells = ["x,y", 'say "hi"', "two\nlines", "two\r\nlines", "a\rb", "", " pad ", "é漢", '"', '""']
    rows = [row(f"r{i}", note='"' + c.replace('"', '""') + '"') for i, c in enumerate(cells)]
    notes = [r["note"] for r in accepted(landed(tmp_path, csv_of(*rows)))]
    assert notes == [c or None for c in cells]


def test_a_quote_inside_a_bare_cell_is_text(tmp_path: Path) -> None:
    rows = [row("a", note="5'11\" tall"), row("b", note=' "x"')]
    notes = [r["note"] for r in accepted(landed(tmp_path, csv_of(*rows)))]
    assert notes == ["5'11\" tall", ' "x"']


def test_columns_may_come_in_any_order_and_extra_ones_are_kept(tmp_path: Path) -> None:
    result = landed(
        tmp_path,
        csv_of(
            "2023-05-01,1,9,2.5,c0,hi,2023-01-01,a",
            header="snapshot_date,n,new,amt,c0,note,start,id",
        ),
    )
    assert result.extra_columns == ("new", "c0")
    assert pq.read_schema(result.accepted).names[6:8] == ["new", "c0"]
    assert (accepted(result)[0]["new"], accepted(result)[0]["id"]) == ("9", "a")


def test_an_extra_column_without_a_name_gets_one(tmp_path: Path) -> None:
    result = landed(tmp_path, csv_of("0," + row("a"), header="," + HEADER))
    assert result.extra_columns == ("unnamed_1",)


def test_hostile_names_run_nothing(tmp_path: Path) -> None:
    hostile = '"x""; DROP TABLE repeated; --",\' OR 1=1,{a: 1},c0'
    result = landed(tmp_path, csv_of(row("a") + ",p,q,r,s", header=f"{HEADER},{hostile}"))
    assert result.extra_columns == ('x"; DROP TABLE repeated; --', "' OR 1=1", "{a: 1}", "c0")
    assert accepted(result)[0]["' OR 1=1"] == "q" and accepted(result)[0]["c0"] == "s"


@pytest.mark.parametrize(
    "folder", ["it's", "a b", "é漢", "[x]", "*", "what?", 'q"q', "month=2020-01"]
)
def test_any_path_works(tmp_path: Path, folder: str) -> None:
    (tmp_path / folder).mkdir()
    result = landed(tmp_path / folder, csv_of(row("a"), row("b", day="x")))
    assert total(result) == Counts(2, 1, 1, 0)
    assert accepted(result)[0]["month"] == "2023-05"


# Dates, numbers, text


@pytest.mark.parametrize("form", ["5/1/2023", "05/01/2023", " 2023-05-01 ", "5/01/2023"])
def test_both_date_forms_are_the_same_day_and_the_same_row(tmp_path: Path, form: str) -> None:
    proof = row("b", day="5/31/2023")
    result = landed(tmp_path, csv_of(row("a"), row("a", day=form, start="1/1/2023"), proof))
    assert total(result) == Counts(3, 2, 0, 1)


def test_a_required_date_other_than_the_snapshot_is_kept_in_iso_form(tmp_path: Path) -> None:
    result = landed(tmp_path, csv_of(row("a", start="1/31/2023")))
    assert accepted(result)[0]["start"] == "2023-01-31"


TOMORROW = (dt.datetime.now(dt.timezone.utc).date() + dt.timedelta(days=2)).isoformat()


@pytest.mark.parametrize(
    ("day", "reason"),
    [
        ("2023-02-30", "snapshot_date is not in the calendar: '2023-02-30'"),
        ("13/32/2023", "snapshot_date is not in the calendar: '13/32/2023'"),
        ("", "snapshot_date is missing"),
        ("2023-5-1", "snapshot_date is not a date like 2023-05-01 or 5/1/2023: '2023-5-1'"),
        ("20230501", "snapshot_date is not a date like 2023-05-01 or 5/1/2023: '20230501'"),
        ("infinity", "snapshot_date is not a date like 2023-05-01 or 5/1/2023: 'infinity'"),
        ("1969-12-31", "snapshot_date is before 1970-01-01: '1969-12-31'"),
        ("0000-01-01", "snapshot_date is before 1970-01-01: '0000-01-01'"),
        (TOMORROW, f"snapshot_date is in the future: '{TOMORROW}'"),
    ],
)
def test_a_date_that_cannot_be_is_quarantined(tmp_path: Path, day: str, reason: str) -> None:
    result = landed(tmp_path, csv_of(row("good"), row("bad", day=day)))
    (bad,) = quarantined(result)
    assert bad["reasons"] == [reason] and bad["month"] is None
    assert result.counts[None] == Counts(1, 0, 1, 0)


def test_today_is_not_the_future(tmp_path: Path) -> None:
    today = dt.datetime.now(dt.timezone.utc).date().isoformat()
    assert total(landed(tmp_path, csv_of(row("a", day=today)))).accepted == 1


@pytest.mark.parametrize(
    "n",
    [
        "1",
        "-1",
        "+7",
        " 3 ",
        "007",
        "2147483647",
        "-2147483648",
        "6.0",
        "6.",
        "-0.00",
        "\u00a03\u2007",
    ],
)
def test_a_whole_number_is_accepted(tmp_path: Path, n: str) -> None:
    assert total(landed(tmp_path, csv_of(row("a", n=n)))).accepted == 1


@pytest.mark.parametrize(
    ("n", "reason"),
    [
        ("3.5", "n is not a whole number: '3.5'"),
        ("3.01", "n is not a whole number: '3.01'"),
        ("1.5e0", "n is not a whole number: '1.5e0'"),
        ("1e10", "n is beyond 32 bits: '1e10'"),
        ("0x1", "n is not a whole number: '0x1'"),
        ("٣", "n is not a whole number: '٣'"),
        ("2147483648", "n is beyond 32 bits: '2147483648'"),
        ("9" * 50, f"n is beyond 32 bits: '{'9' * 40}...'"),
        (" ", "n is missing"),
    ],
)
def test_what_is_no_whole_number_is_quarantined(tmp_path: Path, n: str, reason: str) -> None:
    assert reasons_of(tmp_path, row("bad", n=n)) == [reason]


@pytest.mark.parametrize("amt", ["1", "-1.5", "+.5", "5.", "1e-05", "1E+16", "9" * 41, " 2 "])
def test_a_finite_decimal_number_is_accepted(tmp_path: Path, amt: str) -> None:
    assert total(landed(tmp_path, csv_of(row("a", amt=amt)))).accepted == 1


@pytest.mark.parametrize(
    ("amt", "reason"),
    [
        ("NaN", "amt is not a number: 'NaN'"),
        ("inf", "amt is not a number: 'inf'"),
        ("12_", "amt is not a number: '12_'"),
        ("1_000", "amt is not a number: '1_000'"),
        (".", "amt is not a number: '.'"),
        ("1e400", "amt is too large: '1e400'"),
        ("-1e400", "amt is too large: '-1e400'"),
        ("", "amt is missing"),
    ],
)
def test_what_is_no_finite_number_is_quarantined(tmp_path: Path, amt: str, reason: str) -> None:
    assert reasons_of(tmp_path, row("bad", amt=amt)) == [reason]


def test_all_reasons_of_a_row_are_told(tmp_path: Path) -> None:
    assert reasons_of(tmp_path, row("  ", n="x", amt="y", day="z", start="")) == [
        "id is missing",
        "snapshot_date is not a date like 2023-05-01 or 5/1/2023: 'z'",
        "start is missing",
        "n is not a whole number: 'x'",
        "amt is not a number: 'y'",
    ]


def test_a_name_or_ssn_never_stands_in_a_reason(tmp_path: Path) -> None:
    source = Source(
        "secret", ("people.csv",),
        (
            *(Field(n, "STRING", "", personal=True) for n in ("Name", "SSN")),
            Field("snapshot_date", "STRING", ""),
        ),
        ("Name", "snapshot_date"), "Name", "snapshot_date",
        (("Name", "text"), ("SSN", "integer"), ("snapshot_date", "date")),
    )  # fmt: skip
    content = csv_of("Ann,999-secret,2023-01-01", header="Name,SSN,snapshot_date")
    (bad,) = quarantined(landed(tmp_path, content, source=source))
    assert bad["reasons"] == ["SSN is not a whole number"]
    assert bad["raw_text"] == "Ann,999-secret,2023-01-01"


def test_the_loan_system_checks_what_it_requires(tmp_path: Path) -> None:
    good = "L1,C1,2023-01-01,10,1,10000,1000,1000,0,9000,2023-02-01"
    bad = "L2,C1,1/32/2023,10,x,10000,1000,1000,,9000,2023-02-01"
    source = loan_daily.SOURCE
    result = landed(tmp_path, csv_of(good, bad, header=",".join(source.header)), source=source)
    (found,) = quarantined(result)
    assert [r.split(" ")[0] for r in found["reasons"]] == [
        "loan_start_date", "installment_num", "overdue_amt"
    ]  # fmt: skip
    assert found["raw_text"] == bad and found["month"] == "2023-02"


# Broken records


def test_broken_records_are_quarantined_with_text_row_and_line(tmp_path: Path) -> None:
    result = landed(
        tmp_path,
        csv_of(
            row("a", note='"two\nlines"'),  # row 2, lines 2 and 3
            "too,few",  # row 3, line 4
            "",  # line 5
            row("many") + ',"x\ny"',  # row 4, lines 6 and 7
            row("b", note='"open'),  # row 5, line 8
            row("c", note='"shut"x'),  # row 6, line 9
            row("d", note="a\rb"),  # row 7, line 10
            row("e", n='"1\n2"'),  # row 8, lines 11 and 12
            row("f", note="last"),  # row 9, line 13
        ),
    )
    found = [
        (r["_source_row"], r["_source_line"], r["raw_text"], r["reasons"])
        for r in quarantined(result)
    ]
    assert found == [
        (3, 4, "too,few", ["too few columns: 2 where the header has 6"]),
        (4, 6, row("many") + ',"x\ny"', ["too many columns: 7 where the header has 6"]),
        (5, 8, row("b", note='"open'), ["a quote that is not closed"]),
        (6, 9, row("c", note='"shut"x'), ["text after a closing quote"]),
        (7, 10, row("d", note="a\rb"), ["a carriage return inside the row"]),
        (8, 11, row("e", n='"1\n2"'), ["n is not a whole number: '1 2'"]),
    ]
    assert [(r["id"], r["_source_row"]) for r in accepted(result)] == [("a", 2), ("f", 9)]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_an_open_quote_costs_its_own_line_alone(tmp_path: Path, end: str) -> None:
    good = [row(f"g{i}", note='"x, y"' if i % 3 else "z") for i in range(500)]
    rows = [*good[:100], row("bad", note='"open'), *good[100:]]
    result = landed(tmp_path, csv_of(*rows, end=end), max_bad=0.01)
    assert total(result) == Counts(501, 500, 1, 0)
    assert quarantined(result)[0]["_source_row"] == 102


def test_a_file_that_ends_inside_a_quote_loses_no_row(tmp_path: Path) -> None:
    result = landed(tmp_path, csv_of(row("a"), row("b", note='"open'), row("c")).rstrip(b"\n"))
    assert [r["id"] for r in accepted(result)] == ["a", "c"]


def test_equal_broken_rows_stay_rows_of_their_own(tmp_path: Path) -> None:
    result = landed(tmp_path, csv_of(row("a"), "x,y", "x,y", row("b", n="?"), row("b", n="?")))
    hashes = {r["_row_hash"] for r in quarantined(result)}
    assert len(hashes) == 4
    again = landed(tmp_path, csv_of(row("z"), row("a"), "x,y", "x,y", row("b", n="?")))
    assert {r["_row_hash"] for r in quarantined(again)} < hashes


def test_a_cell_of_10_mb_is_accepted_whole(tmp_path: Path) -> None:
    big = "x" * 10_000_000
    result = landed(tmp_path, csv_of(row("a"), row("b", note=big), row("c", note=f'"{big}\n,"')))
    notes = [r["note"] for r in accepted(result)]
    assert notes == ["hi", big, big + "\n,"]


@pytest.mark.parametrize("quoted", [False, True])
def test_a_record_over_the_limit_is_quarantined_shortened_and_says_so(
    tmp_path: Path, quoted: bool
) -> None:
    big = "x" * (broken_records.MAX_RECORD_BYTES + 6_000_000)
    rows = [row("a"), row("b", note=f'"{big}"' if quoted else big), row("c")]
    result = landed(tmp_path, csv_of(*rows))
    (bad,) = quarantined(result)
    assert bad["reasons"] == ["too long: more than 16,777,216 bytes"]
    assert bad["raw_text"].startswith("b,") and "shortened here" in bad["raw_text"][-60:]
    assert [(r["id"], r["_source_row"]) for r in accepted(result)] == [("a", 2), ("c", 4)]


def test_records_that_straddle_the_chunks_read_are_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [row(f"r{i}", note='"é,\n""漢"' if i % 2 else "é") for i in range(40)]
    rows += ["broken", row("open", note='"'), row("end")]
    content = b"\xef\xbb\xbf" + csv_of(*rows, end="\r\n")
    whole = landed(tmp_path, content)
    expected = accepted(whole), quarantined(whole), whole.fingerprint
    for size in (1, 2, 7, 64):
        monkeypatch.setattr(chunks, "CHUNK_BYTES", size)
        cut = landed(tmp_path, content)
        assert (accepted(cut), quarantined(cut), cut.fingerprint) == expected


# Two rows of one key


def test_of_equal_rows_the_first_is_kept(tmp_path: Path) -> None:
    result = landed(tmp_path, csv_of(row("b"), row("a"), row("a"), row("a")))
    assert total(result) == Counts(4, 2, 0, 2)
    assert [(r["id"], r["_source_row"]) for r in accepted(result)] == [("b", 2), ("a", 3)]


def test_rows_of_one_key_that_disagree_are_all_quarantined(tmp_path: Path) -> None:
    rows = [
        row("a"),
        row("b"),
        row("a", note="other"),
        row("a", day="5/1/2023"),
        row("c", day="5/31/2023"),
    ]
    result = landed(tmp_path, csv_of(*rows))
    of = "of the same id, snapshot_date"
    assert [(r["raw_text"], r["reasons"], r["month"]) for r in quarantined(result)] == [
        (rows[0], [f"contradicts row 4 {of}: it differs in note"], "2023-05"),
        (rows[2], [f"contradicts row 2 {of}: it differs in note"], "2023-05"),
        (rows[3], [f"contradicts row 4 {of}: it differs in note"], "2023-05"),
    ]
    assert total(result) == Counts(5, 2, 3, 0)


def test_keys_that_would_collide_when_joined_are_different_keys(tmp_path: Path) -> None:
    source = Source(
        "pairs", ("people.csv",),
        tuple(Field(n, "STRING", "") for n in ("a", "b", "snapshot_date")),
        ("a", "b", "snapshot_date"), "a", "snapshot_date", (("snapshot_date", "date"),),
    )  # fmt: skip
    content = csv_of("xy,z,2023-01-01", "x,yz,2023-01-01", header="a,b,snapshot_date")
    assert total(landed(tmp_path, content, source=source)).accepted == 2


# The row hash


def hash_of(tmp_path: Path, content: bytes) -> str:
    (only,) = accepted(landed(tmp_path, content))
    value: str = only["_row_hash"]
    return value


def test_the_row_hash_is_of_the_cells_by_name(tmp_path: Path) -> None:
    plain = hash_of(tmp_path, csv_of(row("a")))
    turned = csv_of("2023-05-01,2.5,1,2023-01-01,hi,a", header=",".join(PEOPLE.header[::-1]))
    assert hash_of(tmp_path, turned) == plain
    assert hash_of(tmp_path, csv_of(row("a") + ",", header=HEADER + ",empty")) == plain
    late = hash_of(tmp_path, csv_of(row("a", day="2023-05-31")))
    assert hash_of(tmp_path, csv_of(row("a", day="5/31/2023"))) == late != plain
    assert hash_of(tmp_path, csv_of(row("\u00a0a "))) == plain
    assert hash_of(tmp_path, csv_of(row("a") + ",x", header=HEADER + ",filled")) != plain
    cells = {"id": "a", "note": "hi", "start": "2023-01-01", "n": "1", "amt": "2.5",
             "snapshot_date": "2023-05-01"}  # fmt: skip
    text = "".join(f"{name}\x1f{cells[name]}\x1f" for name in sorted(cells))
    assert plain == hashlib.md5(text.encode()).hexdigest()


def test_no_separator_inside_a_cell_makes_two_rows_equal(tmp_path: Path) -> None:
    header = HEADER + ",x,y"
    pairs = ["p\x1fy\x1fq,", "p,q", "p\x1e1y\x1e1q,", "p\x1e,q", "p,\x1eq"]
    found = {hash_of(tmp_path, csv_of(f"{row('a')},{pair}", header=header)) for pair in pairs}
    assert len(found) == len(pairs)


# Bad files


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty (0 bytes)"),
        (b"\n\n", "no readable header"),
        (b"\xef\xbb\xbf", "no readable header"),
        (csv_of(), "no data row"),
        (csv_of() + b"\n\r\n", "no data row"),
        (csv_of(row("a"), header="id,note,start,n,amt,day"), "no column snapshot_date"),
        (csv_of(row("a"), header="ID,note,start,n,amt,snapshot_date"), "(but ID: the case"),
        (csv_of(row("a"), header=HEADER[3:].replace(",", ";")), "separated by commas"),
        (csv_of(row("a") + ",1", header=HEADER + ",note"), "twice (apart from case and signs): note, note"),
        (csv_of(row("a") + ",1", header=HEADER + ",Note"), "twice (apart from case and signs): note, Note"),
        (csv_of(row("a") + ",1", header=HEADER + ",_row_hash"), "_row_hash"),
        (csv_of(row("a") + ",1", header=HEADER + ",month"), "month"),
        (csv_of(row("a"), end="\r"), "carriage return"),
        (csv_of(row("a"), row("b", note="caf\u00e9")).decode().encode("latin-1"),
         "byte 0xE9 on line 3 (byte 73 of the file)"),
        (csv_of(row("a")) + b"\xc3", "byte 0xC3 on line 3 (byte 68 of the file)"),
        (csv_of(row("a"), row("b\0")), "NUL byte on line 3 (byte 69 of the file)"),
        (csv_of(row("a")).decode().encode("utf-16-le"), 'encoding="utf-16-le"'),
        (gzip.compress(csv_of(row("a")), mtime=0)[:-9], "is cut off"),
        (b"PK\x03\x04rest", "zip or Excel"),
        (b"PAR1rest", "is damaged"),
        (csv_of(row("a"), header=HEADER.replace(",", "^")), "declares delimiter='^'"),
        (bytes(range(1, 256)) * 3, "save it as UTF-8, or declare the encoding"),
    ],
)  # fmt: skip
def test_a_bad_file_is_refused_in_one_line(tmp_path: Path, content: bytes, words: str) -> None:
    assert words in refusal(tmp_path, content)


def test_a_bad_byte_is_found_wherever_the_chunks_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = csv_of(row("é"), row("é")) + b"\xe9abc\n"
    for size in (1, 2, 3, 50):
        monkeypatch.setattr(chunks, "CHUNK_BYTES", size)
        assert f"0xE9 on line 4 (byte {len(content) - 4} of" in refusal(tmp_path, content)


def test_too_many_bad_rows_refuse_the_file_and_name_the_reasons(tmp_path: Path) -> None:
    rows = [row("a"), "x", "x,y", row("b", day="2023-02-30"), row("c"), row("c", note="other")]
    message = refusal(tmp_path, csv_of(*rows))
    assert "5 of 6 rows are bad (83.3%, allowed 20%)" in message
    assert "too few columns (2 rows, first on line 3)" in message
    assert (
        "contradicts another row of the same id, snapshot_date (2 rows, first on line 6)" in message
    )
    assert "snapshot_date is not in the calendar (1 row, first on line 5)" in message


def test_exactly_the_share_allowed_is_allowed(tmp_path: Path) -> None:
    rows = [row("a"), row("b"), row("c"), row("d"), "x"]
    assert total(landed(tmp_path, csv_of(*rows), max_bad=0.2)).quarantined == 1
    assert "max-bad" in refusal_in(tmp_path / "other", csv_of(*rows[1:]))


def refusal_in(folder: Path, content: bytes) -> str:
    folder.mkdir()
    return refusal(folder, content)


def test_a_folder_or_a_missing_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "people.csv").mkdir()
    with pytest.raises(BadInput, match=r"is a folder"):
        land(PEOPLE, tmp_path / "people.csv", tmp_path / "into")
    for reads in (fingerprint, lambda path: land(PEOPLE, path, tmp_path / "into")):
        with pytest.raises(BadInput, match=r"gone.csv cannot be read \(No such file"):
            reads(tmp_path / "gone.csv")


def test_a_row_lost_inside_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from lakehouse.landing.rows import Rows

    monkeypatch.setattr(Rows, "is_good_sql", lambda self: "_source_row <> 3")
    monkeypatch.setattr(Rows, "quarantine", lambda self: self.write(
        "SELECT '' AS _source_file, NULL::VARCHAR AS month LIMIT 0", self.quarantined))  # fmt: skip
    with pytest.raises(LakehouseError, match=r"2 rows came in, but 1 were accepted"):
        landed(tmp_path, csv_of(row("a"), row("b")))


# Whatever stands in a file

CELLS = st.one_of(
    st.sampled_from(["", "a", "b", "1", "2023-05-01", "5/1/2023", "5/31/2023", "2023-02-30", " ", "é", "'"]),
    st.sampled_from(["\n", "\r\n", "\r", ",", '"', '""', '"x"', '"a,b"', '"a\nb"', '"a""b"']),
    st.text(alphabet='a1,"\n\r é;', max_size=6),
)  # fmt: skip
ROWS = st.one_of(
    st.lists(CELLS, min_size=6, max_size=6).map(",".join),
    st.lists(CELLS, max_size=8).map(",".join),
    st.builds(row, CELLS, CELLS, n=st.sampled_from(["1", "2", "x"])),
)
FILES = st.tuples(st.lists(ROWS, max_size=8), st.sampled_from(["\n", "\r\n"]), st.integers(1, 99))


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(FILES)
@example((['a,"', '"b",c', row("x")], "\n", 3))
def test_no_row_of_any_file_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, drawn: tuple[list[str], str, int]
) -> None:
    rows, end, chunk_bytes = drawn
    monkeypatch.setattr(chunks, "CHUNK_BYTES", chunk_bytes)
    content = csv_of(*rows, end=end)
    try:
        result = landed(tmp_path, content)
    except BadInput:
        return
    taken = [*accepted(result), *quarantined(result)]
    counts = total(result)
    assert counts.rows_in == counts.accepted + counts.quarantined + counts.equal_duplicates
    assert len(taken) == counts.accepted + counts.quarantined
    assert len({r["_source_row"] for r in taken}) == len(taken)
    assert all(2 <= r["_source_row"] <= counts.rows_in + 1 for r in taken)
    bad = quarantined(result)
    assert all(r["reasons"] for r in bad) and len({r["_row_hash"] for r in bad}) == len(bad)
    cells = content.decode().replace('"', "")  # a text put together again may lack needless quotes
    assert all(r["raw_text"].replace('"', "") in cells for r in bad)


SOUND_CELLS = st.text(alphabet="ab,\"\n\r \té;'#\\", max_size=8)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(SOUND_CELLS, min_size=1, max_size=8))
def test_every_cell_that_a_csv_writer_writes_is_read_back(tmp_path: Path, notes: list[str]) -> None:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(PEOPLE.header)
    for i, note in enumerate(notes):
        writer.writerow([f"r{i}", note, "2023-01-01", 1, 2.5, "2023-05-01"])
    result = landed(tmp_path, text.getvalue().encode())
    # Spaces around a cell stay, but no tab or line break does, nor what stands beside it.
    kept = [n if n.strip() == n.strip(" ") else n.strip() for n in notes]
    assert [r["note"] for r in accepted(result)] == [note or None for note in kept]


# Keys, equal rows, days and ends that once were read wrongly without a word


@pytest.mark.parametrize("blank", [" ", "\u00a0", "\u2007", "\u3000", "\u200b", "\t", " \u202f"])
def test_blanks_around_an_id_make_no_other_id(tmp_path: Path, blank: str) -> None:
    result = landed(tmp_path, csv_of(row("a"), row(f"{blank}a{blank}"), row(f"b{blank}")))
    assert total(result) == Counts(3, 2, 0, 1)
    assert [found["id"] for found in accepted(result)] == ["a", "b"]


@pytest.mark.parametrize(
    "word",
    ["nan", "NaN", "NULL", "None", "n/a", "N/A", " NULL\u00a0", "<NA>", "(null)", "UNKNOWN", "-nan",
     "-", "--", "?", "****", "#####", "#REF!", "#VALUE!", "#NAME?", "#DIV/0!"],
)  # fmt: skip
def test_a_word_for_a_missing_value_is_no_id(tmp_path: Path, word: str) -> None:
    shown = word.strip(" \u00a0")
    assert reasons_of(tmp_path, row(word)) == [f"id is a word for a missing value: '{shown}'"]


@pytest.mark.parametrize("id_", ["unknown_1", "#1", "a!", "0", "Nan-7", "\u00e9", "\u0663", "nano"])
def test_an_id_that_is_like_such_a_word_is_one(tmp_path: Path, id_: str) -> None:
    assert [found["id"] for found in accepted(landed(tmp_path, csv_of(row(id_))))] == [id_]


def test_an_id_of_invisible_signs_only_is_missing(tmp_path: Path) -> None:
    assert reasons_of(tmp_path, row("\u00a0\u200b")) == ["id is missing"]


@pytest.mark.parametrize(
    ("first", "second"),
    [("1000", "1000.0"), ("1000", "1e3"), ("+5", "5."), ("0.50", ".5"), ("-0.0", "0"),
     ("14463.856666666668", "14463.8566666666680"), ("1", "\u00a01 ")],
)  # fmt: skip
def test_rows_of_a_key_that_differ_in_spelling_only_are_equal(
    tmp_path: Path, first: str, second: str
) -> None:
    rows = [row("a", note=first, amt=first), row("a", note=second, amt=second)]
    assert total(landed(tmp_path, csv_of(*rows))) == Counts(2, 1, 0, 1)


@pytest.mark.parametrize(("first", "second"), [("4798.73_", "4798.73"), ("__7", "7.0_")])
def test_underscores_on_one_side_of_a_number_make_no_other_value(
    tmp_path: Path, first: str, second: str
) -> None:
    rows = [row("a", note=first), row("a", note=second)]
    assert total(landed(tmp_path, csv_of(*rows))) == Counts(2, 1, 0, 1)


@pytest.mark.parametrize(
    ("first", "second"),
    [("1000", "1000.1"), ("12345678901234567", "12345678901234568"), ("007", "7"), ("a", "A"),
     ("1", ""), ("__10000__", "10000"), ("a_", "a"), ("_", ""), ("_", "__")],
)  # fmt: skip
def test_rows_of_a_key_with_other_values_are_not(tmp_path: Path, first: str, second: str) -> None:
    result = landed(tmp_path, csv_of(row("a", note=first), row("a", note=second)))
    assert total(result) == Counts(2, 0, 2, 0)
    assert quarantined(result)[0]["reasons"][0].endswith("it differs in note")


def test_a_column_that_is_not_declared_makes_no_contradiction(tmp_path: Path) -> None:
    rows = [f"{i},{row('a')},2023-05-0{i}T10:00" for i in range(1, 4)]
    content = csv_of(*rows, f"9,{row('a', amt='9')},x", header=f",{HEADER},loaded_at")
    result = landed(tmp_path, content)
    assert total(result) == Counts(4, 0, 4, 0)
    assert {r["reasons"][0].split(": ")[1] for r in quarantined(result)} == {"it differs in amt"}
    assert total(landed(tmp_path, csv_of(*rows, header=f",{HEADER},loaded_at"))) == Counts(
        3, 1, 0, 2
    )


def test_a_row_whose_days_are_in_the_wrong_order_is_quarantined(tmp_path: Path) -> None:
    source = replace(PEOPLE, order=(("start", "snapshot_date"),))
    late = row("late", start="2023-05-02")
    assert reasons_of(tmp_path, row("same", start="2023-05-01"), late, source=source) == [
        "start is after snapshot_date: '2023-05-02'"
    ]


@pytest.mark.parametrize("end", ["c", "c,hi,2023-01-01", 'c,"hi', "c,hi,2023-01-01,1,2.5,20"])
def test_a_file_that_breaks_off_is_refused_whole(tmp_path: Path, end: str) -> None:
    whole = csv_of(*(row(f"g{i}") for i in range(9)))
    assert "breaks off: its last line has no line end" in refusal(tmp_path, whole + end.encode())
    assert total(landed(tmp_path, whole + end.encode() + b"\n")).quarantined == 1


def test_a_row_of_the_future_waits_for_its_day(tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_bytes(csv_of(row("a"), row("b", day="2023-06-02"), row("c", day="2023-06-01")))
    for today, waits_until, taken in (
        (dt.date(2023, 5, 31), dt.date(2023, 6, 1), 1),
        (dt.date(2023, 6, 1), dt.date(2023, 6, 2), 2),
        (dt.date(2023, 6, 2), None, 3),
    ):
        found = land(PEOPLE, path, tmp_path / "into", 1.0, None, Reading(today))
        assert (found.waits_until, total(found).accepted) == (waits_until, taken)


def test_the_order_of_dates_is_proved_by_all_date_columns_together(tmp_path: Path) -> None:
    rows = [row("a", day="1/5/2023", start="1/2/2023"), row("b", day="1/5/2023", start="28/2/2023")]
    result = landed(tmp_path, csv_of(*rows))
    assert result.date_order is not None and result.date_order.order == "dmy"
    assert [(r["snapshot_date"], r["start"]) for r in accepted(result)] == [
        (dt.date(2023, 5, 1), "2023-02-01"),
        (dt.date(2023, 5, 1), "2023-02-28"),
    ]


def test_a_declared_order_is_taken_and_one_that_is_asked_for_comes_first(tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_bytes(csv_of(row("a", day="1/5/2023")))
    declared = replace(PEOPLE, date_order="dmy")
    asked = Reading(date_order=DateOrder("mdy", "--date-order says so"))
    for reading, day in ((None, dt.date(2023, 5, 1)), (asked, dt.date(2023, 1, 5))):
        found = land(declared, path, tmp_path / "into", 1.0, None, reading)
        assert accepted(found)[0]["snapshot_date"] == day
