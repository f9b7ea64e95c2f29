"""``alp status``: what a running system is doing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from alp.cli.lazy import Command
from alp.cli.options import json_option, print_json

if TYPE_CHECKING:
    from rich.table import Table


@click.command(
    cls=Command,
    examples={
        "alp status examples/eth-usdc.yaml": "what `alp paper` or `alp run` of it is doing",
        "alp status --at http://127.0.0.1:9460 --json": "by its page, as data for a script",
    },
)
@click.argument(
    "manifest", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option("--name", help="The strategy's name, instead of its manifest.")
@click.option("--at", metavar="URL", help="The system's page, instead of a name.")
@json_option
def status(manifest: Path | None, name: str | None, at: str | None, as_json: bool) -> None:
    """Ask a running system how it is: parts, gates, positions, open orders, ages of its books.

    Quantities are lots and prices ticks of the venue. Exit status 0 if everything is ready, 1 if
    something is not, 5 if no system of that name runs on this machine.
    """
    from alp.errors import ExitCode, VenueError
    from alp.strategy.loading import name_of
    from alp.system.status import pages_of, status_of

    if sum(each is not None for each in (manifest, name, at)) != 1:
        raise click.UsageError("name one system: its manifest, --name or --at")
    if at is not None:
        pages = [at.rstrip("/")]
    else:
        name = name_of(manifest) if manifest is not None else str(name)
        pages = pages_of(name)
        if not pages:
            raise VenueError(
                f"no system of {name} runs here", hint="start it: `alp paper` or `alp run`"
            )
    found = [status_of(each) for each in pages]
    if as_json:
        print_json(found[0] if len(found) == 1 else found)
    else:
        for each in found:
            _show(each)
    if not all(each["ready"] for each in found):
        raise click.exceptions.Exit(ExitCode.CHECK_FAILED)


def _show(found: dict[str, Any]) -> None:
    from rich.console import Console

    console = Console()
    ready = "ready" if found["ready"] else "not ready"
    console.print(
        f"{found['strategy']}, {found['mode']}: {ready}, up {found['up_s']:.0f} s, {found['page']}",
        highlight=False,
    )
    for each in (_parts(found), _accounts(found), _orders(found), _feeds(found)):
        if each.row_count:
            console.print()
            console.print(each)


def _table(*columns: str) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in columns:
        table.add_column(name, overflow="fold")
    return table


def _parts(found: dict[str, Any]) -> Table:
    table = _table("part", "stage", "process", "starts", "up", "why")
    for each in found["parts"]:
        table.add_row(
            each["name"],
            each["stage"],
            str(each["pid"] or "-"),
            str(each["starts"]),
            "-" if each["up_s"] is None else f"{each['up_s']:.0f} s",
            "; ".join(each["reasons"]),
        )
    return table


def _accounts(found: dict[str, Any]) -> Table:
    table = _table("account", "gate", "positions, lots", "open orders", "why")
    for each in found["accounts"]:
        positions = ", ".join(f"{name} {lots}" for name, lots in each["positions_lots"].items())
        orders = each["open_orders"]
        table.add_row(
            each["account"],
            each["gate"],
            positions or "-",
            "not known" if orders is None else str(len(orders)),
            "; ".join(map(str, each["reasons"])),
        )
    return table


def _orders(found: dict[str, Any]) -> Table:
    table = _table("order", "symbol", "side", "open lots", "ticks", "state")
    for account in found["accounts"]:
        for each in account["open_orders"] or ():
            table.add_row(
                each["client_id"],
                each["symbol"],
                "buy" if each["side"] > 0 else "sell",
                str(each["open"]),
                str(each["price"]),
                each["state"],
            )
    return table


def _feeds(found: dict[str, Any]) -> Table:
    table = _table("book", "live", "age")
    for each in found["feeds"]:
        age = each.get("age_s")
        live = "yes" if each.get("live") else "no"
        table.add_row(each["book"], live, "-" if age is None else f"{age:.2f} s")
    return table
