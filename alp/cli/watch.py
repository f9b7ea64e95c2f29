"""``alp watch``: a running system, seen live in a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from alp.cli.lazy import Command
from alp.cli.options import json_option, print_json

if TYPE_CHECKING:
    from alp.watch.attach import Attached

NARROWEST = 120


@click.command(
    cls=Command,
    examples={
        "alp watch examples/eth-usdc.yaml": "what `alp paper` or `alp run` of it is doing, live",
        "alp watch --at http://127.0.0.1:9460": "by its page",
        "alp watch examples/eth-usdc.yaml --once --json": "one look, as data for a script",
    },
)
@click.argument(
    "manifest", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option("--name", help="The strategy's name, instead of its manifest.")
@click.option("--at", metavar="URL", help="The system's page, instead of a name.")
@click.option(
    "--mode",
    type=click.Choice(["run", "paper"]),
    help="Which of a strategy's two systems.  [default: the one that runs; `run` of both]",
)
@click.option("--once", is_flag=True, help="Print one look and exit.")
@click.option(
    "--timeout",
    type=click.FloatRange(0.1, 3600),
    default=3,
    show_default=True,
    metavar="SECONDS",
    help="How long --once waits for parts that have not been heard.",
)
@json_option
def watch(
    manifest: Path | None,
    name: str | None,
    at: str | None,
    mode: str | None,
    once: bool,
    timeout: float,
    as_json: bool,
) -> None:
    """Show a running system live: books, quotes, inventory, profit, orders, gates, feeds, log.

    It may be started before the system, and goes on when that comes back. Keys: p pauses, k sets
    the kill switch and r releases it, both after a question; q quits the view, and the system goes
    on; ? tells of the others.

    --once prints one look as text, with --json as data, and exits: with status 5 if no such system
    runs on this machine.
    """
    if sum(each is not None for each in (manifest, name, at)) != 1:
        raise click.UsageError("name one system: its manifest, --name or --at")
    if not (once or as_json) and not (sys.stdout.isatty() and sys.stdin.isatty()):
        raise click.UsageError("this is no terminal: say --once or --json")
    attached = _attached(manifest, name, at, mode)
    if once or as_json:
        _print_once(attached, timeout, as_json=as_json)
    else:
        show(attached)


def _attached(
    manifest: Path | None, name: str | None, at: str | None, mode: str | None
) -> Attached:
    from alp.strategy.loading import name_of
    from alp.system.status import page_of, pages_of
    from alp.watch.attach import Attached

    if at is not None:
        page = at.rstrip("/")
        return Attached(lambda: page, page)
    name = name_of(manifest) if manifest is not None else str(name)

    def find() -> str | None:
        return page_of(name, mode) if mode else next(iter(pages_of(name)), None)

    return Attached(find, name)


def show(
    attached: Attached, *, over: Callable[[], bool] = lambda: False, owns: bool = False
) -> bool:
    """Show the view until it is left; return whether the system is to be stopped too."""
    from alp.watch.app import STOP, WatchApp

    app = WatchApp(attached.as_json, attached.run, over=over, owns=owns)
    left = app.run()
    if app.return_code:
        raise click.exceptions.Exit(app.return_code)
    return left == STOP


def _print_once(attached: Attached, timeout: float, *, as_json: bool) -> None:
    import asyncio

    from alp.watch.attach import look_once

    look = asyncio.run(look_once(attached, timeout))
    if as_json:
        print_json(look)
        return
    from rich.console import Console

    from alp.watch.panes import everything

    console = Console(width=None if sys.stdout.isatty() else NARROWEST, highlight=False)
    console.print(everything(look, console.width))
