"""The common options as one value, which opens the catalog, an engine or a release."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property, wraps
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lakehouse.cli import options, show
from lakehouse.errors import BadInput

if TYPE_CHECKING:
    from lakehouse.catalog import Catalog
    from lakehouse.engines.store import Store
    from lakehouse.releases.release import Release
    from lakehouse.storage.data_bucket import Data
    from lakehouse.storage.datamart import Datamart
    from lakehouse.storage.place import Place


@cache
def _chosen(engine: str, master: str | None, held_bytes: int) -> str:
    """The name of the engine; the same question is asked once, for the answer may come with a note."""
    from lakehouse.engines.choose import choose

    return choose(engine, master, held_bytes, show.note)


@dataclass(frozen=True)
class OpenRelease:
    """A release of a datamart, with an engine that reads it."""

    store: Store
    catalog: Catalog
    release: Release


@dataclass(frozen=True)
class Common:
    """The common options of a command: folders, engine and form of the answer."""

    data: Data
    place: Place
    engine: str
    master: str | None
    tables: str | None
    as_json: bool

    @property
    def data_folder(self) -> Path:
        """The folder of the raw files; BadInput if they are in an object store."""
        if isinstance(self.data, Path):
            return self.data
        raise BadInput(
            f"this command takes raw files of this machine; copy those of {self.data} to a folder"
        )

    @cached_property
    def datamart(self) -> Datamart:
        """The datamart, which may not exist yet."""
        from lakehouse.storage.datamart import Datamart

        return Datamart.at(self.place, catalog(self.tables))

    @cached_property
    def built(self) -> Datamart:
        """The datamart; BadInput if it is not built yet."""
        from lakehouse.releases.inspect import check_built

        check_built(self.datamart)
        return self.datamart

    def store(self, datamart: Datamart, held_bytes: int = 0, bytes_at_work: int = 0) -> Store:
        """An engine on a datamart: the one asked for, or the one that fits the size of the raw files."""
        from lakehouse.engines.choose import open_store

        return open_store(self._engine(held_bytes), datamart, self.master, bytes_at_work)

    def prepare(self, held_bytes: int) -> None:
        """Set the environment of the engine that `store` opens; no other thread may be at work."""
        from lakehouse.engines.choose import prepare

        prepare(self._engine(held_bytes), self.master)

    def _engine(self, held_bytes: int) -> str:
        return _chosen(self.engine, self.master, held_bytes)

    def open_release(self, number: int | None) -> OpenRelease:
        """The release with that number, or the newest if there is none given."""
        from lakehouse.absent import present
        from lakehouse.releases import published
        from lakehouse.releases.readable import check_kept

        datamart = self.built
        log = datamart.log
        # The release is looked up first, so that a wrong number starts no engine.
        release = published.release(log, number) if number else published.newest(log)
        check_kept(log, release.pins)
        catalog = present(datamart.catalog, lambda table: table.full_name in release.versions)
        return OpenRelease(self.store(datamart), catalog, release)


def catalog(tables: str | None) -> Catalog:
    """The tables that the command works on: those given to `main`, else those of the bank."""
    from lakehouse.catalog import Catalog, load

    given = click.get_current_context().obj
    return given if isinstance(given, Catalog) else load(tables)


def common(*used: options.Option) -> options.Option:
    """Give a command the common options, as one value `common`; its help shows those it has a use for.

    The others are taken too, so that one set of options serves every command of a script.
    """

    def apply(command: options.Command) -> options.Command:
        @wraps(command)
        def called(
            data: Data,
            datamart: Place,
            engine: str,
            master: str | None,
            tables: str | None,
            as_json: bool,
            **own: object,
        ) -> None:
            command(common=Common(data, datamart, engine, master, tables, as_json), **own)

        given = [
            option if option in used else options.hidden(option)
            for option in (options.DATA, options.DATAMART, options.ENGINE)
        ]
        return options.together(*given, options.TABLES, options.JSON, options.DEBUG)(called)

    return apply
