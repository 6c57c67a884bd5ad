"""The words that raw cells about a customer's credits hold; ordered lists go from least to most."""

CREDIT_MIX = ("Bad", "Standard", "Good")
SPENDING = ("Low", "High")
PAYMENT_SIZES = ("Small", "Medium", "Large")
PAYMENT_BEHAVIOURS = tuple(
    f"{spent}_spent_{size}_value_payments" for spent in SPENDING for size in PAYMENT_SIZES
)
KINDS_OF_LOAN = (
    "Auto Loan",
    "Credit-Builder Loan",
    "Debt Consolidation Loan",
    "Home Equity Loan",
    "Mortgage Loan",
    "Not Specified",
    "Payday Loan",
    "Personal Loan",
    "Student Loan",
)
