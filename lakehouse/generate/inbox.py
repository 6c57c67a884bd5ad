"""An inbox: a folder per source with a file per month, as banks deliver.

A folder reads better than names at the top: each source has up to 35 files. Names sort by delivery, as the
later file wins: `2024-07_corrected.csv` stands behind `2024-07.csv`, and before `2024-08.csv`.
"""

from __future__ import annotations

import csv
import gzip
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from lakehouse.errors import BadInput
from lakehouse.generate.cells import Text
from lakehouse.generate.files import ATTRIBUTES, CLICKSTREAM, FINANCIALS, HEADERS, LOANS, Output
from lakehouse.months import shift

Format = Literal["csv", "gz", "zst", "parquet", "mixed"]
SHARE = 0.02  # of the rows of a month: those that come late, and those that are corrected
# In the first file of a corrected month a number of each source is too high by this much.
_MISTAKES = {CLICKSTREAM: ("fe_1", 50), ATTRIBUTES: ("Age", 1), FINANCIALS: ("Outstanding_Debt", 100),
             LOANS: ("overdue_amt", 1000)}  # fmt: skip
# The columns that are numbers in a Parquet file, as no cell of theirs is dirty.
_INTEGERS = {
    CLICKSTREAM: [f"fe_{i}" for i in range(1, 21)],
    ATTRIBUTES: [],
    FINANCIALS: ["Num_Bank_Accounts", "Num_Credit_Card", "Interest_Rate", "Delay_from_due_date"],
    LOANS: ["tenure", "installment_num", "loan_amt"],
}
_DOUBLES = {
    CLICKSTREAM: [],
    ATTRIBUTES: [],
    FINANCIALS: ["Monthly_Inhand_Salary", "Num_Credit_Inquiries", "Credit_Utilization_Ratio",
                 "Total_EMI_per_month"],
    LOANS: ["due_amt", "paid_amt", "overdue_amt", "balance"],
}  # fmt: skip
_DATES = ("snapshot_date", "loan_start_date")


@dataclass(frozen=True)
class Inbox:
    """The form of an inbox; in every form its files together hold the rows of the four files.

    `late` lets some rows of each month come with the next month's file. The first file of the month
    `corrected` has mistakes in some rows, and a second file has these rows as they are right.
    """

    late: bool = False
    corrected: str | None = None
    format: Format = "csv"


def base(name: str) -> str:
    """The name of the folder of a source, by the name of its one file."""
    return name.removesuffix(".csv")


@dataclass
class MonthlyOutput(Output):
    """A folder with a folder per source, in which each month has a CSV file."""

    seed: int = 0
    late: bool = False
    _written: dict[str, int] = field(default_factory=dict)  # rows of each source

    def write(self, name: str, columns: Sequence[Text]) -> None:
        """Append rows to the files of their months, late ones to those of the months after."""
        (self.folder / base(name)).mkdir(exist_ok=True)
        months = columns[-1].astype("S7")
        is_late = self._are_late(name, len(months))
        for month in np.unique(months).tolist():
            of_month = months == month
            for after, picked in enumerate((of_month & ~is_late, of_month & is_late)):
                if picked.any():
                    file = f"{base(name)}/{shift(month.decode(), after)}.csv"
                    self.append(file, name, [column[picked] for column in columns])
        self._written[name] = self._written.get(name, 0) + len(months)
        self.on_progress(name, f"{self._written[name]:,} rows")

    def _are_late(self, name: str, rows: int) -> npt.NDArray[np.bool_]:
        if not self.late:
            return np.zeros(rows, bool)
        call = [self.seed, 3, [*HEADERS].index(name), self._written.get(name, 0)]
        return np.random.default_rng(call).random(rows) < SHARE


def correct(output: Output, month: str, seed: int) -> None:
    """Put mistakes into some rows of a month, and the right rows into a second file.

    BadInput if no file is of that month.
    """
    of_month = {name: f"{base(name)}/{month}.csv" for name in HEADERS}
    delivered = {name: file for name, file in of_month.items() if file in output.rows}
    if not delivered:
        months = sorted({Path(file).stem for file in output.rows})
        raise BadInput(
            f"no row is of {month}, which is to be corrected; the months are {months[0]} to {months[-1]}"
        )
    for name, file in delivered.items():
        _correct(
            output, name, file, month, np.random.default_rng([seed, 4, [*HEADERS].index(name)])
        )


def _correct(output: Output, name: str, file: str, month: str, rng: np.random.Generator) -> None:
    header, *lines = (output.folder / file).read_text(encoding="ascii").splitlines(keepends=True)
    # Rows of the month before came late: their own file is not corrected.
    own = [n for n, line in enumerate(lines) if line.rpartition(",")[2].startswith(month)]
    if not own:
        return
    chosen = {own[n] for n in np.flatnonzero(rng.random(len(own)) < SHARE)} or {own[0]}
    second = str(Path(file).with_name(f"{month}_corrected.csv"))
    right = [lines[n] for n in sorted(chosen)]
    wrong = [_mistaken(line, name) if n in chosen else line for n, line in enumerate(lines)]
    for path, rows in ((file, wrong), (second, right)):
        (output.folder / path).write_text("".join([header, *rows]), encoding="ascii", newline="\n")
    output.rows[second] = len(right)


def _mistaken(line: str, name: str) -> str:
    """The row with a number that is too high."""
    column, by = _MISTAKES[name]
    place = HEADERS[name].split(",").index(column)
    (cells,) = csv.reader([line])
    number = cells[place].strip("_")
    cells[place] = str((float if "." in number else int)(number) + by)
    return ",".join(f'"{c}"' if "," in c or '"' in c else c for c in cells) + "\n"


def _gzip(csv_file: Path, made: Path) -> None:
    # Without a name and a time in its head: the same rows give the same bytes.
    with (
        csv_file.open("rb") as rows,
        made.open("wb") as raw,
        gzip.GzipFile("", "wb", fileobj=raw, mtime=0) as packed,
    ):
        shutil.copyfileobj(rows, packed)


def _zstandard(csv_file: Path, made: Path) -> None:
    import pyarrow as pa

    with csv_file.open("rb") as rows, pa.CompressedOutputStream(str(made), "zstd") as packed:
        shutil.copyfileobj(rows, packed)


def _parquet(csv_file: Path, made: Path) -> None:
    """Write the rows with numbers and dates as such; cells that may be dirty stay text."""
    import pyarrow as pa
    from pyarrow import parquet
    from pyarrow.csv import ConvertOptions, open_csv

    name = f"{csv_file.parent.name}.csv"
    types = dict.fromkeys(HEADERS[name].split(","), pa.string())
    types |= dict.fromkeys(_INTEGERS[name], pa.int64()) | dict.fromkeys(
        _DOUBLES[name], pa.float64()
    )
    types |= {column: pa.date32() for column in _DATES if column in types}
    with (
        csv_file.open("rb") as rows,
        open_csv(rows, convert_options=ConvertOptions(column_types=types)) as batches,
        made.open("wb") as raw,
        parquet.ParquetWriter(raw, batches.schema) as table,
    ):
        for batch in batches:
            table.write_batch(batch)


_WRITERS: dict[str, Callable[[Path, Path], object]] = {
    "csv": shutil.copyfile,
    "gz": _gzip,
    "zst": _zstandard,
    "parquet": _parquet,
}


def spell_files(output: Output, form: Format) -> None:
    """Bring the CSV files into a form; mixed ones take turns within a source."""
    endings = [*_WRITERS] if form == "mixed" else [form]
    turns = dict.fromkeys(map(base, HEADERS), 0)
    for file in sorted(output.rows):
        source = file.partition("/")[0]
        ending = endings[turns[source] % len(endings)]
        turns[source] += 1
        if ending != "csv":
            made = f"{file}.{ending}" if ending != "parquet" else f"{file[:-4]}.parquet"
            _WRITERS[ending](output.folder / file, output.folder / made)
            (output.folder / file).unlink()
            output.rows[made] = output.rows.pop(file)
