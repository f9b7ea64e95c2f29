"""One product of a test exchange: a book that changes, from a recording as far as it goes.

A recording is a session of the fixtures beside the project; when it is over, changes made up from a
seed go on from its last book, so that a market never ends.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

from synthetic_book import ASK, BID, Change, PlainBook, Wander, grown


@dataclass(frozen=True)
class Event:
    """What happens at once.

    Attributes
    ----------
    raw
        The recorded message, where it can be sent as it stands.
    ids
        Of Binance: first, last and previous.
    """

    changes: list[Change]
    raw: bytes | None = None
    ids: tuple[int, int, int | None] | None = None


class Market:
    """A product.

    Parameters
    ----------
    book
        As it begins.
    recorded
        What happens first.
    depth
        The venue only tells of so many levels a side; 0: of all.
    """

    def __init__(
        self,
        symbol: str,
        book: PlainBook,
        *,
        seed: int = 1,
        recorded: Iterator[Event] | None = None,
        last_id: int = 1_000_000,
        depth: int = 0,
    ) -> None:
        self.symbol = symbol
        self.book = book
        self.depth = depth
        self.first_id = self.last_id = last_id
        self.previous_id: int | None = last_id - 1
        self.trades = 0
        self.events = 0
        self.at_ms = 1_790_000_000_000
        self.raw: bytes | None = None
        self.changes: list[Change] = []
        self._recorded = recorded or iter(())
        self._seed = seed
        self._random = Random(seed)
        self._wander: Wander | None = None

    @classmethod
    def made_up(cls, symbol: str, *, seed: int = 1, depth: int = 0, **book: int) -> Market:
        """Return a market without a recording."""
        return cls(symbol, grown(seed, **book), seed=seed, depth=depth)

    @property
    def is_recorded(self) -> bool:
        """Whether the last event came from the recording."""
        return self._wander is None

    def step(self) -> None:
        """Let the next event happen: the book after it and what changed stand in the members."""
        self.events += 1
        self.at_ms += 50
        event = None if self._wander else next(self._recorded, None)
        self.previous_id = self.last_id
        if event is None:
            self.raw = None
            self._make_up()
            return
        self.changes, self.raw = event.changes, event.raw
        self.book.apply(event.changes)
        if self.depth:
            self.book.cut(self.depth)
        if event.ids is None:
            self.first_id, self.last_id = self.last_id + 1, self.last_id + len(event.changes)
        else:
            self.first_id, self.last_id, previous = event.ids
            self.previous_id = self.previous_id if previous is None else previous

    def _make_up(self) -> None:
        if self._wander is None:
            self._wander = Wander(self.book, self._seed)
        before = self._seen()
        changes = self._wander.changes(self._random.randint(1, 8))
        self.changes = self._visible(before) if self.depth else changes
        self.first_id = self.last_id + 1
        self.last_id = self.first_id + len(changes) - 1

    def _seen(self) -> list[dict[int, int]]:
        return [dict(self.book.best(side, self.depth or None)) for side in (ASK, BID)]

    def _visible(self, before: list[dict[int, int]]) -> list[Change]:
        """What a reader of so many levels has to be told; a level that falls off goes unsaid."""
        after = self._seen()
        changes = [
            (bool(side), price, 0)
            for side in (ASK, BID)
            for price in before[side]
            if price not in self.book.side(bool(side))
        ]
        changes += [
            (bool(side), price, quantity)
            for side in (ASK, BID)
            for price, quantity in after[side].items()
            if before[side].get(price) != quantity
        ]
        return changes

    def refine(self) -> None:
        """Let prices have one decimal more from now on."""
        self.book.price_decimals += 1
        for bid in (BID, ASK):
            side = self.book.side(bid)
            finer = {price * 10: quantity for price, quantity in side.items()}
            side.clear()
            side.update(finer)
        self._wander = Wander(self.book, self._seed)

    def levels(self, bid: bool) -> list[tuple[int, int]]:
        """Return what a reader must have of one side."""
        return self.book.best(bid, self.depth or None)

    def trade(self) -> tuple[int, bool, int, int]:
        """Make up a trade at the touch: ``(id, whether the aggressor bought, price, quantity)``."""
        self.trades += 1
        touch = self.book.touch()
        assert touch is not None
        bought = self.trades % 2 == 0
        return self.trades, bought, touch[2] if bought else touch[0], 1 + self.trades % 7


def _rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def _read(raw: str) -> Any:
    """Parse with every number as a decimal that keeps its zeros."""
    return json.loads(raw, parse_float=Decimal)


def _decimals(values: list[str]) -> int:
    exponents = [Decimal(value).as_tuple().exponent for value in values]
    return max(0, *(-exponent for exponent in exponents if isinstance(exponent, int)))


class _Scale:
    """Turns texts into whole numbers with as many decimals as the recording has."""

    def __init__(self, prices: list[str], quantities: list[str]) -> None:
        self.price_decimals = _decimals(prices)
        self.quantity_decimals = _decimals(quantities)

    def change(self, bid: bool, price: str, quantity: str) -> Change:
        return (
            bid,
            int(Decimal(price).scaleb(self.price_decimals)),
            int(Decimal(quantity).scaleb(self.quantity_decimals)),
        )

    def book(self, changes: list[Change]) -> PlainBook:
        found = PlainBook(self.price_decimals, self.quantity_decimals)
        found.apply(changes)
        return found


Level = tuple[bool, str, str]


def _market(
    symbol: str,
    snapshot: list[Level],
    updates: list[tuple[list[Level], bytes | None, tuple[int, int, int | None] | None]],
    **more: int,
) -> Market:
    every = [level for levels, _, _ in updates for level in levels] + snapshot
    scale = _Scale([level[1] for level in every], [level[2] for level in every])
    events = [
        Event([scale.change(*level) for level in levels], raw, ids) for levels, raw, ids in updates
    ]
    book = scale.book([scale.change(*level) for level in snapshot])
    return Market(symbol, book, recorded=iter(events), **more)


def _pairs(row: Any, bids: str, asks: str) -> list[Level]:
    return [
        (bid, price, quantity)
        for bid, name in ((BID, bids), (ASK, asks))
        for price, quantity in row[name]
    ]


def binance(path: Path, symbol: str) -> Market:
    """Return a recorded product of Binance's futures or spot; it begins with the REST answer."""
    first = None
    last_id = 0
    updates = []
    for row in _rows(path):
        if row["symbol"] != symbol:
            continue
        raw = _read(row["raw"])
        if row["channel"] == "rest.depth":
            first, last_id = _pairs(raw, "bids", "asks"), raw["lastUpdateId"]
        elif row["channel"] == "depth@100ms":
            data = raw["data"]
            if data["u"] > last_id:
                ids = (data["U"], data["u"], data.get("pu"))
                payload = row["raw"].partition('"data":')[2][:-1].encode()
                updates.append((_pairs(data, "b", "a"), payload, ids))
    assert first is not None
    return _market(symbol, first, updates, last_id=last_id)


def coinbase(path: Path, symbol: str) -> Market:
    """Return a product of the older feed; its levels are sent in the newer feed's messages."""
    first: list[Level] = []
    updates = []
    for row in _rows(path):
        raw = _read(row["raw"])
        if row["symbol"] != symbol:
            continue
        if raw["type"] == "snapshot":
            first = _pairs(raw, "bids", "asks")
        elif raw["type"] == "l2update":
            levels = [(side == "buy", price, size) for side, price, size in raw["changes"]]
            updates.append((levels, None, None))
    return _market(symbol, first, updates)


def _kraken_levels(row: Any) -> list[Level]:
    return [
        (bid, str(level["price"]), str(level["qty"]))
        for bid, name in ((BID, "bids"), (ASK, "asks"))
        for level in row[name]
    ]


def kraken_spot(path: Path) -> Market:
    """Return the product of a recorded session of Kraken spot, with the depth of its book."""
    first: list[Level] | None = None
    symbol, depth = "", 0
    updates = []
    for row in _rows(path):
        raw = _read(row["raw"])
        if raw.get("method") == "subscribe":
            depth = raw["result"]["depth"]
        if raw.get("channel") != "book":
            continue
        (data,) = raw["data"]
        if first is None:
            symbol, first = data["symbol"], _kraken_levels(data)
        else:
            updates.append((_kraken_levels(data), row["raw"].encode(), None))
    assert first is not None
    return _market(symbol, first, updates, depth=depth)


def kraken_futures(path: Path, symbol: str) -> Market:
    """Return a recorded contract of Kraken Futures."""
    first: list[Level] = []
    last_id = 0
    updates = []
    for row in _rows(path):
        if row["symbol"] != symbol:
            continue
        raw = _read(row["raw"])
        if row["channel"] == "ws.book_snapshot":
            first, last_id = _kraken_levels(raw), raw["seq"]
        elif row["channel"] == "ws.book":
            level = (raw["side"] == "buy", str(raw["price"]), str(raw["qty"]))
            ids = (raw["seq"], raw["seq"], raw["seq"] - 1)
            updates.append(([level], row["raw"].encode(), ids))
    return _market(symbol, first, updates, last_id=last_id)
