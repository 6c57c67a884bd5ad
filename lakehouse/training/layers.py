"""The data files of a table at several releases: each file once, with the releases that have it.

A layer is a set of files without two rows of one key, so that its wide rows can be read without asking which
release had them: the files of each month were all in one release.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from lakehouse.storage.data_file import data_files
from lakehouse.storage.log import Log
from lakehouse.table import Table


@dataclass(frozen=True)
class Files:
    """Files that the same releases have, and their months by path.

    `releases` are places in the list of those that are read. `columns` is a schema of Delta, as JSON.
    """

    releases: tuple[int, ...]
    columns: str
    months: Mapping[str, str]


@dataclass
class Layer:
    """Files without two rows of one key, all with the same columns."""

    columns: str
    files: list[Files] = field(default_factory=list)
    _releases: dict[str, set[int]] = field(default_factory=dict)

    @property
    def paths(self) -> list[str]:
        return [path for files in self.files for path in files.months]

    def takes(self, files: Files) -> bool:
        """Whether the files of each month would still be in one release."""
        own = set(files.releases)
        return files.columns == self.columns and all(
            self._releases.get(month, own) & own for month in files.months.values()
        )

    def add(self, files: Files) -> None:
        own = set(files.releases)
        self.files.append(files)
        for month in files.months.values():
            self._releases[month] = self._releases.get(month, own) & own


def layers(
    log: Log, table: Table, names: Sequence[str], versions: Sequence[int | None]
) -> list[Layer]:
    """The files of a table at these versions (None: it had none), with these columns, in few layers."""
    found: list[Layer] = []
    for files in _files(log, table, names, versions):
        layer = next((layer for layer in found if layer.takes(files)), None)
        if layer is None:
            layer = Layer(files.columns)
            found.append(layer)
        layer.add(files)
    return found


def _files(
    log: Log, table: Table, names: Sequence[str], versions: Sequence[int | None]
) -> list[Files]:
    releases: dict[str, list[int]] = {}
    months: dict[str, str] = {}
    columns: dict[str, str] = {}
    for place, version in enumerate(versions):
        if version is None:
            continue
        schema = chosen(log.schema(table, version), names)
        for file in data_files(log, table, version):
            releases.setdefault(file.path, []).append(place)
            months[file.path] = file.partition
            # Columns that were added later are not in the file.
            columns.setdefault(file.path, schema)
    together: dict[tuple[tuple[int, ...], str], dict[str, str]] = {}
    for path, month in sorted(months.items()):
        together.setdefault((tuple(releases[path]), columns[path]), {})[path] = month
    return [Files(*had, months) for had, months in sorted(together.items())]


def chosen(schema: str, names: Iterable[str]) -> str:
    """The schema with only these columns, without their comments."""
    wanted = set(names)
    fields = [f for f in json.loads(schema)["fields"] if f["name"] in wanted]
    return json.dumps({"type": "struct", "fields": [{**f, "metadata": {}} for f in fields]})
