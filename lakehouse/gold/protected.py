"""The protected attributes: a model is examined by them, and on request it does without them."""

from lakehouse.protected import Protected

PROTECTED = (
    Protected(
        "age",
        "Age at the application, in bands of ten years.",
        feature="age",
        carried_by=("age", "age_decade"),
        band=10,
    ),
    Protected(
        "occupation",
        "Occupation as the customer gave it; it can stand for origin or sex.",
        feature="occupation",
        carried_by=("occupation", "occupation_known"),
    ),
)
