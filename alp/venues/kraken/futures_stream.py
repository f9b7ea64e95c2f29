"""What Kraken Futures says on its WebSocket of orders, trades, balances and positions.

Source: docs.kraken.com, futures WebSocket "Open orders verbose", "Fills", "Balances", "Open
positions" and "Challenge".
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace

import orjson

from alp._core.order_life import OrderEvent, RejectReason
from alp.venues.fields import Fields, read_object
from alp.venues.instruments import Instrument
from alp.venues.kraken.futures_answers import EXCHANGE, flexible_balances
from alp.venues.kraken.signing import sign_challenge
from alp.venues.order_facts import (
    client_id,
    fee_units,
    lots,
    milliseconds_ns,
    nearest_step,
    steps,
    text_or_empty,
    ticks,
    venue_id,
)
from alp.venues.orders import Fact, PositionNews, Signer, StreamNews

FEEDS = ("open_orders_verbose", "fills", "balances", "open_positions")
MOST_ORDERS = 4096
"""Remembered: an order of which nothing was heard while so many others were is forgotten."""
_REJECTED = "post_order_failed_because_it_would_filled"
_EXPIRED = (
    "ioc_order_failed_because_it_would_not_be_executed",
    "contract_expired",
    "self_fill",
)
_ORDERS = ("open_orders", "open_orders_verbose")


@dataclass(frozen=True, slots=True)
class _Order:
    """What is known of an order that messages about its end may leave out."""

    client_id: str
    symbol: str
    side: int
    filled: int


class FuturesReader:
    """Reads one connection.

    Parameters
    ----------
    signer
        Signs the venue's challenge.
    instruments
        By the symbol of their orders; orders of others are passed over.
    """

    def __init__(self, signer: Signer, instruments: Mapping[str, Instrument]) -> None:
        self._signer = signer
        self._instruments = instruments
        self._orders: OrderedDict[str, _Order] = OrderedDict()
        self._waiting = set(FEEDS)
        self._fills = -1

    def read(self, message: bytes) -> StreamNews:
        """Return what a message says.

        Raises
        ------
        VenueError
            If it is none that the venue sends; nothing of it counts.
        """
        body = read_object(EXCHANGE, message)
        if "event" in body:
            return self._read_event(body)
        feed = body.text("feed")
        if feed == "heartbeat":
            return StreamNews()
        name = feed.removesuffix("_snapshot")
        if name in _ORDERS:
            return StreamNews(facts=self._read_orders(body, snapshot=feed != name))
        if name == "fills":
            return self._read_fills(body, snapshot=feed != name)
        if name == "balances":
            if "flex_futures" not in body:
                return StreamNews()
            currencies = body.inner("flex_futures").inner("currencies")
            return StreamNews(balances=flexible_balances(currencies))
        if name != "open_positions":
            body.fail(f"is of feed {feed}, which was not subscribed to")
        return StreamNews(positions=self._read_positions(body))

    def _read_event(self, body: Fields) -> StreamNews:
        event = body.text("event")
        if event == "challenge":
            signed = sign_challenge(self._signer.credentials, body.text("message"))
            return StreamNews(
                replies=tuple(
                    orjson.dumps({"event": "subscribe", "feed": feed, **signed}) for feed in FEEDS
                )
            )
        if event == "subscribed":
            was_waiting = bool(self._waiting)
            self._waiting.discard(body.text("feed"))
            return StreamNews(ready=was_waiting and not self._waiting)
        if event in ("info", "pong"):
            return StreamNews()
        return StreamNews(lost=text_or_empty(body, "message") or event)

    def _read_orders(self, body: Fields, *, snapshot: bool) -> tuple[Fact, ...]:
        facts: list[Fact] = []
        heard: dict[str, _Order] = {}
        if snapshot:
            for each in body.rows("orders"):
                facts += self._open(Fields(EXCHANGE, "an order", each), heard)
        elif body.flag("is_cancel"):
            facts += self._end(body, heard)
        else:
            facts += self._news(body, heard)
        for name, order in heard.items():
            self._orders[name] = order
            self._orders.move_to_end(name)
        while len(self._orders) > MOST_ORDERS:
            self._orders.popitem(last=False)
        return tuple(facts)

    def _told(self, row: Fields, heard: dict[str, _Order]) -> tuple[Fact, Instrument] | None:
        """Return what a whole order says, without terms; None where it is of no product of ours."""
        instrument = self._instruments.get(row.text("instrument").upper())
        if instrument is None:
            return None
        name = venue_id(row, "order_id")
        direction = row.whole("direction")
        if direction not in (0, 1):
            row.fail(f"has direction {direction}")
        known = self._orders.get(name)
        order = _Order(
            client_id(row, "cli_ord_id") or (known.client_id if known else ""),
            instrument.symbol,
            -1 if direction else 1,
            lots(instrument, row, "filled"),
        )
        heard[name] = order
        fact = Fact(
            OrderEvent.ACKED,
            order.client_id,
            name,
            order.symbol,
            cumulative=order.filled,
            side=order.side,
            at_ns=milliseconds_ns(row, "last_update_time"),
        )
        return fact, instrument

    def _open(self, row: Fields, heard: dict[str, _Order]) -> list[Fact]:
        """Read an order of the snapshot: what is left of it, and its price."""
        told = self._told(row, heard)
        if told is None:
            return []
        fact, instrument = told
        price, quantity = _terms(instrument, row, fact)
        if not price:
            return [fact]
        return [replace(fact, kind=OrderEvent.FOUND, price=price, quantity=quantity)]

    def _news(self, body: Fields, heard: dict[str, _Order]) -> list[Fact]:
        row = body.inner("order")
        told = self._told(row, heard)
        if told is None:
            return []
        fact, instrument = told
        if body.text("reason") == "edited_by_user":
            price, quantity = _terms(instrument, row, fact)
            return [replace(fact, kind=OrderEvent.AMEND_ACKED, price=price, quantity=quantity)]
        if fact.cumulative > 0:
            return [replace(fact, cumulative=-1), replace(fact, kind=OrderEvent.CUMULATIVE)]
        return [fact]

    def _end(self, body: Fields, heard: dict[str, _Order]) -> list[Fact]:
        """Read the end of an order, of which often only the id is told."""
        reason = body.text("reason")
        if "order" in body:
            told = self._told(body.inner("order"), heard)
            if told is None:
                return []
            fact = told[0]
        else:
            name = venue_id(body, "order_id")
            known = self._orders.get(name)
            fact = Fact(
                OrderEvent.CANCELED,
                client_id(body, "cli_ord_id") or (known.client_id if known else ""),
                name,
                known.symbol if known else "",
                cumulative=known.filled if known else -1,
                side=known.side if known else 0,
            )
        if reason == "full_fill":
            # What was told before is not the last word: the fills are.
            cumulative = fact.cumulative if "order" in body else -1
            return [replace(fact, kind=OrderEvent.FILLED, cumulative=cumulative)]
        if reason == _REJECTED:
            return [
                replace(
                    fact,
                    kind=OrderEvent.REJECTED,
                    reason=RejectReason.POST_ONLY,
                    cumulative=-1,
                )
            ]
        kind = OrderEvent.EXPIRED if reason in _EXPIRED else OrderEvent.CANCELED
        return [replace(fact, kind=kind)]

    def _read_fills(self, body: Fields, *, snapshot: bool) -> StreamNews:
        facts: list[Fact] = []
        last = self._fills
        for each in body.rows("fills"):
            row = Fields(EXCHANGE, "a fill", each)
            number = row.whole("seq")
            if not snapshot and last >= 0 and number > last + 1:
                return StreamNews(lost=f"fills: {number} after {last}")
            last = max(last, number)
            instrument = self._instruments.get(row.text("instrument").upper())
            if instrument is not None:
                facts.append(_fill(instrument, row))
        self._fills = last
        return StreamNews(facts=tuple(facts))

    def _read_positions(self, body: Fields) -> tuple[PositionNews, ...]:
        """Read all positions: those that are not there are flat."""
        found = {symbol: PositionNews(symbol, 0) for symbol in self._instruments}
        for each in body.rows("positions"):
            row = Fields(EXCHANGE, "a position", each)
            instrument = self._instruments.get(row.text("instrument").upper())
            if instrument is None:
                continue
            balance = row.number("balance")
            size = steps(instrument.order_quantity, abs(balance))
            price = nearest_step(instrument.price, row.amount("entry_price"))
            quantity = -size if balance < 0 else size
            found[instrument.symbol] = PositionNews(instrument.symbol, quantity, price)
        return tuple(found.values())


def _terms(instrument: Instrument, row: Fields, fact: Fact) -> tuple[int, int]:
    """Return price and total quantity, of which what is left is told; none of a market order."""
    quantity = lots(instrument, row, "qty") + fact.cumulative
    price = ticks(instrument, row, "limit_price") if "limit_price" in row else 0
    return (price, quantity) if price and quantity else (0, 0)


def _fill(instrument: Instrument, row: Fields) -> Fact:
    return Fact(
        OrderEvent.FILL,
        client_id(row, "cli_ord_id"),
        venue_id(row, "order_id"),
        instrument.symbol,
        price=ticks(instrument, row, "price"),
        quantity=lots(instrument, row, "qty"),
        trade_id=row.text("fill_id"),
        side=1 if row.flag("buy") else -1,
        fee=fee_units(row.number("fee_paid")) if "fee_paid" in row else 0,
        fee_asset=text_or_empty(row, "fee_currency"),
        liquidity={"maker": 1, "taker": 2}.get(text_or_empty(row, "fill_type"), 0),
        at_ns=milliseconds_ns(row, "time"),
    )
