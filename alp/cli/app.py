"""The root of the command line: options that hold for every command."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NoReturn

import click

from alp.cli.commands import COMMANDS, SERVERS, help_text
from alp.cli.lazy import LazyGroup
from alp.cli.logs import FORMATS, LEVELS, configure_logs
from alp.cli.outcome import exit_status


class Root(LazyGroup):
    """The ``alp`` group: its help is the static text, its ends are exit codes."""

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the text that ``alp --help`` prints without click."""
        formatter.write(help_text())

    def main(  # type: ignore[override]
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        **extra: Any,
    ) -> NoReturn:
        """Run one command line and exit the process with its status."""
        raise SystemExit(exit_status(self, args, prog_name or "alp", extra))


def _print_version(ctx: click.Context, _param: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        from alp._version import __version__

        click.echo(f"alp {__version__}")
        ctx.exit()


@click.group(
    cls=Root,
    table=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option(
    "--log-level",
    type=click.Choice(LEVELS),
    envvar="ALP_LOG_LEVEL",
    help="The least severe message to print.  [default: warning; info for servers]",
)
@click.option(
    "--log-format",
    type=click.Choice(FORMATS),
    default="text",
    show_default=True,
    envvar="ALP_LOG_FORMAT",
    help="Messages for people, or one JSON object a line.",
)
@click.option(
    "--debug",
    is_flag=True,
    envvar="ALP_DEBUG",
    expose_value=False,  # alp.cli.outcome looks for it, also where parsing itself fails
    help="Show the traceback of an unexpected failure.",
)
@click.option(
    "-V",
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_version,
    help="Print the version.",
)
@click.pass_context
def root(context: click.Context, log_level: str | None, log_format: str) -> None:
    """Run one of the commands."""
    usual = "info" if context.invoked_subcommand in SERVERS else "warning"
    configure_logs(log_level or usual, log_format)
