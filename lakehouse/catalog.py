"""Every declared table, upstreams first, with the fingerprint of the code that makes it."""

from __future__ import annotations

import importlib
import os
import pkgutil
from dataclasses import dataclass
from functools import cached_property
from types import ModuleType

from lakehouse.days import UTC
from lakehouse.errors import BadInput, LakehouseError
from lakehouse.fingerprint import code_fingerprint
from lakehouse.label import LabelStore
from lakehouse.table import Table

LAYERS = ("bronze", "silver", "gold", "ledger")


@dataclass(frozen=True)
class Catalog:
    """The tables, each after its upstreams, and the time zone whose calendar days are the bank's."""

    modules: tuple[tuple[Table, str], ...]  # (table, name of the module that declares it)
    time_zone: str = UTC

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
        wanted = full_name.replace("/", ".")
        for table in self.tables:
            if table.full_name == wanted:
                return table
        names = ", ".join(table.full_name for table in self.tables)
        raise BadInput(f"no table is called {full_name!r}; there are {names}")

    @cached_property
    def code(self) -> dict[str, str]:
        """Code fingerprint of every table that is not of the ledger, by full name."""
        declaring = frozenset(module for _, module in self.modules)
        return {
            table.full_name: code_fingerprint(table, module, others=declaring - {module})
            for table, module in self.modules
            if table.source or table.transform
        }


def load() -> Catalog:
    """The catalog of this package: every `TABLE` in a module of a layer.

    The bank's time zone is that of LAKEHOUSE_TIMEZONE, as Asia/Singapore; UTC where it is not set.
    """
    modules = tuple(sorted(_declared(), key=lambda pair: LAYERS.index(pair[0].layer)))
    return Catalog(modules, os.environ.get("LAKEHOUSE_TIMEZONE") or UTC)


def _declared() -> list[tuple[Table, str]]:
    declared = []
    for layer in LAYERS:
        for module in _modules(importlib.import_module(f"lakehouse.{layer}")):
            table = getattr(module, "TABLE", None)
            if isinstance(table, Table):
                declared.append((table, module.__name__))
    return declared


def _modules(package: ModuleType) -> list[ModuleType]:
    names = sorted(info.name for info in pkgutil.iter_modules(package.__path__))
    return [importlib.import_module(f"{package.__name__}.{name}") for name in names]
