"""Order books of plain dictionaries, and a market without end that is made up from a seed.

Prices and quantities are whole numbers of the last decimal. The stream of Binance USD-M needs no
server: ``snapshot()``, then ``message()`` as often as wanted; ``book`` is what a reader must have.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from random import Random

BID, ASK = True, False
Change = tuple[bool, int, int]
"""Bid or ask, price, new quantity; 0 removes the level."""


def text(value: int, decimals: int) -> str:
    """Write a whole number of the last decimal with all of them: ``(187761, 2)`` is ``1877.61``."""
    if not decimals:
        return str(value)
    digits = str(value).rjust(decimals + 1, "0")
    return f"{digits[:-decimals]}.{digits[-decimals:]}"


@dataclass
class PlainBook:
    """A book as simple as can be; slow, and right by inspection."""

    price_decimals: int
    quantity_decimals: int
    bids: dict[int, int] = field(default_factory=dict)
    asks: dict[int, int] = field(default_factory=dict)

    def side(self, bid: bool) -> dict[int, int]:
        return self.bids if bid else self.asks

    def apply(self, changes: Iterable[Change]) -> None:
        for bid, price, quantity in changes:
            if quantity:
                self.side(bid)[price] = quantity
            else:
                self.side(bid).pop(price, None)

    def best(self, bid: bool, most: int | None = None) -> list[tuple[int, int]]:
        """Return levels, best first."""
        return sorted(self.side(bid).items(), reverse=bid)[:most]

    def touch(self) -> tuple[int, int, int, int] | None:
        """Return ``(bid, its quantity, ask, its quantity)``."""
        if not self.bids or not self.asks:
            return None
        bid, ask = max(self.bids), min(self.asks)
        return bid, self.bids[bid], ask, self.asks[ask]

    def cut(self, depth: int) -> None:
        """Keep so many levels of each side."""
        self.bids = dict(self.best(BID, depth))
        self.asks = dict(self.best(ASK, depth))

    def price(self, value: int) -> str:
        return text(value, self.price_decimals)

    def quantity(self, value: int) -> str:
        return text(value, self.quantity_decimals)

    @property
    def row(self) -> tuple[int, int, int, int]:
        """Decimals and steps, as a feed's row has them after the name."""
        return self.price_decimals, 1, self.quantity_decimals, 1


class Wander:
    """Changes of a book that never crosses it, never empties a side, and lets the price drift.

    Parameters
    ----------
    book
        Not empty on either side. The changes are not applied to it here.
    seed
        The same seed and the same book give the same changes.
    most_levels
        Of a side: beyond it the farthest level is removed.
    """

    def __init__(self, book: PlainBook, seed: int, most_levels: int = 400) -> None:
        self._book = book
        self._random = Random(seed)
        self._most = most_levels
        self._best = [min(book.asks), max(book.bids)]  # by side: False is 0
        self._floor = min(20, len(book.bids) - 1, len(book.asks) - 1)

    def changes(self, count: int) -> list[Change]:
        """Return so many changes, each to be applied in order, and apply them to the book."""
        return [self._one() for _ in range(count)]

    def _one(self) -> Change:
        draw = self._random.random
        bid = draw() < 0.5
        side = self._book.side(bid)
        best = self._best[bid]
        away = -1 if bid else 1
        if len(side) > self._most:
            farthest = min(side) if bid else max(side)
            return self._put(bid, farthest, 0)
        price = best + away * int(self._random.expovariate(0.12))
        if draw() < 0.15 and best - away != self._best[not bid]:
            price = best - away
        if price <= 0:
            price = best
        if price in side and len(side) > self._floor and draw() < 0.35:
            return self._put(bid, price, 0)
        return self._put(bid, price, 1 + int(draw() * 5 * 10**self._book.quantity_decimals))

    def _put(self, bid: bool, price: int, quantity: int) -> Change:
        side = self._book.side(bid)
        if quantity:
            side[price] = quantity
            if (price > self._best[bid]) if bid else (price < self._best[bid]):
                self._best[bid] = price
        else:
            side.pop(price, None)
            if price == self._best[bid]:
                self._best[bid] = max(side) if bid else min(side)
        return bid, price, quantity


def grown(
    seed: int,
    *,
    price_decimals: int = 2,
    quantity_decimals: int = 3,
    middle: int = 200_000,
    levels: int = 200,
) -> PlainBook:
    """Return a book with so many levels a side round a price."""
    random = Random(seed)
    book = PlainBook(price_decimals, quantity_decimals)
    most = 20 * 10**quantity_decimals
    for bid in (BID, ASK):
        away = -1 if bid else 1
        for distance in range(1, levels + 1):
            book.side(bid)[middle + away * distance] = random.randint(1, most)
    return book


class UsdmStream:
    """Endless messages of one Binance USD-M product.

    Parameters
    ----------
    symbol
        ``ETHUSDC``.
    changes
        Most level changes in a message.
    """

    def __init__(
        self, symbol: str = "ETHUSDC", seed: int = 1, *, changes: int = 12, levels: int = 500
    ) -> None:
        self.symbol = symbol
        self.book = grown(seed, levels=levels)
        self.last_id = 1_000_000
        self._random = Random(seed + 1)
        self._wander = Wander(self.book, seed + 2, most_levels=2 * levels)
        self._most = changes
        self._at_ms = 1_790_000_000_000

    def snapshot(self, limit: int = 1000) -> bytes:
        """Return the book as the venue's REST answers it."""
        return usdm_snapshot(self.book, self.last_id, self._at_ms, limit)

    def message(self, *, wrapped: bool = True) -> bytes:
        """Return the next difference."""
        first = self.last_id + self._random.randint(1, 60)
        changes = self._wander.changes(self._random.randint(1, self._most))
        previous, self.last_id = self.last_id, first + len(changes)
        self._at_ms += 100
        data = depth_update(
            self.symbol, self.book, changes, self._at_ms, first, self.last_id, previous
        )
        if not wrapped:
            return data
        return b'{"stream":"%b@depth@100ms","data":%b}' % (self.symbol.lower().encode(), data)

    def messages(self, count: int) -> Iterator[bytes]:
        """Return so many differences."""
        return (self.message() for _ in range(count))


def depth_update(
    symbol: str,
    book: PlainBook,
    changes: Iterable[Change],
    at_ms: int,
    first_id: int,
    last_id: int,
    previous_id: int | None,
) -> bytes:
    """Return a difference as Binance writes it; spot's has no `previous_id` and no `T`."""
    rows: tuple[list[str], list[str]] = ([], [])
    for bid, price, quantity in _last_of_each(changes):
        rows[bid].append(f'["{book.price(price)}","{book.quantity(quantity)}"]')
    futures = previous_id is not None
    return (
        f'{{"e":"depthUpdate","E":{at_ms},'
        + (f'"T":{at_ms - 5},' if futures else "")
        + f'"s":"{symbol}","U":{first_id},"u":{last_id},'
        + (f'"pu":{previous_id},' if futures else "")
        + f'"b":[{",".join(rows[BID])}],"a":[{",".join(rows[ASK])}]}}'
    ).encode()


def _last_of_each(changes: Iterable[Change]) -> list[Change]:
    """What is left of several changes of one level: a message names a level once."""
    last = {(bid, price): quantity for bid, price, quantity in changes}
    return [(bid, price, quantity) for (bid, price), quantity in last.items()]


def usdm_snapshot(book: PlainBook, last_id: int, at_ms: int | None, limit: int) -> bytes:
    """Return the answer of Binance's REST; spot's has no times."""
    sides = [
        ",".join(
            f'["{book.price(price)}","{book.quantity(quantity)}"]'
            for price, quantity in book.best(bid, limit)
        )
        for bid in (BID, ASK)
    ]
    times = "" if at_ms is None else f'"E":{at_ms},"T":{at_ms - 3},'
    return (f'{{"lastUpdateId":{last_id},{times}"bids":[{sides[0]}],"asks":[{sides[1]}]}}').encode()
