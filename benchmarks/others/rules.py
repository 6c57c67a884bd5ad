"""The facts about the bank's data for the three other pipelines: files, bounds, words, windows, labels."""

from __future__ import annotations

from pathlib import Path

FILES = {
    "clickstream": ("feature_clickstream.csv", "features_clickstream.csv"),
    "attributes": ("feature_attributes.csv", "features_attributes.csv"),
    "financials": ("feature_financials.csv", "features_financials.csv"),
    "loan_daily": ("lms_loan_daily.csv",),
}
GOLD = ("features_clickstream", "features_attributes", "features_financials", "label_store")
SOURCE_OF = {
    "features_clickstream": "clickstream",
    "features_attributes": "attributes",
    "features_financials": "financials",
    "label_store": "loan_daily",
}
SIGNALS = tuple(f"fe_{i}" for i in range(1, 21))
MEASURED = (*SIGNALS, "activity")
WINDOWS_MONTHS = (3, 6)
LONGEST_MONTHS = max(WINDOWS_MONTHS)

# Raw column: lowest and highest value that is possible.
WHOLE = {
    "Num_Bank_Accounts": (0, 20),
    "Num_Credit_Card": (0, 15),
    "Num_of_Loan": (0, 20),
    "Delay_from_due_date": (-31, 366),
    "Num_of_Delayed_Payment": (0, 50),
    "Num_Credit_Inquiries": (0, 30),
}
AMOUNTS = {
    "Annual_Income": (0, 1e7),
    "Monthly_Inhand_Salary": (0, 1e6),
    "Changed_Credit_Limit": (-100, 100),
    "Interest_Rate": (0, 50),
    "Outstanding_Debt": (0, 1e7),
    "Credit_Utilization_Ratio": (0, 100),
    "Total_EMI_per_month": (0, 1e7),
    "Amount_invested_monthly": (0, 1e7),
    "Monthly_Balance": (-1e6, 1e6),
}
NO_AMOUNT = "__10000__"
HISTORY = r"^([0-9]{1,3}) Years? and ([0-9]|1[01]) Months?$"
BEHAVIOUR = r"^(Low|High)_spent_(Small|Medium|Large)_value_payments$"
CREDIT_MIX = {"Bad": 0, "Standard": 1, "Good": 2}
PAYS_MINIMUM = {"No": 0, "Yes": 1}
SPENDING = {"Low": 0, "High": 1}
SIZE = {"Small": 0, "Medium": 1, "Large": 2}
KINDS_OF_LOAN = {
    "auto_loan": "Auto Loan",
    "credit_builder_loan": "Credit-Builder Loan",
    "debt_consolidation_loan": "Debt Consolidation Loan",
    "home_equity_loan": "Home Equity Loan",
    "mortgage_loan": "Mortgage Loan",
    "not_specified": "Not Specified",
    "payday_loan": "Payday Loan",
    "personal_loan": "Personal Loan",
    "student_loan": "Student Loan",
}
# Days past due of a default, and from which on a loan that is none is neither; the month on book.
LABEL_DEFINITIONS = {
    "30dpd_6mob": (30, 30, 6),
    "60dpd_6mob": (60, 60, 6),
    "30dpd_3mob": (30, 30, 3),
    "30dpd_6mob_indeterminate_1dpd": (30, 1, 6),
}
# Days past due in any month on book up to this one.
EVER_DEFINITIONS = {"30dpd_ever_6mob": (30, 6), "90dpd_ever_9mob": (90, 9)}
# As the raw file spells them: in most months of a loan's life there is nothing to label.
LABELLED = ("3", "6", "9")
LABEL_MONTHS = 10


def raw_file(data: Path, source: str) -> Path:
    """The raw file of a source under one of its names."""
    return next(data / name for name in FILES[source] if (data / name).exists())


def months_before(month: str, count: int) -> str:
    """The month so many months before."""
    index = 12 * int(month[:4]) + int(month[5:]) - 1 - count
    return f"{index // 12:04d}-{index % 12 + 1:02d}"
