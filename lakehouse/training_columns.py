"""The columns of a training set besides its features: names that notebooks and models rely on.

A table may have other names for its columns; its declaration says which columns these are.
"""

LOAN, CUSTOMER, APPLICATION = "loan_id", "customer_id", "application_date"
LABEL, LABEL_DEF, LABEL_OBSERVED = "label", "label_def", "label_observed"
SPINE = (CUSTOMER, APPLICATION)
LABELLED = (LOAN, CUSTOMER, APPLICATION, LABEL, LABEL_DEF, LABEL_OBSERVED)
# Not in a training set; the join names them so on its way there.
SNAPSHOT_DATE, MOB, DPD, BALANCE, DUE = "snapshot_date", "mob", "dpd", "balance", "due"
# An exclusion may ask for it.
PREVIOUS_APPLICATION = "previous_application_date"
