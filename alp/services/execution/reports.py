"""What the bus is told of an order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from alp._core.order_life import OrderEvent
from alp._core.orders import OrderFields
from alp._core.wire import ExecutionReportMessage, HeaderFields
from alp.venues.orders import Fact

MOST_TEXT = 56


def wire_text(text: str) -> str:
    """Return as much of a text as messages of the bus and records of the journal hold."""
    return text.encode("ascii", "replace")[:MOST_TEXT].decode()


def fee_of(fact: Fact, asset: str, amount: int) -> Fact:
    """Return the same fact with what it cost in another asset."""
    return replace(fact, fee=amount, fee_asset=asset, more_fees=())


def reports_of(order: OrderFields, fact: Fact, is_fill: bool) -> Iterator[ExecutionReportMessage]:
    """Yield what the bus is told of an order after a fact.

    A trade is told once; told again without a quantity, it is the fee that was not known before,
    or what it cost in a further asset.
    """
    report = ExecutionReportMessage(
        HeaderFields(0, order.instrument, 0, fact.at_ns, 0),
        order.client_id,
        order.venue_id,
        fact.trade_id if fact.kind is OrderEvent.FILL else "",
        order.price,
        order.quantity,
        order.filled,
        fact.price if is_fill else 0,
        fact.quantity if is_fill else 0,
        fact.fee,
        int(order.state),
        int(order.reason),
        order.side,
        fact.liquidity,
        fee_asset=fact.fee_asset,
    )
    yield report
    yield from _further_fees(report, fact)


def reports_of_stranger(
    client_id: str, index: int, fact: Fact, is_fill: bool
) -> Iterator[ExecutionReportMessage]:
    """Yield what the bus is told of a trade of ours whose order nobody knows any more."""
    report = ExecutionReportMessage(
        HeaderFields(0, index, 0, fact.at_ns, 0),
        client_id,
        fact.venue_id,
        fact.trade_id,
        0,
        0,
        0,
        fact.price if is_fill else 0,
        fact.quantity if is_fill else 0,
        fact.fee,
        0,
        0,
        fact.side,
        fact.liquidity,
        fee_asset=fact.fee_asset,
    )
    yield report
    yield from _further_fees(report, fact)


def _further_fees(report: ExecutionReportMessage, fact: Fact) -> Iterator[ExecutionReportMessage]:
    for asset, amount in fact.more_fees:
        yield report._replace(last_price=0, last_quantity=0, fee=amount, fee_asset=asset)
