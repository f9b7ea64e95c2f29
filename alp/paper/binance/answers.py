"""What Binance answers about orders, trades and refusals, USD-M futures and spot."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from alp._core.matching import Prevention
from alp.paper.book import PlainBook, text
from alp.paper.market import MILLISECOND
from alp.paper.orders import Order, Refusal, State, Trade, Why

MONEY = 8
"""Decimals of amounts."""
MODES = {
    Prevention.NONE: "NONE",
    Prevention.TAKER: "EXPIRE_TAKER",
    Prevention.MAKER: "EXPIRE_MAKER",
    Prevention.BOTH: "EXPIRE_BOTH",
    Prevention.DECREMENT: "DECREMENT",
}
_NO_MAKER = (
    "Due to the order could not be executed as maker, the Post Only order will be rejected. "
)
_NO_FILL = "Due to the order could not be filled immediately, the FOK order has been rejected. "
_NO_RECORD = "The order will not be recorded in the order history"
_PERMISSION = (-2015, "Invalid API-key, IP, or permissions for action.")

USDM_REFUSALS: Mapping[Refusal, tuple[int, str]] = {
    Refusal.SYMBOL: (-1121, "Invalid symbol."),
    Refusal.PRECISION: (-1111, "Precision is over the maximum defined for this asset."),
    Refusal.PRICE_FILTER: (-4014, "Price not increased by tick size."),
    Refusal.PRICE_BAND: (-4016, "Limit price can't be beyond the mark price multiplier."),
    Refusal.SIZE_FILTER: (-4003, "Quantity less than or equal to zero, or off its step or bounds."),
    Refusal.NOTIONAL_FILTER: (
        -4164,
        "Order's notional must be no smaller than 5 (unless you choose reduce only).",
    ),
    Refusal.TOO_MANY: (-2025, "Reach max open order limit."),
    Refusal.DUPLICATE_ID: (-4116, "ClientOrderId is duplicated."),
    Refusal.POST_ONLY: (-5022, _NO_MAKER + _NO_RECORD),
    Refusal.FILL_OR_KILL: (-5021, _NO_FILL + _NO_RECORD),
    Refusal.BALANCE: (-2018, "Balance is insufficient."),
    Refusal.MARGIN: (-2019, "Margin is insufficient."),
    Refusal.POSITION: (-2027, "Exceeded the maximum allowable position at current leverage."),
    Refusal.REDUCE_ONLY: (-2022, "ReduceOnly Order is rejected."),
    Refusal.UNKNOWN_ORDER: (-2013, "Order does not exist."),
    Refusal.UNCHANGED: (-5027, "No need to modify the order."),
    Refusal.TOO_MANY_AMENDS: (-5026, "Exceed maximum modify order limit."),
    Refusal.UNSUPPORTED: (-1116, "Invalid orderType."),
    Refusal.EXPIRY: (
        -5040,
        "The goodTillDate timestamp must be greater than the current time plus 600 seconds.",
    ),
    Refusal.PERMISSION: _PERMISSION,
    Refusal.HALTED: (-4140, "Invalid symbol status for opening position."),
    Refusal.RATE: (-1015, "Too many new orders."),
}
_FILTER = "Filter failure: "
SPOT_REFUSALS: Mapping[Refusal, tuple[int, str]] = {
    **USDM_REFUSALS,
    Refusal.PRECISION: (-1111, "Parameter has too much precision."),
    Refusal.PRICE_FILTER: (-1013, _FILTER + "PRICE_FILTER"),
    Refusal.PRICE_BAND: (-1013, _FILTER + "PERCENT_PRICE_BY_SIDE"),
    Refusal.SIZE_FILTER: (-1013, _FILTER + "LOT_SIZE"),
    Refusal.NOTIONAL_FILTER: (-1013, _FILTER + "NOTIONAL"),
    Refusal.TOO_MANY: (-1013, _FILTER + "MAX_NUM_ORDERS"),
    Refusal.DUPLICATE_ID: (-2010, "Duplicate order sent."),
    Refusal.POST_ONLY: (-2010, "Order would immediately match and take."),
    Refusal.BALANCE: (-2010, "Account has insufficient balance for requested action."),
    Refusal.UNCHANGED: (-2038, "The requested action would change no state; rejecting."),
    Refusal.PERMISSION: (-2010, "This action is disabled on this account."),
    Refusal.HALTED: (-1013, "Market is closed."),
}


class Problem(Exception):  # noqa: N818 - an answer
    """An answer that is no success."""

    def __init__(
        self, code: int, message: str, status: int = 400, data: dict[str, Any] | None = None
    ) -> None:
        super().__init__(message)
        self.code, self.message, self.status, self.data = code, message, status, data

    @property
    def body(self) -> dict[str, Any]:
        """What is answered."""
        found: dict[str, Any] = {"code": self.code, "msg": self.message}
        return found if self.data is None else {**found, "data": self.data}


def missing(name: str) -> Problem:
    """Return what is said of a parameter that has to be there."""
    return Problem(
        -1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed."
    )


def plain(digits: str) -> str:
    """Return a number without the zeros at its end: ``"5"``, ``"0"``."""
    return digits.rstrip("0").rstrip(".") if "." in digits else digits


def signed(value: int, decimals: int) -> str:
    """Write a whole number of the last decimal that may be negative."""
    return ("-" if value < 0 else "") + text(abs(value), decimals)


def padded(value: int, decimals: int) -> str:
    """Write a number as spot does, with eight decimals."""
    return text(value * 10 ** (MONEY - decimals), MONEY)


def average(order: Order, book: PlainBook) -> str:
    """Return what an order was filled at, with three decimals more than prices have."""
    if not order.filled:
        return book.price(0)
    return text(1000 * order.value // order.filled, book.price_decimals + 3)


def status_of(order: Order) -> str:
    """Return what Binance calls where an order is."""
    if order.state is State.OPEN:
        return "PARTIALLY_FILLED" if order.filled else "NEW"
    if order.state is State.EXPIRED and order.why is Why.PREVENTION:
        return "EXPIRED_IN_MATCH"
    return order.state.name


def quote_value(order: Order, book: PlainBook, value: int | None = None) -> int:
    """Return what fills cost, in units of the eighth decimal."""
    scale: int = 10 ** (book.price_decimals + book.quantity_decimals)
    found: int = (order.value if value is None else value) * 10**MONEY // scale
    return found


def usdm_order(order: Order, book: PlainBook, *, queried: bool) -> dict[str, Any]:
    """Return an order of futures; a query tells when it came, an answer to a command does not."""
    notes = order.ticket.notes
    row = {
        "orderId": order.number,
        "symbol": order.symbol,
        "status": status_of(order),
        "clientOrderId": order.client_id,
        "price": book.price(order.price),
        "avgPrice": average(order, book),
        "origQty": book.quantity(order.quantity),
        "executedQty": book.quantity(order.filled),
        "cumQuote": text(quote_value(order, book), MONEY),
        "timeInForce": notes["tif"],
        "type": notes["type"],
        "reduceOnly": order.ticket.reduce_only,
        "closePosition": False,
        "side": "BUY" if order.bid else "SELL",
        "positionSide": "BOTH",
        "stopPrice": book.price(0),
        "workingType": "CONTRACT_PRICE",
        "priceProtect": False,
        "origType": notes["type"],
        "priceMatch": "NONE",
        "selfTradePreventionMode": MODES[order.ticket.prevention],
        "goodTillDate": order.ticket.expires_ns // MILLISECOND,
        "updateTime": order.updated_ns // MILLISECOND,
    }
    if queried:
        return {**row, "time": order.created_ns // MILLISECOND}
    return {**row, "cumQty": row["executedQty"]}


def usdm_trade(trade: Trade, book: PlainBook) -> dict[str, Any]:
    """Return a fill of futures."""
    order = trade.order
    value = quote_value(order, book, trade.price * trade.quantity)
    return {
        "symbol": order.symbol,
        "id": trade.number,
        "orderId": order.number,
        "side": "BUY" if order.bid else "SELL",
        "price": book.price(trade.price),
        "qty": book.quantity(trade.quantity),
        "realizedPnl": signed(trade.realised, MONEY),
        "quoteQty": text(value, MONEY),
        "commission": signed(trade.fee, MONEY),
        "commissionAsset": trade.fee_asset,
        "time": trade.at_ns // MILLISECOND,
        "positionSide": "BOTH",
        "maker": trade.maker,
        "buyer": order.bid,
    }


def spot_order(order: Order, book: PlainBook, *, queried: bool) -> dict[str, Any]:
    """Return an order of spot, as queries answer it or as commands do (``RESULT``)."""
    created = order.created_ns // MILLISECOND
    updated = order.updated_ns // MILLISECOND
    row = {
        "symbol": order.symbol,
        "orderId": order.number,
        "orderListId": -1,
        "clientOrderId": order.client_id,
        "price": padded(order.price, book.price_decimals),
        "origQty": padded(order.quantity, book.quantity_decimals),
        "executedQty": padded(order.filled, book.quantity_decimals),
        "origQuoteOrderQty": text(order.ticket.quote, MONEY),
        "cummulativeQuoteQty": text(quote_value(order, book), MONEY),
        "status": status_of(order),
        "timeInForce": order.ticket.notes["tif"],
        "type": order.ticket.notes["type"],
        "side": "BUY" if order.bid else "SELL",
    }
    if queried:
        row |= {"stopPrice": text(0, MONEY), "icebergQty": text(0, MONEY)}
        row |= {"time": created, "updateTime": updated, "isWorking": True}
    else:
        row["transactTime"] = updated
    row |= {"workingTime": created, "selfTradePreventionMode": MODES[order.ticket.prevention]}
    return row


def spot_fill(trade: Trade, book: PlainBook) -> dict[str, Any]:
    """Return a fill as the answer to an order has it (``FULL``)."""
    return {
        "price": padded(trade.price, book.price_decimals),
        "qty": padded(trade.quantity, book.quantity_decimals),
        "commission": text(trade.fee, MONEY),
        "commissionAsset": trade.fee_asset,
        "tradeId": trade.number,
    }


def spot_trade(trade: Trade, book: PlainBook) -> dict[str, Any]:
    """Return a fill as a query answers it."""
    fill = spot_fill(trade, book)
    order = trade.order
    value = quote_value(order, book, trade.price * trade.quantity)
    return {
        "symbol": order.symbol,
        "id": fill.pop("tradeId"),
        "orderId": order.number,
        "orderListId": -1,
        **fill,
        "quoteQty": text(value, MONEY),
        "time": trade.at_ns // MILLISECOND,
        "isBuyer": order.bid,
        "isMaker": trade.maker,
        "isBestMatch": True,
    }
