"""Writes docs/reference out of the code: `python docs/generate.py`; a test finds a page that has drifted."""

from __future__ import annotations

import ast
import importlib
import inspect
import json
import pkgutil
import re
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import FunctionType
from typing import Any

import click

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import lakehouse  # noqa: E402
from lakehouse import testing  # noqa: E402
from lakehouse.bronze.raw import bronze_table  # noqa: E402
from lakehouse.catalog import load  # noqa: E402
from lakehouse.cli import cli  # noqa: E402
from lakehouse.cli.command import Commands, summary  # noqa: E402
from lakehouse.cli.exit_codes import exit_code  # noqa: E402
from lakehouse.cli.schemas import schemas  # noqa: E402
from lakehouse.errors import LakehouseError  # noqa: E402
from lakehouse.exclusion import Exclusion  # noqa: E402
from lakehouse.exports import dictionary  # noqa: E402
from lakehouse.feature import declared_in, feature  # noqa: E402
from lakehouse.gold.as_of import as_of  # noqa: E402
from lakehouse.gold.feature_group import feature_group  # noqa: E402
from lakehouse.gold.over_days import days_asked, events_before, month_ends, over_days  # noqa: E402
from lakehouse.label import LabelDefinition, LabelStore, LoanColumns  # noqa: E402
from lakehouse.lake import Lakehouse  # noqa: E402
from lakehouse.protected import Protected  # noqa: E402
from lakehouse.silver import cleaning, open_cells  # noqa: E402
from lakehouse.silver.validity import validity_table  # noqa: E402
from lakehouse.stop import Stopped  # noqa: E402
from lakehouse.table import FeatureGroup, Field, OwnedBy, PersonalNumber, Source, Table  # noqa: E402

REFERENCE = ROOT / "docs" / "reference"
_NOTE = "<!-- Made by docs/generate.py out of the code. Change the code, then run it again. -->\n"
# Options that most commands share are explained once.
_SHARED_BY = 6
# By the question that they answer, what the modules of a bank import.
_DECLARED: dict[str, tuple[Callable[..., object], ...]] = {
    "Bronze: a raw file": (Source, OwnedBy, Field, PersonalNumber, bronze_table),
    "Silver: what a cell becomes": (
        *(cleaning.silver_table, cleaning.number, cleaning.choice, cleaning.date, cleaning.time),
        *(open_cells.any_number, open_cells.any_text, open_cells.yes_or_no),
        *(open_cells.day_first_date, open_cells.month_first_date, cleaning.Rule, validity_table),
    ),
    "Gold: features": (
        *(feature, declared_in, feature_group, as_of, days_asked, month_ends, over_days),
        events_before,
        *(FeatureGroup, Table),
    ),
    "Gold: labels": (LabelDefinition, LoanColumns, LabelStore),
    "Gold: training sets": (Exclusion, Protected),
}
_IMPLIED = ("", (), None, False)


def pages() -> dict[str, str]:
    """The pages of the reference by file name."""
    return {
        "commands.md": _page("Commands", _commands()),
        "tables.md": _page("Tables and columns", _tables()),
        "python.md": _page("Python", _python()),
        "declarations.md": _page("What a bank declares", _declarations()),
        "json.md": _page("JSON of the commands", _json()),
        **{_schema_file(name): _schema_text(schema) for name, schema in schemas().items()},
        "errors.md": _page("Exit codes and errors", _errors()),
    }


def _page(title: str, parts: Iterable[str]) -> str:
    return "\n\n".join([f"# {title}\n\n{_NOTE}".rstrip(), *parts]) + "\n"


# --- Commands ----------------------------------------------------------------------------------


def _commands() -> Iterator[str]:
    assert isinstance(cli, Commands)
    commands = dict(sorted(cli.leaves().items()))
    shared = _shared(commands.values())
    yield (
        "`python main.py`, `python -m lakehouse` and the installed `lakehouse` are the same program. "
        "Without a command it does [`run`](#run)."
        if _is_module()
        else "Without a command `python main.py` does [`run`](#run)."
    )
    for title, members in cli.titled.items():
        yield f"**{title}**"
        named = [
            (name, leaf)
            for each in members
            for name, leaf in commands.items()
            if name.split()[0] == each.name
        ]
        listed = [
            f"| [`{name}`](#{name.replace(' ', '-')}) | {_cell(summary(leaf))} |"
            for name, leaf in named
        ]
        yield "\n".join(["| command | does |", "|---|---|", *listed])
    yield "## Common options"
    yield (
        "These are explained once. `python main.py COMMAND --help` shows those that a command uses. "
        "A command on a datamart takes the others too, so that one set of options serves a whole script."
    )
    yield _options(shared.values())
    for name, command in commands.items():
        yield f"## {name}"
        yield _paragraphs(command.help or "")
        lines = [f"{name} {_usage(command)}", *getattr(command, "examples", ())]
        yield "```text\n" + "\n".join(f"python main.py {line}" for line in lines) + "\n```"
        own = [option for option in _shown(command) if option.name not in shared]
        if own:
            yield _options(own)
        taken = [option.opts[0] for option in _shown(command) if option.name in shared]
        if taken:
            yield f"Common: {', '.join(f'`{each}`' for each in taken)}."


def _is_module() -> bool:
    return (ROOT / "lakehouse" / "__main__.py").exists()


def _shared(commands: Iterable[click.Command]) -> dict[str, click.Option]:
    options = [option for each in commands for option in _shown(each)]
    counts = {str(p.name): sum(p.name == other.name for other in options) for p in options}
    return {str(p.name): p for p in options if counts[str(p.name)] >= _SHARED_BY}


def _shown(command: click.Command) -> list[click.Option]:
    """The options that its help shows."""
    return [each for each in command.params if isinstance(each, click.Option) and not each.hidden]


def _usage(command: click.Command) -> str:
    arguments = [p for p in command.params if isinstance(p, click.Argument)]
    words = [f"{a.make_metavar(click.Context(command))}" for a in arguments]
    return " ".join([*words, "[OPTIONS]"])


def _options(options: Iterable[click.Option]) -> str:
    rows = [f"| {_names(each)} | {_cell(_meaning(each))} |" for each in options]
    return "\n".join(["| option | meaning |", "|---|---|", *rows])


def _names(option: click.Option) -> str:
    value = option.make_metavar(click.Context(cli)).replace("INTEGER RANGE", "N")
    value = "" if option.is_flag else f" {value.replace('FLOAT RANGE', 'SHARE')}"
    return ", ".join(f"`{each}{value}`" for each in option.opts).replace("|", "\\|")


def _meaning(option: click.Option) -> str:
    is_needed = " Needed." if option.required else ""
    default = option.default if option.show_default else None
    is_default = f" Default: `{default}`." if default not in _IMPLIED else ""
    return f"{option.help or ''}{is_needed}{is_default}"


# --- Tables ------------------------------------------------------------------------------------


def _tables() -> Iterator[str]:
    yield (
        "Every table is a Delta table in `datamart/<layer>/<table>`. "
        "`python main.py dictionary` prints this page."
    )
    catalog = load()
    told = dictionary.markdown(catalog.tables, catalog.exclusions, catalog.protected)
    yield told.replace("<", "&lt;")


# --- Python ------------------------------------------------------------------------------------


def _python() -> Iterator[str]:
    yield "`from lakehouse import Lakehouse` is the one door; what begins with `_` is not for use."
    yield _entry("Lakehouse", Lakehouse)
    for name, member in vars(Lakehouse).items():
        if not name.startswith("_") and isinstance(member, (FunctionType, property, classmethod)):
            yield _entry(name, member)
    yield "## lakehouse.testing\n\n" + _paragraphs(inspect.getdoc(testing) or "")
    for name in testing.__all__:
        check = getattr(testing, name)
        told = _with_example(inspect.getdoc(check) or "")
        yield f"### {name}\n\n```text\n{_signature(name, check)}\n```\n\n{told}"


# --- Declarations ------------------------------------------------------------------------------


def _declarations() -> Iterator[str]:
    yield (
        "This is what the modules of a bank import, with all parameters. "
        "The page [Your own bank](../how-to/your-own-bank.md) shows most of them at work. "
        "The page [What declarations are checked for](../explanation/declarations.md) tells what is refused."
    )
    for title, declared in _DECLARED.items():
        yield f"## {title}"
        for each in declared:
            name = each.__name__
            shown = _signature(name, each)
            told = _paragraphs(inspect.getdoc(each) or "")
            imported = f"from {each.__module__} import {name}"
            yield f"### {name}\n\n```text\n{imported}\n\n{shown}\n```\n\n{told}"


def _entry(name: str, member: Callable[..., object] | property | classmethod[Any, Any, Any]) -> str:
    if isinstance(member, property):
        assert member.fget
        shown = f"lake.{name}: {inspect.get_annotations(member.fget)['return']}"
    elif isinstance(member, classmethod):
        shown = _signature(f"Lakehouse.{name}", member.__func__)
    else:
        shown = _signature(name if inspect.isclass(member) else f"lake.{name}", member)
    return f"## {name}\n\n```text\n{shown}\n```\n\n{_with_example(inspect.getdoc(member) or '')}"


def _with_example(doc: str) -> str:
    """A docstring as Markdown; the example at its end keeps its lines."""
    words, prompt, example = doc.partition(">>> ")
    shown = f"\n\n```text\n{prompt}{example.rstrip()}\n```" if prompt else ""
    return _paragraphs(words) + shown


def _signature(name: str, member: Callable[..., object]) -> str:
    """The call as it is written, a parameter per line where it is long."""
    signature = inspect.signature(member)
    kept = [each for each in signature.parameters.values() if each.name not in ("self", "cls")]
    shown = _unquoted(str(signature.replace(parameters=kept)))
    shown = shown.removesuffix(" -> None") if inspect.isclass(member) else shown
    if len(name + shown) < 90:
        return name + shown
    lines = [_unquoted(str(each)) for each in kept]
    named = [i for i, each in enumerate(kept) if each.kind is inspect.Parameter.KEYWORD_ONLY]
    if named:
        lines.insert(named[0], "*")
    return f"{name}(\n" + "".join(f"    {line},\n" for line in lines) + shown[shown.rindex(")") :]


def _unquoted(signature: str) -> str:
    """A signature whose annotations are text, without their quotes."""
    return re.sub(r"""(: |-> )(?:'([^']*)'|"([^"]*)")""", r"\1\2\3", signature)


# --- Errors ------------------------------------------------------------------------------------


def _errors() -> Iterator[str]:
    classes = _error_classes()
    yield "A command that fails prints one line on stderr. `--debug` adds the traceback."
    yield "\n".join(["| exit code | means |", "|---|---|", *_exit_codes(classes)])
    yield "In Python the same are exceptions of `lakehouse.errors`:"
    rows = [f"| `{c.__name__}` | {_code_of(c)} | {_cell(_doc(c))} |" for c in classes]
    yield "\n".join(["| exception | exit code | means |", "|---|---|---|", *rows])
    yield "## Messages"
    yield "Messages as the code raises them; `…` stands for a name or a number."
    for each in classes:
        messages = sorted(set(_messages(each.__name__)), key=str.lower)
        if messages:
            yield f"### {each.__name__}, exit code {_code_of(each)}"
            yield "\n".join(f"- {_code(message)}" for message in messages)


def _exit_codes(classes: list[type[LakehouseError]]) -> Iterator[str]:
    yield "| 0 | Done. |"
    for code in sorted({_code_of(each) for each in classes}):
        first = next(each for each in classes if _code_of(each) == code)
        yield f"| {code} | {_cell(_doc(first))} |"
    for number in (signal.SIGINT, signal.SIGTERM):
        yield f"| {exit_code(Stopped(number))} | Stopped by {number.name}; nothing is half done. |"


def _error_classes() -> list[type[LakehouseError]]:
    for module in pkgutil.walk_packages(lakehouse.__path__, "lakehouse."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    waiting, classes = [LakehouseError], []
    for each in waiting:
        classes.append(each)
        waiting += each.__subclasses__()
    return sorted(classes, key=lambda each: (_code_of(each), each is not LakehouseError))


def _code_of(error: type[LakehouseError]) -> int:
    return exit_code(error())


def _doc(each: type) -> str:
    return _paragraphs(inspect.getdoc(each) or "").split("\n\n")[0]


def _messages(error: str) -> Iterator[str]:
    """The texts that the code raises this error with; a text that is put together elsewhere is left out."""
    for path in sorted((ROOT / "lakehouse").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or getattr(node.func, "id", "") != error:
                continue
            message = _text(node.args[0]) if node.args else ""
            if re.search(r"\w{3}", message):
                yield " ".join(message.split())


def _text(node: ast.expr) -> str:
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(each) for each in node.values)
    return str(node.value) if isinstance(node, ast.Constant) else "…"


# --- JSON --------------------------------------------------------------------------------------


def _json() -> Iterator[str]:
    yield (
        "With `--json` a command prints its answer as one JSON value, and no progress. Keys are in "
        "snake_case; the same thing has the same name in each command. Times are UTC, in ISO 8601. "
        "Each answer has a JSON schema. "
        "A key may be added later; none is renamed without a word in the changelog."
    )
    files = {name: _schema_file(name) for name in schemas()}
    rows = [f"| `{name}` | [{file.partition('/')[2]}]({file}) |" for name, file in files.items()]
    yield "\n".join(["| command | schema |", "|---|---|", *rows])


def _schema_file(name: str) -> str:
    return f"schemas/{name.replace(' ', '-')}.json"


def _schema_text(schema: Mapping[str, object]) -> str:
    return json.dumps(schema, indent=2) + "\n"


# --- Markdown ----------------------------------------------------------------------------------


def _paragraphs(text: str) -> str:
    """A docstring as Markdown: each paragraph on one line."""
    parts = inspect.cleandoc(text.replace("\b", "")).split("\n\n")
    return "\n\n".join(" ".join(part.split()) for part in parts)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")


def _code(text: str) -> str:
    return f"`` {text} ``" if "`" in text else f"`{text}`"


if __name__ == "__main__":
    (REFERENCE / "schemas").mkdir(parents=True, exist_ok=True)
    for name, page in pages().items():
        (REFERENCE / name).write_text(page, encoding="utf-8")
