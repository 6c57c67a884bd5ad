"""Bounds that several tables of the bank share."""

MOST = 1_000_000
LATE_DAYS = 30
