"""Cleaning: a raw cell becomes a typed value, or NULL with a reason; one Cell per silver column."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from lakehouse import functions as F
from lakehouse.bronze.raw import TIME_OF_DAY, filled
from lakehouse.days import DATE_FORMS
from lakehouse.errors import BadInput
from lakehouse.table import MONTH_FIELD, UNDATED_FIELD, Bounds, Field, Source, Table, snake_case

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

ISSUES = Field("_issues", "ARRAY<STRING>", "Why cells of this row are NULL: `column: reason`.")
# Leading and trailing underscores are dirt of the source. \d would take the digits of any script in Rust.
# All patterns of silver end with \z, because Java's $ also matches before a last line feed.
_NUMBER = r"^_*([-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?)_*\z"
# Most numbers have this form. To test for it takes half the time of a search among underscores.
_PLAIN_NUMBER = r"^[-+]?[0-9]+\.?[0-9]*\z"
_TIME = rf"^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}} {TIME_OF_DAY}\z"
_WITH_SLASHES = {"mdy": "M/d/yyyy", "dmy": "d/M/yyyy"}
_UNPROVEN = "unproven"
DateOrderWord = Literal["dmy", "mdy", "ymd"]


@dataclass(frozen=True)
class Cell:
    """A silver column: the raw column that it is read from, how it is read, and when it is NULL.

    `parse` takes the trimmed text. `judge` takes the text and the parsed value; it returns the reason
    why the value is impossible, or NULL. With `tells_words` a word for a missing value, as NaN, is not a
    missing cell but a text like any other, so that it gets a reason. `of_source` gives the cell that reads
    as its source declares.
    """

    raw: str
    field: Field
    parse: Callable[[Column], Column]
    judge: Callable[[Column, Column], Column]
    tells_words: bool = False
    of_source: Callable[[Source], Cell] | None = None

    @property
    def text(self) -> Column:
        """The trimmed cell; NULL if it is missing."""
        trimmed = F.trim(F.col(self.raw))
        return F.when(trimmed != "", trimmed) if self.tells_words else filled(F.col(self.raw))


@dataclass(frozen=True)
class Rule:
    """A value that other values of its row make impossible: `broken` is SQL over silver columns.

    The reason goes into `_issues`. By what the row `loses`, the value becomes NULL, or has lost a part (an
    entry of a list that is NULL), or stays as it is.
    """

    column: str
    broken: str
    reason: str
    loses: Literal["value", "part", "nothing"] = "value"

    def __post_init__(self) -> None:
        if not self.reason:
            raise BadInput(
                f"the rule of {self.column} has no reason; write why a value is impossible, which goes "
                "into _issues"
            )

    @property
    def issue(self) -> str:
        """The text in `_issues`."""
        return f"{self.column}: {self.reason}"


def number(
    raw: str,
    low: float,
    high: float,
    doc: str,
    whole: bool = False,
    placeholders: Sequence[str] = (),
    unit: str = "",
) -> Cell:
    """A number from `low` to `high`, both included; `whole` makes it an INT."""
    kind = "INT" if whole else "DOUBLE"

    def judge(text: Column, value: Column) -> Column:
        reason = _not_missing(text, placeholders).when(value.isNull(), "not a number")
        # No engine says that NaN is below or above a number, so there is a test for it.
        out = F.isnan(value) | (value < low) | (value > high)
        reason = reason.when(out, f"outside {low:g} to {high:g}")
        return reason.when(value != F.floor(value), "not a whole number") if whole else reason

    field = Field(snake_case(raw), kind, doc, bounds=Bounds(low, high, unit))
    return Cell(raw, field, _parse_number, judge, tells_words=True)


def choice(raw: str, allowed: Sequence[str], doc: str, placeholders: Sequence[str] = ()) -> Cell:
    """A text that is one of the allowed words; BadInput if these are not several texts."""
    if isinstance(allowed, str) or not all(isinstance(word, str) for word in allowed):
        raise BadInput(
            f"silver column {snake_case(raw)} is one of {allowed!r}, which is not a tuple of texts; write "
            "('Yes', 'No'), or ('Yes',) with its comma"
        )

    def judge(text: Column, value: Column) -> Column:
        return _not_missing(text, placeholders).when(~value.isin(*allowed), "not a known value")

    return Cell(raw, Field(snake_case(raw), "STRING", doc), lambda text: text, judge)


def date(raw: str, doc: str, order: DateOrderWord | None = None) -> Cell:
    """A day, as `2023-05-01` or `5/1/2023` in this order, else in that of the `date_order` of its source.

    Landing proves the order of dates that are `required`. Any other one without an order, as `5/1/2023`, is
    NULL with a reason, because it may be two days.
    """
    if order is not None:
        return _date(raw, doc, order)
    unproven = _date(raw, doc, _UNPROVEN)
    return replace(unproven, of_source=lambda source: _date_of_source(raw, doc, source))


def time(raw: str, doc: str) -> Cell:
    """A TIMESTAMP, as `2023-05-01 14:05:09`: declare the column as a `time` in `required`.

    Landing then reads the other forms of its source, and puts a time of day on the day of its row.
    """

    def judge(value: Column, parsed: Column) -> Column:
        return _not_missing(value).when(parsed.isNull(), "not a time")

    def parse(value: Column) -> Column:
        plain = F.regexp_replace(value, "T", " ")
        return F.when(plain.rlike(_TIME), plain).try_cast("timestamp")

    return Cell(raw, Field(snake_case(raw), "TIMESTAMP", doc), parse, judge)


def _date_of_source(raw: str, doc: str, source: Source) -> Cell:
    """A day in the form or order that its source declares, or in the order that landing has proved."""
    if source.date_form:
        return _formed_date(raw, doc, source)
    # Rows that were landed before required dates were rewritten have them month first.
    is_rewritten = (raw, "date") in source.required
    return _date(raw, doc, source.date_order or ("mdy" if is_rewritten else _UNPROVEN))


def _formed_date(raw: str, doc: str, source: Source) -> Cell:
    """A day in the form that its source declares, or as `2023-05-01`."""
    form, _ = DATE_FORMS[source.date_form or ""]

    def parse(value: Column) -> Column:
        declared = _day(value, "d.M.yyyy")
        if source.first_year is not None:
            first = source.first_year
            ends = F.substring(value, 1, 2).try_cast("int")
            year = (F.lit(first) + (ends + F.lit(100 - first % 100)) % F.lit(100)).cast("string")
            iso = F.concat_ws("-", year, F.substring(value, 3, 2), F.substring(value, 5, 2))
            declared = _day(iso, "yyyy-MM-dd")
        return F.coalesce(_day(value, "yyyy-MM-dd"), F.when(value.rlike(rf"^{form}\z"), declared))

    def judge(value: Column, parsed: Column) -> Column:
        return _not_missing(value).when(parsed.isNull(), "not a date")

    return Cell(raw, Field(snake_case(raw), "DATE", doc), parse, judge)


def _date(raw: str, doc: str, order: str) -> Cell:
    def judge(value: Column, parsed: Column) -> Column:
        reason = _not_missing(value)
        if order == _UNPROVEN:
            is_some_day = F.coalesce(*_days(value, ("mdy", "dmy"))).isNotNull()
            reason = reason.when(parsed.isNull() & is_some_day, "either of two days")
        return reason.when(parsed.isNull(), "not a date")

    return Cell(raw, Field(snake_case(raw), "DATE", doc), parse_day(order), judge)


def parse_day(order: str) -> Callable[[Column], Column]:
    """The function that reads a day, as `2023-05-01` or with slashes in this order; `ymd` has no slashes."""

    def parse(value: Column) -> Column:
        plain = _day(value, "yyyy-MM-dd")
        if order == _UNPROVEN:
            month_first, day_first = _days(value, ("mdy", "dmy"))
            either = F.coalesce(month_first, day_first)
            is_one = either == F.coalesce(day_first, month_first)
            return F.coalesce(plain, F.when(is_one, either))
        return F.coalesce(plain, *_days(value, (order,)))

    return parse


def _days(value: Column, orders: Sequence[str]) -> list[Column]:
    return [_day(value, _WITH_SLASHES[order]) for order in orders if order in _WITH_SLASHES]


def _day(value: Column, form: str) -> Column:
    # Sail does not have try_to_date.
    return F.try_to_timestamp(value, F.lit(form)).cast("date")


def _parse_number(value: Column) -> Column:
    among_underscores = F.regexp_extract(value, _NUMBER, 1)
    digits = F.when(value.rlike(_PLAIN_NUMBER), value).otherwise(among_underscores)
    return F.when(digits != "", digits).try_cast("double")


def _not_missing(value: Column, placeholders: Sequence[str] = ()) -> Column:
    """The first cases of a reason: a missing cell has no reason, a placeholder has its own."""
    missing = F.when(value.isNull(), F.lit(None).cast("string"))
    return missing.when(value.isin(*placeholders), "a placeholder") if placeholders else missing


@dataclass(frozen=True, eq=False)
class SilverTransform:
    """The transformation of a silver table: its keys and cells, then its rules, then what is derived."""

    keys: tuple[str, ...]
    cells: tuple[Cell, ...]
    rules: tuple[Rule, ...]
    derived: tuple[tuple[Field, Callable[[], Column]], ...]

    def __call__(self, rows: DataFrame) -> DataFrame:
        named = [F.col(key).alias(snake_case(key)) for key in self.keys]
        cleaned = _without_broken(_clean(rows, named, self.cells), self.rules)
        for field, compute in self.derived:
            cleaned = cleaned.withColumn(field.name, compute().cast(field.type))
        return cleaned

    def uncast(self, rows: DataFrame) -> DataFrame:
        """The same rows, each derived column in the type that its expression gives."""
        derived = (compute().alias(field.name) for field, compute in self.derived)
        names = {field.name for field, _ in self.derived}
        cleaned = self(rows)
        return cleaned.select(*(n for n in cleaned.columns if n not in names), *derived)


def silver_table(
    bronze: Table,
    doc: str,
    cells: Sequence[Cell],
    rules: Sequence[Rule] = (),
    derived: Sequence[tuple[Field, Callable[[], Column]]] = (),
    expectations: Sequence[tuple[str, str]] = (),
) -> Table:
    """The silver table of a bronze table: the keys, the cells, columns derived from them, `_issues`."""
    keys = tuple(snake_case(key) for key in bronze.keys)
    key_fields = tuple(
        Field(snake_case(f.name), f.type, f.doc) for f in bronze.fields if f.name in bronze.keys
    )

    if source := bronze.source:
        cells = [cell.of_source(source) if cell.of_source else cell for cell in cells]
    outcomes = {field.name for field in bronze.fields if field.outcome}
    values = (replace(cell.field, outcome=cell.raw in outcomes) for cell in cells)
    month = UNDATED_FIELD if bronze.is_undated else MONTH_FIELD
    fields = (*key_fields, *values, *(field for field, _ in derived), ISSUES, month)
    return Table(
        layer="silver",
        name=bronze.name,
        doc=doc,
        keys=keys,
        fields=fields,
        upstreams=(bronze,),
        transform=SilverTransform(bronze.keys, tuple(cells), tuple(rules), tuple(derived)),
        expectations=tuple(expectations),
        entity=snake_case(bronze.entity),
        date=snake_case(bronze.date),
        raw_columns=tuple((cell.field.name, cell.raw) for cell in cells),
        rules=tuple((rule.column, rule.broken) for rule in rules),
        noted=frozenset(rule.issue for rule in rules if rule.loses == "nothing"),
    )


def _clean(rows: DataFrame, keys: Sequence[Column], cells: Sequence[Cell]) -> DataFrame:
    """Clean the cells in three plain selects (text, value, reason), so that no expression is repeated."""
    names = [cell.field.name for cell in cells]
    texts = [cell.text.alias(f"_text_{cell.field.name}") for cell in cells]
    keyed = rows.select(*keys, MONTH_FIELD.name, *texts)
    parsed = keyed.select(
        "*", *(c.parse(F.col(f"_text_{c.field.name}")).alias(c.field.name) for c in cells)
    )
    reasons = [
        c.judge(F.col(f"_text_{c.field.name}"), F.col(c.field.name)).alias(f"_why_{c.field.name}")
        for c in cells
    ]
    judged = parsed.select("*", *reasons)
    values = [
        F.when(F.col(f"_why_{c.field.name}").isNull(), F.col(c.field.name))
        .cast(c.field.type)
        .alias(c.field.name)
        for c in cells
    ]
    whys = [F.concat(F.lit(f"{name}: "), F.col(f"_why_{name}")) for name in names]
    issues = F.array_compact(F.array(*whys)).alias(ISSUES.name)
    kept = [column for column in keyed.columns if not column.startswith("_text_")]
    return judged.select(*kept, *values, issues)


def _without_broken(cleaned: DataFrame, rules: Sequence[Rule]) -> DataFrame:
    """Apply the rules in their order; the list of issues grows once, because to copy lists takes long."""
    if not rules:
        return cleaned
    broken_by = [f"_rule_{place}" for place in range(len(rules))]
    for name, rule in zip(broken_by, rules, strict=True):
        broken = F.coalesce(F.expr(rule.broken), F.lit(False))
        changed = {name: F.when(broken, F.lit(rule.issue))}
        if rule.loses == "value":
            changed[rule.column] = F.when(~broken, F.col(rule.column))
        cleaned = cleaned.withColumns(changed)
    more = F.array_compact(F.array(*map(F.col, broken_by)))
    issues = F.concat(F.col(ISSUES.name), more)
    return cleaned.withColumn(ISSUES.name, issues).drop(*broken_by)
