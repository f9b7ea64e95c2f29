"""What an account's gate is told of the markets: is the book fresh, and what do others quote."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from alp._core.gate import Gate
from alp._core.wire import BboMessage, BookStatusMessage, HeartbeatMessage, InstrumentFields
from alp.bus.sources import Source
from alp.services.execution.limits import REFERENCE_AGES, AccountVenue

BPS = 10_000


@dataclass(frozen=True, slots=True)
class Touch:
    """A product's best bid and ask in its own ticks, and when this was known to be so."""

    bid: int
    ask: int
    at_ns: int


class MarketView:
    """Follows the quote server's messages.

    A book is fresh while the quote server says that it is live and is itself heard. The second
    source of prices for a product is the other product of the strategy that was heard last; where
    there is no other, it is the product itself, and :attr:`alone` says so.

    Parameters
    ----------
    listed
        Of every venue of the manifest the number by which its product is named on the bus.
    max_age_ns
        After so long without a word a book is not fresh; a second source may be older.
    collar_bps
        Further from the second source a product's own price is not believed.
    changed
        Is called when a product of the account becomes fresh, or is no longer.
    """

    def __init__(
        self,
        gate: Gate,
        products: Mapping[int, AccountVenue],
        listed: Sequence[int],
        max_age_ns: int,
        *,
        collar_bps: int = BPS,
        changed: Callable[[], None] = lambda: None,
        clock_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._gate = gate
        self._products = products
        self._listed = listed
        self._max_age_ns = max_age_ns
        self._collar_bps = collar_bps
        self._changed = changed
        self._clock_ns = clock_ns
        self._ticks: dict[int, Decimal] = {}
        self._live: dict[int, bool] = {}
        self._heard_ns: dict[int, int] = {}
        self._touches: dict[int, Touch] = {}
        self._fresh: dict[int, bool] = dict.fromkeys(products, False)
        self.messages = 0

    @property
    def alone(self) -> list[int]:
        """Products whose only source of prices is their own book."""
        return [index for index in self._products if not self._others(index)]

    def _others(self, index: int) -> set[int]:
        return set(self._listed) - {self._listed[index]}

    def heard(self, message: Any) -> None:
        """Take in a message of the bus; others than the quote server's are nothing to it."""
        if message.header.source != Source.QUOTES:
            return
        # A message that waited, because this process stood still, is as old as it is.
        now = min(self._clock_ns(), message.header.send_ns or self._clock_ns())
        self.messages += 1
        index = message.header.instrument
        if isinstance(message, BboMessage):
            if message.bid_quantity and message.ask_quantity:
                self._touches[index] = Touch(message.bid, message.ask, now)
            else:
                self._touches.pop(index, None)
            self._heard_ns[index] = now
            self._see()
        elif isinstance(message, BookStatusMessage):
            self._live[index] = message.live
            self._heard_ns[index] = now
            self._see()
        elif isinstance(message, HeartbeatMessage):
            self._beat(now)
        elif isinstance(message, InstrumentFields):
            self._ticks[index] = Decimal(message.price_step).scaleb(-message.price_decimals)

    def _beat(self, now_ns: int) -> None:
        """Believe what it called live for longer: the quote server is heard."""
        for index, live in self._live.items():
            if live:
                self._heard_ns[index] = now_ns
                if (touch := self._touches.get(index)) is not None:
                    self._touches[index] = Touch(touch.bid, touch.ask, now_ns)
        self._see()

    def _see(self) -> None:
        """Tell the gate how everything is."""
        for index, product in self._products.items():
            listed = self._listed[index]
            live = self._live.get(listed, False) and listed in self._touches
            self._gate.see_book(index, live, self._heard_ns.get(listed, 0))
            reference = self._reference(index, product)
            if reference is not None:
                self._gate.see_reference(index, reference.bid, reference.ask, reference.at_ns)
        self.look()

    def _reference(self, index: int, product: AccountVenue) -> Touch | None:
        """Return the second source's touch in ticks of a product, rounded outwards."""
        known = [
            (self._touches[other].at_ns, other)
            for other in self._others(index)
            if other in self._touches and other in self._ticks and self._live.get(other)
        ]
        if not known:
            own = self._listed[index]
            return None if self._others(index) else self._touches.get(own)
        _, other = max(known)
        touch, tick = self._touches[other], product.instrument.price.increment
        bid, ask = touch.bid * self._ticks[other], touch.ask * self._ticks[other]
        return Touch(int(bid // tick), int(-(-ask // tick)), touch.at_ns)

    def touch(self, index: int) -> Touch | None:
        """Return best bid and ask of a product of the account; None where they are not known."""
        return self._touches.get(self._listed[index])

    def has_reference(self, index: int) -> bool:
        """Whether the second source of a product's prices was heard lately."""
        return self._fresh_reference(index) is not None

    def confirmed_twice(self, index: int) -> int | None:
        """Return twice a product's mid, in ticks; None where the second source is far from it."""
        touch, reference = self.touch(index), self._fresh_reference(index)
        if touch is None or reference is None or not self.is_fresh(index):
            return None
        mid, other = touch.bid + touch.ask, reference.bid + reference.ask
        return mid if abs(mid - other) * BPS <= self._collar_bps * other else None

    def _fresh_reference(self, index: int) -> Touch | None:
        reference = self._reference(index, self._products[index])
        if reference is None or not (
            0 <= self._clock_ns() - reference.at_ns <= REFERENCE_AGES * self._max_age_ns
        ):
            return None
        return reference

    def is_fresh(self, index: int) -> bool:
        """Whether a product's book may be quoted from now."""
        listed = self._listed[index]
        age = self._clock_ns() - self._heard_ns.get(listed, 0)
        return (
            self._live.get(listed, False)
            and listed in self._touches
            and 0 <= age <= self._max_age_ns
        )

    def may_quote(self, index: int) -> bool:
        """Whether what is wanted of a product may rest: its book is fresh, and so is another."""
        return self.is_fresh(index) and self.has_reference(index)

    def look(self) -> None:
        """Notice what became stale, or fresh; to be called now and then as well."""
        found = {index: self.may_quote(index) for index in self._products}
        if found != self._fresh:
            self._fresh = found
            self._changed()
