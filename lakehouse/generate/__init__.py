"""Synthetic raw files of the shipped bank."""
