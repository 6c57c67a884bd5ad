"""Typed and cleaned rows; one file per table."""
