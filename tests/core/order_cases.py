"""What venues may say about one order, and what no venue should."""

from __future__ import annotations

from plain_orders import Event

from alp._core.order_life import OrderEvent as E
from alp._core.order_life import OrderState, RejectReason

PRICE, QUANTITY = 1_000, 10

sent = Event(E.SENT)
acked = Event(E.ACKED, venue_id="v1")


def fill(trade: int, quantity: int, cumulative: int = -1) -> Event:
    return Event(
        E.FILL, trade_id=f"t{trade}", quantity=quantity, price=PRICE, cumulative=cumulative
    )


def amend(kind: E, command: int, quantity: int = 0, price: int = 0) -> Event:
    return Event(kind, command=command, quantity=quantity, price=price)


def cancel(kind: E, command: int) -> Event:
    return Event(kind, command=command)


# What venues emit about one order; of seven events all 5040 orders of arrival are tried.
LIVES = {
    "filled by trades, and the venue says so without a quantity": (
        (sent, acked, fill(1, 4), fill(2, 6), Event(E.FILLED)),
        OrderState.FILLED,
        10,
    ),
    "each fill told twice, on two channels": (
        (acked, fill(1, 4), fill(1, 4), fill(2, 6, 10), fill(2, 6), Event(E.FILLED, cumulative=10)),
        OrderState.FILLED,
        10,
    ),
    "fills only as running totals": (
        (
            acked,
            Event(E.CUMULATIVE, cumulative=3),
            Event(E.CUMULATIVE, cumulative=7),
            Event(E.CUMULATIVE, cumulative=7),
            Event(E.FILLED, cumulative=10),
        ),
        OrderState.FILLED,
        10,
    ),
    "running totals, and the trades afterwards": (
        (
            acked,
            Event(E.CUMULATIVE, cumulative=3),
            Event(E.CUMULATIVE, cumulative=10),
            fill(1, 3),
            fill(2, 7),
            Event(E.FILLED),
        ),
        OrderState.FILLED,
        10,
    ),
    "canceled when partly filled, the last fill late": (
        (
            sent,
            acked,
            fill(1, 4),
            cancel(E.CANCEL_REQUESTED, 1),
            fill(2, 3),
            Event(E.CANCELED, cumulative=7),
        ),
        OrderState.CANCELED,
        7,
    ),
    "a cancel that is only queued, and its end": (
        (
            acked,
            cancel(E.CANCEL_REQUESTED, 1),
            cancel(E.CANCEL_ACCEPTED, 1),
            Event(E.CUMULATIVE, cumulative=2),
            Event(E.CANCELED, cumulative=2),
        ),
        OrderState.CANCELED,
        2,
    ),
    "a cancel that is only queued, and no end yet": (
        (acked, cancel(E.CANCEL_REQUESTED, 1), cancel(E.CANCEL_ACCEPTED, 1), fill(1, 2)),
        OrderState.PENDING_CANCEL,
        2,
    ),
    "canceled without a quantity is not proven": (
        (acked, fill(1, 4), Event(E.CANCELED)),
        OrderState.PENDING_CANCEL,
        4,
    ),
    "a cancel refused because the order was filled": (
        (
            acked,
            cancel(E.CANCEL_REQUESTED, 1),
            cancel(E.CANCEL_REFUSED, 1),
            fill(1, 10),
            Event(E.FILLED),
        ),
        OrderState.FILLED,
        10,
    ),
    "partly filled while an amend is under way": (
        (
            acked,
            fill(1, 4),
            amend(E.AMEND_REQUESTED, 1, 8, 1_001),
            fill(2, 2),
            amend(E.AMEND_ACKED, 1, 8, 1_001),
            fill(3, 2),
            Event(E.FILLED),
        ),
        OrderState.FILLED,
        8,
    ),
    "an amend up is confirmed after the old quantity was filled": (
        (
            acked,
            fill(1, 10),
            amend(E.AMEND_REQUESTED, 1, 15, PRICE),
            amend(E.AMEND_ACKED, 1, 15, PRICE),
        ),
        OrderState.PARTIALLY_FILLED,
        10,
    ),
    "an amend up is refused after the old quantity was filled": (
        (
            acked,
            fill(1, 10),
            amend(E.AMEND_REQUESTED, 1, 15, PRICE),
            amend(E.AMEND_REFUSED, 1),
            Event(E.FILLED),
        ),
        OrderState.FILLED,
        10,
    ),
    "an amend below what is filled cancels": (
        (
            acked,
            fill(1, 6),
            amend(E.AMEND_REQUESTED, 1, 5, PRICE),
            amend(E.AMEND_ACKED, 1),
            Event(E.CANCELED, cumulative=6),
        ),
        OrderState.FILLED,
        6,
    ),
    "two amends and a cancel": (
        (
            acked,
            amend(E.AMEND_REQUESTED, 1, 8, 1_001),
            amend(E.AMEND_ACKED, 1, 8, 1_001),
            amend(E.AMEND_REQUESTED, 2, 12, 1_002),
            amend(E.AMEND_ACKED, 2),
            cancel(E.CANCEL_REQUESTED, 3),
            Event(E.CANCELED, cumulative=0),
        ),
        OrderState.CANCELED,
        0,
    ),
    "an amend gives it another id": (
        (
            acked,
            amend(E.AMEND_REQUESTED, 1, 9, 1_001),
            amend(E.AMEND_ACKED, 1),
            Event(E.REPLACED, venue_id="v2", replaced="v1"),
            Event(E.REPLACED, venue_id="v3", replaced="v2"),
            fill(1, 2),
        ),
        OrderState.PARTIALLY_FILLED,
        2,
    ),
    "refused after it was acknowledged": (
        (sent, acked, Event(E.REJECTED, reason=RejectReason.POST_ONLY)),
        OrderState.REJECTED,
        0,
    ),
    "the answer lost, the stream tells": (
        (sent, Event(E.UNKNOWN), acked, fill(1, 3)),
        OrderState.PARTIALLY_FILLED,
        3,
    ),
    "the answer lost, and nothing else": ((sent, Event(E.UNKNOWN)), OrderState.UNKNOWN, 0),
    "the answer lost, a query finds it": (
        (
            sent,
            Event(E.UNKNOWN),
            fill(1, 3),
            Event(E.FOUND, price=PRICE, quantity=10, cumulative=3, venue_id="v1"),
        ),
        OrderState.PARTIALLY_FILLED,
        3,
    ),
    "the answer lost, a query late enough finds nothing": (
        (sent, Event(E.UNKNOWN), Event(E.NOT_FOUND)),
        OrderState.REJECTED,
        0,
    ),
    "an amend's answer lost": (
        (acked, amend(E.AMEND_REQUESTED, 1, 12, 1_005), amend(E.AMEND_UNKNOWN, 1), fill(1, 1)),
        OrderState.UNKNOWN,
        1,
    ),
    "an amend's answer lost, a query tells": (
        (
            acked,
            amend(E.AMEND_REQUESTED, 1, 12, 1_005),
            amend(E.AMEND_UNKNOWN, 1),
            fill(1, 1),
            Event(E.FOUND, command=1, price=PRICE, quantity=10, cumulative=1),
        ),
        OrderState.PARTIALLY_FILLED,
        1,
    ),
    "a cancel's answer lost, and its end": (
        (
            acked,
            fill(1, 1),
            cancel(E.CANCEL_REQUESTED, 1),
            cancel(E.CANCEL_UNKNOWN, 1),
            Event(E.EXPIRED, cumulative=5),
            fill(2, 4),
        ),
        OrderState.EXPIRED,
        5,
    ),
    "it never left": ((Event(E.NOT_SENT),), OrderState.REJECTED, 0),
}

CONTRADICTORY = {
    "more filled than ordered": (acked, fill(1, 6), fill(2, 6)),
    "refused and filled": (sent, Event(E.REJECTED), fill(1, 2)),
    "not found and acknowledged": (sent, Event(E.UNKNOWN), Event(E.NOT_FOUND), acked),
    "filled beyond its end": (acked, fill(1, 4), Event(E.CANCELED, cumulative=1), fill(2, 1)),
    "one trade in two ways": (acked, fill(1, 4), fill(1, 5), Event(E.CANCELED, cumulative=5)),
    "canceled and expired": (
        acked,
        Event(E.CANCELED, cumulative=0),
        Event(E.EXPIRED, cumulative=0),
    ),
    "an amend done and refused": (
        acked,
        amend(E.AMEND_REQUESTED, 1, 5, 999),
        amend(E.AMEND_ACKED, 1, 5, 999),
        amend(E.AMEND_REFUSED, 1),
    ),
    "an amend done in two ways": (
        acked,
        amend(E.AMEND_REQUESTED, 1, 5, 999),
        amend(E.AMEND_ACKED, 1, 5, 999),
        amend(E.AMEND_ACKED, 1, 6, 999),
    ),
    "two ids": (acked, Event(E.ACKED, venue_id="v2"), fill(1, 1)),
    "refused for two reasons": (
        Event(E.REJECTED, reason=RejectReason.RATE),
        Event(E.REJECTED, reason=RejectReason.OTHER),
    ),
}
