"""Order books of plain dictionaries: slow beside the compiled ones, and right by inspection.

Prices and quantities are whole numbers of the last decimal.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from dataclasses import dataclass, field

BID, ASK = True, False
Change = tuple[bool, int, int]
"""Bid or ask, price, new quantity; 0 removes the level."""
Touch = tuple[int, int, int, int]
"""Best bid, its quantity, best ask, its quantity."""
FEW = 100
"""Levels up to which picking the best is faster than sorting all."""


def text(value: int, decimals: int) -> str:
    """Write a whole number of the last decimal with all of them: ``(187761, 2)`` is ``1877.61``."""
    if not decimals:
        return str(value)
    digits = str(value).rjust(decimals + 1, "0")
    return f"{digits[:-decimals]}.{digits[-decimals:]}"


@dataclass
class PlainBook:
    """One product's bids and asks.

    Attributes
    ----------
    price_decimals, quantity_decimals
        Of the whole numbers.
    bids, asks
        Quantity by price.
    """

    price_decimals: int
    quantity_decimals: int
    bids: dict[int, int] = field(default_factory=dict)
    asks: dict[int, int] = field(default_factory=dict)
    _best: list[int | None] = field(
        default_factory=lambda: [None, None], init=False, repr=False, compare=False
    )
    """By side, asks first; None where it must be looked for."""

    def side(self, bid: bool) -> dict[int, int]:
        """Return the levels of one side, to be read."""
        return self.bids if bid else self.asks

    def put(self, bid: bool, price: int, quantity: int) -> None:
        """Set a level; a quantity of 0 removes it, and is nothing where there is none."""
        side = self.side(bid)
        best = self._best[bid]
        if quantity:
            side[price] = quantity
            if best is not None and (price > best if bid else price < best):
                self._best[bid] = price
        elif side.pop(price, None) is not None and price == best:
            self._best[bid] = None

    def apply(self, changes: Iterable[Change]) -> None:
        """Set levels, in order."""
        for change in changes:
            self.put(*change)

    def replace(self, bid: bool, levels: Iterable[tuple[int, int]]) -> None:
        """Let one side be these levels and no others."""
        side = self.side(bid)
        kept = dict(levels)
        side.clear()
        side.update(kept)
        self._best[bid] = None

    def best(self, bid: bool, most: int | None = None) -> list[tuple[int, int]]:
        """Return levels, best first."""
        rows = self.side(bid).items()
        if most is None or most > FEW or most >= len(rows):
            return sorted(rows, reverse=bid)[:most]
        return heapq.nlargest(most, rows) if bid else heapq.nsmallest(most, rows)

    def top(self, bid: bool) -> int | None:
        """Return the best price of one side; None where it is empty."""
        best, side = self._best[bid], self.side(bid)
        if best is None or best not in side:
            best = (max(side) if bid else min(side)) if side else None
            self._best[bid] = best
        return best

    def touch(self) -> Touch | None:
        """Return the best of both sides; None where one is empty."""
        bid, ask = self.top(BID), self.top(ASK)
        if bid is None or ask is None:
            return None
        return bid, self.bids[bid], ask, self.asks[ask]

    def cut(self, depth: int) -> None:
        """Keep so many levels of each side."""
        for bid in (BID, ASK):
            if len(self.side(bid)) > depth:
                self.replace(bid, self.best(bid, depth))

    def refine(self) -> None:
        """Let prices have one decimal more from now on."""
        self.price_decimals += 1
        for bid in (BID, ASK):
            self.replace(bid, [(price * 10, size) for price, size in self.side(bid).items()])

    def price(self, value: int) -> str:
        """Write a price as a venue does."""
        return text(value, self.price_decimals)

    def quantity(self, value: int) -> str:
        """Write a quantity as a venue does."""
        return text(value, self.quantity_decimals)

    @property
    def row(self) -> tuple[int, int, int, int]:
        """Decimals and steps, as a feed's row has them after the name."""
        return self.price_decimals, 1, self.quantity_decimals, 1
