"""``alp venue``: an exchange on localhost."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import click

from alp.cli.lazy import Command
from alp.cli.options import json_option, speed_option

if TYPE_CHECKING:
    from alp.paper.exchange import Exchange

EXCHANGES = (
    "binance-usdm",
    "binance-spot",
    "coinbase-spot",
    "kraken-spot",
    "kraken-futures",
    "binance",
    "coinbase",
    "kraken",
)
"""The last three are short for USD-M, spot and spot."""
CCXT = {
    "binance-usdm": "binanceusdm",
    "binance-spot": "binance",
    "coinbase-spot": "coinbase",
    "kraken-spot": "kraken",
    "kraken-futures": "krakenfutures",
}
"""What ccxt calls them."""


def _coins(_ctx: click.Context, _param: click.Parameter, text: str | None) -> int | None:
    """Return 10⁻⁸ of an asset."""
    from alp.strategy.units import read_decimal

    if text is None:
        return None
    try:
        coins = read_decimal(text).scaleb(8)
    except ValueError as error:
        raise click.BadParameter(f"{text!r} {error}") from error
    if not 0 <= coins <= Decimal(10) ** 17 or coins != int(coins):
        raise click.BadParameter(f"{text} is not 0 to 10^9 with at most 8 decimals")
    return int(coins)


@click.command(
    cls=Command,
    examples={
        "alp venue kraken": "a made-up market, on a free port",
        "alp venue binance --product BTCUSDC --product ETHUSDC --port 8080": "two, where you say",
        "alp venue coinbase --recording day.alprec.zst --speed 10": "what was recorded, ten times",
        "alp venue binance --faults faults.yaml": "with gaps, resets and refusals",
    },
)
@click.argument("exchange", type=click.Choice(EXCHANGES), metavar="EXCHANGE")
@click.option(
    "--product",
    "products",
    multiple=True,
    metavar="SYMBOL[=RECORDED]",
    help="Serve this product, in a recording by its name there; repeat for several.  "
    "[default: ETH in dollars, or all of the recording]",
)
@click.option(
    "--recording",
    "recordings",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Play this recording or capture; repeat for its further files.  [default: made up]",
)
@speed_option
@click.option(
    "--then",
    type=click.Choice(["go-on", "stand-still"]),
    default="go-on",
    show_default=True,
    help="After the recording: made up from its last book, or nothing more.",
)
@click.option(
    "--rate",
    type=click.FloatRange(0, 100_000),
    default=20.0,
    show_default=True,
    metavar="N",
    help="Made-up events a second in each market.",
)
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, metavar="N")
@click.option("--host", default="127.0.0.1", show_default=True, help="Where to listen.")
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    default=0,
    show_default=True,
    help="Where to listen; 0: a free one.",
)
@click.option(
    "--faults",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Script of what goes wrong, and when.  [default: nothing does]",
)
@click.option(
    "--tls",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="Speak TLS with the certificate in this folder; it is made if need be.",
)
@click.option(
    "--keys",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="Write the accounts' keys into folders there, or take those that are there.  "
    "[default: the keys of docs/paper.md]",
)
@click.option(
    "--account",
    "accounts",
    multiple=True,
    metavar="NAME",
    help="Have this account, with new keys of its own, which need --keys: NAME, NAME-2 for its "
    "watchdog, NAME-3 for the position server; repeat for several.  [default: first and second]",
)
@click.option(
    "--base",
    callback=_coins,
    metavar="AMOUNT",
    help="What each account begins with of the assets that are traded.  [default: a million]",
)
@click.option(
    "--queue",
    type=click.Choice(["conservative", "power", "log"]),
    default="conservative",
    show_default=True,
    help="How resting orders move forward when a level gets smaller without a trade.",
)
@click.option(
    "--control",
    is_flag=True,
    help="Answer below /-/ as well: /-/state tells what it knows, /-/faults takes more faults, "
    "/-/acts lets things happen.",
)
@json_option
def venue(
    exchange: str,
    products: tuple[str, ...],
    recordings: tuple[Path, ...],
    speed: float | None,
    then: str,
    rate: float,
    seed: int,
    host: str,
    port: int,
    faults: Path | None,
    tls: Path | None,
    keys: Path | None,
    accounts: tuple[str, ...],
    base: int | None,
    queue: str,
    control: bool,
    as_json: bool,
) -> None:
    """Run an exchange on localhost that speaks a real venue's protocol.

    EXCHANGE is binance-usdm (or binance), binance-spot, coinbase-spot (coinbase), kraken-spot
    (kraken) or kraken-futures. Its public REST and WebSockets are served so that alp and other
    clients of the venue take it for the venue: products, books, quotes, trades, heartbeats, and
    accounts with keys that everybody knows, whose orders are matched with these books.

    Markets stand still until somebody subscribes to a book. They are made up from a seed, or follow
    a recording of any form that `alp verify feed` reads.

    Runs until SIGTERM or Ctrl-C and exits with 0 then. Exit status 3 where a product, an address or
    the script of faults is wrong, 4 where a recording is.
    """
    from alp._core.matching import QueueModel
    from alp.paper.faults.file import FaultFile, read_faults
    from alp.paper.server import Wanted, serve
    from alp.paper.venues import full_name
    from alp.strategy.fields import DNS_LABEL_PATTERN

    if then == "stand-still" and not recordings:
        raise click.UsageError("--then is about a --recording; a still market has --rate 0")
    if accounts and keys is None:
        raise click.UsageError("nobody would know the keys of --account: give --keys FOLDER")
    if len(set(accounts)) < len(accounts):
        raise click.UsageError("an --account is given twice")
    for name in accounts:
        if not re.fullmatch(DNS_LABEL_PATTERN, name):
            raise click.UsageError(f"--account {name}: small letters, digits and - make a name")
    wanted = Wanted(
        full_name(exchange),
        products,
        recordings,
        speed,
        seed,
        0.0 if then == "stand-still" else rate,
        host,
        port,
        FaultFile() if faults is None else read_faults(faults),
        tls,
        keys,
        QueueModel[queue.upper()],
        control,
        accounts,
        base,
    )
    chain = None if tls is None else tls / "certificate.pem"
    served = serve(wanted, lambda made: _tell(made, chain, as_json))
    if as_json:
        click.echo(json.dumps(asdict(served)))
        return
    click.echo(
        f"{served.connections:,} connections, {served.requests:,} requests, "
        f"{served.events:,} events, {served.trades:,} trades, {served.faults:,} random faults, "
        f"{served.orders:,} orders, {served.fills:,} fills"
    )


def _tell(exchange: Exchange, chain: Path | None, as_json: bool) -> None:
    """Say where it is, in a line of JSON or for people."""
    import sys

    name = exchange.name
    rest, stream, symbols = exchange.rest_url, exchange.stream_url, list(exchange.markets)
    if as_json:
        told = {"exchange": name, "symbols": symbols, "rest": rest, "stream": stream}
        click.echo(json.dumps({**told, "certificate": None if chain is None else str(chain)}))
    else:
        click.echo(f"{name} with {', '.join(symbols)}")
        click.echo(f"  REST     {rest}\n  streams  {stream}")
        click.echo("in a manifest, in its entry of spec.venues:")
        click.echo(f'  endpoints: {{rest: "{rest}", stream: "{stream}"}}')
        click.echo(f"with ccxt, for every address in client.urls['api'] of {CCXT[name]}:")
        click.echo(f"  {rest} in place of https://..., {stream} in place of wss://...")
        if chain is not None:
            click.echo(f"trust its certificate: SSL_CERT_FILE={chain}")
    sys.stdout.flush()
