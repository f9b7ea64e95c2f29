"""Binance's commands about orders, USD-M futures and spot, whatever way they came."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from alp._core.matching import Prevention
from alp.paper.binance_answers import (
    MODES,
    MONEY,
    SPOT_REFUSALS,
    USDM_REFUSALS,
    Problem,
    missing,
    spot_fill,
    spot_order,
    spot_trade,
    usdm_order,
    usdm_trade,
)
from alp.paper.book import PlainBook
from alp.paper.desk import Desk
from alp.paper.market import MILLISECOND
from alp.paper.orders import (
    Order,
    Refusal,
    Refused,
    Report,
    State,
    Ticket,
    Tif,
    Trade,
    Why,
    whole,
)

CLIENT_ID = re.compile(r"[.A-Z:/a-z0-9_-]{1,36}")
CONDITIONAL = ("STOP", "TAKE_PROFIT", "STOP_MARKET", "TAKE_PROFIT_MARKET", "TRAILING_STOP_MARKET")
LEAST_LIFE_NS = 600 * 10**9
"""Of a GTD order."""
MOST_IN_BATCH = 5
MOST_CANCELS = 10
MOST_ROWS = 1000
_PREVENTIONS = {name: mode for mode, name in MODES.items()}
_TIFS = ("GTC", "IOC", "FOK", "GTX", "GTD", "RPI")
ALL_CANCELED = "The operation of cancel all open order is done."


@dataclass(frozen=True, slots=True)
class Call:
    """A command: whose it is, its parameters as text, and whether its key may withdraw."""

    account: str
    params: Mapping[str, str]
    withdraws: bool = False

    def text(self, name: str, default: str | None = None) -> str:
        """Return a parameter.

        Raises
        ------
        Problem
            If it is not there and has no default.
        """
        found = self.params.get(name) or default
        if found is None:
            raise missing(name)
        return found

    def number(self, name: str, default: int | None = None) -> int:
        """Return a parameter that is a whole number; see :meth:`text`."""
        found = self.text(name, None if default is None else str(default))
        if not found.removeprefix("-").isdigit() or len(found) > 19:
            raise Problem(-1100, f"Illegal characters found in parameter '{name}'.")
        return int(found)


class BinanceOrders:
    """What futures and spot have in common.

    Parameters
    ----------
    now_ns
        The venue's clock.
    """

    refusals: Mapping[Refusal, tuple[int, str]]

    def __init__(self, desk: Desk, now_ns: Callable[[], int]) -> None:
        self.desk = desk
        self.now_ns = now_ns

    def book(self, symbol: str) -> PlainBook:
        """Return a market's book."""
        return self.desk.markets[symbol].book

    def problem(self, refused: Refused) -> Problem:
        """Return how the venue says a refusal."""
        code, message = self.refusals[refused.reason]
        return Problem(code, message, 401 if code == -2015 else 400)

    def symbol(self, call: Call) -> str:
        """Return the market that a command names.

        Raises
        ------
        Problem
            If there is none.
        """
        found = call.text("symbol")
        if found not in self.desk.markets:
            raise Problem(-1121, "Invalid symbol.")
        return found

    def client_id(self, call: Call, name: str = "newClientOrderId") -> str:
        """Return the client's id, or one that the venue makes.

        Raises
        ------
        Problem
            If it cannot be one.
        """
        found = call.params.get(name) or secrets.token_hex(11)
        if not CLIENT_ID.fullmatch(found):
            code = -4015 if self.desk.futures else -1100
            raise Problem(code, "Client order id is not valid.")
        return found

    def side(self, call: Call) -> bool:
        """Return whether a command buys."""
        found = call.text("side")
        if found not in ("BUY", "SELL"):
            raise Problem(-1117, "Invalid side.")
        return found == "BUY"

    def prevention(self, call: Call, default: str) -> Prevention:
        """Return what is to be done about a trade with oneself."""
        found = call.params.get("selfTradePreventionMode") or default
        if found not in _PREVENTIONS or (self.desk.futures and found == "DECREMENT"):
            raise Problem(-5039, "Invalid selfTradePreventionMode.")
        return _PREVENTIONS[found]

    def named(self, call: Call, code: int = -2013) -> Order:
        """Return the order that a command names by either id.

        Raises
        ------
        Problem
            If there is none.
        """
        symbol = self.symbol(call)
        if "orderId" in call.params:
            found = self.desk.order(call.account, number=call.number("orderId"))
        else:
            client_id = call.text("origClientOrderId")
            found = self.desk.order(call.account, client_id=client_id)
        if found is None or found.symbol != symbol:
            raise _unknown(code)
        return found

    def fills(self, order: Order) -> list[Trade]:
        """Return an order's trades, oldest first."""
        found: list[Trade] = []
        for trade in reversed(self.desk.trades):
            if len(found) == order.trades:
                break
            if trade.order is order:
                found.append(trade)
        return found[::-1]

    def listed(self, call: Call) -> list[Order]:
        """Return what is open, of a symbol if there is one."""
        symbol = self.symbol(call) if call.params.get("symbol") else None
        return self.desk.open_orders(call.account, symbol)

    def remembered(self, call: Call) -> list[Order]:
        """Return orders of a symbol from a time or an id on."""
        since = call.number("startTime", 0) * MILLISECOND
        first, most = call.number("orderId", 0), call.number("limit", 500)
        found = [
            each
            for each in self.desk.orders(call.account, self.symbol(call))
            if each.created_ns >= since and each.number >= first
        ]
        return found[-min(most, MOST_ROWS) :]

    def traded(self, call: Call) -> list[Trade]:
        """Return fills of a symbol: from an id or a time on the oldest, otherwise the latest."""
        since, until = call.number("startTime", 0), call.number("endTime", 2**62)
        order, first = call.number("orderId", 0), call.number("fromId", 0)
        most = min(call.number("limit", 500), MOST_ROWS)
        found = [
            each
            for each in self.desk.trades_of(call.account, self.symbol(call))
            if since <= each.at_ns // MILLISECOND <= until
            and order in (0, each.order.number)
            and each.number >= first
        ]
        return found[:most] if since or first else found[-most:]

    def quantity(self, call: Call, name: str = "quantity") -> int:
        """Return a quantity as a whole number of its market."""
        return whole(call.text(name), self.book(self.symbol(call)).quantity_decimals)

    def price(self, call: Call) -> int:
        """Return a price as a whole number of its market."""
        return whole(call.text("price"), self.book(self.symbol(call)).price_decimals)


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
            raise _unknown(-2013)
        if order.ticket.notes["type"] != "LIMIT" or bid != order.bid:
            raise Problem(-4145 if bid == order.bid else -1117, "Only LIMIT order can be modified.")
        self.desk.amend(order, price=price, quantity=quantity)
        return usdm_order(order, self.book(order.symbol), queried=False)

    def cancel(self, call: Call) -> dict[str, Any]:
        """``order.cancel``."""
        order = self.named(call, -2011)
        if not order.is_open:
            raise _unknown(-2011)
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
            raise _unknown(-2013)
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

    def countdown(self, call: Call) -> dict[str, Any]:
        """Set the timer of a symbol; 0 ends it."""
        symbol, time_ms = self.symbol(call), call.number("countdownTime")
        if time_ms < 0:
            raise Problem(-1130, "Data sent for parameter 'countdownTime' is not valid.")
        self.desk.dead_man(call.account, symbol, time_ms * MILLISECOND)
        return {"symbol": symbol, "countdownTime": str(time_ms)}


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
            raise _unknown(-2011)
        order.ticket.notes["cancel_id"] = cancel_id
        self.desk.cancel(order)
        row = spot_order(order, self.book(order.symbol), queried=False)
        return {**row, "origClientOrderId": order.client_id, "clientOrderId": cancel_id}

    def cancel_all(self, call: Call) -> list[dict[str, Any]]:
        """Cancel all of a symbol."""
        found = self.desk.open_orders(call.account, self.symbol(call))
        if not found:
            raise _unknown(-2011)
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
            raise _unknown(-2013)
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


def _unknown(code: int) -> Problem:
    return Problem(code, "Unknown order sent." if code == -2011 else "Order does not exist.")


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
