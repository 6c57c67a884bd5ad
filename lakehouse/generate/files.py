"""The four files: their names and headers; files are written completely or not at all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from filecmp import cmp
from pathlib import Path
from tempfile import TemporaryDirectory

from lakehouse.bank import SHIPPED
from lakehouse.catalog import load
from lakehouse.errors import BadInput
from lakehouse.generate.cells import Text, joined
from lakehouse.landing.inbox import Inbox
from lakehouse.progress import Progress
from lakehouse.storage.data_folder import DataFolder

CLICKSTREAM, ATTRIBUTES = "feature_clickstream.csv", "features_attributes.csv"
FINANCIALS, LOANS = "features_financials.csv", "lms_loan_daily.csv"
HEADERS = {
    CLICKSTREAM: ",".join(f"fe_{i}" for i in range(1, 21)) + ",Customer_ID,snapshot_date",
    ATTRIBUTES: "Customer_ID,Name,Age,SSN,Occupation,snapshot_date",
    FINANCIALS: "Customer_ID,Annual_Income,Monthly_Inhand_Salary,Num_Bank_Accounts,Num_Credit_Card,"
    "Interest_Rate,Num_of_Loan,Type_of_Loan,Delay_from_due_date,Num_of_Delayed_Payment,"
    "Changed_Credit_Limit,Num_Credit_Inquiries,Credit_Mix,Outstanding_Debt,"
    "Credit_Utilization_Ratio,Credit_History_Age,Payment_of_Min_Amount,Total_EMI_per_month,"
    "Amount_invested_monthly,Payment_Behaviour,Monthly_Balance,snapshot_date",
    LOANS: "loan_id,Customer_ID,loan_start_date,tenure,installment_num,loan_amt,due_amt,paid_amt,"
    "overdue_amt,balance,snapshot_date",
}


@contextmanager
def whole_files(out: Path, force: bool) -> Iterator[Path]:
    """A folder to write files in; all that it holds goes into `out` if all went well.

    BadInput, with nothing changed, where a file that is there differs and `force` is not given, or where
    `out` has other files of these sources: a run would read them as well.
    """
    with TemporaryDirectory(prefix=".", suffix=".part", dir=out) as folder:
        staged = Path(folder)
        yield staged
        names = [path.relative_to(staged) for path in sorted(staged.rglob("*")) if path.is_file()]
        _check_no_others(out, names)
        if not force:
            _check_none_differs(out, staged, names)
        for name in names:
            (out / name).parent.mkdir(exist_ok=True)
            (staged / name).replace(out / name)


def _check_no_others(out: Path, names: Sequence[Path]) -> None:
    sources = [table.source for table in load(SHIPPED.package).sources if table.source]
    inbox = Inbox(DataFolder(out), sources)
    listings = [inbox.listing(source) for source in sources]
    found = {file.name for each in listings for file in each.files}
    found |= {file.name for each in listings for file in each.refused}
    others = sorted(map(Path, found - {name.as_posix() for name in names}))
    if others:
        raise BadInput(
            f"{out} has {_told(others)} as well, which a run would read together with the new files; "
            "nothing was changed: name another folder with --out, or remove them"
        )


def _check_none_differs(out: Path, staged: Path, names: Sequence[Path]) -> None:
    differing = [
        name
        for name in names
        if (out / name).exists() and not cmp(out / name, staged / name, shallow=False)
    ]
    if differing:
        raise BadInput(
            f"{out} already has {_told(differing)} with other content; nothing was changed: name "
            "another folder with --out, or replace them with --force"
        )


def _told(names: Sequence[Path]) -> str:
    """The names, the first four of them if there are more."""
    more = f" and {len(names) - 4} more" if len(names) > 4 else ""
    return ", ".join(map(str, names[:4])) + more


@dataclass
class Output:
    """A folder of CSV files, and the number of rows that each has so far."""

    folder: Path
    on_progress: Progress
    rows: dict[str, int] = field(default_factory=dict)

    def write(self, name: str, columns: Sequence[Text]) -> None:
        """Append rows, given as columns of text, to the file of a source."""
        self.append(name, name, columns)
        self.on_progress(name, f"{self.rows[name]:,} rows")

    def append(self, file: str, name: str, columns: Sequence[Text]) -> None:
        """Append rows to a file; the first time under the header of its source."""
        with (self.folder / file).open("ab") as appended:
            if file not in self.rows:
                appended.write(HEADERS[name].encode() + b"\n")
            appended.write(_csv_rows(columns))
        self.rows[file] = self.rows.get(file, 0) + len(columns[0])


def _csv_rows(columns: Sequence[Text]) -> bytes:
    ends = [b","] * (len(columns) - 1) + [b"\n"]
    pieces = [piece for pair in zip(columns, ends, strict=True) for piece in pair]
    return joined(*pieces).tobytes().translate(None, b"\0")
