"""Rows typed and cleaned; a file per table."""
