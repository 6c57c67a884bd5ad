"""One row: what is known of a customer as of seen_on."""

from lakehouse.feature import FeatureTransform, declared_in, feature
from lakehouse.table import MONTH_FIELD, FeatureGroup, Field, Table

from ..silver.people import TABLE as PEOPLE


@feature("DOUBLE")
def turnover(turnover):
    """Turnover of the month."""
    return turnover


@feature("STRING")
def branch(branch):
    """The branch."""
    return branch


FEATURES = declared_in(globals())


KEYS = ("cust_no", "seen_on")

TABLE = Table(
    layer="gold",
    name="features_people",
    doc="What is known of a customer as of seen_on.",
    keys=KEYS,
    fields=(
        Field("cust_no", "STRING", "The customer."),
        Field("seen_on", "DATE", "The day as of which it is known."),
        *(each.field for each in FEATURES),
        MONTH_FIELD,
    ),
    upstreams=(PEOPLE,),
    transform=FeatureTransform((*KEYS, MONTH_FIELD.name), FEATURES),
    entity="cust_no",
    date="seen_on",
    group=FeatureGroup("people", max_age_months=12),
)
