"""A new source: what a raw file is proposed to be, and the modules of it in a bank."""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path

from lakehouse.bank import Bank
from lakehouse.catalog import Catalog, load
from lakehouse.declared.names import PLAIN
from lakehouse.errors import BadInput
from lakehouse.landing.counts import Counts
from lakehouse.landing.file_names import Claims
from lakehouse.landing.land import land
from lakehouse.scaffold.files import all_or_none, loaded_again, own_bank
from lakehouse.scaffold.proposal import Proposal, Said, proposed
from lakehouse.scaffold.raw_columns import RawColumns, looked_at
from lakehouse.scaffold.source_files import required, source_files
from lakehouse.scaffold.unsure import Unsure
from lakehouse.table import RAW_SUFFIXES, Field, Source, snake_case
from lakehouse.words import counted

_DAY_AT_END = re.compile(r"[-_. ]*(19|20)[0-9]{2}([-_.]?[0-9]{2}){0,2}$")


@dataclass(frozen=True)
class Asked:
    """A raw file that is to be a source, and all that the user says of it."""

    file: Path
    tables: str | None
    name: str | None = None
    delimiter: str | None = None
    encoding: str | None = None
    date_order: str | None = None
    said: Said = field(default_factory=Said)


@dataclass(frozen=True)
class NewSource:
    """A source that is proposed and not yet written."""

    bank: Bank
    tables: str | None
    proposal: Proposal
    file_names: str
    identifiers: tuple[str, ...]

    def write(self) -> list[Path]:
        """Write its modules and its test; BadInput, and nothing is written, if the bank cannot take it."""
        with all_or_none() as written:
            texts = source_files(self.proposal, self.file_names, self.identifiers)
            written.add(self.bank.folder, texts)
            catalog = loaded_again(self.tables, self.bank)
            _check_takes(catalog, self.proposal)
        return written.files


def new_source(asked: Asked) -> NewSource:
    """The source that is proposed for a raw file; Unsure, with the option that says it, where nothing tells.

    The file is landed as it would be in a run, and BadInput names what a run would refuse.
    """
    bank = own_bank(asked.tables, "new source")
    catalog = load(asked.tables)
    if not asked.file.is_file():
        raise BadInput(f"{asked.file} is not a file; give a raw file, as a CSV")
    stem, suffix = _parts(asked.file.name)
    name = asked.name or snake_case(stem)
    _check_name(catalog, name, asked)
    entities = [table.source.entity for table in catalog.sources if table.source]
    with looked_at(asked.file, asked.delimiter, asked.encoding, asked.date_order) as raw:
        proposal = proposed(name, raw, asked.said, entities)
        identifiers = _identifiers(raw, proposal)
        proposal = _landed(raw, proposal, identifiers, asked)
    return NewSource(bank, asked.tables, proposal, f"{stem}{suffix}", identifiers)


def _parts(file_name: str) -> tuple[str, str]:
    """The name of a file without the day at its end, and how the source's files end."""
    for suffix in sorted(RAW_SUFFIXES, key=len, reverse=True):
        if file_name.lower().endswith(suffix):
            stem = file_name[: -len(suffix)]
            return _DAY_AT_END.sub("", stem) or stem, ".csv"
    raise BadInput(
        f"{file_name} does not end as raw files do ({', '.join(RAW_SUFFIXES)}); rename it"
    )


def _check_name(catalog: Catalog, name: str, asked: Asked) -> None:
    if not PLAIN.fullmatch(name) or name != snake_case(name):
        raise Unsure(
            f"{asked.file.name} gives no plain name of a source in small letters", "--name NAME"
        )
    for table in catalog.tables:
        if table.name == name and table.layer in ("bronze", "silver"):
            raise Unsure(
                f"{table.full_name} is there already, so the source needs another name",
                "--name NAME",
            )


def _identifiers(raw: RawColumns, proposal: Proposal) -> tuple[str, ...]:
    """The ids whose cells all are one word with a digit, so that a shifted row is found by them."""
    ids = [name for name in (*proposal.keys, proposal.entity) if name and name != proposal.date]
    return tuple(name for name in dict.fromkeys(ids) if raw.column(name).all_are("word with digit"))


def declared(proposal: Proposal, file_names: str, identifiers: tuple[str, ...]) -> Source:
    """The source that the module of a proposal declares."""
    return Source(
        name=proposal.source,
        file_names=(file_names,),
        columns=tuple(
            Field(each.column, "STRING", "As proposed.", personal=each.role == "personal")
            for each in proposal.columns
        ),
        keys=proposal.keys,
        entity=proposal.entity,
        date=proposal.date,
        required=tuple(required(proposal, identifiers)),  # type: ignore[arg-type]
        date_order=proposal.date_order,
        delimiter=proposal.delimiter,
        encoding=proposal.encoding,
        decimal="," if proposal.decimal == "," else ".",
    )


def _landed(
    raw: RawColumns, proposal: Proposal, identifiers: tuple[str, ...], asked: Asked
) -> Proposal:
    """The proposal with a note on the rows that a run would not take; Unsure if nobody has asked for that."""
    source = declared(proposal, raw.file_name, identifiers)
    with tempfile.TemporaryDirectory() as folder:
        landed = land(source, asked.file, Path(folder))
    counts = sum(landed.counts.values(), start=Counts())
    lost = counts.quarantined - raw.broken
    if lost <= 0:
        return proposal
    told = f"{counted(lost, 'row')} of {raw.rows:,} would be quarantined: their key or date cannot be read"
    if not (asked.said.keys or asked.said.date is not None or asked.said.entity):
        raise Unsure(told, "--key, --date or --entity")
    return replace(proposal, notes=(*proposal.notes, told))


def _check_takes(catalog: Catalog, proposal: Proposal) -> None:
    """BadInput if the file, by its name, is not one of the new source only."""
    sources = [table.source for table in catalog.sources if table.source]
    taking = [source.name for source in Claims(sources).taking(proposal.file)]
    if taking != [proposal.source]:
        others = " and ".join(name for name in taking if name != proposal.source) or "no source"
        raise BadInput(
            f"{proposal.file} would be a file of {others} by its name, not only of {proposal.source}; "
            "nothing was written: rename the file"
        )
