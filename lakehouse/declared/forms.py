"""Faults of form: a value of another type than it must have, as a text in the place of a tuple of texts.

The types are those that the classes of declarations are annotated with, so that no list of them can drift.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from functools import cache
from types import UnionType
from typing import Any, Literal, NamedTuple, Union, get_args, get_origin, get_type_hints

Holds = Callable[[object], bool]
# Names of PySpark in annotations, which is not imported to declare a table.
_UNKNOWN = {"Column": Any, "DataFrame": Any}
_SPOKEN: dict[object, str] = {
    str: "a text",
    int: "a whole number",
    float: "a number",
    bool: "True or False",
}


def form_faults(place: str, declared: object) -> Iterator[str]:
    """A line for each value in a declaration, and in what it is made of, that has another type."""
    for form in _forms_of(declared):
        value = getattr(declared, form.name)
        if not form.holds(value):
            yield f"{place}: {_told(form, value)}"
            continue
        for part in _parts(form, value):
            if not _is_formed(part):
                names = (getattr(part, each, None) for each in ("name", "column", "raw"))
                called = next(filter(None, names), form.name)
                yield from form_faults(f"{place}: {type(part).__name__} {called}", part)


def _told(form: _Form, value: object) -> str:
    """The words about a value of another type; of a tuple, about the first part of another type."""
    args = get_args(form.hint)
    if isinstance(value, tuple) and get_origin(form.hint) is tuple and args[-1] is Ellipsis:
        odd = next(each for each in value if not _holds(args[0])(each))
        return f"{form.name} has {odd!r}, which is not {spoken(args[0])}; correct it"
    return (
        f"{form.name} is {value!r}, which is not {spoken(form.hint)}; {_remedy(form.hint, value)}"
    )


class _Form(NamedTuple):
    """A field of a class of declarations: its type, the test of a value, and types that need no test.

    `has_parts`: its values may be declarations, or tuples of them.
    """

    name: str
    hint: object
    holds: Holds
    plain: tuple[type, ...]
    has_parts: bool


def _is_formed(declared: object) -> bool:
    """Whether all values of a declaration have the type that they must have: a bank has thousands."""
    for form in _forms_of(declared):
        value = getattr(declared, form.name)
        if type(value) in form.plain:
            continue
        if not form.holds(value) or not all(map(_is_formed, _parts(form, value))):
            return False
    return True


def _parts(form: _Form, value: object) -> list[object]:
    """The declarations that a value is made of."""
    if not form.has_parts or value is None:
        return []
    return [
        each for each in (value if isinstance(value, tuple) else (value,)) if is_dataclass(each)
    ]


def spoken(hint: object) -> str:
    """A type in words: `a tuple of texts`."""
    args = get_args(hint)
    if get_origin(hint) in (Union, UnionType):
        return " or ".join("None" if each is type(None) else spoken(each) for each in args)
    if get_origin(hint) is Literal:
        return " or ".join(map(repr, args))
    if get_origin(hint) in (tuple, frozenset):
        kind = get_origin(hint).__name__  # type: ignore[union-attr]
        if args[-1] is Ellipsis or kind == "frozenset":
            inner = spoken(args[0])
            return (
                f"a {kind}, each of them {inner}"
                if get_args(args[0])
                else f"a {kind} of {_many(inner)}"
            )
        return f"a tuple of {' and '.join(map(spoken, args))}"
    if get_origin(hint) is not None:
        return "a function"
    return _SPOKEN.get(hint) or f"a {getattr(hint, '__name__', hint)}"


def _many(inner: str) -> str:
    article, _, noun = inner.partition(" ")
    return f"{noun}s" if article == "a" else inner


def _remedy(hint: object, value: object) -> str:
    is_one = get_origin(hint) is tuple and get_args(hint)[0] is str and isinstance(value, str)
    return f"write ({value!r},) with its comma" if is_one else "correct it"


def _forms_of(declared: object) -> tuple[_Form, ...]:
    kind: Any = type(declared)
    return _forms(kind)


@cache
def _forms(kind: Any) -> tuple[_Form, ...]:
    """The fields of a class of declarations; upstreams are asked themselves."""
    hints = get_type_hints(kind, localns=_UNKNOWN)
    return tuple(
        _Form(name, hint, _holds(hint), _plain(hint), name != "upstreams" and _has_parts(hint))
        for name, hint in ((each.name, hints[each.name]) for each in fields(kind))
    )


def _plain(hint: Any) -> tuple[type, ...]:
    kinds = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    return tuple(kind for kind in kinds if kind in (str, int, bool, type(None)))


def _has_parts(hint: Any) -> bool:
    return is_dataclass(hint) or any(map(_has_parts, get_args(hint)))


def _holds(hint: Any) -> Holds:
    origin, args = get_origin(hint), get_args(hint)
    if hint is Any:
        return lambda value: True
    if origin in (Union, UnionType):
        tests = [_holds(each) for each in args]
        return lambda value: any(test(value) for test in tests)
    if origin is Literal:
        return lambda value: isinstance(value, str) and value in args
    if origin in (tuple, frozenset):
        return _holds_each(origin, args)
    if origin is not None:
        return callable
    if hint is float:
        return lambda value: isinstance(value, (int, float)) and not isinstance(value, bool)
    if hint is int:
        return lambda value: isinstance(value, int) and not isinstance(value, bool)
    return lambda value: isinstance(value, hint)


def _holds_each(kind: type, args: tuple[Any, ...]) -> Holds:
    if kind is frozenset or args[-1] is Ellipsis:
        one = _holds(args[0])
        return lambda value: isinstance(value, kind) and all(map(one, value))  # type: ignore[call-overload]
    tests = [_holds(each) for each in args]

    def holds(value: object) -> bool:
        is_as_long = isinstance(value, tuple) and len(value) == len(tests)
        return is_as_long and all(test(each) for test, each in zip(tests, value, strict=True))  # type: ignore[call-overload]

    return holds
