"""What Binance tells the owner of an account: user events of USD-M futures and of spot."""

from __future__ import annotations

from typing import Any

from alp.paper.binance.answers import (
    MODES,
    MONEY,
    average,
    padded,
    plain,
    quote_value,
    signed,
    status_of,
)
from alp.paper.book import PlainBook, text
from alp.paper.desk import Desk
from alp.paper.market import MILLISECOND
from alp.paper.orders import Kind, Order, Report, Trade, Why

_EXECUTIONS = {
    Kind.NEW: "NEW",
    Kind.TRADE: "TRADE",
    Kind.AMENDED: "AMENDMENT",
    Kind.CANCELED: "CANCELED",
    Kind.EXPIRED: "EXPIRED",
    Kind.PREVENTED: "TRADE_PREVENTION",
}
_REASONS = {Why.FUNDING: "FUNDING_FEE", Why.TRANSFER: "DEPOSIT"}


def usdm_events(desk: Desk, report: Report) -> list[dict[str, Any]]:
    """Return the events of futures that a report is."""
    at_ms = report.at_ns // MILLISECOND
    if report.kind is Kind.BALANCES:
        return [_account_update(desk, report, at_ms)]
    assert report.order is not None
    order, book = report.order, desk.markets[report.order.symbol].book
    update = {
        "e": "ORDER_TRADE_UPDATE",
        "T": at_ms,
        "E": at_ms,
        "fs": "UM",
        "o": _usdm_order(desk, report, order, book, at_ms),
    }
    return [update] if report.trade is None else [_lite(report.trade, book, at_ms), update]


def _usdm_order(
    desk: Desk, report: Report, order: Order, book: PlainBook, at_ms: int
) -> dict[str, Any]:
    trade, notes = report.trade, order.ticket.notes
    open_orders = desk.open_orders(report.account, order.symbol)
    waiting = [
        desk.ledger.amount(
            order.symbol, 1, sum(each.left * each.price for each in open_orders if each.bid == bid)
        )
        for bid in (True, False)
    ]
    row: dict[str, Any] = {
        "s": order.symbol,
        "c": order.client_id,
        "S": "BUY" if order.bid else "SELL",
        "o": notes["type"],
        "f": notes["tif"],
        "q": plain(book.quantity(order.quantity)),
        "p": plain(book.price(order.price)),
        "ap": plain(average(order, book)),
        "sp": "0",
        "x": _EXECUTIONS[report.kind],
        "X": status_of(order),
        "i": order.number,
        "l": "0" if trade is None else plain(book.quantity(trade.quantity)),
        "z": plain(book.quantity(order.filled)),
        "L": "0" if trade is None else plain(book.price(trade.price)),
        "n": "0" if trade is None else plain(signed(trade.fee, MONEY)),
        "N": desk.rules[order.symbol].quote if trade is None else trade.fee_asset,
        "T": at_ms,
        "t": 0 if trade is None else trade.number,
        "b": plain(text(waiting[0], MONEY)),
        "a": plain(text(waiting[1], MONEY)),
        "m": trade is not None and trade.maker,
        "R": order.ticket.reduce_only,
        "wt": "CONTRACT_PRICE",
        "ot": notes["type"],
        "ps": "BOTH",
        "cp": False,
        "rp": "0" if trade is None else plain(signed(trade.realised, MONEY)),
        "pP": False,
        "si": 0,
        "ss": 0,
        "V": MODES[order.ticket.prevention],
        "pm": "NONE",
        "gtd": order.ticket.expires_ns // MILLISECOND,
    }
    return row


def _lite(trade: Trade, book: PlainBook, at_ms: int) -> dict[str, Any]:
    order = trade.order
    return {
        "e": "TRADE_LITE",
        "E": at_ms,
        "T": at_ms,
        "s": order.symbol,
        "q": book.quantity(order.quantity),
        "p": book.price(order.price),
        "m": trade.maker,
        "c": order.client_id,
        "S": "BUY" if order.bid else "SELL",
        "L": book.price(trade.price),
        "l": book.quantity(trade.quantity),
        "t": trade.number,
        "i": order.number,
    }


def _account_update(desk: Desk, report: Report, at_ms: int) -> dict[str, Any]:
    account = desk.accounts.by_name[report.account]
    change = report.quantity if report.why is Why.TRANSFER else 0
    balances = [
        {
            "a": asset,
            "wb": signed(account.balances.get(asset, 0), MONEY),
            "cw": signed(account.balances.get(asset, 0), MONEY),
            "bc": plain(signed(change, MONEY)),
        }
        for asset in report.assets
    ]
    positions = [_position(desk, report.account, symbol) for symbol in report.symbols]
    reason = _REASONS.get(report.why, "ORDER")
    inside = {"B": balances, "P": positions, "m": reason}
    return {"e": "ACCOUNT_UPDATE", "T": at_ms, "E": at_ms, "fs": "UM", "a": inside}


def entry_price(desk: Desk, account: str, symbol: str) -> str:
    """Return the average price of a position, with eight decimals; zero where there is none."""
    held = desk.accounts.by_name[account].position(symbol)
    decimals = desk.markets[symbol].book.price_decimals
    if not held.quantity:
        return text(0, MONEY)
    return text(held.cost * 10 ** (MONEY - decimals) // abs(held.quantity), MONEY)


def _position(desk: Desk, account: str, symbol: str) -> dict[str, Any]:
    owner, book = desk.accounts.by_name[account], desk.markets[symbol].book
    held = owner.position(symbol)
    entry = entry_price(desk, account, symbol)
    return {
        "s": symbol,
        "pa": plain(signed(held.quantity, book.quantity_decimals)),
        "ep": plain(entry),
        "cr": plain(signed(held.realised, MONEY)),
        "up": signed(desk.ledger.unrealised(owner, symbol), MONEY),
        "mt": "cross",
        "iw": "0",
        "ps": "BOTH",
        "ma": desk.rules[symbol].quote,
        "bep": plain(entry),
    }


def spot_events(desk: Desk, report: Report) -> list[dict[str, Any]]:
    """Return the events of spot that a report is."""
    at_ms = report.at_ns // MILLISECOND
    if report.kind is not Kind.BALANCES:
        assert report.order is not None
        return [_execution(desk, report, report.order, at_ms)]
    if report.why is Why.TRANSFER:
        change = signed(report.quantity, MONEY)
        (asset,) = report.assets
        return [{"e": "balanceUpdate", "E": at_ms, "a": asset, "d": change, "T": at_ms}]
    account = desk.accounts.by_name[report.account]
    rows = [
        {
            "a": asset,
            "f": signed(account.free(asset), MONEY),
            "l": text(account.locked.get(asset, 0), MONEY),
        }
        for asset in _touched(desk, report)
    ]
    return [{"e": "outboundAccountPosition", "E": at_ms, "u": at_ms, "B": rows}]


def _touched(desk: Desk, report: Report) -> list[str]:
    """Return the assets that spot tells: both of the market, and what else has changed."""
    if report.order is None:
        return list(report.assets)
    rules = desk.rules[report.order.symbol]
    return list(dict.fromkeys((rules.base, rules.quote, *report.assets)))


def _execution(desk: Desk, report: Report, order: Order, at_ms: int) -> dict[str, Any]:
    book, trade, notes = desk.markets[order.symbol].book, report.trade, order.ticket.notes
    canceled = report.kind is Kind.CANCELED and "cancel_id" in notes
    created_ms = order.created_ns // MILLISECOND
    last = 0 if trade is None else quote_value(order, book, trade.price * trade.quantity)
    execution = "REPLACED" if report.kind is Kind.AMENDED else _EXECUTIONS[report.kind]
    if report.why is Why.PREVENTION:
        execution = "TRADE_PREVENTION"
    quantities = book.quantity_decimals
    return {
        "e": "executionReport",
        "E": at_ms,
        "s": order.symbol,
        "c": notes["cancel_id"] if canceled else order.client_id,
        "S": "BUY" if order.bid else "SELL",
        "o": notes["type"],
        "f": notes["tif"],
        "q": padded(order.quantity, quantities),
        "p": padded(order.price, book.price_decimals),
        "P": text(0, MONEY),
        "F": text(0, MONEY),
        "g": -1,
        "C": order.client_id if canceled else "",
        "x": execution,
        "X": status_of(order),
        "r": "NONE",
        "i": order.number,
        "l": padded(0 if trade is None else trade.quantity, quantities),
        "z": padded(order.filled, quantities),
        "L": padded(0 if trade is None else trade.price, book.price_decimals),
        "n": "0" if trade is None else text(trade.fee, MONEY),
        "N": None if trade is None else trade.fee_asset,
        "T": at_ms,
        "t": -1 if trade is None else trade.number,
        "I": report.number,
        "w": order.is_open and not (trade is not None and not trade.maker),
        "m": trade is not None and trade.maker,
        "M": trade is not None,
        "O": created_ms,
        "Z": text(quote_value(order, book), MONEY),
        "Y": text(last, MONEY),
        "Q": text(order.ticket.quote, MONEY),
        "W": created_ms,
        "V": MODES[order.ticket.prevention],
    }
