"""Exports of the whole project: the data dictionary and the hand-in zip."""
