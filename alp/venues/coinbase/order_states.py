"""What Coinbase's words for the state of an order are, in lists and on the user channel."""

from __future__ import annotations

from dataclasses import replace

from alp._core.order_life import OrderEvent, RejectReason
from alp.venues.coinbase.order_errors import meaning_of
from alp.venues.fields import Fields
from alp.venues.orders import Fact

EXCHANGE = "coinbase-spot"
SIDES = {"BUY": 1, "SELL": -1}
WAITING = ("PENDING", "QUEUED", "OPEN", "EDIT_QUEUED", "CANCEL_QUEUED")
UNKNOWN = "UNKNOWN_ORDER_STATUS"
_ENDS = {
    "FILLED": OrderEvent.FILLED,
    "CANCELLED": OrderEvent.CANCELED,
    "EXPIRED": OrderEvent.EXPIRED,
    "FAILED": OrderEvent.REJECTED,
}


def end_of(status: str, filled: int, reject_reason: str) -> tuple[OrderEvent, RejectReason] | None:
    """Return how an order ended; None where it has not."""
    kind = _ENDS.get(status)
    if kind is None:
        return None
    if kind is not OrderEvent.REJECTED:
        return kind, RejectReason.NONE
    if filled:
        return OrderEvent.CANCELED, RejectReason.NONE  # what was filled was not refused
    return kind, meaning_of([reject_reason])[1].reason


def alive(fact: Fact) -> list[Fact]:
    """Return what a fact of no kind yet says of an order that is at the venue."""
    facts = [replace(fact, kind=OrderEvent.ACKED, cumulative=-1)]
    if fact.cumulative > 0:
        facts.append(replace(fact, kind=OrderEvent.CUMULATIVE))
    return facts


def side_of(row: Fields, name: str) -> int:
    """Return 1 for what is bought and -1 for what is sold."""
    side = SIDES.get(row.text(name))
    if side is None:
        row.fail("is neither bought nor sold")
    return side
