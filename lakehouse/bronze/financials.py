"""One row: a delivered row of a customer's finances, in the month of the application, as text."""

from lakehouse.bronze.raw import bronze_table
from lakehouse.table import Field, Source

_MEANINGS = {
    "Customer_ID": "The customer, as `CUS_0x1069`.",
    "Annual_Income": "Annual income.",
    "Monthly_Inhand_Salary": "Monthly salary after deductions.",
    "Num_Bank_Accounts": "Number of bank accounts.",
    "Num_Credit_Card": "Number of credit cards.",
    "Interest_Rate": "Interest rate on the credit cards, percent.",
    "Num_of_Loan": "Number of loans at other banks.",
    "Type_of_Loan": "Kinds of these loans, separated by commas, with `and` before the last.",
    "Delay_from_due_date": "Mean number of days from due date to payment; negative if early.",
    "Num_of_Delayed_Payment": "Number of payments that were late.",
    "Changed_Credit_Limit": "Change of the credit card limit, percent.",
    "Num_Credit_Inquiries": "Number of credit inquiries.",
    "Credit_Mix": "Mix of credits: Bad, Standard, Good; `_` if unknown.",
    "Outstanding_Debt": "Debt still to be paid.",
    "Credit_Utilization_Ratio": "Share of the credit limit in use, percent.",
    "Credit_History_Age": "Age of the credit history, as `10 Years and 9 Months`.",
    "Payment_of_Min_Amount": "Whether only the minimum was paid: Yes, No; NM if unknown.",
    "Total_EMI_per_month": "Equated monthly installments (EMI) of all loans.",
    "Amount_invested_monthly": "Amount invested per month.",
    "Payment_Behaviour": "Spending and size of payments, as `High_spent_Small_value_payments`.",
    "Monthly_Balance": "Balance at the end of the month.",
    "snapshot_date": "The day on which the finances are known.",
}

SOURCE = Source(
    name="financials",
    file_names=("features_financials.csv", "feature_financials.csv"),
    columns=tuple(Field(name, "STRING", meaning) for name, meaning in _MEANINGS.items()),
    keys=("Customer_ID", "snapshot_date"),
    entity="Customer_ID",
    date="snapshot_date",
    required=(("Customer_ID", "text"), ("snapshot_date", "date")),
    monthly=True,
)

TABLE = bronze_table(
    SOURCE, "A delivered row of a customer's finances, in the month of the application."
)
