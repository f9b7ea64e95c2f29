"""A market without end that is made up from a seed."""

from __future__ import annotations

from random import Random

from alp.paper.book import ASK, BID, Change, PlainBook

MOST_LEVELS = 400
FLOOR = 20
"""Levels of a side below which none is removed."""


class Wander:
    """Changes of a book that never crosses it, never empties a side, and lets the price drift.

    Parameters
    ----------
    book
        Not empty on either side. The changes are applied to it.
    seed
        The same seed and the same book give the same changes.
    most_levels
        Of a side: beyond it the farthest level is removed.
    """

    def __init__(self, book: PlainBook, seed: int, most_levels: int = MOST_LEVELS) -> None:
        self._book = book
        self._random = Random(seed)  # noqa: S311 - a made-up market, not a secret
        self._most = most_levels
        self._floor = max(1, min(FLOOR, len(book.bids) - 1, len(book.asks) - 1))

    def changes(self, count: int) -> list[Change]:
        """Return so many changes, each applied to the book, in order."""
        return [self._one() for _ in range(count)]

    def _one(self) -> Change:
        draw = self._random.random
        bid = draw() < 0.5
        side = self._book.side(bid)
        best, other = self._book.top(bid), self._book.top(not bid)
        assert best is not None
        assert other is not None
        away = -1 if bid else 1
        if len(side) > self._most:
            return self._put(bid, min(side) if bid else max(side), 0)
        price = best + away * int(self._random.expovariate(0.12))
        if draw() < 0.15 and best - away != other:
            price = best - away
        if price <= 0:
            price = best
        if price in side and len(side) > self._floor and draw() < 0.35:
            return self._put(bid, price, 0)
        return self._put(bid, price, 1 + int(draw() * 5 * 10**self._book.quantity_decimals))

    def _put(self, bid: bool, price: int, quantity: int) -> Change:
        self._book.put(bid, price, quantity)
        return bid, price, quantity


def grown(
    seed: int,
    *,
    price_decimals: int = 2,
    quantity_decimals: int = 3,
    middle: int = 200_000,
    levels: int = 200,
) -> PlainBook:
    """Return a book with so many levels a side round a price of the last decimal."""
    random = Random(seed)  # noqa: S311 - a made-up market, not a secret
    book = PlainBook(price_decimals, quantity_decimals)
    most = 20 * 10**quantity_decimals
    for bid in (BID, ASK):
        away = -1 if bid else 1
        for distance in range(1, levels + 1):
            book.put(bid, middle + away * distance, random.randint(1, most))
    return book
