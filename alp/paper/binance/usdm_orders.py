"""Binance's commands about orders of USD-M futures."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from alp.paper.binance.answers import (
    MONEY,
    USDM_REFUSALS,
    Problem,
    missing,
    signed,
    usdm_order,
    usdm_trade,
)
from alp.paper.binance.orders import BinanceOrders, Call, unknown
from alp.paper.market import MILLISECOND
from alp.paper.orders import Refusal, Refused, Report, Ticket, Tif

CONDITIONAL = ("STOP", "TAKE_PROFIT", "STOP_MARKET", "TAKE_PROFIT_MARKET", "TRAILING_STOP_MARKET")
LEAST_LIFE_NS = 600 * 10**9
"""Of a GTD order."""
MOST_IN_BATCH = 5
MOST_CANCELS = 10
ALL_CANCELED = "The operation of cancel all open order is done."
_TIFS = ("GTC", "IOC", "FOK", "GTX", "GTD", "RPI")


class UsdmOrders(BinanceOrders):
    """Commands of USD-M futures."""

    refusals = USDM_REFUSALS

    def _ticket(self, call: Call) -> Ticket:
        kind, symbol = call.text("type"), self.symbol(call)
        if kind in CONDITIONAL:
            raise Problem(
                -4120, "Order type not supported for this endpoint. Please use the Algo Order API."
            )
        if kind not in ("LIMIT", "MARKET"):
            raise Problem(-1116, "Invalid orderType.")
        if call.params.get("positionSide", "BOTH") != "BOTH":
            raise Problem(-4061, "Order's position side does not match user's setting.")
        tif = call.text("timeInForce") if kind == "LIMIT" else "GTC"
        if tif not in _TIFS:
            raise Problem(-1115, "Invalid timeInForce.")
        expires_ns = 0
        if tif == "GTD":
            expires_ns = call.number("goodTillDate") * MILLISECOND
            if expires_ns <= self.now_ns() + LEAST_LIFE_NS:
                raise Refused(Refusal.EXPIRY)
        price = None if kind == "MARKET" else self._price(call, symbol)
        return Ticket(
            symbol,
            self.side(call),
            self.quantity(call),
            price,
            self.client_id(call),
            Tif(tif) if tif in Tif.__members__ else Tif.GTC,
            post_only=tif in ("GTX", "RPI"),
            reduce_only=call.params.get("reduceOnly", "false").lower() == "true",
            prevention=self.prevention(call, "EXPIRE_MAKER"),
            expires_ns=expires_ns,
            notes={"tif": tif, "type": kind},
        )

    def _price(self, call: Call, symbol: str) -> int:
        match = call.params.get("priceMatch", "NONE")
        if match == "NONE":
            return self.price(call)
        kind, _, level = match.partition("_")
        if kind not in ("QUEUE", "OPPONENT") or level not in ("", "5", "10", "20"):
            raise Problem(-5037, "Invalid price match")
        bid = self.side(call) == (kind == "QUEUE")
        levels = self.book(symbol).best(bid, int(level or 1))
        if not levels:
            raise Problem(-5041, "No depth matches this BBO order.")
        return levels[-1][0]

    def place(self, call: Call) -> dict[str, Any]:
        """``order.place``."""
        wanted = call.params.get("newOrderRespType", "ACK")
        acks: list[dict[str, Any]] = []

        def note(report: Report) -> None:
            if not acks and report.order is not None:
                acks.append(usdm_order(report.order, self.book(report.order.symbol), queried=False))

        self.desk.listeners.append(note)
        try:
            order = self.desk.place(call.account, self._ticket(call))
        finally:
            self.desk.listeners.remove(note)
        if wanted == "RESULT":
            return usdm_order(order, self.book(order.symbol), queried=False)
        return acks[0]

    def modify(self, call: Call) -> dict[str, Any]:
        """``order.modify``: side, price and quantity have to be there."""
        order = self.named(call)
        bid, quantity = self.side(call), self.quantity(call)
        price = self._price(call, order.symbol)
        if not order.is_open:
            raise unknown(-2013)
        if order.ticket.notes["type"] != "LIMIT" or bid != order.bid:
            raise Problem(-4145 if bid == order.bid else -1117, "Only LIMIT order can be modified.")
        self.desk.amend(order, price=price, quantity=quantity)
        return usdm_order(order, self.book(order.symbol), queried=False)

    def cancel(self, call: Call) -> dict[str, Any]:
        """``order.cancel``."""
        order = self.named(call, -2011)
        if not order.is_open:
            raise unknown(-2011)
        self.desk.cancel(order)
        return usdm_order(order, self.book(order.symbol), queried=False)

    def cancel_all(self, call: Call) -> dict[str, Any]:
        """Cancel all of a symbol."""
        self.desk.cancel_all(call.account, self.symbol(call))
        return {"code": 200, "msg": ALL_CANCELED}

    def place_batch(self, call: Call) -> list[dict[str, Any]]:
        """Place up to five orders, each for itself."""
        return self._batch(call, self.place)

    def modify_batch(self, call: Call) -> list[dict[str, Any]]:
        """Modify up to five orders, each for itself."""
        return self._batch(call, self.modify)

    def cancel_batch(self, call: Call) -> list[dict[str, Any]]:
        """Cancel up to ten orders by ids of one kind."""
        lists = {"orderIdList": "orderId", "origClientOrderIdList": "origClientOrderId"}
        name = next((each for each in lists if call.params.get(each)), "orderIdList")
        ids = _rows(call.text(name), MOST_CANCELS)
        symbol = self.symbol(call)
        calls = [Call(call.account, {"symbol": symbol, lists[name]: str(each)}) for each in ids]
        return [self._each(self.cancel, one) for one in calls]

    def _batch(self, call: Call, do: Callable[[Call], dict[str, Any]]) -> list[dict[str, Any]]:
        rows = _rows(call.text("batchOrders"), MOST_IN_BATCH)
        if not all(isinstance(row, dict) for row in rows):
            raise missing("batchOrders")
        texts = [{name: _text(each) for name, each in row.items()} for row in rows]
        return [self._each(do, Call(call.account, row)) for row in texts]

    def _each(self, do: Callable[[Call], dict[str, Any]], call: Call) -> dict[str, Any]:
        try:
            return do(call)
        except Refused as refused:
            return self.problem(refused).body
        except Problem as problem:
            return problem.body

    def query(self, call: Call) -> dict[str, Any]:
        """``order.status``."""
        order = self.named(call)
        return usdm_order(order, self.book(order.symbol), queried=True)

    def query_open(self, call: Call) -> dict[str, Any]:
        """Ask for one order that is open."""
        order = self.named(call)
        if not order.is_open:
            raise unknown(-2013)
        return usdm_order(order, self.book(order.symbol), queried=True)

    def open_orders(self, call: Call) -> list[dict[str, Any]]:
        """Ask for all that is open."""
        return [
            usdm_order(each, self.book(each.symbol), queried=True) for each in self.listed(call)
        ]

    def all_orders(self, call: Call) -> list[dict[str, Any]]:
        """Ask for orders, ended ones too."""
        found = self.remembered(call)
        return [usdm_order(each, self.book(each.symbol), queried=True) for each in found]

    def trades(self, call: Call) -> list[dict[str, Any]]:
        """Ask for fills."""
        return [usdm_trade(each, self.book(each.order.symbol)) for each in self.traded(call)]

    def test(self, call: Call) -> dict[str, Any]:
        """Look at an order's parameters and do nothing."""
        self._ticket(call)
        return {}

    def income(self, call: Call) -> list[dict[str, Any]]:
        """Tell what fills earned and cost; what was paid for funding is not among it."""
        wanted, most = call.params.get("incomeType"), call.number("limit", 100)
        rows = [
            {
                "symbol": each.order.symbol,
                "incomeType": kind,
                "income": signed(amount, MONEY),
                "asset": each.fee_asset,
                "time": each.at_ns // MILLISECOND,
                "info": str(each.number),
                "tranId": each.number,
                "tradeId": str(each.number),
            }
            for each in self.desk.trades_of(call.account)
            for kind, amount in (("COMMISSION", -each.fee), ("REALIZED_PNL", each.realised))
            if amount
            and wanted in (None, kind)
            and call.params.get("symbol") in (None, each.order.symbol)
        ]
        return rows[-most:] if most > 0 else []

    def countdown(self, call: Call) -> dict[str, Any]:
        """Set the timer of a symbol; 0 ends it."""
        symbol, time_ms = self.symbol(call), call.number("countdownTime")
        if time_ms < 0:
            raise Problem(-1130, "Data sent for parameter 'countdownTime' is not valid.")
        self.desk.dead_man(call.account, symbol, time_ms * MILLISECOND)
        return {"symbol": symbol, "countdownTime": str(time_ms)}


def _rows(raw: str, most: int) -> list[Any]:
    """Return a parameter that is a list in JSON."""
    try:
        found = json.loads(raw, parse_float=str)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, list) or not 0 < len(found) <= most:
        raise Problem(-1130, f"Data sent for a list is not valid: 1 to {most} of them.")
    return found


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
