"""``alp conform``: the conformance kit, at a simulated exchange or at one that is there."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from alp.cli.lazy import Command
from alp.cli.options import json_option, print_json
from alp.cli.venue import EXCHANGES

if TYPE_CHECKING:
    from alp.services.conformance.kit import Line, Places


@click.command(
    cls=Command,
    examples={
        "alp conform binance": "every case, at simulated exchanges of its own",
        "alp conform kraken --case C10 --case C22": "two of them",
        "alp conform coinbase --url http://127.0.0.1:8080 --stream ws://127.0.0.1:8080 "
        "--keys keys/first": "at a venue that is there",
    },
)
@click.argument("exchange", type=click.Choice(EXCHANGES), metavar="EXCHANGE")
@click.option("--url", metavar="URL", help="REST of the venue.  [default: a simulated one]")
@click.option("--stream", metavar="URL", help="WebSockets of the venue.")
@click.option(
    "--control",
    metavar="URL",
    help="Where a simulated venue's control is: what `alp venue --control` printed as REST.",
)
@click.option("--symbol", metavar="SYMBOL", help="The product, as manifests write it.")
@click.option(
    "--keys",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="Where the account's keys are mounted.  [default with --url: the environment]",
)
@click.option(
    "--case", "cases", multiple=True, metavar="NUMBER", help="Run this case; repeat for several."
)
@json_option
def conform(
    exchange: str,
    url: str | None,
    stream: str | None,
    control: str | None,
    symbol: str | None,
    keys: Path | None,
    cases: tuple[str, ...],
    as_json: bool,
) -> None:
    """Hold an exchange's adapter to the numbered cases of docs/conformance.md.

    EXCHANGE is binance-usdm (or binance), binance-spot, coinbase-spot (coinbase), kraken-spot
    (kraken) or kraken-futures. Each case is run at a simulated exchange of its own, made for it in
    this process. With --url it is a venue that is there, and cases that need faults or the venue's
    own word for what is true are left out unless --control says where to ask for them. Orders of
    the kit rest 2% below the market and are canceled; take a test system, never a real account.

    Exit status 0 if every case that ran is ok, 1 if one is not or none ran.
    """
    import asyncio
    import logging

    from alp.paper.venues import full_name
    from alp.services.conformance.kit import Result, cases_of
    from alp.services.conformance.kit import conform as run

    if url is None and (stream or control or keys):
        raise click.UsageError("--stream, --control and --keys are about a venue at --url")
    if url is not None and stream is None:
        raise click.UsageError("--url needs --stream, where the venue's WebSockets are")
    name = full_name(exchange)
    wanted = cases_of(cases)
    places = _simulated(name, symbol)
    if url is not None and stream is not None:
        places = _there(name, symbol, (url, stream), control, keys)
    tell: Callable[[Line], None] = (lambda _: None) if as_json else _tell
    if logging.getLogger("alp").level >= logging.WARNING:
        logging.disable(logging.ERROR)  # warnings of what the cases do on purpose
    try:
        report = asyncio.run(run(name, places, wanted, told=tell))
    finally:
        logging.disable(logging.NOTSET)
    if as_json:
        print_json(
            {"exchange": name, "passed": report.passed, "cases": list(map(asdict, report.lines))}
        )
    else:
        ended = ", ".join(f"{report.count(each)} {each}" for each in Result)
        click.echo(f"{name}: {ended}")
    if not report.passed:
        raise click.exceptions.Exit(1)


def _tell(line: Line) -> None:
    """Print a row of the table."""
    click.echo(
        f"{line.number}  {line.asks:<48}  {line.result:<8}  {line.seconds:6.2f} s"
        f"{'  ' + line.why if line.why else ''}"
    )


def _simulated(name: str, symbol: str | None) -> Places:
    """Return what makes a simulated exchange for each case."""
    from alp.paper.accounts import WITHDRAW
    from alp.paper.exchange import Exchange
    from alp.paper.venues import VENUES, made_up
    from alp.services.conformance.world import Place

    feed, order = _symbols(name, symbol)

    @asynccontextmanager
    async def opened() -> AsyncIterator[Place]:
        protocol = VENUES[name].make(made_up(name, [feed]))
        async with Exchange(protocol, rate=0, control=True) as exchange:
            assert protocol.private is not None
            keys = protocol.private.desk.accounts.by_name["first"].keys
            withdrawer = next((k.credentials for k in keys if WITHDRAW in k.permissions), None)
            yield Place(
                name,
                order,
                exchange.endpoints,
                keys[0].credentials,
                exchange.rest_url,
                withdrawer,
                own=True,
            )

    return opened


def _symbols(name: str, symbol: str | None) -> tuple[str, str]:
    """Return a product as market data and as orders write it."""
    from alp.paper.venues import VENUES

    feed = symbol or VENUES[name].symbol
    if name == "coinbase-spot" and feed == VENUES[name].symbol:
        return feed, "ETH-USDC"
    return feed, feed


def _there(
    name: str, symbol: str | None, urls: tuple[str, str], control: str | None, keys: Path | None
) -> Places:
    """Return what takes the venue that is there."""
    from alp.services.conformance.kit import places_at
    from alp.services.conformance.world import Place
    from alp.venues.adapter import Endpoints
    from alp.venues.credentials import read_credentials
    from alp.venues.registry import check_credentials

    credentials = read_credentials(name, keys)
    check_credentials(name, credentials)
    _, order = _symbols(name, symbol)
    return places_at(Place(name, order, Endpoints(*urls), credentials, control or ""))
