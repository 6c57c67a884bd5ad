"""The declaration of a label store: its label definitions, and the meaning of its columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal

from lakehouse.errors import BadInput

# At the month on book itself; at any month up to it; at it, with nothing paid so far; or charged off by then.
When = Literal["at", "ever", "first_payment", "charge_off"]
# Part of the id of each training set, also where they are 0.
_ALWAYS = ("dpd", "mob")
_BY_RULE = ("name", *_ALWAYS, "rule")


@dataclass(frozen=True)
class LabelDefinition:
    """A default: at least `dpd` days past due at month on book `mob`, or as `when` says.

    `ever`: in at least `times` of the months on book `from_mob` to `mob`. `first_payment`: at `mob`, with no
    installment paid so far. `charge_off`: so late up to `mob`, or gone before it with arrears.
    A loan without one that was `indeterminate_dpd` or more days past due is neither: its label is NULL.
    A default with nothing past due in its last `cure_months` months on book is cured: not a default, or with
    `cured="indeterminate"` neither. Only definitions over several months have cures.

    `rule`: the default in words, as "written off at the end of the loan", where a bank knows no days past
    due. Such a definition has no days and no month on book: its labels are known on the day that is due.
    """

    name: str
    dpd: int = 0
    mob: int = 0
    doc: str = field(default="", compare=False)
    when: When = "at"
    from_mob: int = 1
    times: int = 1
    indeterminate_dpd: int | None = None
    cure_months: int | None = None
    cured: Literal["good", "indeterminate"] = "good"
    rule: str = ""

    def __post_init__(self) -> None:
        if self.rule and (self.dpd or self.mob or len(self.as_values()) > len(_BY_RULE)):
            raise self._wrong("one with a rule has no dpd, mob or months; leave them out")
        one_month = (1, 1, None, "good")
        if not self.is_window and one_month != (
            self.from_mob,
            self.times,
            self.cure_months,
            self.cured,
        ):
            raise self._wrong("only ever and charge_off have from_mob, times and cures")
        if self.indeterminate_dpd is not None and not 0 < self.indeterminate_dpd < self.dpd:
            raise self._wrong(f"indeterminate_dpd is from 1 to {self.dpd - 1}, below its dpd")
        months = self.mob - self.from_mob + 1
        if self.is_window and not (self.from_mob >= 0 and 1 <= self.times <= months):
            raise self._wrong(
                f"{self.times} months do not fit from mob {self.from_mob} to {self.mob}"
            )
        if self.cure_months is not None and not 1 <= self.cure_months < months:
            raise self._wrong(
                f"cure_months is from 1 to {months - 1}, below the months of its window"
            )

    def _wrong(self, why: str) -> BadInput:
        return BadInput(f"label definition {self.name}: {why}; correct the declaration")

    @property
    def is_window(self) -> bool:
        """Whether it looks at several months on book, not only at one."""
        return self.when in ("ever", "charge_off")

    @property
    def window(self) -> str:
        """The months on book that it looks at; a dash if it looks at none."""
        if self.rule:
            return "-"
        return f"{self.from_mob} to {self.mob}" if self.is_window else str(self.mob)

    @property
    def observed(self) -> str:
        """The day on which its label is known."""
        if self.rule:
            return "the day on which the loan's label is due"
        day = f"the record of month on book {self.mob}"
        return f"{day}, or when that would be for a loan that is gone" if self.is_window else day

    def as_values(self) -> dict[str, Any]:
        """The definition as plain values, without those that are as ever; receipts keep it so."""
        return {
            each.name: value
            for each in fields(self)
            if each.name != "doc"
            and ((value := getattr(self, each.name)) != each.default or each.name in _ALWAYS)
        }

    @staticmethod
    def from_values(values: Mapping[str, Any]) -> LabelDefinition:
        """The definition from the values of `as_values`."""
        return LabelDefinition(**values)

    def __str__(self) -> str:
        """The rule in words: `30 or more days past due at month on book 6`."""
        if self.rule:
            return self.rule
        late = f"{self.dpd} or more days past due"
        window = f"month on book {self.from_mob} to {self.mob}"
        often = "ever" if self.times == 1 else f"in {self.times} or more months"
        rule = {
            "at": f"{late} at month on book {self.mob}",
            "ever": f"{late} {often} in {window}",
            "first_payment": f"{late} at month on book {self.mob}, with no installment paid so far",
            "charge_off": f"charged off in {window}: {late}, or gone with arrears",
        }[self.when]
        if self.indeterminate_dpd:
            rule += f"; neither from {self.indeterminate_dpd} days past due on"
        if self.cure_months:
            now = "no default" if self.cured == "good" else "neither"
            rule += f"; {now} after {self.cure_months} months in a row with nothing past due"
        return rule


@dataclass(frozen=True)
class LoanColumns:
    """The columns with the loan, its application date and its month on book.

    No `mob` is needed if each definition has a rule in words.
    """

    loan: str
    application: str
    mob: str = ""


@dataclass(frozen=True)
class LabelStore:
    """The definitions of a label store, the default first, and its columns.

    `loans` are the columns of its first upstream, which has a row for every loan, labelled or not. That
    one also has the days past due (`dpd`) and what is left to pay (`balance`). If the definitions have rules
    in words, it has instead the day on which the label of each loan is `due`, as the end of the loan.
    """

    definitions: tuple[LabelDefinition, ...]
    own: LoanColumns
    label: str
    label_def: str
    loans: LoanColumns
    dpd: str = ""
    balance: str = ""
    due: str = ""

    @property
    def has_days(self) -> bool:
        """Whether its definitions ask for days past due, and not for a rule in words."""
        return not any(each.rule for each in self.definitions)
