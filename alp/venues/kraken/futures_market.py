"""Market data of Kraken Futures.

Sources: docs.kraken.com, "Book", "Trade" and "Heartbeat" of the Futures WebSocket API v1, and
"Get instruments" of the Futures REST API v3.
"""

from __future__ import annotations

from collections.abc import Sequence

import orjson

from alp.errors import ConfigError, VenueError
from alp.venues.adapter import SECOND, Channel, Endpoints, Manners, Socket
from alp.venues.fields import Fields, read_object
from alp.venues.http import Http
from alp.venues.instruments import Instrument, Trading
from alp.venues.kraken.spot_market import NEW_NAMES

PRODUCTION = Endpoints("https://futures.kraken.com", "wss://futures.kraken.com")
LINEAR = ("flexible_futures", "futures_vanilla")
_FEEDS = {Channel.BOOK: "book", Channel.QUOTE: "ticker", Channel.TRADE: "trade"}


class KrakenFuturesMarket:
    """``kraken-futures``: linear contracts, whose quantity is one of the base.

    Parameters
    ----------
    endpoints
        Where it is; ``/derivatives/api/v3`` and ``/ws/v1`` are added.
    """

    exchange = "kraken-futures"
    feed = "kraken-futures"
    depth = 0
    rest_snapshots = False
    weight_per_minute = 600
    # The venue asks for a ping at least every 60 s. It answers each, so pings every 5 s also show
    # that it lives, whatever the rate of its heartbeats.
    manners = Manners(
        lifetime_ns=0,
        silence_ns=15 * SECOND,
        channel_silence_ns=60 * SECOND,
        ping=b'{"event":"ping"}',
        ping_ns=5 * SECOND,
        messages_per_second=20,
        connects_per_minute=30,
    )

    def __init__(self, endpoints: Endpoints = PRODUCTION) -> None:
        self.endpoints = endpoints

    def sockets(self, instruments: Sequence[Instrument], channels: Channel) -> list[Socket]:
        """Return the connection."""
        products = [each.feed_symbol for each in instruments]
        if not products or not channels:
            return []
        messages = [orjson.dumps({"event": "subscribe", "feed": "heartbeat"})]
        messages += [_message("subscribe", _FEEDS[each], products) for each in channels]
        return [Socket("public", f"{self.endpoints.stream}/ws/v1", channels, tuple(messages))]

    def resubscribe(self, instrument: Instrument) -> tuple[bytes, ...]:
        """Return the messages after which the venue sends the whole book."""
        products = [instrument.feed_symbol]
        return (_message("unsubscribe", "book", products), _message("subscribe", "book", products))

    async def snapshot(self, http: Http, instrument: Instrument) -> bytes:  # noqa: ARG002
        """Refuse: books begin on the WebSocket."""
        raise VenueError(f"{self.exchange} sends the book of {instrument.symbol} on its own")

    async def instruments(self, http: Http, symbols: Sequence[str]) -> list[Instrument]:
        """Return the contracts with these symbols, ``PF_ETHUSD``; the venue lists all of them."""
        answer = read_object(self.exchange, await http.get("/derivatives/api/v3/instruments"))
        if answer.text("result") != "success":
            answer.fail(f"is {answer.text('result')}")
        rows = {
            str(row.get("symbol")).upper(): row
            for row in answer.rows("instruments")
            if isinstance(row, dict)
        }
        return [self._instrument(symbol, rows.get(symbol)) for symbol in symbols]

    def _instrument(self, symbol: str, found: object) -> Instrument:
        if found is None:
            raise ConfigError(f"{self.exchange} does not know {symbol}")
        row = Fields(self.exchange, symbol, found)
        kind = row.text("type")
        if kind not in LINEAR:
            row.fail(f"is of type {kind}: alp knows contracts that are counted in the base")
        quantity = row.decimal_grid("contractValueTradePrecision")
        base, quoted = row.text("base"), row.text("quote")
        return Instrument(
            exchange=self.exchange,
            symbol=symbol,
            feed_symbol=symbol,
            base=NEW_NAMES.get(base, base),
            quote=NEW_NAMES.get(quoted, quoted),
            price=row.grid("tickSize"),
            quantity=quantity,
            order_quantity=quantity,
            min_quantity=quantity.increment,
            max_quantity=row.optional_amount("maxPositionSize"),
            contract_size=row.size("contractSize"),
            trading=_trading(row),
        )


def _message(event: str, feed: str, products: list[str]) -> bytes:
    return orjson.dumps({"event": event, "feed": feed, "product_ids": products})


def _trading(row: Fields) -> Trading:
    if not row.flag("tradeable"):
        return Trading.HALTED
    return Trading.POST_ONLY if row.optional_flag("postOnly") else Trading.OPEN
