"""Commands with examples, in groups; a mistyped name is answered with the nearest one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import click

from lakehouse.cli.program import program
from lakehouse.nearest import meant


class Command(click.Command):
    """A command with examples of its use, which stand below its help."""

    examples: Sequence[str] = ()

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Examples"):
            for example in self.examples:
                formatter.write(f"{'':{formatter.current_indent}}{program()} {example}\n")


def command(*examples: str, name: str | None = None) -> Callable[[Callable[..., None]], Command]:
    """Make a function a command; the examples are what one types after the name of the program."""

    def apply(function: Callable[..., None]) -> Command:
        made = click.command(name, cls=Command)(function)
        made.examples = examples
        return made

    return apply


class Commands(click.Group):
    """Commands in groups, each with a title."""

    titled: Mapping[str, Sequence[click.Command]] = {}

    def add(self, titled: Mapping[str, Sequence[click.Command]]) -> None:
        """Add the commands of each title."""
        self.titled = titled
        for commands in titled.values():
            for each in commands:
                self.add_command(each)

    def leaves(self) -> dict[str, click.Command]:
        """Each command that does something, by the words that call it, as `run` and `new bank`."""
        found: dict[str, click.Command] = {}
        for name, each in self.commands.items():
            below = each.leaves() if isinstance(each, Commands) else {"": each}
            found |= {f"{name} {last}".strip(): leaf for last, leaf in below.items()}
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        room = max(map(len, self.commands))
        for title, commands in self.titled.items():
            with formatter.section(title):
                formatter.write_dl([(f"{each.name:<{room}}", summary(each)) for each in commands])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in self.commands:
            near = meant(args[0], self.commands)
            hint = f"is it {near}?" if near else f"`{ctx.command_path} --help` lists all"
            ctx.fail(f"no command is called {args[0]!r}; {hint}")
        return super().resolve_command(ctx, args)


def summary(command: click.Command) -> str:
    """The first paragraph of a command's help, which is one short line."""
    return " ".join((command.help or "").split("\n\n")[0].split())
