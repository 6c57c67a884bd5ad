"""Numbers that only one person has, by their form."""

from lakehouse.table import PersonalNumber

SSN = PersonalNumber(form="[0-9]{3}-[0-9]{2}-[0-9]{4}", called="an SSN")
