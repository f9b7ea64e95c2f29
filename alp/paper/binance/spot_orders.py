"""Binance's commands about orders of spot."""

from __future__ import annotations

import secrets
from typing import Any

from alp.paper.binance.answers import (
    MONEY,
    SPOT_REFUSALS,
    Problem,
    spot_fill,
    spot_order,
    spot_trade,
)
from alp.paper.binance.orders import BinanceOrders, Call, unknown
from alp.paper.market import MILLISECOND
from alp.paper.orders import Order, Refusal, Refused, State, Ticket, Tif, Why, whole


class SpotOrders(BinanceOrders):
    """Commands of spot."""

    refusals = SPOT_REFUSALS

    def _ticket(self, call: Call) -> Ticket:
        kind, symbol = call.text("type"), self.symbol(call)
        if kind not in ("LIMIT", "MARKET", "LIMIT_MAKER"):
            raise Problem(-1116, "Invalid orderType.")
        tif = call.text("timeInForce") if kind == "LIMIT" else "GTC"
        if tif not in ("GTC", "IOC", "FOK"):
            raise Problem(-1115, "Invalid timeInForce.")
        if kind == "LIMIT_MAKER" and call.params.get("timeInForce"):
            raise Problem(-1106, "Parameter 'timeInForce' sent when not required.")
        quote = 0
        if kind == "MARKET" and "quantity" not in call.params:
            quote = whole(call.text("quoteOrderQty"), MONEY)
        return Ticket(
            symbol,
            self.side(call),
            0 if quote else self.quantity(call),
            None if kind == "MARKET" else self.price(call),
            self.client_id(call),
            Tif(tif),
            post_only=kind == "LIMIT_MAKER",
            prevention=self.prevention(call, "NONE"),
            quote=quote,
            notes={"tif": tif, "type": kind},
        )

    def place(self, call: Call) -> dict[str, Any]:
        """``order.place``."""
        ticket = self._ticket(call)
        try:
            order = self.desk.place(call.account, ticket)
        except Refused as refused:
            if refused.reason is not Refusal.FILL_OR_KILL:
                raise
            # spot takes the order, and lets it expire
            order = self.desk.stillborn(call.account, ticket, Why.IMMEDIATE, State.EXPIRED)
        usual = "ACK" if ticket.post_only else "FULL"
        return self._answer(order, call.params.get("newOrderRespType") or usual)

    def _answer(self, order: Order, wanted: str) -> dict[str, Any]:
        book = self.book(order.symbol)
        row = spot_order(order, book, queried=False)
        if wanted == "ACK":
            names = ("symbol", "orderId", "orderListId", "clientOrderId", "transactTime")
            return {name: row[name] for name in names}
        if wanted == "FULL":
            row["fills"] = [spot_fill(each, book) for each in self.fills(order)]
        return row

    def test(self, call: Call) -> dict[str, Any]:
        """Look at an order's parameters and do nothing."""
        self._ticket(call)
        return {}

    def cancel(self, call: Call) -> dict[str, Any]:
        """``order.cancel``; the cancel has an id of its own."""
        return self._cancel(self.named(call, -2011), self.client_id(call))

    def _cancel(self, order: Order, cancel_id: str) -> dict[str, Any]:
        if not order.is_open:
            raise unknown(-2011)
        order.ticket.notes["cancel_id"] = cancel_id
        self.desk.cancel(order)
        row = spot_order(order, self.book(order.symbol), queried=False)
        return {**row, "origClientOrderId": order.client_id, "clientOrderId": cancel_id}

    def cancel_all(self, call: Call) -> list[dict[str, Any]]:
        """Cancel all of a symbol."""
        found = self.desk.open_orders(call.account, self.symbol(call))
        if not found:
            raise unknown(-2011)
        return [self._cancel(each, secrets.token_hex(11)) for each in found]

    def replace(self, call: Call) -> dict[str, Any]:
        """``order.cancelReplace``."""
        mode = call.text("cancelReplaceMode")
        if mode not in ("STOP_ON_FAILURE", "ALLOW_FAILURE"):
            raise Problem(-1130, "Data sent for parameter 'cancelReplaceMode' is not valid.")
        ids = {"cancelOrderId": "orderId", "cancelOrigClientOrderId": "origClientOrderId"}
        names = {ids[name]: each for name, each in call.params.items() if name in ids}
        gone = Call(call.account, {"symbol": call.text("symbol"), **names})
        found: dict[str, Any] = {"cancelResult": "SUCCESS", "newOrderResult": "NOT_ATTEMPTED"}
        try:
            cancel_id = self.client_id(call, "cancelNewClientOrderId")
            found["cancelResponse"] = self._cancel(self.named(gone, -2011), cancel_id)
        except Problem as problem:
            found |= {"cancelResult": "FAILURE", "cancelResponse": problem.body}
        found["newOrderResponse"] = None
        if found["cancelResult"] == "SUCCESS" or mode == "ALLOW_FAILURE":
            try:
                found["newOrderResponse"] = self.place(call)
                found["newOrderResult"] = "SUCCESS"
            except (Refused, Problem) as error:
                wrong = error if isinstance(error, Problem) else self.problem(error)
                found |= {"newOrderResult": "FAILURE", "newOrderResponse": wrong.body}
        done = [found[name] == "SUCCESS" for name in ("cancelResult", "newOrderResult")]
        if all(done):
            return found
        if any(done):
            raise Problem(-2021, "Order cancel-replace partially failed.", 409, found)
        raise Problem(-2022, "Order cancel-replace failed.", 400, found)

    def amend(self, call: Call) -> dict[str, Any]:
        """``order.amend.keepPriority``: the quantity, and only down."""
        order, quantity = self.named(call), self.quantity(call, "newQty")
        if not order.is_open:
            raise unknown(-2013)
        if not order.filled < quantity < order.quantity:
            raise Problem(-2038, "The requested action would change no state; rejecting.")
        self.desk.amend(order, quantity=quantity, keep=True)
        row = spot_order(order, self.book(order.symbol), queried=True)
        return {
            "transactTime": order.updated_ns // MILLISECOND,
            "executionId": order.number * 10 + order.amends,
            "amendedOrder": row,
        }

    def query(self, call: Call) -> dict[str, Any]:
        """``order.status``."""
        order = self.named(call)
        return spot_order(order, self.book(order.symbol), queried=True)

    def open_orders(self, call: Call) -> list[dict[str, Any]]:
        """Ask for all that is open."""
        return [
            spot_order(each, self.book(each.symbol), queried=True) for each in self.listed(call)
        ]

    def all_orders(self, call: Call) -> list[dict[str, Any]]:
        """Ask for orders, ended ones too."""
        found = self.remembered(call)
        return [spot_order(each, self.book(each.symbol), queried=True) for each in found]

    def trades(self, call: Call) -> list[dict[str, Any]]:
        """Ask for fills."""
        return [spot_trade(each, self.book(each.order.symbol)) for each in self.traded(call)]
