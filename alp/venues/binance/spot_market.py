"""Market data of Binance spot."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

from alp.errors import ConfigError
from alp.venues.adapter import SECOND, Channel, Endpoints, Socket
from alp.venues.binance import common
from alp.venues.fields import Fields, read_object
from alp.venues.http import Http, product_answer
from alp.venues.instruments import Instrument

PRODUCTION = Endpoints("https://api.binance.com", "wss://stream.binance.com:9443")
# All that the venue gives, although 1000 levels would cost a fifth: a level beyond the snapshot is
# only known once it changes, so a market that moves through the snapshot's end would show a touch
# that is not the venue's, and no rule of continuity would notice.
SNAPSHOT_LEVELS = 5000
SNAPSHOT_WEIGHT = 250
INSTRUMENT_WEIGHT = 20


class SpotMarket(common.BinanceMarket):
    """``binance-spot``: every stream on one socket.

    Parameters
    ----------
    endpoints
        Where it is; ``/stream`` is added.
    """

    exchange = "binance-spot"
    feed = "binance-spot"
    weight_per_minute = 6000
    manners = common.manners(channel_silence_ns=60 * SECOND)

    depth_path = "/api/v3/depth"
    snapshot_levels = SNAPSHOT_LEVELS
    snapshot_weight = SNAPSHOT_WEIGHT

    def __init__(self, endpoints: Endpoints = PRODUCTION) -> None:
        super().__init__(endpoints)

    def sockets(self, instruments: Sequence[Instrument], channels: Channel) -> list[Socket]:
        """Return the connection."""
        names = common.streams(instruments, channels)
        if not names:
            return []
        url = f"{self.endpoints.stream}/stream"
        return [Socket("public", url, channels, common.subscribe(names))]

    async def instruments(self, http: Http, symbols: Sequence[str]) -> list[Instrument]:
        """Return the products with these symbols, asked for one by one: an error names its own."""
        return [await self._instrument(http, symbol) for symbol in symbols]

    async def _instrument(self, http: Http, symbol: str) -> Instrument:
        path = f"/api/v3/exchangeInfo?symbol={quote(symbol, safe='')}"
        body = await product_answer(http, self.exchange, symbol, path, weight=INSTRUMENT_WEIGHT)
        answer = read_object(self.exchange, body)
        for each in answer.rows("symbols"):
            row = Fields(self.exchange, symbol, each)
            if row.text("symbol") == symbol:
                # NOTIONAL took the place of MIN_NOTIONAL, which some products still have.
                rules = common.filters(self.exchange, symbol, row, "NOTIONAL")
                if rules.notional is None:
                    rules = common.filters(self.exchange, symbol, row, "MIN_NOTIONAL")
                return common.instrument(self.exchange, symbol, row, rules, "minNotional")
        raise ConfigError(f"{self.exchange} does not know {symbol}")
