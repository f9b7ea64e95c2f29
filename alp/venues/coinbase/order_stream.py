"""What Coinbase says on the user channel: running totals of orders, no trades and no balances.

Source: docs.cdp.coinbase.com, Advanced Trade "WebSocket Channels".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from alp._core.order_life import OrderEvent
from alp.venues.coinbase.order_states import (
    EXCHANGE,
    UNKNOWN,
    WAITING,
    alive,
    end_of,
    side_of,
)
from alp.venues.fields import Fields, read_object
from alp.venues.instruments import Instrument
from alp.venues.order_facts import client_id, lots, text_or_empty, time_ns, venue_id
from alp.venues.orders import Fact, StreamNews

CHANNELS = ("heartbeats", "user")
"""Without heartbeats the venue closes a channel on which nothing happens for a minute."""


class UserReader:
    """Reads one connection.

    Parameters
    ----------
    instruments
        By the symbol of their orders; orders of others are passed over.
    """

    def __init__(self, instruments: Mapping[str, Instrument]) -> None:
        self._instruments = instruments
        self._sequence = -1
        self._waiting = set(CHANNELS)

    def read(self, message: bytes) -> StreamNews:
        """Return what a message says.

        Raises
        ------
        VenueError
            If it is none that the venue sends; nothing of it counts.
        """
        body = read_object(EXCHANGE, message)
        if "channel" not in body:
            if body.text("type") != "error":
                body.fail(f"is of type {body.text('type')}")
            return StreamNews(lost=body.text("message"))
        sequence = body.whole("sequence_num")
        if sequence <= self._sequence:
            return StreamNews()
        if sequence != self._sequence + 1:
            return StreamNews(lost=f"{sequence} after {self._sequence}")
        news = self._read(body)
        self._sequence = sequence
        return news

    def _read(self, body: Fields) -> StreamNews:
        channel = body.text("channel")
        if channel == "heartbeats":
            return StreamNews()
        events = [Fields(EXCHANGE, "an event", each) for each in body.rows("events")]
        if channel == "subscriptions":
            was_waiting = bool(self._waiting)
            self._waiting -= {name for each in events for name, _ in _subscriptions(each)}
            return StreamNews(ready=was_waiting and not self._waiting)
        if channel != "user":
            body.fail(f"is of channel {channel}, which was not subscribed to")
        facts: list[Fact] = []
        for event in events:
            for each in event.rows("orders") if "orders" in event else []:
                row = Fields(EXCHANGE, "an order", each)
                if text_or_empty(row, "status") == UNKNOWN:
                    return StreamNews(lost=f"the state of {row.text('order_id')} is not told")
                facts += self._facts(row, time_ns(body, "timestamp"))
        return StreamNews(facts=tuple(facts))

    def _facts(self, row: Fields, at_ns: int) -> list[Fact]:
        instrument = self._instruments.get(row.text("product_id"))
        if instrument is None:
            return []
        status = row.text("status")
        filled = lots(instrument, row, "cumulative_quantity")
        fact = Fact(
            OrderEvent.ACKED,
            client_id(row, "client_order_id"),
            venue_id(row, "order_id"),
            instrument.symbol,
            cumulative=filled,
            side=side_of(row, "order_side"),
            at_ns=at_ns,
        )
        end = end_of(status, filled, text_or_empty(row, "reject_reason"))
        if end is not None:
            kind, reason = end
            return [replace(fact, kind=kind, reason=reason)]
        if status not in WAITING:
            row.fail(f"is in state {status}")
        return alive(fact)


def _subscriptions(event: Fields) -> list[tuple[str, object]]:
    return event.inner("subscriptions").items()
