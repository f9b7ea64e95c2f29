"""What Binance's commands about orders have in common, whatever product and whatever way."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from alp._core.matching import Prevention
from alp.paper.binance.answers import (
    MODES,
    Problem,
    missing,
)
from alp.paper.book import PlainBook
from alp.paper.desk import Desk
from alp.paper.market import MILLISECOND
from alp.paper.orders import (
    Order,
    Refusal,
    Refused,
    Trade,
    whole,
)

CLIENT_ID = re.compile(r"[.A-Z:/a-z0-9_-]{1,36}")
MOST_ROWS = 1000
_PREVENTIONS = {name: mode for mode, name in MODES.items()}


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
            raise unknown(code)
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


def unknown(code: int) -> Problem:
    """Return what is said where there is no such order: -2011 to a cancel, -2013 otherwise."""
    return Problem(code, "Unknown order sent." if code == -2011 else "Order does not exist.")
