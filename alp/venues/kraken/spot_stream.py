"""What Kraken spot says on its private WebSocket, version 2: executions, balances, answers.

After the first message about an order the venue sends only what changed; the rest is remembered.
Source: docs.kraken.com, "Executions" and "Balances" of the WebSocket API v2.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from alp._core.order_life import OrderEvent, RejectReason
from alp.venues.fields import Fields, read_object
from alp.venues.instruments import Instrument
from alp.venues.kraken.spot_answers import EXCHANGE, SIDES, is_post_only
from alp.venues.order_facts import (
    balance_units,
    client_id,
    fee_units,
    lots,
    optional_lots,
    text_or_empty,
    ticks,
    time_ns,
    venue_id,
)
from alp.venues.orders import Balance, Fact, StreamNews

OPENED = 1
"""Number of the first message on a socket for orders; what is subscribed to has those after it."""
MOST_ORDERS = 4096
"""Remembered: an order of which nothing was heard while so many others were is forgotten."""
_METHODS = (
    "add_order",
    "amend_order",
    "edit_order",
    "cancel_order",
    "batch_add",
    "batch_cancel",
    "cancel_all",
    "cancel_all_orders_after",
)
_KEPT = ("cl_ord_id", "symbol", "side", "limit_price", "order_qty", "cum_qty")
_LIQUIDITY = {"m": 1, "t": 2}
_KINDS = {
    "new": OrderEvent.ACKED,
    "partially_filled": OrderEvent.FOUND,
    "trade": OrderEvent.FILL,
    "filled": OrderEvent.FILLED,
    "canceled": OrderEvent.CANCELED,
    "expired": OrderEvent.EXPIRED,
    "amended": OrderEvent.AMEND_ACKED,
    "restated": OrderEvent.FOUND,
}
"""Of ``exec_type``, and of ``order_status`` in a snapshot."""
_SILENT = ("pending_new", "iceberg_refill", "status", "triggered")
_WITH_TERMS = (OrderEvent.FOUND, OrderEvent.AMEND_ACKED)


class SpotReader:
    """Reads one connection.

    Parameters
    ----------
    instruments
        By the symbol of their orders; orders of others are passed over.
    """

    def __init__(self, instruments: Mapping[str, Instrument]) -> None:
        self._instruments = instruments
        self._orders: OrderedDict[str, dict[str, Any]] = OrderedDict()
        self._sequence: dict[str, int] = {}
        self._waiting = {"executions", "balances"}

    def read(self, message: bytes) -> StreamNews:
        """Return what a message says.

        Raises
        ------
        VenueError
            If it is none that the venue sends; nothing of it counts.
        """
        body = read_object(EXCHANGE, message)
        if "channel" in body:
            return self._read_channel(body)
        return self._read_answer(body)

    def _read_answer(self, body: Fields) -> StreamNews:
        method = body.text("method")
        if method == "pong":
            return StreamNews(ready="req_id" in body and body.whole("req_id") == OPENED)
        if method == "subscribe":
            return self._read_subscribed(body)
        if method not in _METHODS:
            body.fail(f"is to {method}, which was not asked")
        reference = str(body.whole("req_id")) if "req_id" in body else ""
        # A socket whose token is no longer good is opened anew, with another.
        error = text_or_empty(body, "error")
        return StreamNews(reference=reference, lost=error if error.startswith("ESession:") else "")

    def _read_subscribed(self, body: Fields) -> StreamNews:
        if not body.flag("success"):
            return StreamNews(lost=body.text("error"))
        was_waiting = bool(self._waiting)
        self._waiting.discard(body.inner("result").text("channel"))
        return StreamNews(ready=was_waiting and not self._waiting)

    def _read_channel(self, body: Fields) -> StreamNews:
        channel = body.text("channel")
        if channel in ("heartbeat", "status"):
            return StreamNews()
        if channel not in ("executions", "balances"):
            body.fail(f"is of channel {channel}, which was not subscribed to")
        snapshot = body.text("type") == "snapshot"
        sequence = body.whole("sequence")
        before = self._sequence.get(channel)
        if before is None and not snapshot:
            return StreamNews(lost=f"{channel} began without a snapshot")
        if before is not None and not snapshot:
            if sequence <= before:
                return StreamNews()
            if sequence != before + 1:
                return StreamNews(lost=f"{channel}: {sequence} after {before}")
        rows = [Fields(EXCHANGE, channel, each) for each in body.rows("data")]
        if channel == "balances":
            news = StreamNews(balances=tuple(_balance(row) for row in rows))
        else:
            news = StreamNews(facts=self._read_executions(rows, snapshot=snapshot))
        self._sequence[channel] = sequence
        return news

    def _read_executions(self, rows: list[Fields], *, snapshot: bool) -> tuple[Fact, ...]:
        heard: dict[str, dict[str, Any]] = {}
        facts: list[Fact] = []
        for row in rows:
            name = venue_id(row, "order_id")
            merged = {**(heard.get(name) or self._orders.get(name) or {})}
            merged.update((each, value) for each, value in row.items() if each in _KEPT)
            heard[name] = merged
            order = Fields(EXCHANGE, f"order {name}", merged)
            symbol = text_or_empty(order, "symbol")
            if not symbol or symbol in self._instruments:
                facts += self._facts(row, order, name, snapshot=snapshot)
        for name, merged in heard.items():
            self._orders[name] = merged
            self._orders.move_to_end(name)
        while len(self._orders) > MOST_ORDERS:
            self._orders.popitem(last=False)
        return tuple(facts)

    def _facts(self, row: Fields, order: Fields, name: str, *, snapshot: bool) -> list[Fact]:
        """Return what one message says of one order, which is there with all that is known."""
        what = row.text("order_status" if snapshot else "exec_type")
        if what in _SILENT:
            return []
        if what not in _KINDS:
            row.fail(f"says {what}")
        kind, reason = _KINDS[what], RejectReason.NONE
        if snapshot and kind is OrderEvent.ACKED:
            kind = OrderEvent.FOUND
        if kind is OrderEvent.CANCELED and any(
            is_post_only(text_or_empty(row, each)) for each in ("reason", "cancel_reason")
        ):
            kind, reason = OrderEvent.REJECTED, RejectReason.POST_ONLY
        instrument = self._instruments.get(text_or_empty(order, "symbol"))
        price = quantity = 0
        if kind in _WITH_TERMS and instrument is not None and _has_terms(order):
            price = ticks(instrument, order, "limit_price")
            quantity = lots(instrument, order, "order_qty")
        if kind is OrderEvent.FOUND and not (price and quantity):
            kind, price, quantity = OrderEvent.ACKED, 0, 0
        fact = Fact(
            kind,
            client_id(order, "cl_ord_id"),
            name,
            text_or_empty(order, "symbol"),
            price=price,
            quantity=quantity,
            # Of an order whose product is not known yet no number can be read.
            cumulative=-1 if instrument is None else optional_lots(instrument, order, "cum_qty"),
            reason=reason,
            side=SIDES.get(text_or_empty(order, "side"), 0),
            at_ns=time_ns(row, "timestamp"),
        )
        return [fact if kind is not OrderEvent.FILL else _filled(fact, row, instrument)]


def _has_terms(order: Fields) -> bool:
    return "limit_price" in order and "order_qty" in order


def _filled(fact: Fact, row: Fields, instrument: Instrument | None) -> Fact:
    """Add a trade, with what it cost in each asset.

    Raises
    ------
    VenueError
        If the product was never named: the trade cannot be counted.
    """
    if instrument is None:
        row.fail("is a trade of an unknown product")
    fees: Counter[str] = Counter()
    for raw in row.rows("fees") if "fees" in row else []:
        paid = Fields(EXCHANGE, "a fee", raw)
        fees[paid.text("asset")] += fee_units(paid.number("qty"))
    (asset, fee), *more = fees.items() or [("", 0)]
    return replace(
        fact,
        price=ticks(instrument, row, "last_price"),
        quantity=lots(instrument, row, "last_qty"),
        trade_id=row.text("exec_id"),
        fee=fee,
        fee_asset=asset,
        more_fees=tuple(more),
        liquidity=_LIQUIDITY.get(text_or_empty(row, "liquidity_ind"), 0),
    )


def _balance(row: Fields) -> Balance:
    return Balance(row.text("asset"), balance_units(row.number("balance")))
