"""A source from a raw file: what is proposed and why, what is refused, and what its files do."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lakehouse.catalog import load
from lakehouse.errors import BadInput
from lakehouse.landing.counts import Counts
from lakehouse.landing.land import land
from lakehouse.scaffold.new_bank import new_bank
from lakehouse.scaffold.new_source import Asked, new_source
from lakehouse.scaffold.new_table import new_table
from lakehouse.scaffold.proposal import Proposal, Said
from lakehouse.scaffold.unsure import Unsure
from tests.scaffold.test_new_bank import check_form, check_tests

# A process loads a bank of one name once.
NUMBERS = count()
PEOPLE = ("Ann Lee", "Bo Ray", "Cy Ott", "Di Fox")


def bank_in(folder: Path) -> Path:
    bank = folder / f"bank_for_sources_{next(NUMBERS)}"
    new_bank(bank)
    return bank


def table(header: str, *rows: str) -> bytes:
    return "".join(f"{line}\n" for line in (header, *rows)).encode()


ROWS = [f"C{n},{PEOPLE[n]},{n * 1.5},{n},yes,2024-0{n + 1}-31" for n in (0, 2, 0, 2)]
CLIENTS = table("client_no,holder,turnover,accounts,active,seen_on", *dict.fromkeys(ROWS))


@pytest.fixture
def asked(tmp_path: Path) -> Callable[..., Asked]:
    """A raw file in a bank of its own, and what is said of it."""

    def call(content: bytes, name: str = "clients.csv", **said: object) -> Asked:
        bank = bank_in(tmp_path)
        file = bank / "data" / name
        file.write_bytes(content)
        own = {
            key: value
            for key, value in said.items()
            if key in ("delimiter", "encoding", "date_order")
        }
        rest = {key: value for key, value in said.items() if key not in own}
        return Asked(file, str(bank), said=Said(**rest), **own)  # type: ignore[arg-type]

    return call


def roles(proposal: Proposal) -> dict[str, tuple[str, str]]:
    return {each.column: (each.role, each.type) for each in proposal.columns}


def test_it_proposes_types_key_date_entity_and_what_is_personal(
    asked: Callable[..., Asked],
) -> None:
    proposal = new_source(asked(CLIENTS)).proposal
    assert roles(proposal) == {
        "client_no": ("entity", "STRING"),
        "holder": ("personal", "STRING"),
        "turnover": ("value", "DOUBLE"),
        "accounts": ("value", "INT"),
        "active": ("value", "BOOLEAN"),
        "seen_on": ("date", "DATE"),
    }
    assert proposal.source == "clients" and proposal.keys == ("client_no", "seen_on")
    shown = " ".join(each.why for each in proposal.columns)
    assert "look like names of people" in shown and not any(name in shown for name in PEOPLE)


GERMAN = "\n".join(
    ["KundenNr;Vorname;Umsatz;Filiale;Mitglied seit;Stichtag"]
    + [
        f"{1000 + n};Jörg;{n},5;{'Köln' if n % 2 else 'Ulm'};{10 + n}/03/2019;{20 + n % 9}/0{n % 9 + 1}/2023"
        for n in range(18)
    ]
).encode("latin-1")


def test_semicolons_latin_1_day_first_dates_and_decimal_commas(asked: Callable[..., Asked]) -> None:
    with pytest.raises(Unsure, match="say it with --encoding, as cp1252"):
        new_source(asked(GERMAN))
    with pytest.raises(Unsure, match="may be Mitglied seit or Tag; say it with --date"):
        new_source(asked(GERMAN.replace(b"Stichtag", b"Tag"), encoding="cp1252"))
    request = asked(GERMAN, "Kunden_2023-09.csv", encoding="cp1252")
    new = new_source(request)
    assert roles(new.proposal) == {
        "KundenNr": ("entity", "STRING"),
        "Vorname": ("personal", "STRING"),
        "Umsatz": ("value", "DOUBLE"),
        "Filiale": ("value", "STRING"),
        "Mitglied seit": ("value", "DATE"),
        "Stichtag": ("date", "DATE"),
    }
    files = new.write()
    check_form(*files)
    assert not any("Köln" in file.read_text("utf-8") for file in files)
    source = load(request.tables).table("bronze.kunden").source
    assert source and source.file_names == ("Kunden.csv",)
    assert (source.delimiter, source.encoding, source.decimal) == (";", "cp1252", ",")
    assert source.date_order == "dmy" and source.personal == ("Vorname",)
    check_tests(new.bank.folder)


def test_a_bank_and_its_files_are_as_before_if_it_cannot_take_the_source(
    asked: Callable[..., Asked],
) -> None:
    request = asked(CLIENTS, "clients_2024-01.csv")
    bank = Path(str(request.tables))
    taken = bank / "tests/test_clients.py"
    taken.write_text("mine\n")
    before = {file: file.read_bytes() for file in bank.rglob("*.*")}
    with pytest.raises(BadInput, match=r"has tests/test_clients.py already"):
        new_source(request).write()
    customers = bank / "bronze/customers.py"
    taken.unlink()
    before.pop(taken)
    text = customers.read_text()
    customers.write_text(text.replace("    keys=(", '    patterns=("cl*.csv",),\n    keys=('))
    before[customers] = customers.read_bytes()
    with pytest.raises(BadInput, match="would be a file of customers by its name"):
        new_source(request).write()
    assert {file: file.read_bytes() for file in bank.rglob("*.*")} == before


AGAIN = ("2024-01-31", "2024-02-29")


@pytest.mark.parametrize(
    ("content", "said", "message"),
    [
        (
            table("client_no,seen_on,known_on", *(f"C{n},{AGAIN[n]},{AGAIN[n]}" for n in (0, 1))),
            {},
            "the day of a row may be seen_on or known_on; say it with --date COLUMN",
        ),
        (table("client_no,since", "C1,soon", "C2,now"), {}, "say it with --date COLUMN"),
        (
            table("client_no,seen_on", "C1,1/2/2024", "C2,1/3/2024"),
            {},
            "proves whether the dates of seen_on have the day or the month first; say it with --date-order",
        ),
        (
            table("client_no,loan_no,seen_on", f"C1,L1,{AGAIN[0]}", f"C2,L2,{AGAIN[0]}"),
            {},
            "the key may be client_no or loan_no, each with seen_on; say it with --key COLUMN",
        ),
        (
            table("client_no,x,seen_on", f"C1,1,{AGAIN[0]}", f"C1,1.5,{AGAIN[0]}"),
            {},
            "no id of clients.csv is unique with seen_on; say it with --key COLUMN",
        ),
        (
            table("branch_no,x,seen_on", f"B1,1,{AGAIN[0]}", f"B2,1,{AGAIN[0]}"),
            {},
            "nothing says whose row it is in clients.csv; say it with --entity COLUMN, or --entity ''",
        ),
        (
            table("client_no;a,b;seen_on", f"C1;1,5;{AGAIN[0]}"),
            {},
            "clients.csv may be parted by ',' or ';'; say it with --delimiter",
        ),
        (CLIENTS, {"date": "seen"}, "--date seen: clients.csv has no such column; is it seen_on?"),
        (CLIENTS, {"date": "holder"}, "has no cell there that is a day like 2023-05-01"),
        (
            CLIENTS,
            {"keys": ("active",)},
            "--key active: with seen_on it is the same in rows that differ",
        ),
        (CLIENTS, {"keys": ("holder",)}, "if it is not, give --not-personal holder"),
        (CLIENTS, {"entity": ""}, "nobody could be erased"),
    ],
)
def test_where_it_cannot_be_sure_it_refuses_and_names_the_option(
    asked: Callable[..., Asked], content: bytes, said: dict[str, object], message: str
) -> None:
    if "active" in message:
        content = table("client_no,active,seen_on", f"C1,1,{AGAIN[0]}", f"C2,1,{AGAIN[0]}")
    with pytest.raises(BadInput) as refused:
        new_source(asked(content, **said))
    assert message in str(refused.value)


def test_what_is_said_counts(asked: Callable[..., Asked]) -> None:
    content = table(
        "branch,x,a@b,seen_on,known_on", f"B1,1,7,{AGAIN[0]},{AGAIN[1]}", f"B2,2,8,{AGAIN[0]},"
    )
    said = {"date": "seen_on", "keys": ("branch",), "entity": "", "not_personal": ("a@b",)}
    proposal = new_source(asked(content, **said)).proposal
    assert (proposal.keys, proposal.entity) == (("branch", "seen_on"), "")
    said = {"date": "seen_on", "keys": ("branch", "x"), "entity": "x", "personal": ("a@b",)}
    proposal = new_source(asked(content, **said)).proposal
    assert (proposal.keys, proposal.entity) == (("branch", "x", "seen_on"), "x")
    assert roles(proposal)["a@b"] == ("personal", "STRING")


def test_data_without_a_date_is_written_and_its_test_passes(asked: Callable[..., Asked]) -> None:
    content = table("district_code;region;inhabitants", "D1;north;1200", "D2;south;800")
    with pytest.raises(BadInput, match="--date COLUMN, or --date '' for data without a date"):
        new_source(asked(content, "districts.csv"))
    new = new_source(asked(content, "districts.csv", date="", entity=""))
    proposal = new.proposal
    assert (proposal.keys, proposal.date, proposal.entity) == (("district_code",), "", "")
    assert roles(proposal)["inhabitants"] == ("value", "INT")
    assert proposal.columns[0].why == "unique, in each row, and named as an id"
    new.write()
    catalog = load(new.bank.folder)
    assert catalog.table("silver.districts").is_undated
    check_tests(new.bank.folder)
    with pytest.raises(BadInput, match=r"silver\.districts has no date, and an application sees a"):
        new_table("gold.features_of_districts", "silver.districts", str(new.bank.folder))


def test_rows_that_a_run_would_quarantine_are_told(asked: Callable[..., Asked]) -> None:
    good = [f"C{n},{n},{AGAIN[n % 2]}" for n in range(12)]
    content = table("client_no,x,seen_on", *good, "C77,1,some day", "C78,1")
    (broken, bad) = new_source(asked(content, date="seen_on", keys=("client_no",))).proposal.notes
    assert broken.startswith("1 of 14 rows") and bad.startswith("1 row of 14 would be quarantined")


@pytest.mark.parametrize(
    ("name", "cells"),
    [
        *(
            (name, ("a", "b"))
            for name in ("Name", "fullName", "SSN", "e-mail", "Phone_No", "date of birth")
        ),
        ("contact", ("a@b.de", "")),
        ("comment", ("none", "123-45-6789")),
        ("reach", ("+41 44 123 45 67", "089/1234567")),
        ("account", ("DE89 3704 0044 0532 0130 00", "")),
        ("owner", PEOPLE[:2]),
    ],
)
def test_a_personal_column_is_known_by_its_name_or_by_its_cells(
    asked: Callable[..., Asked], name: str, cells: Sequence[str]
) -> None:
    rows = (f"C{n},{cell},{AGAIN[0]}" for n, cell in enumerate(cells))
    proposal = new_source(asked(table(f"client_no,{name},seen_on", *rows))).proposal
    assert roles(proposal)[name][0] == "personal"


@pytest.mark.parametrize("name", ["amount", "segment", "turnover_of_month", "n_accounts", "Age"])
def test_another_column_is_not(asked: Callable[..., Asked], name: str) -> None:
    proposal = new_source(asked(table(f"client_no,{name},seen_on", f"C1,15,{AGAIN[0]}"))).proposal
    assert roles(proposal)[name][0] == "value"


def test_a_few_faults_do_not_make_numbers_a_text(asked: Callable[..., Asked]) -> None:
    rows = [f"C{n},{n},{n}.5,{AGAIN[0]}" for n in range(19)]
    content = table("client_no,visits,spent,seen_on", *rows, f"C19,many,{AGAIN[0]},{AGAIN[0]}")
    proposal = new_source(asked(content, date="seen_on")).proposal
    types = {each.column: (each.type, each.why) for each in proposal.columns}
    told = "19 of 20 filled cells are {}; 1 other cell may become NULL, with a reason; bounds left open"
    assert types["visits"] == ("INT", told.format("whole numbers"))
    assert types["spent"] == ("DOUBLE", told.format("numbers"))


CELLS = {
    "id": st.integers(1, 9).map("C{}".format),
    "code": st.integers(0, 99).map("{:03}".format),
    "whole": st.integers(-(10**12), 10**12).map(str),
    "number": st.floats(allow_nan=False).map(repr),
    "comma": st.decimals(-99, 99, places=2).map(lambda n: str(n).replace(".", ",")),
    "day": st.dates().map(str),
    "slashes": st.tuples(st.integers(1, 31), st.integers(1, 12)).map("{0[0]}/{0[1]}/2023".format),
    "recent": st.sampled_from(["2023-01-31", "2023-02-28", "2023-03-31"]),
    "yes": st.sampled_from(["yes", "no", "true", ""]),
    "text": st.text("aB Ä;,|\"'\n/_-.0", max_size=8),
    "missing": st.sampled_from(["", "NULL", "n/a", "?"]),
}
NAMES = (
    "client_no", "loan_id", "id", "Full Name", "amount (EUR)", "a.b", "2024", "snapshot_date", "day",
    "Straße", "E-Mail", "x\"y'", "{z}", "class", "_issues", "No", "`q`", "key",
)  # fmt: skip


@st.composite
def raw_files(draw: st.DrawFn) -> bytes:
    names = draw(st.lists(st.sampled_from(NAMES), min_size=2, max_size=5, unique=True))
    kinds = [draw(st.sampled_from([*CELLS])) for _ in names]
    if draw(st.booleans()):  # likely to be taken
        names, kinds = ["client_no", "day", *names[:3]], ["id", "recent", *kinds[:3]]
        names = list(dict.fromkeys(names))
        kinds = kinds[: len(names)]
    out = io.StringIO()
    writer = csv.writer(out, delimiter=draw(st.sampled_from(",;\t|")), lineterminator="\n")
    writer.writerow(names)
    for _ in range(draw(st.integers(1, 6))):
        writer.writerow([draw(CELLS[kind]) for kind in kinds])
    return out.getvalue().encode()


@settings(max_examples=60)
@given(raw_files())
def test_a_proposal_names_an_option_or_its_files_load_and_land_each_row(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    folder = tmp_path_factory.mktemp("any")
    bank = bank_in(folder)
    file = bank / "data" / "anything.csv"
    file.write_bytes(content)
    try:
        new = new_source(Asked(file, str(bank)))
    except BadInput as refused:
        assert "--" in str(refused), str(refused)
        return
    assert new.write()
    source = load(bank).table("bronze.anything").source
    assert source
    counts = sum(land(source, file, folder / "into").counts.values(), start=Counts())
    assert counts.accepted + counts.equal_duplicates == counts.rows_in > 0
