"""What Kraken's private channels say of orders and balances, spot, WebSocket version 2.

Numbers are bare and keep their zeros. The first message of an order has all that there is to say of
it, later ones only what changed: whoever reads them puts them together.
"""

from __future__ import annotations

from typing import Any

import orjson

from alp.paper.book import text
from alp.paper.kraken.names import name_of
from alp.paper.market import MILLISECOND, Market
from alp.paper.orders import COIN, Kind, Order, Report, State, Trade, Why
from alp.paper.protocol import stamp

ORDER, EXECUTION, AMEND, LEDGER = "O", "T", "A", "L"
"""How names of orders, trades, amends and entries of the ledger begin."""
MONEY_DECIMALS = 5
REASONS = {
    Why.REQUEST: "User requested",
    Why.POST_ONLY: "Post only order",
    Why.IMMEDIATE: "Immediate or cancel order",
    Why.TIME: "Order expired",
    Why.PREVENTION: "Self trade prevention",
    Why.DEAD_MAN: "Cancel all orders after",
    Why.AMENDED: "User requested",
    Why.VENUE: "Market closed",
}
Row = dict[str, Any]


def bare(digits: str) -> orjson.Fragment:
    """Return a number that is written as it stands."""
    return orjson.Fragment(digits.encode())


def rounded(value: int, decimals: int, shown: int) -> str:
    """Write a whole number of the last decimal with fewer or more of them, cut off."""
    if decimals > shown:
        return text(value // 10 ** (decimals - shown), shown)
    return text(value * 10 ** (shown - decimals), shown)


class Figures:
    """Writes the numbers of an order as its market has them."""

    def __init__(self, order: Order, market: Market) -> None:
        self._order = order
        self._book = market.book

    @property
    def price(self) -> str:
        """The limit price."""
        return self._book.price(self._order.price)

    @property
    def quantity(self) -> str:
        """Of the whole order."""
        return self._book.quantity(self._order.quantity)

    @property
    def filled(self) -> str:
        """What was filled of it."""
        return self._book.quantity(self._order.filled)

    @property
    def cost(self) -> str:
        """What that cost."""
        return self.money(self._order.value)

    @property
    def average(self) -> str:
        """At which price on average, rounded to the nearest tick."""
        filled = self._order.filled
        return self._book.price((2 * self._order.value + filled) // (2 * filled) if filled else 0)

    @property
    def fee(self) -> str:
        """What was paid for it."""
        return rounded(self._order.fee, 8, MONEY_DECIMALS)

    def money(self, value: int) -> str:
        """Write a price times a quantity."""
        decimals = self._book.price_decimals + self._book.quantity_decimals
        return rounded(value, decimals, MONEY_DECIMALS)


def status_of(order: Order) -> str:
    """Return how an order is."""
    if order.state is State.FILLED:
        return "filled"
    if order.state is State.OPEN:
        return "partially_filled" if order.filled else "new"
    return "expired" if order.why is Why.TIME else "canceled"


def _names(order: Order) -> Row:
    row: Row = {"order_id": name_of(ORDER, order.number)}
    if order.client_id:
        row["cl_ord_id"] = order.client_id
    if order.ticket.notes.get("userref"):
        row["order_userref"] = order.ticket.notes["userref"]
    return row


def _described(order: Order, figures: Figures) -> Row:
    row: Row = {
        "symbol": order.symbol,
        "side": "buy" if order.bid else "sell",
        "order_type": "limit" if order.ticket.price is not None else "market",
        "order_qty": bare(figures.quantity),
        "time_in_force": str(order.ticket.tif),
        "fee_ccy_pref": "fciq",
    }
    if order.ticket.price is not None:
        row |= {"limit_price_type": "static", "limit_price": bare(figures.price)}
    if order.ticket.post_only:
        row["post_only"] = True
    if order.ticket.expires_ns:
        row["expire_time"] = stamp(order.ticket.expires_ns // MILLISECOND)
    return row


def _totals(figures: Figures) -> Row:
    return {
        "cum_qty": bare(figures.filled),
        "cum_cost": bare(figures.cost),
        "avg_price": bare(figures.average),
        "fee_usd_equiv": bare(figures.fee),
    }


def standing(order: Order, market: Market) -> Row:
    """Return all there is to say of an open order: a row of the snapshot."""
    figures = Figures(order, market)
    at = stamp(order.updated_ns // MILLISECOND)
    row = _names(order) | _described(order, figures) | _totals(figures)
    return row | {"exec_type": "new", "order_status": status_of(order), "timestamp": at}


def executed(trade: Trade, market: Market) -> Row:
    """Return what is said of a fill."""
    order = trade.order
    figures = Figures(order, market)
    return {
        **_names(order),
        "symbol": order.symbol,
        "side": "buy" if order.bid else "sell",
        "order_type": "limit" if order.ticket.price is not None else "market",
        "order_qty": bare(figures.quantity),
        "exec_type": "trade",
        "exec_id": name_of(EXECUTION, trade.number),
        "trade_id": trade.number,
        "last_qty": bare(market.book.quantity(trade.quantity)),
        "last_price": bare(market.book.price(trade.price)),
        "liquidity_ind": "m" if trade.maker else "t",
        "cost": bare(figures.money(trade.price * trade.quantity)),
        **_totals(figures),
        "order_status": status_of(order),
        "fees": [{"asset": trade.fee_asset, "qty": bare(rounded(trade.fee, 8, 8))}],
        "timestamp": stamp(trade.at_ns // MILLISECOND),
    }


def rows_of(report: Report, market: Market) -> list[Row]:
    """Return what is said of an order when something happened to it, a message for each row."""
    order = report.order
    assert order is not None
    figures = Figures(order, market)
    at = {"timestamp": stamp(report.at_ns // MILLISECOND)}
    names = _names(order)
    if report.kind is Kind.NEW:
        first = {**names, **_described(order, figures), "cum_cost": bare(figures.cost)}
        first |= {"exec_type": "pending_new", "order_status": "pending_new"}
        rows = [{**first, "fee_usd_equiv": bare(figures.fee), **at}]
        if not order.ticket.notes.get("stillborn"):
            rows.append({**at, "order_status": "new", "exec_type": "new", **names})
        return rows
    if report.kind is Kind.TRADE:
        assert report.trade is not None
        rows = [executed(report.trade, market)]
        if order.state is State.FILLED:
            end = {**at, "order_status": "filled", "exec_type": "filled"}
            rows.append({**end, **_totals(figures), **names})
        return rows
    if report.kind in (Kind.AMENDED, Kind.PREVENTED):
        changed = {"order_qty": bare(figures.quantity), "limit_price": bare(figures.price)}
        state: Row = {"order_status": status_of(order), "exec_type": "amended", "amended": True}
        return [{**at, **state, **changed, "reason": REASONS[Why.REQUEST], **names}]
    reason = REASONS.get(report.why, "")
    status = status_of(order)
    said = {"cancel_reason": reason, "reason": reason}
    return [{**at, "order_status": status, "exec_type": status, **_totals(figures), **said} | names]


def balance(asset: str, amount: int) -> Row:
    """Return a row of the snapshot of balances."""
    held = bare(text(amount, 8))
    wallet = {"type": "spot", "id": "main", "balance": held}
    return {"asset": asset, "asset_class": "currency", "wallets": [wallet], "balance": held}


def entry(
    number: int, report: Report, trade: Trade | None, asset: str, amount: int, change: int
) -> Row:
    """Return an entry of the ledger: what a balance is, and by how much it changed by a trade."""
    fee = trade.fee if trade is not None and trade.fee_asset == asset else 0
    kind = "trade" if trade is not None else "transfer"
    return {
        "ledger_id": name_of(LEDGER, number),
        "ref_id": name_of(EXECUTION, trade.number if trade is not None else number),
        "timestamp": stamp(report.at_ns // MILLISECOND),
        "type": kind,
        "asset": asset,
        "asset_class": "currency",
        "category": kind,
        "wallet_type": "spot",
        "wallet_id": "main",
        "amount": bare(_signed(change + fee)),
        "fee": bare(text(fee, 8)),
        "balance": bare(text(amount, 8)),
    }


def _signed(amount: int) -> str:
    return f"-{text(-amount, 8)}" if amount < 0 else text(amount, 8)


def coins(amount: int) -> str:
    """Write an amount of an asset as REST does."""
    assert COIN == 10**8
    return _signed(amount)
