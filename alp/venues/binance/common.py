"""What Binance's exchanges have in common: streams, filters, snapshots.

Sources: developers.binance.com, "WebSocket Market Streams", "Exchange Information" and "Order Book"
of USDⓈ-M futures and of spot.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import quote

import orjson

from alp.errors import VenueError
from alp.venues.adapter import SECOND, Channel, Endpoints, Manners
from alp.venues.fields import Fields
from alp.venues.http import Http
from alp.venues.instruments import Grid, Instrument, Trading

HOUR = 3600 * SECOND
STREAMS_A_MESSAGE = 100
PING_ID = 1_000_000
RESUBSCRIBE_ID = 2_000_000
_SUFFIX = {
    Channel.BOOK: "@depth@100ms",
    Channel.QUOTE: "@bookTicker",
    Channel.TRADE: "@aggTrade",
}


def manners(*, channel_silence_ns: int) -> Manners:
    """Return how Binance wants to be treated.

    It closes connections after 24 hours. Its own pings come every 20 s (spot) or 3 min (futures)
    and a product may well be quiet for as long, so alp asks for the list of its subscriptions every
    5 s: what does not answer that is dead. 5 (spot) or 10 messages a second may be sent, and
    300 connections may be opened in 5 minutes from one address; alp takes half.
    """
    return Manners(
        lifetime_ns=23 * HOUR,
        silence_ns=15 * SECOND,
        channel_silence_ns=channel_silence_ns,
        ping=orjson.dumps({"method": "LIST_SUBSCRIPTIONS", "id": PING_ID}),
        ping_ns=5 * SECOND,
        messages_per_second=4,
        connects_per_minute=30,
    )


def streams(instruments: Iterable[Instrument], channels: Channel) -> list[str]:
    """Return the names of the streams; they are written small."""
    return [
        instrument.feed_symbol.lower() + _SUFFIX[channel]
        for channel in channels
        for instrument in instruments
    ]


def _request(method: str, names: Sequence[str], request: int) -> bytes:
    return orjson.dumps({"method": method, "params": names, "id": request})


def subscribe(names: Sequence[str]) -> tuple[bytes, ...]:
    """Return the messages that subscribe to streams; `id` counts them from 1."""
    parts = range(0, len(names), STREAMS_A_MESSAGE)
    return tuple(
        _request("SUBSCRIBE", names[first : first + STREAMS_A_MESSAGE], number)
        for number, first in enumerate(parts, 1)
    )


class BinanceMarket:
    """What the adapters of Binance's exchanges share.

    Parameters
    ----------
    endpoints
        Where it is.
    """

    depth = 0
    rest_snapshots = True
    depth_path: str
    snapshot_levels: int
    snapshot_weight: int

    def __init__(self, endpoints: Endpoints) -> None:
        self.endpoints = endpoints

    def resubscribe(self, instrument: Instrument) -> tuple[bytes, ...]:
        """Return the messages that open a book's stream anew; its snapshot comes by REST."""
        names = streams([instrument], Channel.BOOK)
        return (
            _request("UNSUBSCRIBE", names, RESUBSCRIBE_ID),
            _request("SUBSCRIBE", names, RESUBSCRIBE_ID + 1),
        )

    async def snapshot(self, http: Http, instrument: Instrument) -> bytes:
        """Return an order book, wrapped like a stream's payload: the answer names no product."""
        symbol = instrument.feed_symbol
        path = f"{self.depth_path}?symbol={quote(symbol, safe='')}&limit={self.snapshot_levels}"
        body = await http.get(path, weight=self.snapshot_weight)
        return b'{"stream":"%b@depth","data":%b}' % (symbol.lower().encode(), body)


@dataclass(frozen=True, slots=True)
class Filters:
    """What an order must satisfy."""

    price: Grid
    lots: Fields
    notional: Fields | None


def filters(exchange: str, symbol: str, row: Fields, notional: str) -> Filters:
    """Return the filters of a product.

    Parameters
    ----------
    notional
        The filter with the least value of an order: ``NOTIONAL`` or ``MIN_NOTIONAL``.

    Raises
    ------
    VenueError
        If one lacks that every product has.
    """
    found: dict[str, Fields] = {}
    for each in row.rows("filters"):
        rules = Fields(exchange, f"a filter of {symbol}", each)
        kind = rules.text("filterType")
        found[kind] = Fields(exchange, f"{kind} of {symbol}", each)
    for needed in ("PRICE_FILTER", "LOT_SIZE"):
        if needed not in found:
            raise VenueError(f"{exchange}: {symbol} has no filter {needed}")
    price = found["PRICE_FILTER"].grid("tickSize")
    return Filters(price, found["LOT_SIZE"], found.get(notional))


def instrument(
    exchange: str, symbol: str, row: Fields, rules: Filters, min_notional: str
) -> Instrument:
    """Return a product.

    The book's quantities are kept to the precision of the asset, not to that of orders: a level can
    hold what is left of orders from before ``stepSize`` was made coarser.
    """
    notional = rules.notional
    return Instrument(
        exchange=exchange,
        symbol=symbol,
        feed_symbol=symbol,
        base=row.text("baseAsset"),
        quote=row.text("quoteAsset"),
        price=rules.price,
        quantity=row.decimal_grid("baseAssetPrecision"),
        order_quantity=rules.lots.grid("stepSize"),
        min_quantity=rules.lots.amount("minQty"),
        max_quantity=rules.lots.optional_amount("maxQty"),
        min_notional=None if notional is None else notional.optional_amount(min_notional),
        trading=trading(row.text("status")),
    )


def trading(status: str) -> Trading:
    """Return what a status allows; one that is not known allows nothing."""
    if status == "TRADING":
        return Trading.OPEN
    return Trading.CANCEL_ONLY if status == "CANCEL_ONLY" else Trading.HALTED
