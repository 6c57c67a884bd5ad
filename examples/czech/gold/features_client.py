"""One row: who a client is on a day, and where the client lives."""

from lakehouse import functions as F
from lakehouse.feature import declared_in, feature
from lakehouse.gold.feature_group import feature_group

from ..silver.account import TABLE as ACCOUNTS
from ..silver.client import TABLE as CLIENTS
from ..silver.client_day import TABLE as CLIENT_DAYS
from ..silver.district import TABLE as DISTRICTS

AGE_YEARS = (18, 100)


def prepare(days, accounts, clients, districts, months):
    """The days with what is known of the account, the client and the client's district."""
    opened = accounts.select("account_id", "frequency", "opened_on")
    homes = districts.select(F.col("a1").alias("district_id"), "a4", "a10", "a11", *_OF_A_YEAR)
    who = clients.select("client_id", "sex", "born_in", "district_id").join(
        homes, "district_id", "left"
    )
    return days.join(opened, "account_id", "left").join(who, "client_id", "left")


_OF_A_YEAR = ("a12", "a13", "a15", "a16")


def _known_of_year(as_of_day, of_1995, of_1996):
    """The figure of the newest year that was over on a day; those of 1995 were not known before 1996."""
    return F.when(as_of_day >= "1997-01-01", of_1996).when(as_of_day >= "1996-01-01", of_1995)


@feature("INT")
def age(as_of_day, born_in):
    """Age in years, from the month of birth; NULL outside 18 to 100."""
    months = (F.year(as_of_day) - F.year(born_in)) * 12 + F.month(as_of_day) - F.month(born_in)
    years = F.floor(months / 12)
    return F.when(years.between(*AGE_YEARS), years)


@feature("STRING")
def sex(sex):
    """F or M, from the birth number; a protected attribute."""
    return sex


@feature("INT")
def account_age_days(as_of_day, opened_on):
    """Days since the account was opened."""
    return F.datediff(as_of_day, opened_on)


@feature("STRING")
def statement_frequency(frequency):
    """How often a statement is sent."""
    return frequency


@feature("INT")
def district_inhabitants(a4):
    """Inhabitants of the district; the file has no year for it."""
    return a4


@feature("DOUBLE")
def district_urban_ratio(a10):
    """The part of the district's inhabitants that live in towns; the file has no year for it."""
    return a10 / 100


@feature("INT")
def district_salary(a11):
    """Average salary in the district, in crowns; the file has no year for it."""
    return a11


@feature("DOUBLE")
def district_unemployment_ratio(as_of_day, a12, a13):
    """Unemployment in the district in the newest year that was over; NULL before 1996."""
    return _known_of_year(as_of_day, a12, a13) / 100


@feature("DOUBLE")
def district_crimes_per_1000(as_of_day, a15, a16, a4):
    """Crimes among 1000 inhabitants in the newest year that was over; NULL before 1996."""
    return _known_of_year(as_of_day, a15, a16) * 1000 / a4


TABLE = feature_group(
    "client",
    "Who a client is on a day, and where the client lives.",
    CLIENT_DAYS,
    declared_in(globals()),
    max_age_months=2,
    prepare=prepare,
    joined=(ACCOUNTS, CLIENTS, DISTRICTS),
)
