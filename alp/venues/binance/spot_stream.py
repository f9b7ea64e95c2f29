"""The private stream and the order socket of Binance spot, both on the WebSocket API.

Source: developers.binance.com, "User Data Stream" of spot.
"""

from __future__ import annotations

from collections.abc import Mapping

from alp.venues.binance import order_rows as rows_of
from alp.venues.binance.orders_common import EVENTS, LOGGED_ON_FOR_EVENTS, socket_message
from alp.venues.binance.stream_common import BinanceReader, Names, event_of
from alp.venues.fields import Fields
from alp.venues.instruments import Instrument
from alp.venues.order_facts import client_id
from alp.venues.orders import Balance, StreamNews


class SpotReader(BinanceReader):
    """Reads what the venue sends to an account.

    Parameters
    ----------
    instruments
        By symbol; of other products nothing is told.
    """

    names = Names(amended="REPLACED", silent=frozenset({"TRADE_PREVENTION", "PENDING_NEW"}))

    def __init__(self, instruments: Mapping[str, Instrument]) -> None:
        super().__init__("binance-spot", instruments)
        self._handlers = {
            "executionReport": self._order,
            "outboundAccountPosition": self._account,
            "eventStreamTerminated": self._lost,
            "serverShutdown": self._lost,
        }

    def _answer(self, reference: object, row: Fields) -> StreamNews:
        if reference == LOGGED_ON_FOR_EVENTS:
            subscribe = socket_message(EVENTS, "userDataStream.subscribe", {})
            return self._opened(row, StreamNews(replies=(subscribe,)))
        if reference == EVENTS:
            return self._opened(row, StreamNews(ready=True))
        return super()._answer(reference, row)

    def _order(self, row: Fields) -> StreamNews:
        # Where an order is cancelled or amended, `c` may be that request's id, and `C` the order's.
        ours = client_id(row, "C" if row.has_text("C") else "c")
        return StreamNews(self.order_facts(row, ours, rows_of.milliseconds(row, "T", "E")))

    def _account(self, event: Fields) -> StreamNews:
        balances = []
        for row in event_of(self.exchange, event, "B"):
            free, locked = rows_of.balance(row, "f"), rows_of.balance(row, "l")
            balances.append(Balance(row.text("a"), free + locked, free))
        return StreamNews(balances=tuple(balances))
