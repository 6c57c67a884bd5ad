"""The common options as one value, and what they open: the catalog, an engine, a release."""

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
    """The common options of a command: where things are, what computes, how to answer."""

    data: Path
    place: Place
    engine: str
    master: str | None
    as_json: bool

    @cached_property
    def datamart(self) -> Datamart:
        """The datamart, whether it is there or not."""
        from lakehouse.storage.datamart import Datamart

        return Datamart.at(self.place, catalog())

    @cached_property
    def built(self) -> Datamart:
        """The datamart; BadInput where none is built."""
        from lakehouse.releases.inspect import check_built

        check_built(self.datamart)
        return self.datamart

    def store(self, datamart: Datamart, held_bytes: int = 0, bytes_at_work: int = 0) -> Store:
        """An engine on a datamart: the one asked for, or that for raw files of so many bytes."""
        from lakehouse.engines.choose import choose, open_store

        name = choose(self.engine, self.master, held_bytes, show.note)
        return open_store(name, datamart, self.master, bytes_at_work)

    def open_release(self, number: int | None) -> OpenRelease:
        """The release of that number, else the newest."""
        from lakehouse.releases import published
        from lakehouse.releases.readable import check_kept

        datamart = self.built
        log = datamart.log
        # Looked up first: a release that is not there starts no engine.
        release = published.release(log, number) if number else published.newest(log)
        check_kept(log, release.pins)
        return OpenRelease(self.store(datamart), datamart.catalog, release)


def catalog() -> Catalog:
    """The tables that the command works on: those `main` was given, else the declared ones."""
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
