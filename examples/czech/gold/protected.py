"""The protected attributes of the bank: a model is examined by them."""

from lakehouse.protected import Protected

PROTECTED = (
    Protected("sex", "Sex, which the birth number tells.", feature="sex", carried_by=("sex",)),
    Protected("age", "Age, in bands of ten years.", feature="age", carried_by=("age",), band=10),
)
