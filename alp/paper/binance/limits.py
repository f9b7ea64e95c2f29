"""What Binance counts: the weight of an address and the orders of an account."""

from __future__ import annotations

from typing import Any

from alp.paper.accounts import RateWindow
from alp.paper.binance.answers import Problem
from alp.paper.binance.routes import Route

SECOND = 10**9
BAN_NS = 120 * SECOND
MOST_IGNORED = 20
"""Requests after a 429 within one minute before the address is banned."""
_LETTERS = {"SECOND": "S", "MINUTE": "M", "DAY": "D"}
_SPANS = {"SECOND": SECOND, "MINUTE": 60 * SECOND, "DAY": 86_400 * SECOND}


class Limits:
    """Counters of futures or of spot.

    Attributes
    ----------
    weight_limit
        Of an address, a minute.
    order_limits
        Interval, how many of them, and most orders of an account.
    """

    def __init__(self, *, futures: bool) -> None:
        self.futures = futures
        self.weight_limit = 2400 if futures else 6000
        self.order_limits = (
            [("SECOND", 10, 300), ("MINUTE", 1, 1200)]
            if futures
            else [("SECOND", 10, 100), ("DAY", 1, 200_000)]
        )
        self._weights: dict[str, RateWindow] = {}
        self._orders: dict[str, list[RateWindow]] = {}
        self._ignored: dict[str, int] = {}
        self._banned_ns: dict[str, int] = {}

    def _of_address(self, address: str) -> RateWindow:
        return self._weights.setdefault(address, RateWindow(self.weight_limit, 60 * SECOND))

    def _of_account(self, account: str) -> list[RateWindow]:
        if account not in self._orders:
            self._orders[account] = [
                RateWindow(most, count * _SPANS[name]) for name, count, most in self.order_limits
            ]
        return self._orders[account]

    def weigh(self, address: str, weight: int, now_ns: int) -> None:
        """Count a request.

        Raises
        ------
        Problem
            If there were too many: 429, and 418 when it does not stop.
        """
        until = self._banned_ns.get(address, 0)
        if now_ns < until:
            raise _banned(until)
        window = self._of_address(address)
        if window.add(now_ns, weight) <= self.weight_limit:
            self._ignored[address] = 0
            return
        self._ignored[address] = self._ignored.get(address, 0) + 1
        if self._ignored[address] > MOST_IGNORED:
            self._banned_ns[address] = now_ns + BAN_NS
            raise _banned(now_ns + BAN_NS)
        raise Problem(-1003, f"Too many requests; current limit is {self.weight_limit}.", 429)

    def order(self, account: str, count: int, now_ns: int) -> None:
        """Count orders.

        Raises
        ------
        Problem
            If there were too many.
        """
        for window, row in zip(self._of_account(account), self.order_limits, strict=True):
            name, number, most = row
            if count and window.add(now_ns, count) > most:
                text = f"Too many new orders; current limit is {most} orders per {number} {name}."
                raise Problem(-1015, text, 429)

    def filled(self, account: str) -> None:
        """Give credit for an order that was filled, as spot does."""
        if not self.futures:
            for window in self._of_account(account):
                window.used = max(window.used - 1, 0)

    def headers(self, address: str, account: str | None, now_ns: int) -> dict[str, str]:
        """Return what is told of the counters with an answer by REST."""
        used = str(self._of_address(address).add(now_ns, 0))
        found = {"X-MBX-USED-WEIGHT-1M": used}
        if not self.futures:
            found["X-MBX-USED-WEIGHT"] = used
        for window, (name, number, _) in zip(
            self._of_account(account) if account else [], self.order_limits, strict=bool(account)
        ):
            used = str(window.add(now_ns, 0))
            found[f"X-MBX-ORDER-COUNT-{number}{_LETTERS[name]}"] = used
        return found

    def retry_after_s(self, address: str, now_ns: int) -> int:
        """Return how long the address should wait."""
        banned = self._banned_ns.get(address, 0) - now_ns
        rest = banned if banned > 0 else self._of_address(address).rest_ns(now_ns)
        return -(-rest // SECOND)

    def rows(
        self, address: str, account: str | None, now_ns: int, route: Route | None
    ) -> list[dict[str, Any]]:
        """Return what is told of the counters on the WebSocket API."""
        free = self.futures and route is not None and route.weight == 0
        weight = {
            "rateLimitType": "REQUEST_WEIGHT",
            "interval": "MINUTE",
            "intervalNum": 1,
            "limit": -1 if free else self.weight_limit,
            "count": -1 if free else self._of_address(address).add(now_ns, 0),
        }
        wanted = account and route is not None and route.orders
        counted = self.order_rows(account, now_ns) if account and wanted else []
        return [weight, *counted] if self.futures else [*counted, weight]

    def order_rows(self, account: str, now_ns: int) -> list[dict[str, Any]]:
        """Return how many orders of an account are counted."""
        return [
            {
                "rateLimitType": "ORDERS",
                "interval": name,
                "intervalNum": number,
                "limit": most,
                "count": window.add(now_ns, 0),
            }
            for window, (name, number, most) in zip(
                self._of_account(account), self.order_limits, strict=True
            )
        ]

    @property
    def declared(self) -> list[dict[str, Any]]:
        """What the venue says of its limits."""
        rows = [("REQUEST_WEIGHT", "MINUTE", 1, self.weight_limit)]
        rows += [("ORDERS", *each) for each in self.order_limits]
        names = ("rateLimitType", "interval", "intervalNum", "limit")
        return [dict(zip(names, row, strict=True)) for row in rows]


def _banned(until_ns: int) -> Problem:
    text = f"Way too many requests; IP banned until {until_ns // 10**6}."
    return Problem(-1003, text, 418)
