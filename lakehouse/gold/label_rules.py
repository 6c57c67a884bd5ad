"""The rules of label definitions: from the rows of loans to labels, each on the day of its observation.

A definition of one month on book takes the row of that month. A definition over several is observed when
they are over, for good and bad loans alike: if a default counted from its first day on, all labels of young
loans would be defaults. A loan that is gone by then is observed in the month in which they would be over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import reduce
from typing import TYPE_CHECKING, NamedTuple

from lakehouse import functions as F
from lakehouse.gold.arrears import LOAN, month_number, number
from lakehouse.label import LabelDefinition

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

_DATED = (*LOAN, "application_date", "snapshot_date", "month")


class _Rule(NamedTuple):
    """A definition as expressions: whether a row is its observation, and the label and dpd then."""

    definition: LabelDefinition
    is_observed: Column
    label: Column
    dpd: Column


def labels_of(
    loans: DataFrame, definitions: Sequence[LabelDefinition], months: Sequence[str] | None
) -> DataFrame:
    """The labels of loans under each definition, those of the months (None: of all)."""
    rows = loans.withColumnRenamed("loan_start_date", "application_date")
    at = [each for each in definitions if not each.is_window]
    over = [each for each in definitions if each.is_window]
    parts = [_labelled(rows, [_at(each) for each in at])] if at else []
    if over:
        parts.append(_labelled(_histories(rows, over, months), [_over(each) for each in over]))
    return reduce(lambda union, more: union.unionByName(more), parts)


def _labelled(observed: DataFrame, rules: Sequence[_Rule]) -> DataFrame:
    """The label of each row under each rule; in one pass, because a union reads its input once per part."""
    places = (F.when(rule.is_observed, place) for place, rule in enumerate(rules))
    placed = observed.withColumn("_rule", F.explode(F.array(F.lit(None).cast("int"), *places)))

    def chosen(values: Iterable[object]) -> Column:
        pairs = enumerate(values)
        return F.coalesce(*(F.when(F.col("_rule") == place, value) for place, value in pairs))

    return placed.where(F.col("_rule").isNotNull()).select(
        *_DATED,
        chosen(rule.definition.mob for rule in rules).alias("mob"),
        chosen(rule.dpd for rule in rules).alias("dpd"),
        chosen(rule.label for rule in rules).cast("int").alias("label"),
        chosen(F.lit(rule.definition.name) for rule in rules).alias("label_def"),
    )


def _at(definition: LabelDefinition) -> _Rule:
    """A definition of one month on book, as a rule of a loan's row."""
    dpd = late = F.col("dpd")
    if definition.when == "first_payment":
        first_missed = F.date_sub("snapshot_date", dpd)
        nothing_paid = first_missed <= F.add_months("snapshot_date", -definition.mob)
        late = F.when(nothing_paid, dpd).otherwise(0)
    label = F.when(late >= definition.dpd, 1).when(~_is_neither(late, definition), 0)
    is_observed = (F.col("mob") == definition.mob) & dpd.isNotNull()
    return _Rule(definition, is_observed, label, dpd)


def _is_neither(late: Column, definition: LabelDefinition) -> Column:
    """Whether a loan without default is indeterminate."""
    bound = definition.indeterminate_dpd
    return F.lit(False) if bound is None else late >= bound


def _histories(
    rows: DataFrame, definitions: Sequence[LabelDefinition], months: Sequence[str] | None
) -> DataFrame:
    """For each loan and day of observation, what its rows up to that day say under each definition.

    The months on book begin at most `mob` calendar months before, which are those that a run reads.
    """
    ends = _ends(rows, sorted({each.mob for each in definitions}), months)
    first_month, end = F.col("_ends_in") - F.col("_end"), F.col("_end")

    def is_seen(row: Column) -> Column:
        is_before = (row["snapshot_date"] <= F.col("_until")) & (row["mob"] <= end)
        return is_before & (row["in"] >= first_month)

    seen = ends.withColumn("_rows", F.filter("_rows", is_seen))
    return seen.select("*", *(fact for each in definitions for fact in _facts(each)))


def _ends(rows: DataFrame, mobs: Sequence[int], months: Sequence[str] | None) -> DataFrame:
    """For each loan the days on which a month on book (`_end`) is there, or would be for a loan that is gone.

    A loan is gone if its last row comes before that and no other row follows up to that month, though the
    file has the month. `_rows` are all rows of the loan: it has few, and a window over them took far longer.
    """
    row = F.struct(
        "application_date", "snapshot_date", "mob", "dpd", "balance", _month().alias("in")
    )
    loans = rows.groupBy(*LOAN).agg(F.collect_list(row).alias("_rows"))

    def may_end(row: Column) -> Column:
        return row["mob"].isin(*mobs) | ~F.array_contains("_rows.in", row["in"] + 1)

    # All other rows are looked at no more: they are most.
    ends = loans.withColumn("_last", F.explode(F.filter("_rows", may_end)))
    ends = ends.withColumn("_end", F.explode(F.array(*map(F.lit, mobs)))).select(
        *LOAN,
        "_rows",
        "_end",
        "_last.application_date",
        "_last.mob",
        F.col("_last.snapshot_date").alias("_until"),
        F.col("_last.dpd").alias("_last_dpd"),
        (F.col("_last.balance") <= 0).alias("_paid_off"),
        F.col("_last.in").alias("_last_in"),
    )
    # Months are numbers until few rows are left: Sail adds months to a date by way of text.
    end, until, last_in = F.col("_end"), F.col("_until"), F.col("_last_in")
    missing = end - F.col("mob")
    would_be_in = F.greatest(_month("application_date") + end, last_in + missing)
    ends = ends.where(missing >= 0).withColumn("_gone", missing > 0)
    ends = ends.withColumn("_ends_in", F.when(missing == 0, last_in).otherwise(would_be_in))

    def follows(row: Column) -> Column:
        return (row["snapshot_date"] > until) & (row["in"] <= F.col("_ends_in"))

    is_near = F.col("_ends_in") - last_in <= end
    is_gone = (F.col("mob") >= 0) & is_near & ~F.exists("_rows", follows)
    ends = ends.where((missing == 0) | is_gone)
    if months is not None:
        ends = ends.where(F.col("_ends_in").isin([*map(number, months)]))
    would_be = F.greatest(F.add_months("application_date", end), F.add_months(until, missing))
    day = F.when(missing == 0, until).otherwise(would_be)
    ends = ends.withColumn("snapshot_date", day).withColumn("month", F.date_format(day, "yyyy-MM"))
    # A month that the file does not have may still bring the loan back.
    return ends.join(rows.select("month").distinct(), "month", "left_semi")


def _month(day: str = "snapshot_date") -> Column:
    return month_number(F.col(day))


def _facts(definition: LabelDefinition) -> list[Column]:
    """The facts about a loan's months that decide its label under a definition."""
    first, cured_after = definition.from_mob, F.col("mob") - (definition.cure_months or 0)

    def of_rows(column: str, which: Callable[[Column, Column], Column]) -> Column:
        taken = F.filter("_rows", lambda row: which(row["mob"], row["dpd"]))
        return F.transform(taken, lambda row: row[column])

    facts = {
        "worst": F.array_max(of_rows("dpd", lambda mob, _: mob >= first)),
        "unknown": F.size(of_rows("dpd", lambda mob, dpd: (mob >= first) & dpd.isNull())),
    }
    if definition.times > 1:
        late = of_rows("mob", lambda mob, dpd: (mob >= first) & (dpd >= definition.dpd))
        facts["times"] = F.size(F.array_distinct(late))
    if definition.cure_months:
        clean = of_rows("mob", lambda mob, dpd: (mob > cured_after) & (dpd <= 0))
        facts["clean"] = F.size(F.array_distinct(clean))
        facts["late_in_last"] = F.size(
            of_rows("mob", lambda mob, dpd: (mob > cured_after) & (dpd > 0))
        )
    return [fact.alias(_name(definition, what)) for what, fact in facts.items()]


def _name(definition: LabelDefinition, what: str) -> str:
    return f"{definition.name} {what}"


def _over(definition: LabelDefinition) -> _Rule:
    """A definition over several months, as a rule of a history.

    A loan that may be a default, though no row shows it, has no label.
    """

    def fact(what: str) -> Column:
        return F.col(f"`{_name(definition, what)}`")

    bad = F.coalesce(fact("worst") >= definition.dpd, F.lit(False))
    if definition.times > 1:
        bad = fact("times") >= definition.times
    left_open = F.col("_gone") & ~F.coalesce(F.col("_paid_off"), F.lit(False))
    if definition.when == "charge_off":
        bad = bad | (left_open & F.coalesce(F.col("_last_dpd") > 0, F.lit(False)))
    is_sure = bad | ((fact("unknown") == 0) & ~left_open)
    label = F.when(bad, 1).when(~_is_neither(F.coalesce(fact("worst"), F.lit(0)), definition), 0)
    if definition.cure_months:
        cured = (fact("clean") == definition.cure_months) & (fact("late_in_last") == 0)
        now = 0 if definition.cured == "good" else None
        label = F.when(bad & cured, F.lit(now)).otherwise(label)
    # A loan that was paid off at once has no month of the window, and nothing past due.
    dpd = F.coalesce(fact("worst"), F.lit(0))
    return _Rule(definition, (F.col("_end") == definition.mob) & is_sure, label, dpd)
