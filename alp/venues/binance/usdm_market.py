"""Market data of Binance USDⓈ-M futures."""

from __future__ import annotations

from collections.abc import Sequence

from alp.errors import ConfigError
from alp.venues.adapter import SECOND, Channel, Endpoints, Socket
from alp.venues.binance import common
from alp.venues.fields import Fields, read_object
from alp.venues.http import Http
from alp.venues.instruments import Instrument

PRODUCTION = Endpoints("https://fapi.binance.com", "wss://fstream.binance.com")
SNAPSHOT_LEVELS = 1000
SNAPSHOT_WEIGHT = 20


class UsdmMarket(common.BinanceMarket):
    """``binance-usdm``: streams on two sockets, since Binance keeps books and trades apart.

    Parameters
    ----------
    endpoints
        Where it is; ``/public/stream`` and ``/market/stream`` are added.
    """

    exchange = "binance-usdm"
    feed = "binance-usdm"
    weight_per_minute = 2400
    manners = common.manners(channel_silence_ns=30 * SECOND)

    depth_path = "/fapi/v1/depth"
    snapshot_levels = SNAPSHOT_LEVELS
    snapshot_weight = SNAPSHOT_WEIGHT

    def __init__(self, endpoints: Endpoints = PRODUCTION) -> None:
        super().__init__(endpoints)

    def sockets(self, instruments: Sequence[Instrument], channels: Channel) -> list[Socket]:
        """Return one connection for books and quotes, and one for trades."""
        found = []
        for name, carried in (
            ("public", channels & (Channel.BOOK | Channel.QUOTE)),
            ("market", channels & Channel.TRADE),
        ):
            names = common.streams(instruments, carried)
            if names:
                url = f"{self.endpoints.stream}/{name}/stream"
                found.append(Socket(name, url, carried, common.subscribe(names)))
        return found

    async def instruments(self, http: Http, symbols: Sequence[str]) -> list[Instrument]:
        """Return the products with these symbols; the venue only lists all of them."""
        answer = read_object(self.exchange, await http.get("/fapi/v1/exchangeInfo", weight=1))
        rows = {
            str(row.get("symbol")): row for row in answer.rows("symbols") if isinstance(row, dict)
        }
        found = []
        for symbol in symbols:
            if symbol not in rows:
                raise ConfigError(f"{self.exchange} does not know {symbol}")
            row = Fields(self.exchange, symbol, rows[symbol])
            rules = common.filters(self.exchange, symbol, row, "MIN_NOTIONAL")
            found.append(common.instrument(self.exchange, symbol, row, rules, "notional"))
        return found
