"""Every declared table, upstreams first, with the fingerprint of the code that makes it."""

from __future__ import annotations

import importlib.util
import os
import pkgutil
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Any

from lakehouse.bank import OF_A_BANK, SHIPPED, Bank, chosen
from lakehouse.days import UTC
from lakehouse.declared import check_declared
from lakehouse.declared.sources import entity_fault
from lakehouse.errors import BadInput, LakehouseError
from lakehouse.exclusion import Exclusion
from lakehouse.fingerprint import code_fingerprints
from lakehouse.label import LabelStore
from lakehouse.nearest import meant
from lakehouse.protected import Protected
from lakehouse.table import OwnedBy, Source, Table, snake_case

LEDGER = "ledger"
LAYERS = (*OF_A_BANK, LEDGER)
# The tables of bronze that every datamart has, whatever its bank is.
_OF_EVERY_BANK = ("lakehouse.bronze.quarantine", "lakehouse.bronze.superseded")
# A module that makes a table is asked too, because it may have mistyped the name.
_DECLARES = re.compile(
    rb"\b(TABLE|EXCLUSIONS|PROTECTED)\b|import \*|\b(Table|(?:bronze|silver)_table|feature_group)\("
)


@dataclass(frozen=True)
class Catalog:
    """The tables of a bank, each after its upstreams, its time zone, and what a set may leave out.

    These are kinds of loans, and features that carry a protected attribute.
    """

    modules: tuple[tuple[Table, str], ...]  # (table, name of the module that declares it)
    time_zone: str = UTC
    exclusions: tuple[Exclusion, ...] = ()
    protected: tuple[Protected, ...] = ()
    bank: Bank = SHIPPED

    @property
    def tables(self) -> tuple[Table, ...]:
        return tuple(table for table, _ in self.modules)

    @property
    def data(self) -> tuple[Table, ...]:
        """Tables that a release pins: all except those of the ledger."""
        return tuple(table for table in self.tables if not table.is_ledger)

    @property
    def sources(self) -> tuple[Table, ...]:
        """Bronze tables that a raw file fills."""
        return tuple(table for table in self.tables if table.source)

    @property
    def derived(self) -> tuple[Table, ...]:
        """Tables that are computed from other tables."""
        return tuple(table for table in self.tables if table.transform)

    @property
    def feature_groups(self) -> tuple[Table, ...]:
        """Tables of features, which are joined to applications as of their day."""
        return tuple(table for table in self.tables if table.group)

    @property
    def label_store(self) -> Table:
        """The table of labels; LakehouseError if none is declared."""
        for table in self.tables:
            if table.labels:
                return table
        raise LakehouseError("no table is declared as the label store; give one of them `labels`")

    @property
    def labels(self) -> LabelStore:
        """The definitions and columns of the label store."""
        labels = self.label_store.labels
        assert labels is not None
        return labels

    def table(self, full_name: str) -> Table:
        """The table with the name layer.table or layer/table; BadInput if there is none."""
        wanted = str(full_name).replace("/", ".")
        for table in self.tables:
            if table.full_name == wanted:
                return table
        names = [table.full_name for table in self.tables]
        near = meant(wanted, names)
        hint = f"is it {near}?" if near else f"there are {', '.join(names)}"
        raise BadInput(f"no table is called {full_name!r}; {hint}")

    def source_of(self, table: Table) -> Source:
        """The source of a bronze table; its `numbers` are also the columns that cells of silver read so."""
        assert table.source is not None
        read = [
            raw
            for each in self.tables
            if table.full_name in (upstream.full_name for upstream in each.upstreams)
            for raw in each.raw_numbers
        ]
        numbers = dict.fromkeys([*(table.source.numbers or ()), *read])
        return replace(table.source, numbers=tuple(numbers))

    def entity_columns(self, table: Table) -> tuple[str, ...]:
        """The columns of a table that say whose row it is; empty if its rows are about no person.

        It is the declared one; else those that, by their name or `raw_columns`, hold that of an upstream.
        """
        declared = table.source.entity if table.source else table.entity
        if declared in table.columns:
            return (declared,)
        above = {name for each in table.upstreams for name in self.entity_columns(each)}
        read = {own for own, raw in table.raw_columns if raw in above}
        return tuple(n for n in table.columns if n in {*above, *map(snake_case, above), *read})

    def owned_columns(self, table: Table) -> dict[str, OwnedBy]:
        """The columns of a table that name what a person owns, as an account, and who says so.

        A table of a source declares it; one that is made of it, and names no person, has the same columns.
        """
        if table.source:
            own = table.source.owned_by
            return {own.column: own} if own else {}
        if self.entity_columns(table):
            return {}
        read = {raw: name for name, raw in table.raw_columns}
        above = {c: by for each in table.upstreams for c, by in self.owned_columns(each).items()}
        named = {read.get(column, snake_case(column)): by for column, by in above.items()}
        return {name: by for name, by in named.items() if name in table.columns}

    def check_entities(self) -> None:
        """BadInput for a source that declares no entity for its personal columns, or a wrong one."""
        for table in self.sources:
            if table.source and (fault := entity_fault(table.source)):
                raise BadInput(fault)

    @cached_property
    def code(self) -> dict[str, str]:
        """Code fingerprint of every table that is not of the ledger, by full name."""
        made = [
            (replace(table, source=self.source_of(table)) if table.source else table, module)
            for table, module in self.modules
            if table.source or table.transform
        ]
        return code_fingerprints(made, (module for _, module in self.modules), self.bank)


def load(tables: str | Path | None = None) -> Catalog:
    """The catalog of a bank: each `TABLE` of its layers, `EXCLUSIONS` and `PROTECTED` of gold.

    `tables` is its folder or package; else it is `chosen` by the environment or a pyproject.toml.
    BadInput, in one line, if anything is wrong in these declarations.
    The bank's time zone is that of LAKEHOUSE_TIMEZONE, as Asia/Singapore; UTC where it is not set.
    """
    bank = chosen(tables)
    modules = sorted(_declared(bank), key=lambda pair: LAYERS.index(pair[0].layer))
    _check_none_left(bank, modules)
    if not any(table.source for table, _ in modules):
        raise BadInput(
            f"the bank {bank.name} declares no source, so no raw file could come in; a module of "
            f"{bank.folder / 'bronze'} declares one as TABLE"
        )
    zone = os.environ.get("LAKEHOUSE_TIMEZONE") or UTC
    exclusions, protected = (_of_gold(bank, name) for name in ("EXCLUSIONS", "PROTECTED"))
    check_declared(modules, exclusions, protected)
    return Catalog(upstreams_first(modules), zone, exclusions, protected, bank)


def upstreams_first(modules: Iterable[tuple[Table, str]]) -> tuple[tuple[Table, str], ...]:
    """The tables with their modules, in their order but for upstreams: each comes before what reads it."""
    module_of, placed = dict(modules), dict[Table, str]()

    def place(table: Table) -> None:
        for upstream in table.upstreams:
            if upstream in module_of:
                place(upstream)
        placed.setdefault(table, module_of[table])

    for table in module_of:
        place(table)
    return tuple(placed.items())


def _declared(bank: Bank) -> Iterator[tuple[Table, str]]:
    for layer in LAYERS:
        for module in _modules(bank, layer):
            table = getattr(module, "TABLE", None)
            if table is None:
                continue
            if not isinstance(table, Table):
                raise BadInput(
                    f"{module.__name__} declares as TABLE a {type(table).__name__}, which is no table; "
                    "give it a Table, as of feature_group, or call it otherwise"
                )
            if table.layer != layer:
                raise BadInput(
                    f"{module.__name__} declares {table.full_name}; the module of a table stands in the "
                    "folder of its layer"
                )
            yield table, module.__name__


def _check_none_left(bank: Bank, declared: Iterable[tuple[Table, str]]) -> None:
    """BadInput for a table that a module makes, and that no module declares: a run would not know of it."""
    names = {table.full_name for table, _ in declared}
    for layer in OF_A_BANK:
        for module in _modules(bank, layer):
            for name, value in vars(module).items():
                if isinstance(value, Table) and value.full_name not in names:
                    raise BadInput(
                        f"{module.__name__} makes {value.full_name} and calls it {name}; call it TABLE, in a "
                        "module of its own, or it is left out"
                    )


def _of_gold(bank: Bank, name: str) -> tuple[Any, ...]:
    return tuple(each for module in _modules(bank, "gold") for each in getattr(module, name, ()))


def _modules(bank: Bank, layer: str) -> list[ModuleType]:
    """The modules of a layer that may declare something; another one may load numpy."""
    if layer == LEDGER:
        return _modules_in(SHIPPED, layer)
    own = [] if bank.is_shipped or layer != "bronze" else [*map(SHIPPED.module, _OF_EVERY_BANK)]
    modules = [*own, *_modules_in(bank, layer)]
    return sorted(modules, key=lambda module: module.__name__.rpartition(".")[2])


def _modules_in(bank: Bank, layer: str) -> list[ModuleType]:
    if not (bank.folder / layer).is_dir():
        return []
    package = bank.module(f"{bank.package}.{layer}")
    names = sorted(f"{package.__name__}.{i.name}" for i in pkgutil.iter_modules(package.__path__))
    return [bank.module(name) for name in names if _may_declare(name)]


def _may_declare(module: str) -> bool:
    """Whether a module has one of the declared names in its text, or takes all names of another one."""
    spec = importlib.util.find_spec(module)
    if spec is None or not isinstance(spec.loader, SourceFileLoader):
        return True
    return _DECLARES.search(spec.loader.get_data(spec.origin or "")) is not None
