"""The command line: commands, what they print, exit codes."""

from lakehouse.cli.commands import cli, main

__all__ = ["cli", "main"]
