"""SQL on one cell of a raw row: its text without blanks, its day, why it is bad, and how it compares."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

from lakehouse.bronze.raw import NO_ID, NO_ID_WORDS, NULL_WORDS, TIME_OF_DAY
from lakehouse.days import DATE_FORMS, DateOrder
from lakehouse.landing.dates import WITH_SLASHES
from lakehouse.storage.duck import literal
from lakehouse.table import Source

IDENTIFIER = "identifier"
IN_THE_FUTURE = "is in the future"
SHOWN_CHARACTERS = 40
# All that Unicode calls a space, and signs that are as invisible.
BLANKS = (
    "\t\n\x0b\x0c\r\x1c\x1d\x1e\x1f \x85\xa0\u1680"
    "\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000\u180e\u200b\u2060\ufeff\u00ad\u200c\u200d\u200e\u200f"
)
# Programs add these to an id: blanks inside it, quotes and = of spreadsheets, or the decimals of a number.
# The first group is what stays; for every engine's regular expressions.
ADDED = f"^[+]?([0-9]+)[.]0+$|[{BLANKS}'\"=]"

ISO_DATE = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
INTEGER = r"[+-]?[0-9]+(\.0*)?"
WORD_WITH_DIGIT = r"\S*[0-9]\S*"
NUMBER = r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?"
# With zeros in front it may be a code, which is another one without them.
NO_CODE = r"[+-]?(0|[1-9][0-9]*)?(\.[0-9]*)?([eE][+-]?[0-9]+)?"
# Numbers of so many digits are all different as doubles.
EXACT_DIGITS = 15
_FORMS = {"dmy": "%d/%m/%Y", "mdy": "%m/%d/%Y"}


def trimmed(cell: str) -> str:
    """The text without blanks around it; NULL where nothing is left."""
    # Most cells begin and end with a visible sign of ASCII: to trim all took ten times as long.
    visible = f"{cell}[1] BETWEEN '!' AND '~' AND {cell}[-1] BETWEEN '!' AND '~'"
    return f"CASE WHEN {visible} THEN {cell} ELSE nullif(trim({cell}, {literal(BLANKS)}), '') END"


def unless_null_word(text: str) -> str:
    """A trimmed text; NULL for a word that stands for a missing cell, as NULL."""
    return f"CASE WHEN lower({text}) NOT IN ({', '.join(map(literal, NULL_WORDS))}) THEN {text} END"


def without_odd_blanks(cell: str) -> str:
    """The cell as it is, unless blanks other than spaces are around it."""
    all_blanks = f"trim({cell}, {literal(BLANKS)})"
    return f"""CASE WHEN {all_blanks} <> trim({cell}, ' ') THEN nullif({all_blanks}, '')
                    ELSE {cell} END"""


def day(text: str, order: DateOrder | None, source: Source | None = None) -> str:
    """The DATE of a trimmed text in one of the forms that are valid, else NULL.

    One of them is the form that its source declares.
    """
    # Without an order each is the same day in both.
    form = _FORMS.get(order.order if order else "mdy")
    with_slashes = f"""WHEN {is_like(text, WITH_SLASHES)}
                       THEN try_strptime({text}, '{form}')::DATE"""
    declared = _declared_day(text, source) if source and source.date_form else ""
    return f"""CASE WHEN {is_like(text, ISO_DATE)} THEN try_cast({text} AS DATE)
                    {with_slashes if form else ""} {declared} END"""


def _declared_day(text: str, source: Source) -> str:
    """The case of a text in the form of dates that a source declares."""
    form, _ = DATE_FORMS[source.date_form or ""]
    read = f"try_strptime({text}, '%d.%m.%Y')::DATE"
    if source.first_year is not None:
        first = source.first_year
        # The one year of the hundred from `first` on that ends with these two digits.
        year = f"({first} + ({text}[1:2]::INTEGER - {first % 100} + 100) % 100)"
        iso = f"printf('%04d-%s-%s', {year}, {text}[3:4], {text}[5:6])"
        read = f"try_cast({iso} AS DATE)"
    return f"WHEN {is_like(text, form)} THEN {read}"


def day_part(text: str) -> str:
    """The text of the day in that of a time, as 2023-05-01 of 2023-05-01 14:05."""
    return f"nullif(regexp_extract({text}, '^[^ T]+'), '')"


def moment(text: str, its_day: str, of_row: str) -> str:
    """The TIMESTAMP of a trimmed text, else NULL: a day with a time, or a time on the day of its row."""
    clock = f"regexp_extract({text}, '[ T](.*)$', 1)"
    whole = f"try_cast({its_day} || ' ' || {clock} AS TIMESTAMP)"
    on_day = f"try_cast({of_row} || ' ' || {text} AS TIMESTAMP)"
    return f"""CASE WHEN {is_like(text, TIME_OF_DAY)} THEN {on_day}
                    WHEN {is_like(clock, TIME_OF_DAY)} THEN {whole} END"""


def faults(
    kind: str, text: str, day: str, today: dt.date, source: Source, of_row: str = ""
) -> list[tuple[str, str]]:
    """SQL conditions under which a trimmed text of a kind is bad, each with the reason.

    `day` is what is read of a date or a time, and `of_row` the day of its row.
    """
    form, shows = DATE_FORMS.get(source.date_form or "", ("", "5/1/2023"))
    return {
        "text": [],
        IDENTIFIER: [
            (f"NOT {is_like(text, WORD_WITH_DIGIT)}", "is not one word with a digit in it")
        ],
        "date": [
            (
                f"{day} IS NULL AND {is_like(text, ISO_DATE, WITH_SLASHES, *filter(None, [form]))}",
                "is not in the calendar",
            ),
            (f"{day} IS NULL", f"is not a date like 2023-05-01 or {shows}"),
            (f"{day} < DATE '1970-01-01'", "is before 1970-01-01"),
            (f"{day} > DATE '{today}'", IN_THE_FUTURE),
        ],
        "time": [
            (f"{day} IS NULL", "is not a time like 2023-05-01 14:05:09, without a zone"),
            *(
                [(f"{day}::DATE <> {of_row}", f"is on another day than {source.date}")]
                if of_row
                else []
            ),
            (f"{day} < TIMESTAMP '1970-01-01'", "is before 1970-01-01"),
            (f"{day}::DATE > DATE '{today}'", IN_THE_FUTURE),
        ],
        "integer": [
            (f"NOT ({is_like(text, INTEGER)} OR {_is_whole(text)})", "is not a whole number"),
            (f"try_cast({text} AS INTEGER) IS NULL", "is beyond 32 bits"),
        ],
        "number": [
            (f"NOT {is_like(text, NUMBER)}", "is not a number"),
            (f"NOT coalesce(isfinite(try_cast({text} AS DOUBLE)), false)", "is too large"),
        ],
    }[kind]


def end_reason(source: Source, text: str, end: str, begin: str, shown_as: str) -> str:
    """Why the end of a row's validity is bad; NULL where it is good, or where the row still holds."""
    *not_read, _ = faults("date", text, end, dt.date.max, source)
    bad = [*not_read, (f"{end} <= {begin}", f"is not after {source.date}")]
    cases = "".join(
        f" WHEN {fault} THEN {literal(f'{source.valid_to} {why}')} || {shown_as}"
        for fault, why in bad
    )
    return f"CASE WHEN {text} IS NULL THEN NULL{cases} END"


def _is_whole(text: str) -> str:
    """Whether a text is a whole number in another form than usual, as `1e1`."""
    return f"({is_like(text, NUMBER)} AND coalesce(try_cast({text} AS DOUBLE) % 1 = 0, false))"


def is_no_id(text: str) -> str:
    """Whether a trimmed text is a word for a missing value, or what programs write in the place of an id."""
    words = ", ".join(map(literal, NO_ID_WORDS))
    longest = max(map(len, NO_ID_WORDS))
    is_word = f"length({text}) <= {longest} AND lower({text}) IN ({words})"
    # Few ids begin with a sign, and to compare is faster than to match.
    return f"({is_word} OR ({text} < '0' AND {is_like(text, NO_ID)}))"


def reason(name: str, text: str, faults: Iterable[tuple[str, str]], is_shown: bool) -> str:
    """The first fault of a trimmed text, or that it is missing; NULL where it is good."""
    told = shown(text) if is_shown else "''"
    cases = "".join(
        f" WHEN {fault} THEN {literal(f'{name} {what}')} || {told}" for fault, what in faults
    )
    return f"CASE WHEN {text} IS NULL THEN {literal(name + ' is missing')}{cases} END"


def is_like(text: str, *patterns: str) -> str:
    return f"regexp_full_match({text}, {literal('|'.join(patterns))})"


def shown(text: str) -> str:
    """The first characters of a text on one line, behind a colon."""
    n = SHOWN_CHARACTERS
    flat = f"regexp_replace(left({text}, {n}), '\\s+', ' ', 'g')"
    return f"': ''' || {flat} || CASE WHEN length({text}) > {n} THEN '...' ELSE '' END || ''''"


def _without_underscores(text: str) -> str:
    """A number without the underscores on one side, which are dirt; on both it may be a placeholder."""
    bare = f"trim({text}, '_')"
    on_one_side = f"starts_with({text}, '_') <> ends_with({text}, '_')"
    return f"(CASE WHEN {on_one_side} AND {is_like(bare, NUMBER)} THEN {bare} ELSE {text} END)"


def compared(cell: str) -> str:
    """A text that is the same for `1000`, `1000.0`, `+1e3`, `1000_` and `1000 `; empty for a missing cell."""
    text = _without_underscores(f"coalesce({trimmed(cell)}, '')")
    point = f"regexp_replace(regexp_replace({text}, '(\\.[0-9]*?)0+$', '\\1'), '\\.$', '')"
    number = f"ltrim(CASE WHEN {is_like(text, '.*[eE].*')} THEN {text} ELSE {point} END, '+')"
    digits = f"length(regexp_replace({number}, '[^0-9]', '', 'g'))"
    double = f"(try_cast({number} AS DOUBLE) + 0.0)::VARCHAR"
    return f"""CASE WHEN NOT ({is_like(text, NUMBER)} AND {is_like(text, NO_CODE)}) THEN {text}
                    WHEN {digits} <= {EXACT_DIGITS} THEN coalesce({double}, {text})
                    ELSE {number} END"""
