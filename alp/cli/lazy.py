"""Click classes of this program: groups that import a command when it is called, and examples.

A group's commands are a table of names, targets and one-line helps, so that listing or completing
them imports none of them. A command's help ends with its examples, each with what it does.
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from importlib import import_module
from typing import Any

import click
from click.shell_completion import CompletionItem


class Command(click.Command):
    """A command whose help shows examples.

    Parameters
    ----------
    examples
        Command lines and what each does, in the order shown.
    """

    def __init__(
        self, *args: Any, examples: Mapping[str, str] | None = None, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.examples = dict(examples or {})

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples, then the epilog."""
        write_examples(self.examples, formatter)
        super().format_epilog(ctx, formatter)


class LazyGroup(click.Group):
    """A group that imports a command only when it is called.

    Parameters
    ----------
    table
        name -> ("module:attribute" of the click command, one-line help).
    examples
        Command lines and what each does, in the order shown.
    """

    def __init__(
        self,
        *args: Any,
        table: Mapping[str, tuple[str, str]] | None = None,
        examples: Mapping[str, str] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.table = dict(table or {})
        self.examples = dict(examples or {})

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Return all names in the order of the table."""
        return [*self.table, *(name for name in self.commands if name not in self.table)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return the command, or None where there is none of that name."""
        entry = self.table.get(cmd_name)
        if entry is None:
            return super().get_command(ctx, cmd_name)
        module_name, _, attribute = entry[0].partition(":")
        command = getattr(import_module(module_name), attribute)
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that ``args`` name; a misspelt name is answered with the near ones."""
        name = args[0]
        known = self.list_commands(ctx)
        if name not in known and not name.startswith("-") and not ctx.resilient_parsing:
            near = get_close_matches(name, known, n=2)
            hint = (
                f" Did you mean {' or '.join(near)}?"
                if near
                else f" There are: {', '.join(known)}."
            )
            ctx.fail(f"No such command {name!r}.{hint}")
        return super().resolve_command(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete command names from the table, without importing them."""
        names = [
            CompletionItem(name, help=text)
            for name, (_, text) in self.table.items()
            if name.startswith(incomplete)
        ]
        return names + click.Command.shell_complete(self, ctx, incomplete)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """List the commands: those of the table, without importing them, then the others."""
        rows = [(name, text) for name, (_, text) in self.table.items()]
        rows += [(name, each.get_short_help_str()) for name, each in self.commands.items()]
        with formatter.section("Commands"):
            formatter.write_dl(rows)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples, then the epilog."""
        write_examples(self.examples, formatter)
        super().format_epilog(ctx, formatter)


def write_examples(examples: Mapping[str, str], formatter: click.HelpFormatter) -> None:
    """Write each command line, unwrapped, with what it does under it."""
    if not examples:
        return
    formatter.write("\nExamples:\n")
    for line, meaning in examples.items():
        formatter.write(f"  {line}\n      {meaning}\n")
