"""The command line: commands, what they print, exit codes."""

from lakehouse.cli.entry import cli, main

__all__ = ["cli", "main"]
