"""The order of day and month in the dates of a file, decided once from all of them, or refused.

A date like 5/1/2023 is 5 January or 1 May. A single row seldom tells, but a whole file does: by a field
above 12, or by months that follow each other in one order only.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace

from lakehouse.days import DATE_ORDERS, DateOrder
from lakehouse.errors import BadInput

WITH_SLASHES = "[0-9]{1,2}/[0-9]{1,2}/[0-9]{4}"
WITH_SHORT_YEAR = "[0-9]{1,2}/[0-9]{1,2}/[0-9]{2}"
_OTHER = {"dmy": "mdy", "mdy": "dmy"}
# So many months in a row come about by chance in one of a thousand small files.
_MONTHS_THAT_PROVE = 6
# A few days of one month may well be the first ones.
_DAYS_FOR_DOUBT = 4


class Unproven(BadInput):
    """Dates with slashes, and no row of the file proves their order."""


@dataclass(frozen=True)
class Written:
    """A date with slashes as it is written in a column: in how many rows, and on which line first.

    Rows of a file that has no lines are counted as such: `unit` is row.
    """

    column: str
    text: str
    rows: int
    line: int
    unit: str = "line"

    def __str__(self) -> str:
        return f"{self.text!r} on {self.unit} {self.line}"

    @property
    def fields(self) -> tuple[int, int]:
        """The two numbers before the year."""
        first, second, _ = map(int, self.text.split("/"))
        return first, second

    @property
    def has_short_year(self) -> bool:
        return len(self.text.rpartition("/")[2]) == 2

    def day(self, order: str) -> dt.date | None:
        """The day in that order; None where the calendar has no such day."""
        first, second = self.fields
        month, day = (first, second) if order == "mdy" else (second, first)
        try:
            return dt.date(int(self.text.rpartition("/")[2]), month, day)
        except ValueError:
            return None

    @property
    def orders(self) -> list[str]:
        """The orders in which it is a day."""
        return [order for order in _OTHER if self.day(order)]


def date_order(
    file_name: str,
    written: Sequence[Written],
    asked: DateOrder | None = None,
    monthly: str | None = None,
) -> DateOrder | None:
    """The order of dates with slashes; None where there are none, or each is the same day in both orders.

    `asked` is what somebody has said, `monthly` the column of the days of a file of a day per month.
    BadInput where a date contradicts that or the others, has a year of two digits, or nothing proves an
    order.
    """
    _check_years(file_name, written)
    days = sorted((each for each in written if each.orders), key=lambda each: each.line)
    if asked and days:
        return _checked(file_name, days, asked, monthly)
    proved = _by_a_field_above_12(file_name, days, monthly) or _by_habit(days, monthly)
    if proved:
        _check_columns(file_name, days, proved)
        return proved
    for each in days:
        first, second = (each.day(order) for order in _OTHER)
        if first != second:
            raise Unproven(
                f"{file_name}: {each} may be {first} or {second}, and no row of the file proves which;"
                f" say it with --date-order dmy|mdy|ymd, or deliver dates like 2023-05-01."
            )
    return None


def contradicting(written: Sequence[Written], order: DateOrder) -> list[Written]:
    """The dates that are a day in another order only, or that no order reads."""
    return [e for e in written if e.has_short_year or (e.orders and order.order not in e.orders)]


def _check_years(file_name: str, written: Sequence[Written]) -> None:
    short = [each for each in written if each.has_short_year]
    if short:
        first = min(short, key=lambda each: each.line)
        n = sum(each.rows for each in short)
        raise BadInput(
            f"{file_name}: {first} has a year of two digits ({n:,} {'date' if n == 1 else 'dates'} of"
            f" this form); deliver the file with dates like 2023-05-01."
        )


def _checked(
    file_name: str, days: Sequence[Written], asked: DateOrder, monthly: str | None
) -> DateOrder:
    against = contradicting(days, asked)
    if against:
        raise BadInput(
            f"{file_name}: {against[0]} is not a day with the {asked.spelt}, but {asked.proof};"
            f" mend the row, or give the order of the file with --date-order."
        )
    habit = _by_habit(days, monthly) or _against(days, asked)
    if habit and habit.order != asked.order:
        return replace(asked, proof=f"{asked.proof}, although {habit.proof}")
    return asked


def _check_columns(file_name: str, days: Sequence[Written], proved: DateOrder) -> None:
    """BadInput if one column proves an order, and another seems to be written in the other one."""
    against = _against(days, proved)
    if against:
        raise BadInput(
            f"{file_name}: {proved.proof}, which is {proved.spelt}, but {against.proof}, which seems to be "
            f"{against.spelt}: a file has one order; deliver dates like 2023-05-01, or say the order with "
            "--date-order."
        )


def _against(days: Sequence[Written], order: DateOrder) -> DateOrder | None:
    """The other order, if some column has the same first or second field in all rows only in that one.

    A column of several days a month proves nothing by that, but it is a reason for doubt.
    """
    for column in dict.fromkeys(each.column for each in days):
        every = [each for each in days if each.column == column]
        own = [each for each in every if len(each.orders) > 1]
        stays = _by_a_field_that_stays(own)
        # If it stays in the dates that prove the order too, the rows are the days of one month.
        if stays and len(own) < len(every) and _by_a_field_that_stays(every) == stays:
            continue
        if stays and stays.order != order.order and len({e.text for e in own}) >= _DAYS_FOR_DOUBT:
            return DateOrder(stays.order, f"in {column} {stays.proof}")
    return None


def _by_a_field_above_12(
    file_name: str, days: Sequence[Written], monthly: str | None
) -> DateOrder | None:
    sure = {order: [each for each in days if each.orders == [order]] for order in _OTHER}
    if sure["dmy"] and sure["mdy"]:
        few, many = sorted(sure.values(), key=lambda group: sum(each.rows for each in group))
        raise _contradiction(file_name, few[0], f"{many[0]} is {DATE_ORDERS[many[0].orders[0]]}")
    for order, proving in sure.items():
        if not proving:
            continue
        others = _by_habit([each for each in days if len(each.orders) > 1], monthly)
        if others and others.order != order:
            raise _contradiction(file_name, proving[0], f"in the other rows {others.proof}")
        return DateOrder(order, f"{proving[0]} is a day in this order only")
    return None


def _contradiction(file_name: str, one: Written, why: str) -> BadInput:
    return BadInput(
        f"{file_name}: {one} can only be {DATE_ORDERS[one.orders[0]]}, but {why}: a file has one order;"
        f" mend the row, or deliver dates like 2023-05-01."
    )


def _by_habit(days: Sequence[Written], monthly: str | None) -> DateOrder | None:
    """The order that the dates prove together; None where they do not, or columns disagree."""
    proved = []
    for column in dict.fromkeys(each.column for each in days):
        own = [each for each in days if each.column == column]
        if column == monthly:
            proved.append(_by_a_field_that_stays(own))
        proved.append(_by_months_in_a_row(own))
    orders = [each for each in proved if each]
    return orders[0] if len({each.order for each in orders}) == 1 else None


def _by_a_field_that_stays(days: Sequence[Written]) -> DateOrder | None:
    firsts, seconds = ({each.fields[i] for each in days} for i in (0, 1))
    if len(firsts) == 1 < len(seconds):
        return DateOrder("dmy", f"the first field is always {firsts.pop()}, the second varies")
    if len(seconds) == 1 < len(firsts):
        return DateOrder("mdy", f"the second field is always {seconds.pop()}, the first varies")
    return None


def _by_months_in_a_row(days: Sequence[Written]) -> DateOrder | None:
    """The order in which the dates are one day of each month, month after month.

    More days of a month would show a field above 12 sooner or later, or come of two orders in one file.
    """
    read = {order: {day for each in days if (day := each.day(order))} for order in _OTHER}
    months = {o: {day.year * 12 + day.month for day in read[o]} for o in _OTHER}
    in_a_row = {
        o: bool(found) and max(found) - min(found) + 1 == len(found) for o, found in months.items()
    }
    for order, other in _OTHER.items():
        n = len(months[order])
        proves = n >= _MONTHS_THAT_PROVE and n == len(read[order])
        if proves and in_a_row[order] and not in_a_row[other]:
            return DateOrder(order, f"{n} months follow each other in this order only")
    return None
