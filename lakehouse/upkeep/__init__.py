"""Upkeep of a datamart: optimize, vacuum, erase, verify, doctor."""
