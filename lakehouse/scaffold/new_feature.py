"""A new feature: a function in the module of its group, which passes a column on until you write more."""

from __future__ import annotations

import ast
import keyword
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lakehouse.bank import Bank
from lakehouse.catalog import Catalog, load
from lakehouse.declared.names import PLAIN, instead
from lakehouse.errors import BadInput
from lakehouse.feature import FeatureTransform
from lakehouse.scaffold.files import all_or_none, loaded_again, own_bank
from lakehouse.scaffold.python_text import call
from lakehouse.table import Field, Table

# By the type of the column and that of the feature: an invented value, and what the feature then is.
SAMPLES = {"STRING": '"some"', "INT": "7", "BIGINT": "7", "DOUBLE": "1.5", "BOOLEAN": "True"}
BECOMES = {
    ("INT", "DOUBLE"): "7.0",
    ("BIGINT", "DOUBLE"): "7.0",
    ("DOUBLE", "INT"): "1",
    ("DOUBLE", "BIGINT"): "1",
    ("INT", "BIGINT"): "7",
    ("BIGINT", "INT"): "7",
    ("BOOLEAN", "INT"): "1",
    ("BOOLEAN", "BIGINT"): "1",
    ("BOOLEAN", "DOUBLE"): "1.0",
    ("INT", "STRING"): '"7"',
    ("BIGINT", "STRING"): '"7"',
    **{(each, each): value for each, value in SAMPLES.items()},
}
FEATURE_TYPES = tuple(SAMPLES)


@dataclass(frozen=True)
class NewFeature:
    """A feature that is to be written: its group, what it takes, its type, and what it means."""

    name: str
    table: str
    takes: tuple[str, ...]
    doc: str
    type: str | None = None

    def write(self, tables: str | None) -> list[Path]:
        """Write it above TABLE, with a test; BadInput, and nothing is written, if it cannot be there."""
        bank = own_bank(tables, "new feature")
        catalog = load(tables)
        group = catalog.table(self.table)
        self._check_group(group)
        first = self._inputs(group)[0]
        type_ = self._type(first)
        file = module_file(bank, catalog, group)
        text = file.read_text(encoding="utf-8")
        with all_or_none() as written:
            test = _test(self, group.full_name, first, type_)
            written.add(bank.folder, {f"tests/test_feature_{self.name}.py": test})
            written.change(file, with_feature(text, self, type_, first.type, file))
            again = loaded_again(tables, bank).table(group.full_name)
            if self.name not in again.columns:
                raise BadInput(
                    f"{file} does not take its features by declared_in(globals()); write the feature by hand"
                )
        return written.files

    def _check_group(self, group: Table) -> None:
        if not group.group or not isinstance(group.transform, FeatureTransform):
            raise BadInput(f"{group.full_name} is not a feature group; give one with --table")
        if len(group.upstreams) != 1:
            raise BadInput(f"{group.full_name} reads several tables; write the feature by hand")
        if not PLAIN.fullmatch(self.name) or keyword.iskeyword(self.name):
            raise BadInput(
                f"{self.name!r} is not a name of a function; write letters, digits and _"
            )
        if not self.doc.strip() or {'"', "\\"} & {*self.doc}:
            raise BadInput(
                f"feature {self.name} has no meaning that a docstring can say; give it with --doc, without "
                "quotes"
            )
        if self.name in group.columns:
            raise BadInput(
                f"{group.full_name} has a column {self.name} already; choose another name"
            )

    def _inputs(self, group: Table) -> list[Field]:
        """The columns that it takes; BadInput for one that is not there, or tells how a loan went on."""
        (upstream,) = group.upstreams
        columns = {field.name: field for field in upstream.fields}
        features = {field.name: field for field in group.features}
        for name in self.takes:
            if name not in (columns | features):
                near = instead(name, [*columns, *features], upstream.full_name)
                raise BadInput(f"feature {self.name} takes {name}, which is not there; {near}")
            if name in columns and columns[name].outcome:
                raise BadInput(
                    f"feature {self.name} takes {name}, which tells how a loan went on; no feature may use it"
                )
        if self.takes[0] not in columns:
            raise BadInput(
                f"feature {self.name} takes {self.takes[0]} first, which is a feature; name first a column "
                f"of {upstream.full_name}"
            )
        return [(columns | features)[name] for name in self.takes]

    def _type(self, first: Field) -> str:
        """Its type, which the first column can become."""
        type_ = self.type or first.type
        if (first.type, type_) not in BECOMES:
            possible = [to for of, to in BECOMES if of == first.type]
            way_out = f"give --type {' or '.join(possible)}" if possible else "write it by hand"
            raise BadInput(
                f"feature {self.name} takes {first.name}, a {first.type}, which does not become {type_}; "
                f"{way_out}"
            )
        return type_


def module_file(bank: Bank, catalog: Catalog, table: Table) -> Path:
    """The file of the module that declares a table."""
    module = dict(catalog.modules)[table]
    return bank.folder.joinpath(*module[len(bank.package) + 1 :].split(".")).with_suffix(".py")


def with_feature(text: str, new: NewFeature, type_: str, of: str, file: Path) -> str:
    """The text of a group's module with one more feature, before its features are taken."""
    tree = ast.parse(text)
    bound = {*_bound(tree)}
    if new.name in bound:
        raise BadInput(f"{file} has the name {new.name} already; choose another one")
    if "feature" not in bound:
        raise BadInput(
            f"{file} does not import feature of lakehouse.feature; write the feature by hand"
        )
    places = [node.lineno for node in tree.body if _takes_features(node)]
    if not places:
        raise BadInput(f"{file} has no TABLE at its left margin; write the feature by hand")
    lines = text.splitlines()
    at = places[0] - 1
    while at and lines[at - 1].startswith("#"):
        at -= 1
    before, after = "\n".join(lines[:at]).rstrip("\n"), "\n".join(lines[at:])
    return f"{before}\n\n\n{_function(new, type_, of, 'Column' in bound)}\n\n{after}\n"


def _bound(tree: ast.Module) -> Iterator[str]:
    """The names that a module has."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            yield from (alias.asname or alias.name for alias in node.names)
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            yield node.name
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            yield from (each.id for each in ast.walk(node) if isinstance(each, ast.Name))


def _takes_features(node: ast.stmt) -> bool:
    """Whether a statement gathers the features of its module, or is TABLE."""
    if isinstance(node, (ast.FunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)):
        return False
    names = {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}
    return bool({"declared_in", "TABLE"} & names)


def _function(new: NewFeature, type_: str, of: str, is_annotated: bool) -> str:
    column = ": Column" if is_annotated else ""
    end = " -> Column" if is_annotated else ""
    taken = [f"{name}{column}" for name in new.takes]
    head = f"def {new.name}({', '.join(taken)}){end}:"
    if len(head) > 100:
        head = "\n".join([f"def {new.name}(", *(f"    {each}," for each in taken), f"){end}:"])
    doc = docstring(new.doc)
    cast = "" if of == type_ else f'.cast("{type_.lower()}")'
    return f'@feature("{type_}")\n{head}\n{doc}\n    return {new.takes[0]}{cast}\n'


def docstring(doc: str) -> str:
    """A text as the docstring of a function, on as many lines as it needs."""
    words = " ".join(doc.split())
    words = words if words.endswith((".", "?", "!")) else f"{words}."
    lines = textwrap.wrap(words, 88)
    if len(lines) == 1:
        return f'    """{lines[0]}"""'
    return "\n".join([f'    """{lines[0]}', *(f"    {line}" for line in lines[1:]), '    """'])


def feature_check(group: str, name: str, takes: Field, expected: str) -> str:
    """The line of a test that checks a feature of one column."""
    case = f'({{"{takes.name}": {SAMPLES[takes.type]}}}, {expected})'
    return call("check_feature(", [group, f'"{name}"', case, "({}, None)"], ")", 4, after="")


def _test(new: NewFeature, table: str, first: Field, type_: str) -> str:
    check = feature_check("GROUP", new.name, first, BECOMES[first.type, type_])
    return f'''"""A feature of {table}: write here what it promises."""

from pathlib import Path

from lakehouse.catalog import load
from lakehouse.testing import check_feature, check_group_is_point_in_time

GROUP = load(Path(__file__).parent.parent).table("{table}")


def test_{new.name}_of_a_row():
{check}


def test_nothing_comes_from_the_future():
    check_group_is_point_in_time(GROUP)
'''
