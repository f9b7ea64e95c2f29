"""What a venue lets an account send: a budget that its own counters correct, with a part kept back.

New orders and amends leave a reserve. Cancels may use it, and beyond it run into debt that the
others wait for. After the venue said "too fast" only cancels leave; after it banned the address
they still leave, but no faster than one call a second.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Protocol, Self, runtime_checkable

from alp.venues.orders import ORDERS, WEIGHT, Action, Call

SECOND = 10**9
AT_ONCE = 3
"""Of a window's limit one part in so many can be spent at once."""
RESERVE = 5
"""One part in so many is kept for cancels."""
BANNED_CALL_NS = SECOND


class PairCounter(Protocol):
    """A counter that a venue keeps for each product: commands raise it, and it falls with time."""

    @property
    def threshold(self) -> int:
        """Its largest value."""
        ...

    @property
    def decay_per_1000_s(self) -> int:
        """How much it falls in so long."""
        ...


@runtime_checkable
class CountsPerPair(Protocol):
    """An adapter whose venue counts so; ``Call.orders`` is by how much a call raises a counter."""

    @property
    def counter(self) -> PairCounter:
        """The rule, for each product."""
        ...


@runtime_checkable
class CountsWithin(Protocol):
    """An adapter whose venue counts requests over another time than a minute."""

    @property
    def weight_window_s(self) -> int:
        """So many seconds; ``weight_per_minute`` is spread over them evenly."""
        ...


class Bucket:
    """What may be spent: some at once, more as time passes, never above what the venue reports.

    Parameters
    ----------
    limit
        What the venue allows in all; :meth:`see` compares with it.
    burst
        What may be spent at once.
    refill, window_ns
        So much comes back in so long.
    """

    def __init__(
        self,
        limit: int,
        burst: int,
        refill: int,
        window_ns: int,
        monotonic_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self.limit = limit
        # In exact parts: one unit is as many parts as the window has nanoseconds.
        self._unit = window_ns
        self._burst = burst * window_ns
        self._reserve = burst // RESERVE * window_ns
        self._refill_parts = refill
        self._monotonic_ns = monotonic_ns
        self._parts = self._burst
        self._at_ns = monotonic_ns()

    @classmethod
    def of_window(cls, limit: int, window_ns: int, monotonic_ns: Callable[[], int]) -> Self:
        """Return a bucket that no window of this length can see more spent of than its limit.

        One part of :data:`AT_ONCE` can be spent at once, the others come back within the window.
        """
        burst = max(limit // AT_ONCE, 1)
        return cls(limit, burst, max(limit - burst, 1), window_ns, monotonic_ns)

    @property
    def left(self) -> int:
        """What may be spent now, the reserve included; below zero: a debt of cancels."""
        self._fill()
        return self._parts // self._unit

    def wait_ns(self, amount: int) -> int:
        """Return how long to wait until so much can be spent without the reserve; 0: now."""
        self._fill()
        wanted = min(amount * self._unit, self._burst - self._reserve) + self._reserve
        return max(-(-(wanted - self._parts) // self._refill_parts), 0)

    def spend(self, amount: int) -> None:
        """Spend, into debt if there is not enough."""
        self._fill()
        self._parts -= amount * self._unit

    def see(self, used: int) -> None:
        """Correct it by what the venue says is used: less may be left than thought, never more."""
        self._fill()
        self._parts = min(self._parts, (self.limit - used) * self._unit)

    def _fill(self) -> None:
        now = self._monotonic_ns()
        self._parts = min(self._parts + (now - self._at_ns) * self._refill_parts, self._burst)
        self._at_ns = now


class OrderRates:
    """The budget of one account at one venue.

    Parameters
    ----------
    weight_per_minute, orders_per_10s
        The venue's limits; 0: it has no such.
    counter
        Where the venue counts orders for each product.
    weight_window_s
        Over how long the venue counts requests.

    Attributes
    ----------
    reported
        What the venue said last, by its own names.
    """

    def __init__(
        self,
        weight_per_minute: int,
        orders_per_10s: int,
        counter: PairCounter | None = None,
        *,
        weight_window_s: int = 60,
        monotonic_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._monotonic_ns = monotonic_ns
        self._buckets: dict[str, Bucket] = {}
        self._counter = counter
        weight = weight_per_minute * weight_window_s // 60
        limits = ((WEIGHT, weight, weight_window_s), (ORDERS, orders_per_10s, 10))
        for name, limit, seconds in limits:
            if limit and not (name == ORDERS and counter is not None):
                self._buckets[name] = Bucket.of_window(limit, seconds * SECOND, monotonic_ns)
        self.reported: dict[str, int] = {}
        self._blocked_until_ns = 0
        self._banned_until_ns = 0
        self._banned_call_ns = monotonic_ns() - BANNED_CALL_NS

    @property
    def blocked_ns(self) -> int:
        """How long nothing but cancels may leave; 0: it may."""
        until = max(self._blocked_until_ns, self._banned_until_ns)
        return max(until - self._monotonic_ns(), 0)

    @property
    def banned_ns(self) -> int:
        """How long the venue answers nothing from here; 0: it does."""
        return max(self._banned_until_ns - self._monotonic_ns(), 0)

    def left(self) -> dict[str, int]:
        """Return what is left, by name."""
        return {name: bucket.left for name, bucket in self._buckets.items()}

    def wait_ns(self, call: Call) -> int:
        """Return how long a call has to wait; 0: it may leave now.

        Cancels wait only for a ban, and then less than :data:`BANNED_CALL_NS`.
        """
        if call.commands and all(each.action is Action.CANCEL for each in call.commands):
            if not self.banned_ns:
                return 0
            return max(self._banned_call_ns + BANNED_CALL_NS - self._monotonic_ns(), 0)
        waits = [self.blocked_ns]
        waits += [bucket.wait_ns(cost) for bucket, cost in self._costs(call)]
        return max(waits)

    def spend(self, call: Call) -> None:
        """Count a call that leaves."""
        now = self._monotonic_ns()
        if self.banned_ns:
            self._banned_call_ns = now
        for bucket, cost in self._costs(call):
            bucket.spend(cost)

    def see(self, spent: Mapping[str, int]) -> None:
        """Take over what the venue says is used."""
        self.reported.update(spent)
        for name, used in spent.items():
            if name in self._buckets:
                self._buckets[name].see(used)

    def block(self, for_ns: int) -> None:
        """Let nothing but cancels leave for a while: the venue said so."""
        self._blocked_until_ns = max(self._blocked_until_ns, self._monotonic_ns() + for_ns)

    def ban(self, for_ns: int) -> None:
        """Know that the venue answers nothing for a while."""
        self._banned_until_ns = max(self._banned_until_ns, self._monotonic_ns() + for_ns)

    def _costs(self, call: Call) -> list[tuple[Bucket, int]]:
        costs = []
        if call.weight and WEIGHT in self._buckets:
            costs.append((self._buckets[WEIGHT], call.weight))
        if call.orders and call.commands and self._counter is not None:
            costs.append((self._pair(call.commands[0].instrument.symbol), call.orders))
        elif call.orders and ORDERS in self._buckets:
            costs.append((self._buckets[ORDERS], call.orders))
        return costs

    def _pair(self, symbol: str) -> Bucket:
        name = f"{ORDERS} {symbol}"
        if name not in self._buckets:
            assert self._counter is not None
            full, decay = self._counter.threshold, self._counter.decay_per_1000_s
            self._buckets[name] = Bucket(full, full, decay, 1000 * SECOND, self._monotonic_ns)
        return self._buckets[name]
