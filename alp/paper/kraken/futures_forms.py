"""What Kraken Futures says of orders, fills, positions and balances: by REST and on its feeds."""

from __future__ import annotations

from typing import Any

from alp.paper.accounts import Account
from alp.paper.book import PlainBook
from alp.paper.ledger import Ledger
from alp.paper.market import MILLISECOND, Market
from alp.paper.order_uuids import uuid_of
from alp.paper.orders import COIN, Order, State, Tif, Trade, Why
from alp.paper.protocol import stamp

Row = dict[str, Any]
REASONS = {
    Why.REQUEST: "cancelled_by_user",
    Why.AMENDED: "cancelled_by_user",
    Why.POST_ONLY: "post_order_failed_because_it_would_filled",
    Why.IMMEDIATE: "ioc_order_failed_because_it_would_not_be_executed",
    Why.DEAD_MAN: "dead_man_switch",
    Why.TIME: "contract_expired",
    Why.VENUE: "market_suspended",
    Why.PREVENTION: "self_fill",
    Why.REDUCE_ONLY: "would_not_reduce_position",
}


def moment(at_ns: int) -> str:
    """Write a time as REST does: with milliseconds."""
    return stamp(at_ns // MILLISECOND)[:23] + "Z"


def coins(amount: int) -> float:
    """Return an amount of an asset."""
    return amount / COIN


def name_of(order: Order) -> str:
    """Return the venue's name of an order."""
    return uuid_of("order", order.number)


def _price(book: PlainBook, value: int) -> float:
    return float(book.price(value))


def _size(book: PlainBook, lots: int) -> float:
    return float(book.quantity(lots))


def order_type(order: Order) -> str:
    """Return how an order was asked for."""
    if order.ticket.price is None:
        return "mkt"
    if order.ticket.post_only:
        return "post"
    return {Tif.IOC: "ioc", Tif.FOK: "fok"}.get(order.ticket.tif, "lmt")


def event_order(order: Order, market: Market, *, filled: int | None = None) -> Row:
    """Return an order as events of REST have it.

    Parameters
    ----------
    filled
        At another moment than now.
    """
    done = order.filled if filled is None else filled
    return {
        "orderId": name_of(order),
        "cliOrdId": order.client_id or None,
        "type": order_type(order) if order.ticket.post_only else "lmt",
        "symbol": order.symbol,
        "side": "buy" if order.bid else "sell",
        "quantity": _size(market.book, order.quantity),
        "filled": _size(market.book, done),
        "limitPrice": _price(market.book, order.price),
        "reduceOnly": order.ticket.reduce_only,
        "timestamp": moment(order.created_ns),
        "lastUpdateTimestamp": moment(order.updated_ns),
    }


def executions(trades: list[Trade], market: Market, filled: int = 0) -> list[Row]:
    """Return the events of fills of an order, of which so much was filled before."""
    rows = []
    for trade in trades:
        before = event_order(trade.order, market, filled=filled)
        filled += trade.quantity
        rows.append(
            {
                "executionId": uuid_of("execution", trade.number),
                "price": _price(market.book, trade.price),
                "amount": _size(market.book, trade.quantity),
                "orderPriorEdit": None,
                "orderPriorExecution": before,
                "takerReducedQuantity": None,
                "type": "EXECUTION",
            }
        )
    return rows


def open_order(order: Order, market: Market) -> Row:
    """Return a row of ``openorders``."""
    row = {
        "order_id": name_of(order),
        "symbol": order.symbol,
        "side": "buy" if order.bid else "sell",
        "orderType": order_type(order),
        "limitPrice": _price(market.book, order.price),
        "unfilledSize": _size(market.book, order.left),
        "receivedTime": moment(order.created_ns),
        "status": "partiallyFilled" if order.filled else "untouched",
        "filledSize": _size(market.book, order.filled),
        "reduceOnly": order.ticket.reduce_only,
        "lastUpdateTime": moment(order.updated_ns),
    }
    return row | ({"cliOrdId": order.client_id} if order.client_id else {})


def order_status(order: Order, market: Market) -> Row:
    """Return a row of ``orders/status``."""
    statuses = {State.OPEN: "ENTERED_BOOK", State.FILLED: "FULLY_EXECUTED"}
    about = {**event_order(order, market), "type": "ORDER"}
    status = statuses.get(order.state, "CANCELLED")
    return {"order": about, "status": status, "updateReason": None, "error": None}


def fill(trade: Trade, market: Market) -> Row:
    """Return a row of ``fills`` by REST."""
    order = trade.order
    row = {
        "fill_id": uuid_of("execution", trade.number),
        "symbol": order.symbol,
        "side": "buy" if order.bid else "sell",
        "order_id": name_of(order),
        "size": _size(market.book, trade.quantity),
        "price": _price(market.book, trade.price),
        "fillTime": moment(trade.at_ns),
        "fillType": "maker" if trade.maker else "taker",
    }
    return row | ({"cliOrdId": order.client_id} if order.client_id else {})


def told_fill(trade: Trade, number: int, market: Market) -> Row:
    """Return a fill as the feed has it; `number` counts those of the account."""
    order = trade.order
    kinds = {"mkt": "market", "ioc": "ioc", "fok": "fok"}
    row = {
        "instrument": order.symbol,
        "time": trade.at_ns // MILLISECOND,
        "price": _price(market.book, trade.price),
        "seq": number,
        "buy": order.bid,
        "qty": _size(market.book, trade.quantity),
        "remaining_order_qty": _size(market.book, order.left),
        "order_id": name_of(order),
        "fill_id": uuid_of("execution", trade.number),
        "fill_type": "maker" if trade.maker else "taker",
        "fee_paid": coins(trade.fee),
        "fee_currency": trade.fee_asset,
        "order_type": kinds.get(order_type(order), "limit"),
    }
    return row | ({"cli_ord_id": order.client_id} if order.client_id else {})


def told_order(order: Order, market: Market) -> Row:
    """Return an order as the feeds have it: what is left of it, and what was filled."""
    row = {
        "instrument": order.symbol,
        "time": order.created_ns // MILLISECOND,
        "last_update_time": order.updated_ns // MILLISECOND,
        "qty": _size(market.book, order.left),
        "filled": _size(market.book, order.filled),
        "limit_price": _price(market.book, order.price),
        "stop_price": 0.0,
        "type": "limit",
        "order_id": name_of(order),
        "direction": 0 if order.bid else 1,
        "reduce_only": order.ticket.reduce_only,
    }
    return row | ({"cli_ord_id": order.client_id} if order.client_id else {})


def told_end(order: Order, reason: str) -> Row:
    """Return the end of an order as the feeds have it."""
    names = {"order_id": name_of(order)}
    if order.client_id:
        names["cli_ord_id"] = order.client_id
    return {**names, "is_cancel": True, "reason": reason}


def _entry(account: Account, symbol: str, book: PlainBook) -> float:
    held = account.position(symbol)
    return held.cost / (abs(held.quantity) * float(10**book.price_decimals))


def position(account: Account, market: Market, at_ns: int) -> Row:
    """Return a row of ``openpositions``."""
    held = account.position(market.symbol)
    return {
        "side": "long" if held.quantity > 0 else "short",
        "symbol": market.symbol,
        "price": _entry(account, market.symbol, market.book),
        "fillTime": moment(at_ns),
        "size": _size(market.book, abs(held.quantity)),
        "unrealizedFunding": 0.0,
    }


def told_position(account: Account, market: Market, ledger: Ledger) -> Row:
    """Return a position as the feed has it."""
    held, book = account.position(market.symbol), market.book
    mark = _price(book, ledger.middle(market.symbol))
    sign = 1 if held.quantity > 0 else -1
    return {
        "instrument": market.symbol,
        "balance": sign * _size(book, abs(held.quantity)),
        "pnl": coins(ledger.unrealised(account, market.symbol)),
        "entry_price": _entry(account, market.symbol, book),
        "mark_price": mark,
        "index_price": mark,
        "liquidation_threshold": 0.0,
        "effective_leverage": 0.0,
        "return_on_equity": 0.0,
        "unrealized_funding": 0.0,
    }


def wealth(account: Account, ledger: Ledger, orders: list[Order]) -> dict[str, tuple[int, int]]:
    """Return what an account has of each asset, and what of that is free for margin."""
    found = {}
    for asset, amount in account.balances.items():
        equity = amount + sum(
            ledger.unrealised(account, symbol)
            for symbol in list(account.positions)
            if symbol.endswith(asset)
        )
        found[asset] = amount, equity - ledger.margin(account, asset, orders)
    return found
