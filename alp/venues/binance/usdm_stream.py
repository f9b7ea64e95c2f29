"""The private stream and the order socket of Binance USDⓈ-M futures.

Source: developers.binance.com, "User Data Streams" of USDⓈ-M futures.
"""

from __future__ import annotations

from collections.abc import Mapping

import orjson

from alp.venues.binance import order_rows as rows_of
from alp.venues.binance.common import PING_ID
from alp.venues.binance.stream_common import BinanceReader, Names, event_of
from alp.venues.fields import Fields
from alp.venues.instruments import Instrument
from alp.venues.order_facts import client_id
from alp.venues.orders import Balance, PositionNews, StreamNews

STILL_THERE = orjson.dumps({"method": "LIST_SUBSCRIPTIONS", "id": PING_ID})
"""The venue pings every 3 min only, and an account may be quiet for as long."""


class UsdmReader(BinanceReader):
    """Reads what the venue sends to an account.

    A trade is told twice, by ``TRADE_LITE`` at once and with its fee by ``ORDER_TRADE_UPDATE``;
    both have the same id. Orders of the venue's own (liquidation, auto-deleveraging) come with ids
    that are not ours.

    Parameters
    ----------
    instruments
        By symbol; of other products nothing is told.
    """

    names = Names(amended="AMENDMENT", silent=frozenset())

    def __init__(self, instruments: Mapping[str, Instrument]) -> None:
        super().__init__("binance-usdm", instruments)
        self._handlers = {
            "ORDER_TRADE_UPDATE": self._order,
            "TRADE_LITE": self._trade,
            "ACCOUNT_UPDATE": self._account,
            "listenKeyExpired": self._lost,
        }

    def _answer(self, reference: object, row: Fields) -> StreamNews:
        if reference == PING_ID:
            return StreamNews(ready=True)
        return super()._answer(reference, row)

    def _order(self, event: Fields) -> StreamNews:
        row = event.inner("o")
        at_ns = rows_of.milliseconds(row, "T") or rows_of.milliseconds(event, "T", "E")
        return StreamNews(self.order_facts(row, client_id(row, "c"), at_ns))

    def _trade(self, row: Fields) -> StreamNews:
        instrument = self._instruments.get(row.text("s"))
        if instrument is None:
            return StreamNews()
        at_ns = rows_of.milliseconds(row, "T", "E")
        return StreamNews(self.fills(row, instrument, client_id(row, "c"), at_ns))

    def _account(self, event: Fields) -> StreamNews:
        changed = event.inner("a")
        balances = []
        for row in event_of(self.exchange, changed, "B") if "B" in changed else ():
            balances.append(Balance(row.text("a"), rows_of.balance(row, "wb")))
        positions = []
        for row in event_of(self.exchange, changed, "P") if "P" in changed else ():
            instrument = self._instruments.get(row.text("s"))
            if instrument is None or row.text("ps") != "BOTH":
                continue
            lots = rows_of.signed_steps(row, "pa", instrument.order_quantity)
            entry = rows_of.entry_ticks(row, "ep", instrument.price)
            positions.append(PositionNews(instrument.symbol, lots, entry))
        return StreamNews(balances=tuple(balances), positions=tuple(positions))
