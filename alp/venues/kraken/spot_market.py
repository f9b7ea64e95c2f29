"""Market data of Kraken spot, WebSocket version 2.

Sources: docs.kraken.com, "Book", "Trade", "Ticker" and "Heartbeat" of the WebSocket API v2, and
"Get Tradable Asset Pairs" of the REST API.
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

import orjson

from alp.errors import ConfigError, VenueError
from alp.venues.adapter import SECOND, Channel, Endpoints, Manners, Socket
from alp.venues.fields import Fields, read_object
from alp.venues.http import Http
from alp.venues.instruments import Grid, Instrument, Trading

PRODUCTION = Endpoints("https://api.kraken.com", "wss://ws.kraken.com")
DEPTHS = (10, 25, 100, 500, 1000)
OLD_NAMES = {"BTC": "XBT", "DOGE": "XDG"}
"""What REST still calls assets; WebSocket v2 uses the names of everybody else."""
NEW_NAMES = {old: new for new, old in OLD_NAMES.items()}
_TRADING = {
    "online": Trading.OPEN,
    "limit_only": Trading.OPEN,
    "post_only": Trading.POST_ONLY,
    "cancel_only": Trading.CANCEL_ONLY,
    "reduce_only": Trading.CANCEL_ONLY,
}


class KrakenSpotMarket:
    """``kraken-spot``.

    Parameters
    ----------
    endpoints
        Where it is; ``/v2`` is added to the stream.
    depth
        Levels of each side to subscribe to, one of :data:`DEPTHS`.

    Raises
    ------
    ConfigError
        If Kraken has no such depth.
    """

    exchange = "kraken-spot"
    feed = "kraken"
    rest_snapshots = False
    weight_per_minute = 60
    # A heartbeat comes every second in which nothing else does. Books were seen quiet for 9 s.
    # Cloudflare bans an address that connects more than 150 times in 10 minutes.
    manners = Manners(
        lifetime_ns=0,
        silence_ns=10 * SECOND,
        channel_silence_ns=60 * SECOND,
        messages_per_second=5,
        connects_per_minute=8,
    )

    def __init__(self, endpoints: Endpoints = PRODUCTION, depth: int = 25) -> None:
        if depth not in DEPTHS:
            raise ConfigError(
                f"Kraken has no books of depth {depth}",
                hint=f"it has {', '.join(map(str, DEPTHS))}",
            )
        self.endpoints = endpoints
        self.depth = depth

    def sockets(self, instruments: Sequence[Instrument], channels: Channel) -> list[Socket]:
        """Return the connection."""
        symbols = [each.feed_symbol for each in instruments]
        if not symbols or not channels:
            return []
        messages = tuple(
            _message("subscribe", self._channel(each, symbols), number)
            for number, each in enumerate(channels, 1)
        )
        return [Socket("public", f"{self.endpoints.stream}/v2", channels, messages)]

    def _channel(self, channel: Channel, symbols: list[str]) -> dict[str, object]:
        if channel is Channel.BOOK:
            return {"channel": "book", "symbol": symbols, "depth": self.depth, "snapshot": True}
        if channel is Channel.QUOTE:
            return {"channel": "ticker", "symbol": symbols, "event_trigger": "bbo"}
        return {"channel": "trade", "symbol": symbols, "snapshot": False}

    def resubscribe(self, instrument: Instrument) -> tuple[bytes, ...]:
        """Return the messages after which the venue sends the whole book."""
        symbols = [instrument.feed_symbol]
        book = {"channel": "book", "symbol": symbols, "depth": self.depth}
        return (
            _message("unsubscribe", book, 101),
            _message("subscribe", self._channel(Channel.BOOK, symbols), 102),
        )

    async def snapshot(self, http: Http, instrument: Instrument) -> bytes:  # noqa: ARG002
        """Refuse: books begin on the WebSocket."""
        raise VenueError(f"{self.exchange} sends the book of {instrument.symbol} on its own")

    async def instruments(self, http: Http, symbols: Sequence[str]) -> list[Instrument]:
        """Return the pairs with these names, ``ETH/USDC``, asked for one by one."""
        return [await self._instrument(http, symbol) for symbol in symbols]

    async def _instrument(self, http: Http, symbol: str) -> Instrument:
        base, separator, quoted = symbol.partition("/")
        if not (base and separator and quoted):
            raise ConfigError(f"{self.exchange} does not know {symbol}: its pairs read ETH/USDC")
        name = OLD_NAMES.get(base, base) + OLD_NAMES.get(quoted, quoted)
        answer = read_object(
            self.exchange, await http.get(f"/0/public/AssetPairs?pair={quote(name, safe='')}")
        )
        errors = answer.rows("error")
        if "EQuery:Unknown asset pair" in errors:
            raise ConfigError(f"{self.exchange} does not know {symbol}")
        if errors:
            raise VenueError(f"{self.exchange}: {symbol}: {', '.join(map(str, errors))}")
        for _, each in answer.inner("result").items():
            row = Fields(self.exchange, symbol, each)
            if row.has_text("wsname") and new_name(row.text("wsname")) == symbol:
                return self._read(symbol, base, quoted, row)
        raise ConfigError(f"{self.exchange} does not know {symbol}")

    def _read(self, symbol: str, base: str, quoted: str, row: Fields) -> Instrument:
        """Return a pair. The grids keep the decimals that the checksum is made of."""
        quantity = row.decimal_grid("lot_decimals")
        return Instrument(
            exchange=self.exchange,
            symbol=symbol,
            feed_symbol=symbol,
            base=base,
            quote=quoted,
            price=_price_grid(row),
            quantity=quantity,
            order_quantity=quantity,
            min_quantity=row.amount("ordermin"),
            min_notional=row.optional_amount("costmin"),
            trading=_TRADING.get(row.text("status"), Trading.HALTED),
        )


def _price_grid(row: Fields) -> Grid:
    decimals = row.decimal_grid("pair_decimals").decimals
    tick = row.grid("tick_size")
    if tick.decimals > decimals:
        row.fail(f"has tick_size {tick.increment}, finer than its {decimals} decimals")
    return Grid(decimals, tick.step * 10 ** (decimals - tick.decimals))


def new_name(pair: str) -> str:
    """Return ``BTC/USD`` for ``XBT/USD``."""
    return "/".join(NEW_NAMES.get(asset, asset) for asset in pair.split("/"))


def _message(method: str, params: dict[str, object], request: int) -> bytes:
    return orjson.dumps({"method": method, "params": params, "req_id": request})
