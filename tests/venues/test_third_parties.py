"""Other implementations of the venues, on the same server, end with the same books.

ccxt and the Kraken SDK keep books in their own way, each from its own connection and its own
snapshot, and the SDK verifies Kraken's checksums from the texts. What the exchange and both clients
agree on is not one misunderstanding of ours.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import recorded_markets
from reader import Reader
from waits import until

from alp.paper.binance.public import Binance
from alp.paper.coinbase.public import Coinbase
from alp.paper.exchange import Exchange
from alp.paper.faults.script import Fault
from alp.paper.kraken.futures import KrakenFutures
from alp.paper.kraken.spot import KrakenSpot
from alp.paper.market import Market
from alp.paper.protocol import Protocol

pytestmark = pytest.mark.timed

LEVELS = 10
Levels = list[tuple[Decimal, Decimal]]


def usdm() -> Protocol:
    return Binance([Market.made_up("ETHUSDC", seed=11)])


def spot() -> Protocol:
    return Binance([Market.made_up("ETHUSDC", seed=12, quantity_decimals=4)], futures=False)


def kraken() -> Protocol:
    return KrakenSpot([Market.made_up("ETH/USDC", seed=13, quantity_decimals=8, depth=25)])


def kraken_futures() -> Protocol:
    return KrakenFutures([Market.made_up("PF_ETHUSD", seed=14, price_decimals=1)])


def coinbase() -> Protocol:
    return Coinbase([Market.made_up("ETH-USD", seed=15, quantity_decimals=8)])


CCXT = [
    (usdm, "binanceusdm", "ETH/USDC:USDC"),
    (spot, "binance", "ETH/USDC"),
    (coinbase, "coinbase", "ETH/USD"),
    (kraken, "kraken", "ETH/USDC"),
    (kraken_futures, "krakenfutures", "ETH/USD:USD"),
]


def redirected(urls: Any, rest: str, stream: str) -> Any:
    """Replace scheme and host of every address, as deep as they are."""
    if isinstance(urls, dict):
        return {name: redirected(each, rest, stream) for name, each in urls.items()}
    if not isinstance(urls, str):
        return urls
    scheme, _, address = urls.partition("://")
    _, slash, path = address.partition("/")
    return (stream if scheme.startswith("ws") else rest) + slash + path


def ccxt_client(name: str, exchange: Exchange) -> Any:
    ccxt = pytest.importorskip("ccxt.pro", reason="needs ccxt, of the extra `test`")
    options = {"fetchCurrencies": False}
    if name == "binance":
        options["fetchMarkets"] = {"types": ["spot"]}
    client = getattr(ccxt, name)({"enableRateLimit": False, "options": options})
    client.urls["api"] = redirected(client.urls["api"], exchange.rest_url, exchange.stream_url)
    client.has["fetchCurrencies"] = False
    return client


def of_the_exchange(market: Market, bid: bool) -> Levels:
    book = market.book
    return [
        (Decimal(book.price(price)), Decimal(book.quantity(quantity)))
        for price, quantity in book.best(bid, LEVELS)
    ]


def of_the_reader(reader: Reader, bid: bool) -> Levels:
    row = reader.instruments[0]
    return [
        (row.price.value(price), row.quantity.value(quantity))
        for price, quantity in reader.feed.depth(0, bid, LEVELS)
    ]


def of_ccxt(side: Any) -> Levels:
    return [(Decimal(str(price)), Decimal(str(quantity))) for price, quantity, *_ in side[:LEVELS]]


async def compare(
    exchange: Exchange, reader: Reader, market: Market, theirs: Callable[[bool], Levels]
) -> None:
    """Let the market stand still; then all have the same levels."""
    exchange.rate = 0
    for bid in (True, False):
        expected = of_the_exchange(market, bid)
        assert len(expected) == LEVELS
        await until(lambda bid=bid, expected=expected: of_the_reader(reader, bid) == expected)  # type: ignore[misc]
        await until(lambda bid=bid, expected=expected: theirs(bid) == expected)  # type: ignore[misc]
    assert reader.feed.counts["malformed"] == 0
    assert not [name for name in reader.feed.counts if name.startswith("invalid")]


async def with_ccxt(protocol: Protocol, name: str, symbol: str) -> None:
    market = next(iter(protocol.markets.values()))
    limit = [market.depth] if market.depth else []
    async with (
        Exchange(protocol, rate=300) as exchange,
        Reader(exchange, [market.symbol], depth=market.depth) as reader,
    ):
        client = ccxt_client(name, exchange)
        try:
            await until(lambda: reader.feed.counts["messages"] > 20)
            await reader.synchronise(reader.instruments[0])
            for _ in range(100):
                book = await asyncio.wait_for(client.watch_order_book(symbol, *limit), 10)
            await compare(
                exchange, reader, market, lambda bid: of_ccxt(book["bids" if bid else "asks"])
            )
        finally:
            await client.close()


@pytest.mark.parametrize(("make", "name", "symbol"), CCXT)
def test_ccxt_ends_with_the_same_levels(
    make: Callable[[], Protocol], name: str, symbol: str
) -> None:
    asyncio.run(with_ccxt(make(), name, symbol))


def test_ccxt_ends_with_the_same_levels_after_recorded_futures(shared: Path) -> None:
    file = shared / "venues" / "fixtures" / "public" / "binance_usdm_sync_session.jsonl"
    protocol = Binance([recorded_markets.binance(file, "SUSHIUSDT")])
    asyncio.run(with_ccxt(protocol, "binanceusdm", "SUSHI/USDT:USDT"))


def test_ccxt_ends_with_the_same_levels_after_recorded_kraken(shared: Path) -> None:
    file = shared / "venues" / "fixtures" / "public" / "kraken_v2_ETHUSD_d25_session.jsonl"
    asyncio.run(with_ccxt(KrakenSpot([recorded_markets.kraken_spot(file)]), "kraken", "ETH/USD"))


class _Pairs:
    """In place of the SDK's REST client, which would block the loop that the server runs in."""

    def __init__(self, market: Market) -> None:
        self._market = market

    def get_asset_pairs(self, pair: str) -> dict[str, dict[str, int]]:
        book = self._market.book
        decimals = {"pair_decimals": book.price_decimals, "lot_decimals": book.quantity_decimals}
        return {pair: decimals}


def test_kraken_s_sdk_accepts_every_checksum_and_ends_with_the_same_levels() -> None:
    spot_client = pytest.importorskip(
        "kraken.spot", reason="needs python-kraken-sdk, of the extra `test`"
    )

    async def run() -> None:
        protocol = kraken()
        (market,) = protocol.markets.values()
        updates: list[Any] = []
        valid: list[bool] = []
        async with (
            Exchange(protocol, rate=300) as exchange,
            Reader(exchange, [market.symbol], depth=market.depth) as reader,
        ):

            class Client(spot_client.SpotOrderBookClient):  # type: ignore[misc, name-defined]
                WS_URL = exchange.stream_url

                async def on_book_update(self, pair: str, message: dict[str, Any]) -> None:
                    updates.append(message)
                    valid.append(self.get(pair=pair)["valid"])

            client = Client(depth=market.depth)
            client._SpotOrderBookClient__market = _Pairs(market)
            await client.start()
            try:
                await client.add_book(pairs=[market.symbol])
                await until(lambda: len(updates) > 300)
                book = client.get(pair=market.symbol)

                def theirs(bid: bool) -> Levels:
                    rows = list(book["bid" if bid else "ask"].items())[:LEVELS]
                    return [(Decimal(price), Decimal(row[0])) for price, row in rows]

                await compare(exchange, reader, market, theirs)
                assert all(valid)
                exchange.apply(Fault.CHECKSUM)
                exchange.step()
                await until(lambda: not all(valid))
                await until(lambda: not reader.feed.status(0)[0])
            finally:
                await client.close()

    asyncio.run(run())
