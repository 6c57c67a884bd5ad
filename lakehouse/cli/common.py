"""The common options as one value, which opens the catalog, an engine or a release."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, wraps
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lakehouse.catalog import Catalog, load
from lakehouse.cli import options, show
from lakehouse.storage.place import Place

if TYPE_CHECKING:
    from lakehouse.engines.store import Store
    from lakehouse.releases.release import Release
    from lakehouse.storage.datamart import Datamart


@dataclass(frozen=True)
class OpenRelease:
    """A release of a datamart, with an engine that reads it."""

    store: Store
    catalog: Catalog
    release: Release


@dataclass(frozen=True)
class Common:
    """The common options of a command: folders, engine and form of the answer."""

    data: Path
    place: Place
    engine: str
    master: str | None
    as_json: bool

    @cached_property
    def datamart(self) -> Datamart:
        """The datamart, which may not exist yet."""
        from lakehouse.storage.datamart import Datamart

        return Datamart.at(self.place, catalog())

    @cached_property
    def built(self) -> Datamart:
        """The datamart; BadInput if it is not built yet."""
        from lakehouse.releases.inspect import check_built

        check_built(self.datamart)
        return self.datamart

    def store(self, datamart: Datamart, held_bytes: int = 0, bytes_at_work: int = 0) -> Store:
        """An engine on a datamart: the one asked for, or the one that fits the size of the raw files."""
        from lakehouse.engines.choose import choose, open_store

        name = choose(self.engine, self.master, held_bytes, show.note)
        return open_store(name, datamart, self.master, bytes_at_work)

    def open_release(self, number: int | None) -> OpenRelease:
        """The release with that number, or the newest if there is none given."""
        from lakehouse.releases import published
        from lakehouse.releases.readable import check_kept

        datamart = self.built
        log = datamart.log
        # The release is looked up first, so that a wrong number starts no engine.
        release = published.release(log, number) if number else published.newest(log)
        check_kept(log, release.pins)
        return OpenRelease(self.store(datamart), datamart.catalog, release)


def catalog() -> Catalog:
    """The tables that the command works on: those given to `main`, else the declared ones."""
    given = click.get_current_context().obj
    return given if isinstance(given, Catalog) else load()


def common(command: options.Command) -> options.Command:
    """Give the command the common options, as one value `common`."""

    @wraps(command)
    def called(
        data: Path, datamart: Place, engine: str, master: str | None, as_json: bool, **own: object
    ) -> None:
        command(common=Common(data, datamart, engine, master, as_json), **own)

    given = (options.DATA, options.DATAMART, options.ENGINE, options.JSON, options.DEBUG)
    return options.together(*given)(called)
