"""``alp route``: where an order would go, and why not elsewhere."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import click

from alp.cli.lazy import Command
from alp.cli.options import json_option, print_json


def _amount(_ctx: click.Context, _param: click.Parameter, text: str | None) -> Decimal | None:
    from alp.strategy.units import read_decimal

    if text is None:
        return None
    try:
        amount = read_decimal(text)
    except ValueError as error:
        raise click.BadParameter(f"{text!r} {error}") from error
    if amount <= 0:
        raise click.BadParameter(f"{text} is not more than 0")
    return amount


@click.command(
    cls=Command,
    examples={
        "alp route examples/eth-usdc.yaml --side buy --size 1.5 --price 2240 "
        "--books examples/data/books.yaml": "what rests at this price",
        "alp route examples/eth-usdc.yaml --side sell --size 20 --take "
        "--books examples/data/books.yaml": "what is taken, as far as slippage allows it",
    },
)
@click.argument("manifest", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--side", required=True, type=click.Choice(["buy", "sell"]), help="Buy or sell.")
@click.option("--size", required=True, callback=_amount, metavar="BASE", help="How much in all.")
@click.option(
    "--price",
    callback=_amount,
    metavar="QUOTE",
    help="The worst price.  [default, with --take: what spec.execution.routing.maxSlippageBps "
    "allows]",
)
@click.option("--take", is_flag=True, help="Take from the books at once, instead of resting.")
@click.option(
    "--books",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="YAML or JSON of the venues' books, positions and gates.",
)
@json_option
def route(
    manifest: Path,
    side: str,
    size: Decimal,
    price: Decimal | None,
    take: bool,
    books: Path,
    as_json: bool,
) -> None:
    """Say which accounts would get what of an order, and why the others get nothing.

    It is decided as the strategy itself would, by spec.execution.routing, from the books in FILE;
    nothing is sent and no venue is asked, so each venue's tickSize and lotSize must be in the
    manifest. Exit status 0, whether the whole order has a place or not.
    """
    from alp.services.execution.route_question import RouteQuestion, read_now
    from alp.strategy.loading import load_manifest

    question = RouteQuestion(load_manifest(manifest), read_now(books))
    found = question.written(question.ask(1 if side == "buy" else -1, size, price, take))
    if as_json:
        print_json(found)
        return
    for each in found["orders"]:
        how = "at once, to" if each["takes"] else "at"
        click.echo(
            f"{each['venue']}: {side} {each['size']} {each['symbol']} {how} {each['price']} "
            f"({each['lots']} lots, {each['ticks']} ticks, account {each['account']})"
        )
    if found["short"]:
        click.echo(f"left: {found['left']} ({', '.join(found['short'])})")
    for name, why in found["nothing"].items():
        click.echo(f"{name}: nothing: {why}")
