"""Kraken's private side on WebSockets, spot, version 2: orders, executions, balances."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson

from alp.paper.accounts import TRADE
from alp.paper.asked import texts, whether
from alp.paper.kraken.names import name_of
from alp.paper.kraken.spot_executions import ORDER, Row, balance, entry, executed, rows_of, standing
from alp.paper.kraken.spot_private import KrakenSpotTrading
from alp.paper.kraken.spot_requests import MOST_CANCELS, named_orders, words
from alp.paper.orders import Kind, Order, Refused, Report, Said, Trade
from alp.paper.private import AMEND, CANCEL, CANCEL_ALL, DEAD_MAN, NEW, STREAM_KEY
from alp.paper.protocol import Peer, stamp

EXECUTIONS, BALANCES = "executions", "balances"
MOST_TRADES = 50
"""In the snapshot of executions, where it has trades."""
KINDS = {
    "add_order": NEW,
    "batch_add": NEW,
    "amend_order": AMEND,
    "edit_order": AMEND,
    "cancel_order": CANCEL,
    "batch_cancel": CANCEL,
    "cancel_all": CANCEL_ALL,
    "cancel_all_orders_after": DEAD_MAN,
}
_UNSAID = ("pending_new", "amended")
"""Not told to whoever wants no changes of an order's status."""
_MILLION = 10**6


class KrakenSpotSocket:
    """Answers messages and tells what happened."""

    def __init__(self, trading: KrakenSpotTrading) -> None:
        self._trading = trading
        self._desk = trading.desk
        self._entries = 0
        self._traded: dict[str, Trade] = {}
        self._methods: dict[str, Callable[[str, Row], list[Row]]] = {
            "add_order": self._add,
            "batch_add": self._batch_add,
            "amend_order": self._amend,
            "edit_order": self._edit,
            "cancel_order": self._cancel,
            "batch_cancel": self._batch_cancel,
            "cancel_all": self._cancel_all,
            "cancel_all_orders_after": self._dead_man,
        }

    def command_in(self, message: Row) -> str:
        """Return what a message is; empty: it is no private one."""
        method, params = message.get("method"), message.get("params")
        channel = params.get("channel") if isinstance(params, dict) else None
        if method in ("subscribe", "unsubscribe") and channel in (EXECUTIONS, BALANCES):
            return STREAM_KEY
        return KINDS.get(method, "") if isinstance(method, str) else ""

    def take(self, peer: Peer, message: Row) -> list[bytes]:
        """Answer a message."""
        method, given = message["method"], message.get("params")
        params: Row = given if isinstance(given, dict) else {}
        came = self._now()
        try:
            account, key = self._trading.owner(params.get("token"), _used(peer))
            if method in ("subscribe", "unsubscribe"):
                return self._subscribe(peer, account, message, params)
            if TRADE not in key.permissions:
                raise Said("EGeneral:Permission denied")
            replies = self._methods[method](account, params)
        except Refused as refused:
            replies = [{"error": words(refused), "success": False}]
        return [self._reply(message, reply, came) for reply in replies]

    def _now(self) -> str:
        return microseconds(self._trading.now_ns())

    def _reply(self, message: Row, reply: Row, came: str) -> bytes:
        number = {"req_id": message["req_id"]} if "req_id" in message else {}
        times = {"time_in": came, "time_out": self._now()}
        return orjson.dumps({"method": message["method"], **number, **reply, **times})

    def trouble(self, error: str, message: Row) -> bytes:
        """Answer a message with an error, whatever it asks for."""
        return self._reply(message, {"error": error, "success": False}, self._now())

    # Orders

    def _add(self, account: str, params: Row) -> list[Row]:
        if whether(params.get("validate")):
            ticket = self._trading.ticket(account, params)
            names = {"cl_ord_id": ticket.client_id} if ticket.client_id else {}
            return [_done(names)]
        return [_done(_names(self._trading.place(account, params)))]

    def _batch_add(self, account: str, params: Row) -> list[Row]:
        rows = params.get("orders")
        if isinstance(rows, list) and "deadline" in params:
            rows = [
                {**each, "deadline": params["deadline"]} if isinstance(each, dict) else each
                for each in rows
            ]
        validate = whether(params.get("validate"))
        placed = self._trading.place_batch(account, params.get("symbol"), rows, validate)
        results = [
            {"error": words(each), "success": False}
            if isinstance(each, Refused)
            else ({} if each is None else _names(each))
            for each in placed
        ]
        return [_done(results)]

    def _one(self, account: str, params: Row) -> tuple[Order, str]:
        named = [each for each in ("order_id", "cl_ord_id") if params.get(each)]
        if len(named) != 1:
            raise Said("EGeneral:Invalid arguments")
        return self._trading.find(account, named[0], str(params[named[0]])), named[0]

    def _amend(self, account: str, params: Row) -> list[Row]:
        order, kind = self._one(account, params)
        amend = self._trading.amend(account, order, params)
        return [_done({"amend_id": amend, kind: _names(order)[kind]})]

    def _edit(self, account: str, params: Row) -> list[Row]:
        old, _ = self._one(account, params)
        new = self._trading.edit(account, old, params)
        original = name_of(ORDER, old.number)
        return [_done({"order_id": name_of(ORDER, new.number), "original_order_id": original})]

    def _cancel(self, account: str, params: Row) -> list[Row]:
        replies = []
        for kind, name in named_orders(params):
            try:
                orders = self._trading.named(account, kind, name)
                for order in orders:
                    self._trading.cancel(account, order)
                    replies.append(_done(_names(order)))
            except Refused as refused:
                named = {kind: name} if kind == "order_id" else {}
                replies.append({"error": words(refused), "success": False, **named})
        return replies

    def _batch_cancel(self, account: str, params: Row) -> list[Row]:
        wanted = [("order_id", each) for each in texts(params.get("orders"))]
        wanted += [("cl_ord_id", each) for each in texts(params.get("cl_ord_id"))]
        if not 1 <= len(wanted) <= MOST_CANCELS:
            raise Said("EGeneral:Invalid arguments:orders")
        count = 0
        for kind, name in wanted:
            try:
                self._trading.cancel(account, self._trading.find(account, kind, name))
            except Refused:
                continue  # told by the count alone
            count += 1
        return [{"orders_cancelled": count, "success": True}]

    def _cancel_all(self, account: str, params: Row) -> list[Row]:
        return [_done({"count": len(self._desk.cancel_all(account))})]

    def _dead_man(self, account: str, params: Row) -> list[Row]:
        return [_done(self._trading.dead_man(account, params.get("timeout")))]

    # Channels

    def _subscribe(self, peer: Peer, account: str, message: Row, params: Row) -> list[bytes]:
        channel = params["channel"]
        if peer.account not in ("", account):
            raise Said("ESession:Invalid session")
        peer.account = account
        result: Row = {"channel": channel}
        came = self._now()
        if message["method"] == "unsubscribe":
            peer.notes.pop(channel, None)
            return [self._reply(message, _done(result), came)]
        if channel in peer.notes:
            raise Said("Already subscribed")
        asked = {
            "snap_orders": whether(params.get("snap_orders", True)),
            "snap_trades": whether(params.get("snap_trades")),
            "order_status": whether(params.get("order_status", True)),
            "ratecounter": whether(params.get("ratecounter")),
        }
        peer.heartbeats = True
        if channel == EXECUTIONS:
            result |= {"maxratecount": self._trading.most_rate, **asked}
            rows = self._executions(account, asked)
        else:
            result["snapshot"] = True
            rows = self._balances(peer, account)
        peer.notes[channel] = {"sequence": 0, **asked}
        ack = self._reply(message, _done(result), came)
        return [ack, self._told(peer, channel, "snapshot", rows)]

    def _executions(self, account: str, asked: Row) -> list[Row]:
        markets, rows = self._trading.markets, []
        if asked["snap_orders"]:
            rows = [
                standing(each, markets[each.symbol]) for each in self._desk.open_orders(account)
            ]
        if asked["snap_trades"]:
            trades = self._desk.trades_of(account)[-MOST_TRADES:]
            rows += [executed(each, markets[each.order.symbol]) for each in trades]
        return rows

    def _balances(self, peer: Peer, account: str) -> list[Row]:
        held = dict(self._desk.accounts.by_name[account].balances)
        peer.notes["held"] = held
        return [balance(asset, amount) for asset, amount in held.items()]

    def _told(self, peer: Peer, channel: str, kind: str, rows: list[Row]) -> bytes:
        peer.notes[channel]["sequence"] += 1
        sequence = peer.notes[channel]["sequence"]
        return orjson.dumps({"channel": channel, "type": kind, "data": rows, "sequence": sequence})

    def tell(self, peer: Peer, report: Report) -> list[bytes]:
        """Return what a report is on a connection."""
        if report.kind is Kind.BALANCES:
            return self._tell_balances(peer, report) if BALANCES in peer.notes else []
        assert report.order is not None
        if EXECUTIONS not in peer.notes:
            return []
        asked = peer.notes[EXECUTIONS]
        rows = rows_of(report, self._trading.markets[report.order.symbol])
        if not asked["order_status"]:
            rows = [each for each in rows if each["exec_type"] not in _UNSAID]
        if asked["ratecounter"]:
            counter = self._trading.counters(report.account).of(report.order.symbol)
            count = counter.hundredths(self._trading.now_ns()) // 100
            rows = [{**each, "ratecount": count} for each in rows]
        return [self._told(peer, EXECUTIONS, "update", [each]) for each in rows]

    def remember(self, report: Report) -> None:
        """Keep a trade, whose balances are told next."""
        if report.trade is not None:
            self._traded[report.account] = report.trade

    def _tell_balances(self, peer: Peer, report: Report) -> list[bytes]:
        """Tell of balances that changed; what is only locked does not count."""
        owner, held = self._desk.accounts.by_name[report.account], peer.notes["held"]
        traded = self._traded.get(report.account)
        trade = traded if traded is not None and traded.order is report.order else None
        rows = []
        for asset in report.assets:
            amount = owner.balances.get(asset, 0)
            change = amount - held.get(asset, 0)
            held[asset] = amount
            if change:
                self._entries += 1
                rows.append(entry(self._entries, report, trade, asset, amount, change))
        return [self._told(peer, BALANCES, "update", rows)] if rows else []


def microseconds(at_ns: int) -> str:
    """Write a time with microseconds."""
    return stamp(at_ns // _MILLION)[:20] + f"{at_ns // 1000 % _MILLION:06}Z"


def _used(peer: Peer) -> set[str]:
    found: set[str] = peer.notes.setdefault("tokens", set())
    return found


def _done(result: Any) -> Row:
    return {"result": result, "success": True}


def _names(order: Order) -> Row:
    row: Row = {"order_id": name_of(ORDER, order.number)}
    if order.client_id:
        row["cl_ord_id"] = order.client_id
    if order.ticket.notes.get("userref"):
        row["order_userref"] = order.ticket.notes["userref"]
    return row
