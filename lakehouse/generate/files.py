"""The four files: their names and headers; they are written completely or not at all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from filecmp import cmp
from pathlib import Path
from typing import IO

from lakehouse.errors import BadInput
from lakehouse.generate.cells import Text, joined
from lakehouse.progress import Progress

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
def whole_files(out: Path, force: bool) -> Iterator[dict[str, IO[bytes]]]:
    """The four files open under temporary names, which take their own names if all went well.

    BadInput, with nothing changed, where a file that is there differs and `force` is not given.
    """
    parts = {name: out / f".{name}.part" for name in HEADERS}
    try:
        with ExitStack() as stack:
            yield {name: stack.enter_context(part.open("wb")) for name, part in parts.items()}
        if not force:
            _check_none_differs(out, parts)
        for name, part in parts.items():
            part.replace(out / name)
    finally:
        for part in parts.values():
            part.unlink(missing_ok=True)


def _check_none_differs(out: Path, parts: Mapping[str, Path]) -> None:
    differing = [
        name
        for name, part in parts.items()
        if (out / name).exists() and not cmp(out / name, part, shallow=False)
    ]
    if differing:
        raise BadInput(
            f"{out} already has {', '.join(differing)} with other content; nothing was changed: name "
            "another folder with --out, or replace them with --force"
        )


@dataclass
class Output:
    """The open files, and the number of rows that each has so far."""

    files: dict[str, IO[bytes]]
    on_progress: Progress
    rows: dict[str, int] = field(default_factory=dict)

    def write(self, name: str, columns: Sequence[Text]) -> None:
        """Append rows, given as columns of text; the first time under the file's header."""
        if name not in self.rows:
            self.files[name].write(HEADERS[name].encode() + b"\n")
        self.files[name].write(_csv_rows(columns))
        self.rows[name] = self.rows.get(name, 0) + len(columns[0])
        self.on_progress(name, f"{self.rows[name]:,} rows")


def _csv_rows(columns: Sequence[Text]) -> bytes:
    ends = [b","] * (len(columns) - 1) + [b"\n"]
    pieces = [piece for pair in zip(columns, ends, strict=True) for piece in pair]
    return joined(*pieces).tobytes().translate(None, b"\0")
