"""What Binance says of orders, as facts; the answers of both exchanges have the same members."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import orjson

from alp._core.order_life import OrderEvent, RejectReason
from alp.errors import VenueError
from alp.venues.fields import Fields
from alp.venues.instruments import Grid, Instrument
from alp.venues.order_facts import (
    balance_units,
    client_id,
    fee_units,
    nearest_step,
    refused,
)
from alp.venues.orders import Action, Command, Fact, LiveOrder

MILLISECOND = 1_000_000
LATEST_MS = (2**63 - 1) // MILLISECOND
BUY, SELL = 1, -1
SIDES = {BUY: "BUY", SELL: "SELL"}
MAKER, TAKER = 1, 2

ENDS = {
    "FILLED": OrderEvent.FILLED,
    "CANCELED": OrderEvent.CANCELED,
    "EXPIRED": OrderEvent.EXPIRED,
    "EXPIRED_IN_MATCH": OrderEvent.EXPIRED,
}
OPEN = frozenset({"NEW", "PARTIALLY_FILLED", "PENDING_NEW", "PENDING_CANCEL"})
REJECTED = "REJECTED"


def parsed(exchange: str, body: bytes) -> object:
    """Return JSON whose prices and quantities are texts, as all of Binance's are.

    Raises
    ------
    VenueError
        If it is not JSON.
    """
    try:
        return orjson.loads(body)
    except ValueError as error:
        raise VenueError(f"{exchange}: not JSON: {error}") from error


def array(exchange: str, value: object) -> list[object]:
    """Return what must be an array.

    Raises
    ------
    VenueError
        If it is not.
    """
    if not isinstance(value, list):
        raise VenueError(f"{exchange}: {str(value)[:60]} is no array")
    return value


def signed_steps(fields: Fields, name: str, grid: Grid) -> int:
    """Return a position; a number that is no text may have lost digits, and is refused."""
    return grid.count(fields.text(name))


def steps(fields: Fields, name: str, grid: Grid) -> int:
    """Return a price or quantity that may be 0."""
    count = signed_steps(fields, name, grid)
    if count < 0:
        fields.fail(f"has {name} {fields.text(name)}, below 0")
    return count


def size(fields: Fields, name: str, grid: Grid) -> int:
    """Return a price or quantity above 0."""
    count = signed_steps(fields, name, grid)
    if count <= 0:
        fields.fail(f"has {name} {fields.text(name)}, not above 0")
    return count


def fee(fields: Fields, name: str) -> int:
    """Return 10⁻⁸ of an asset that was paid; below 0 it was given."""
    return fee_units(fields.number(name))


def balance(fields: Fields, name: str) -> int:
    """Return 10⁻⁸ of an asset; below 0 it is owed."""
    return balance_units(fields.number(name))


def entry_ticks(fields: Fields, name: str, grid: Grid) -> int:
    """Return an average price in ticks; it is seldom a whole number of them, and rounded."""
    return nearest_step(grid, fields.number(name))


def side_of(fields: Fields, name: str) -> int:
    """Return the side of an order."""
    text = fields.text(name)
    if text not in ("BUY", "SELL"):
        fields.fail(f"has {name} {text!r}, not a side")
    return BUY if text == "BUY" else SELL


def identity(fields: Fields, name: str) -> str:
    """Return a number that names an order or a trade, as text.

    A number of more than 64 bits is parsed as a float, which names nothing.
    """
    value = fields.whole(name)
    if not 0 < value < 2**64:
        fields.fail(f"has {name} {value}, which names nothing")
    return str(value)


def milliseconds(fields: Fields, *names: str) -> int:
    """Return the first time there is, in nanoseconds; 0 where there is none."""
    for name in names:
        if name in fields:
            value = fields.whole(name)
            return value * MILLISECOND if 0 <= value <= LATEST_MS else 0
    return 0


@dataclass(frozen=True, slots=True)
class Report:
    """An order as an answer shows it.

    Attributes
    ----------
    status
        Binance's word; empty where the answer is a bare acknowledgement.
    price, quantity
        0 in a bare acknowledgement.
    filled
        -1 where it is not said.
    """

    client_id: str
    venue_id: str
    status: str
    price: int
    quantity: int
    filled: int
    side: int
    at_ns: int


def report(fields: Fields, instrument: Instrument) -> Report:
    """Read an order.

    Raises
    ------
    VenueError
        If it is none, or of another product.
    """
    if fields.text("symbol") != instrument.symbol:
        fields.fail(f"is of {fields.text('symbol')}, not of {instrument.symbol}")
    # Of a cancel, clientOrderId is the cancel's own on spot, and the order's is the original one.
    named = "origClientOrderId" if fields.has_text("origClientOrderId") else "clientOrderId"
    status = fields.text("status") if "status" in fields else ""
    if status and status not in ENDS and status not in OPEN and status != REJECTED:
        fields.fail(f"has status {status!r}")
    lots = instrument.order_quantity
    total = "origQty" if "origQty" in fields else "qty"
    return Report(
        client_id=client_id(fields, named),
        venue_id=identity(fields, "orderId"),
        status=status,
        price=steps(fields, "price", instrument.price) if status else 0,
        quantity=steps(fields, total, lots) if status else 0,
        filled=steps(fields, "executedQty", lots) if status else -1,
        side=side_of(fields, "side") if status else 0,
        at_ns=milliseconds(fields, "updateTime", "transactTime", "time"),
    )


def _fact(found: Report, symbol: str, kind: OrderEvent) -> Fact:
    return Fact(
        kind,
        found.client_id,
        found.venue_id,
        symbol,
        cumulative=found.filled,
        side=found.side,
        at_ns=found.at_ns,
    )


def ending(found: Report, symbol: str) -> list[Fact]:
    """Return how an order ended; nothing where it did not."""
    return [_fact(found, symbol, ENDS[found.status])] if found.status in ENDS else []


def placed(command: Command, fields: Fields) -> list[Fact]:
    """Read the answer to a new order."""
    found = report(fields, command.instrument)
    _require_same(command, fields, found)
    symbol = command.instrument.symbol
    if found.status == REJECTED:
        return [refused(command, RejectReason.OTHER)]
    facts = [_fact(found, symbol, OrderEvent.ACKED)]
    if "fills" in fields:
        facts += [_fill(command, found, each, fields) for each in fields.rows("fills")]
    return facts + ending(found, symbol)


def _fill(command: Command, found: Report, row: object, order: Fields) -> Fact:
    if not isinstance(row, Mapping):
        order.fail("has a fill that is no object")
    fields = Fields(command.instrument.exchange, f"a fill of {found.client_id}", row)
    return Fact(
        OrderEvent.FILL,
        found.client_id,
        found.venue_id,
        command.instrument.symbol,
        price=size(fields, "price", command.instrument.price),
        quantity=size(fields, "qty", command.instrument.order_quantity),
        trade_id=identity(fields, "tradeId"),
        side=command.side,
        fee=fee(fields, "commission"),
        fee_asset=fields.text("commissionAsset"),
        liquidity=TAKER,
        at_ns=found.at_ns,
    )


def amended(command: Command, fields: Fields) -> list[Fact]:
    """Read the answer to an amend; an order may end by it, and then has not its new terms."""
    found = report(fields, command.instrument)
    _require_same(command, fields, found)
    symbol = command.instrument.symbol
    if found.status in ENDS and found.status != "FILLED":
        return [refused(command, RejectReason.NONE), *ending(found, symbol)]
    if not (found.price > 0 and found.quantity > 0):
        fields.fail("has no terms")
    confirmed = Fact(
        OrderEvent.AMEND_ACKED,
        found.client_id,
        found.venue_id,
        symbol,
        command=command.number,
        price=found.price,
        quantity=found.quantity,
        cumulative=found.filled,
        side=found.side,
        at_ns=found.at_ns,
    )
    return [confirmed, *ending(found, symbol)]


def cancelled(command: Command, fields: Fields) -> list[Fact]:
    """Read the answer to a cancel."""
    found = report(fields, command.instrument)
    _require_same(command, fields, found)
    accepted = Fact(
        OrderEvent.CANCEL_ACCEPTED,
        found.client_id,
        found.venue_id,
        command.instrument.symbol,
        command=command.number,
        cumulative=found.filled,
        side=found.side,
        at_ns=found.at_ns,
    )
    return [accepted, *ending(found, command.instrument.symbol)]


READERS = {Action.NEW: placed, Action.AMEND: amended, Action.CANCEL: cancelled}


def found_order(fields: Fields, instrument: Instrument, command: int) -> Fact:
    """Read the answer to a query; `command` is the last whose effect it shows."""
    found = report(fields, instrument)
    if found.status == REJECTED:
        return Fact(
            OrderEvent.REJECTED,
            found.client_id,
            found.venue_id,
            instrument.symbol,
            reason=RejectReason.OTHER,
            side=found.side,
            at_ns=found.at_ns,
        )
    if found.status in ENDS:
        return _fact(found, instrument.symbol, ENDS[found.status])
    if not (found.price > 0 and found.quantity > 0):
        fields.fail("has no terms")
    return Fact(
        OrderEvent.FOUND,
        found.client_id,
        found.venue_id,
        instrument.symbol,
        command=command,
        price=found.price,
        quantity=found.quantity,
        cumulative=found.filled,
        side=found.side,
        at_ns=found.at_ns,
    )


def live_orders(
    exchange: str, rows: Sequence[object], instruments: Mapping[str, Instrument]
) -> tuple[LiveOrder, ...]:
    """Read what is open of the products that count here."""
    orders = []
    for row in rows:
        fields = Fields(exchange, "an open order", row)
        instrument = instruments.get(fields.text("symbol"))
        if instrument is None:
            continue
        found = report(fields, instrument)
        orders.append(
            LiveOrder(
                found.client_id,
                found.venue_id,
                instrument.symbol,
                found.side,
                found.price,
                found.quantity,
                max(found.filled, 0),
                milliseconds(fields, "time", "updateTime"),
            )
        )
    return tuple(orders)


def _require_same(command: Command, fields: Fields, found: Report) -> None:
    if (found.client_id if command.client_id else found.venue_id) != (
        command.client_id or command.venue_id
    ):
        fields.fail(f"is {found.client_id!r}, not {command.client_id!r}")
