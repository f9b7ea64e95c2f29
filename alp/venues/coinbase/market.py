"""Market data of Coinbase Advanced Trade, spot.

Sources: docs.cdp.coinbase.com, Advanced Trade "WebSocket Channels" and "Get Public Product".
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

import orjson

from alp.errors import VenueError
from alp.venues.adapter import SECOND, Channel, Endpoints, Manners, Socket
from alp.venues.fields import Fields, read_json
from alp.venues.http import Http, product_answer
from alp.venues.instruments import Instrument, Trading

PRODUCTION = Endpoints("https://api.coinbase.com", "wss://advanced-trade-ws.coinbase.com")
_CHANNELS = {
    Channel.BOOK: "level2",
    Channel.QUOTE: "ticker",
    Channel.TRADE: "market_trades",
}


class CoinbaseMarket:
    """``coinbase-spot``.

    A USDC product that is another name for the USD product's book is subscribed to by the name in
    which the venue answers.

    Parameters
    ----------
    endpoints
        Where it is.
    """

    exchange = "coinbase-spot"
    feed = "coinbase"
    depth = 0
    rest_snapshots = False
    weight_per_minute = 600
    # Heartbeats come every second: ten that lack are no jitter. The venue itself closes a channel
    # without news after 60 s. An address may send 8 messages a second.
    manners = Manners(
        lifetime_ns=0,
        silence_ns=10 * SECOND,
        channel_silence_ns=30 * SECOND,
        messages_per_second=6,
        connects_per_minute=30,
    )

    def __init__(self, endpoints: Endpoints = PRODUCTION) -> None:
        self.endpoints = endpoints

    def sockets(self, instruments: Sequence[Instrument], channels: Channel) -> list[Socket]:
        """Return the connection; its heartbeats are subscribed to first: 5 s are given for that."""
        products = list(dict.fromkeys(each.feed_symbol for each in instruments))
        if not products or not channels:
            return []
        messages = [_message("subscribe", "heartbeats", [])]
        messages += [_message("subscribe", _CHANNELS[each], products) for each in channels]
        return [Socket("public", self.endpoints.stream, channels, tuple(messages))]

    def resubscribe(self, instrument: Instrument) -> tuple[bytes, ...]:
        """Return the messages after which the venue sends the whole book."""
        products = [instrument.feed_symbol]
        return (
            _message("unsubscribe", "level2", products),
            _message("subscribe", "level2", products),
        )

    async def snapshot(self, http: Http, instrument: Instrument) -> bytes:  # noqa: ARG002
        """Refuse: the book by REST has no number by which the updates could be joined to it."""
        raise VenueError(f"{self.exchange} sends the book of {instrument.symbol} on its own")

    async def instruments(self, http: Http, symbols: Sequence[str]) -> list[Instrument]:
        """Return the products with these identifiers, by the public endpoint."""
        return [await self._instrument(http, symbol) for symbol in symbols]

    async def _instrument(self, http: Http, symbol: str) -> Instrument:
        path = f"/api/v3/brokerage/market/products/{quote(symbol, safe='')}"
        body = await product_answer(http, self.exchange, symbol, path)
        row = Fields(self.exchange, symbol, read_json(self.exchange, body))
        if row.text("product_id") != symbol:
            row.fail(f"was asked for, but {row.text('product_id')} was answered")
        quantity = row.grid("base_increment")
        return Instrument(
            exchange=self.exchange,
            symbol=symbol,
            feed_symbol=row.text("alias") if row.has_text("alias") else symbol,
            base=row.text("base_currency_id"),
            quote=row.text("quote_currency_id"),
            price=row.grid("price_increment"),
            quantity=quantity,
            order_quantity=quantity,
            min_quantity=row.amount("base_min_size"),
            max_quantity=row.optional_amount("base_max_size"),
            min_notional=row.optional_amount("quote_min_size"),
            trading=_trading(row),
        )


def _message(kind: str, channel: str, products: list[str]) -> bytes:
    """Return a message; each names one channel."""
    return orjson.dumps({"type": kind, "product_ids": products, "channel": channel})


def _trading(row: Fields) -> Trading:
    """Return what a product allows. In an auction orders rest without being matched: none goes."""
    halted = ("trading_disabled", "is_disabled", "view_only", "auction_mode")
    if row.text("status") != "online" or any(row.optional_flag(name) for name in halted):
        return Trading.HALTED
    if row.optional_flag("cancel_only"):
        return Trading.CANCEL_ONLY
    return Trading.POST_ONLY if row.optional_flag("post_only") else Trading.OPEN
