"""Sequences of files over any number of runs, done for real and beside it in plain Python."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any
from unittest.mock import patch

from deltalake.table import TableMerger
from hypothesis import strategies as st

from lakehouse.engines import embedded
from lakehouse.months import shift
from lakehouse.releases import ledger_rows
from lakehouse.releases.release import Release
from lakehouse.table import Source, Table
from tests.inbox import files
from tests.inbox.inbox import Inbox
from tests.inbox.model import Model, landed
from tests.inbox.small_bank import bank_of

ANY_ROWS = ("--max-bad", "1", "--allow-shrink")
DAYS = [f"{shift('2023-01', by)}-{day}" for by in range(3) for day in ("01", "15")]
_CELLS = st.tuples(
    st.sampled_from("abc"), st.sampled_from(["1", "2", "2.0", "7"]), st.sampled_from(DAYS)
)
_GOOD = st.builds(",".join, _CELLS)
_BAD = st.sampled_from(["a,many,2023-01-01", ",1,2023-02-01", "b,1,2023-02-30", "c,1"])
CONTENTS = st.lists(_GOOD, min_size=1, max_size=6).map(tuple)
WITH_BAD_ROWS = st.lists(_GOOD | _GOOD | _BAD, min_size=1, max_size=6).map(tuple)


@dataclass(frozen=True)
class Step:
    """Files that come into the folder and leave it before a run; one of a `wrong` form is refused."""

    put: tuple[tuple[str, tuple[str, ...]], ...] = ()
    wrong: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    killed_at: int = 0  # the commit after which a run before it is killed; 0 for none


class KilledError(Exception):
    """Raised in the place of a kill of the process."""


@contextmanager
def killed_at_commit(nth: int) -> Iterator[None]:
    """Raise after the nth commit of any table."""
    done = 0

    def dying(commit: Callable[..., Any]) -> Callable[..., Any]:
        def once(*given: Any, **named: Any) -> Any:
            nonlocal done
            metrics = commit(*given, **named)
            done += 1
            if done == nth:
                raise KilledError
            return metrics

        return once

    with (
        patch.object(TableMerger, "execute", dying(TableMerger.execute)),
        patch.object(embedded, "write_deltalake", dying(embedded.write_deltalake)),
        patch.object(ledger_rows, "commit", dying(ledger_rows.commit)),
    ):
        yield


def names_of(source: str) -> list[str]:
    """Names that a source may give its files, by which they come in every form."""
    return [
        f"{source}.csv",
        f"{source}_2023-01.csv",
        f"{source}_2023-02.csv.gz",
        f"{source}/2023-03-01.parquet",
        f"{source}/month=2023-02/part.csv.zst",
        f"{source}_2023-04.deleted.csv",
    ]


@st.composite
def steps(draw: st.DrawFn, names: Sequence[str], most: int = 4) -> list[Step]:
    """Files new, again under another name, changed, late, archived, damaged and mended."""
    name, rows = st.sampled_from(names), CONTENTS | WITH_BAD_ROWS
    pool = draw(st.lists(rows, min_size=2, max_size=4))
    delivered = st.tuples(name, st.sampled_from(pool) | rows)
    few_names = st.lists(name, max_size=1, unique=True).map(tuple)
    step = st.builds(
        Step,
        st.lists(delivered, max_size=3, unique_by=lambda pair: pair[0]).map(tuple),
        few_names,
        few_names,
        st.sampled_from([(), (), ("--by-month",), ("--full-refresh",), ("--verify",)]),
        st.sampled_from([0, 0, 0, *range(1, 9)]),
    )
    first = Step(tuple(draw(st.lists(delivered, min_size=1, max_size=3, unique_by=lambda p: p[0]))))
    return [first, *draw(st.lists(step, min_size=1, max_size=most - 1))]


def _of_any_form(bad: Iterable[tuple[str, str]]) -> Counter[tuple[str, str]]:
    """Damaged rows by file and text; a short row has its last cells empty where the form has columns."""
    return Counter((file, text.rstrip(",")) for file, text in bad)


@dataclass
class Told:
    """The folder, the datamart and the model of them, step by step."""

    inbox: Inbox
    source: Source
    model: Model
    present: dict[str, tuple[str, ...] | None] = field(default_factory=dict)  # None: refused
    bytes_taken: dict[str, tuple[str, ...]] = field(default_factory=dict)
    runs: int = 0

    def follow(self, step: Step) -> None:
        self._deliver(step)
        if step.killed_at:
            with killed_at_commit(step.killed_at), suppress(KilledError):
                self.inbox.run(*ANY_ROWS, *step.options)
        self._run(*ANY_ROWS, *step.options)
        self._check()

    def _deliver(self, step: Step) -> None:
        for name in step.gone:
            if name in self.present:
                (self.inbox.data / name).unlink()
                del self.present[name]
        for name in step.wrong:
            files.write(self.inbox.data / name, ("what", "is", "this"), ["a,1,2023-01-01"])
            self.present[name] = None
        for name, lines in step.put:
            self.inbox.put(name, *lines)
            self.present[name] = lines

    def _run(self, *options: str) -> None:
        self.runs += 1
        good = {name: lines for name, lines in self.present.items() if lines is not None}
        before = self.inbox.versions
        told = self.inbox.run(*options)
        may_run = bool(self.present) and (bool(good) or bool(self.bytes_taken))
        refused = len(good) < len(self.present) or not may_run
        assert told.code == (2 if refused else 0), (told.code, told.err)
        assert told.err.count("\n") == (1 if refused else 0), told.err
        if not may_run:
            assert self.inbox.versions == before
            return
        for name, lines in good.items():
            if self.bytes_taken.get(name) != lines:
                self.bytes_taken[name] = lines
                self.model.take(name, landed(lines, ".deleted." in name), self.runs)
        if refused:
            assert not self.bytes_taken or told.err, told

    def _check(self) -> None:
        if not self.bytes_taken:
            return
        inbox, model, name = self.inbox, self.model, self.source.name
        assert inbox.bronze(name) == model.bronze
        assert inbox.gold(name) == model.gold
        assert Counter(file for file, _ in inbox.superseded()) == model.superseded
        self._check_quarantine()
        self._check_counts()
        if None not in self.present.values() and self.present:
            newest = inbox.releases[-1]
            tables = [table.full_name for table in inbox.catalog.data]
            assert {n: newest.versions[n] for n in tables} == {
                n: v for n, v in inbox.versions.items() if n in tables
            }

    def _check_quarantine(self) -> None:
        model = self.model
        still_open, wanted = _of_any_form(self.inbox.quarantined()), _of_any_form(model.quarantined)
        assert not wanted - still_open
        if not model.rows_only:
            extra = still_open - wanted
            assert {file for file, _ in extra} <= {model.plain}

    def _check_counts(self) -> None:
        every = self.inbox.deliveries(newest=False).values()
        for row in every:
            fates = ("accepted", "quarantined", "equal_duplicates", "superseded")
            assert row["rows_in"] == sum(row[fate] for fate in fates), row
        found = self.inbox.fates()
        assert found.keys() == self.model.files.keys()
        for name, file in self.model.files.items():
            rows_in, accepted, quarantined, equal, superseded = found[name]
            assert (rows_in, quarantined) == (file.rows_in, len(file.bad)), name
            if self._is_whole(name):
                assert superseded == self.model.superseded[name], name
                assert accepted + equal == len(file.good) + file.copies - superseded, name
        if all(map(self._is_whole, self.model.files)):
            rows = [fates for name, fates in found.items() if ".deleted." not in name]
            assert sum(accepted for _, accepted, *_ in rows) == len(self.model.bronze)

    def _is_whole(self, name: str) -> bool:
        """Whether nothing of an earlier version of the file stays."""
        return self.model.candidates[name].keys() == self.model.files[name].good.keys()

    def check_end(self) -> None:
        """Nothing is left to do, and one run over the newest version of each file leaves the same rows."""
        for name in [name for name, lines in self.present.items() if lines is None]:
            (self.inbox.data / name).unlink()
            del self.present[name]
        if not self.bytes_taken or not self.present:
            return
        self._run(*ANY_ROWS)
        self._check()
        self.inbox.check_nothing_is_left_to_do()
        self._check_releases()
        if not all(map(self._is_whole, self.model.files)) or self.model.supersedes == "arrival":
            return
        with tempfile.TemporaryDirectory() as root:
            at_once = replace(self.inbox, root=Path(root))
            for name, lines in self.bytes_taken.items():
                at_once.put(name, *lines)
            at_once.taken(*ANY_ROWS)
            assert at_once.everything() == self.inbox.everything()

    def _check_releases(self) -> None:
        """Every release has other rows than the one before, or records that a file was taken."""
        for one, other in pairwise(self.inbox.releases):
            differs = any(
                self._with_files(table, one) != self._with_files(table, other)
                for table in self.inbox.catalog.data
            )
            assert differs or not other.months

    def _with_files(self, table: Table, release: Release) -> list[str]:
        """The rows of a table, with the file that each came in."""
        rows = self.inbox.log.read(table, release.versions[table.full_name])
        hidden = {*table.unversioned} - {"_source_file"}
        return sorted(str({n: v for n, v in row.items() if n not in hidden}) for row in rows)


def follow(source: Source, sequence: Sequence[Step], engine: str = "embedded") -> None:
    """Do all steps, each with a run, and compare with the model after each and at the end."""
    with tempfile.TemporaryDirectory() as root:
        model = Model(source.file_names[0], source.delivery == "rows", source.supersedes)
        told = Told(Inbox(Path(root), bank_of(source), engine), source, model)
        for step in sequence:
            told.follow(step)
        told.check_end()
