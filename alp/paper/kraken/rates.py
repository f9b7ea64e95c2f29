"""Kraken's counters of what a client asks for: they fall with time; in whole numbers.

What a transaction costs depends on how long its order has stood.
"""

from __future__ import annotations

from dataclasses import dataclass

SECOND = 1_000_000_000
_POINT = 100 * SECOND
"""A counter's unit is a hundredth of a point for each nanosecond of a second."""

Steps = tuple[tuple[int, int], ...]
"""Seconds that an order stands less than, and what that adds."""
AMEND_STEPS: Steps = ((5, 3), (10, 2), (15, 1))
EDIT_STEPS: Steps = ((5, 6), (10, 5), (15, 4), (45, 2), (90, 1))
CANCEL_STEPS: Steps = ((5, 8), (10, 6), (15, 5), (45, 4), (90, 2), (300, 1))


@dataclass(frozen=True, slots=True)
class Tier:
    """What Kraken allows an account.

    Attributes
    ----------
    orders, orders_fall
        Threshold of each pair's counter, and hundredths of a point that it falls in a second.
    open_orders
        Of a pair.
    requests, requests_fall
        The same for requests by REST that are no orders.
    """

    orders: int
    orders_fall: int
    open_orders: int
    requests: int
    requests_fall: int


STARTER = Tier(60, 100, 60, 15, 33)
INTERMEDIATE = Tier(125, 234, 80, 20, 50)
PRO = Tier(180, 375, 225, 20, 100)


def penalty(steps: Steps, age_ns: int) -> int:
    """Return what the age of an order adds to the cost of its transaction."""
    return next((points for seconds, points in steps if age_ns < seconds * SECOND), 0)


class Decaying:
    """A counter that falls steadily, down to zero.

    Parameters
    ----------
    most
        Points that it may not pass.
    fall
        Hundredths of a point a second.
    """

    def __init__(self, most: int, fall: int) -> None:
        self._most, self._fall = most, fall
        self._level = self._at_ns = 0

    def _settle(self, now_ns: int) -> None:
        passed = max(0, now_ns - self._at_ns)
        self._level = max(0, self._level - passed * self._fall)
        self._at_ns = max(self._at_ns, now_ns)

    def hundredths(self, now_ns: int) -> int:
        """Return the counter, hundredths of a point, rounded down."""
        self._settle(now_ns)
        return self._level // SECOND

    def add(self, hundredths: int, now_ns: int) -> None:
        """Count what is not refused, whatever the counter is."""
        self._settle(now_ns)
        self._level += hundredths * SECOND

    def take(self, hundredths: int, now_ns: int) -> bool:
        """Count, unless that would pass the threshold; return whether it was counted."""
        self._settle(now_ns)
        if self._level + hundredths * SECOND > self._most * _POINT:
            return False
        self._level += hundredths * SECOND
        return True


class PairCounters:
    """Kraken's counters of orders, one for each pair of an account.

    A cancel is counted and not refused: whoever is over the threshold can still leave the market.
    """

    def __init__(self, tier: Tier) -> None:
        self._tier = tier
        self._pairs: dict[str, Decaying] = {}

    def of(self, symbol: str) -> Decaying:
        """Return the counter of a pair."""
        if symbol not in self._pairs:
            self._pairs[symbol] = Decaying(self._tier.orders, self._tier.orders_fall)
        return self._pairs[symbol]

    def place(self, symbol: str, now_ns: int, *, orders: int = 1) -> bool:
        """Count a new order, or a batch of them, at half the price each."""
        return self.of(symbol).take(100 if orders == 1 else 50 * orders, now_ns)

    def amend(self, symbol: str, age_ns: int, now_ns: int) -> bool:
        """Count an amend."""
        return self.of(symbol).take(100 + 100 * penalty(AMEND_STEPS, age_ns), now_ns)

    def edit(self, symbol: str, age_ns: int, now_ns: int) -> bool:
        """Count an edit."""
        return self.of(symbol).take(100 + 100 * penalty(EDIT_STEPS, age_ns), now_ns)

    def cancel(self, symbol: str, age_ns: int, now_ns: int) -> None:
        """Count a cancel."""
        self.of(symbol).add(100 * penalty(CANCEL_STEPS, age_ns), now_ns)
