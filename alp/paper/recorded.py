"""Markets that follow a recording: the books it proves, at the times it has.

Every message goes through the feed handler that listened to it live, so that a book here is the
venue's or is not touched: gaps, wrong checksums and lost connections leave it as it was until the
recording has a whole one again. What changed comes from the compiled parser. Events are told in the
words of the exchange that serves them, which need not be the one that was recorded.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alp._core.feed import Feed
from alp._core.feeds.frame import Parser
from alp.errors import DataError
from alp.paper.book import ASK, BID, Change, PlainBook
from alp.paper.market import Event, Market
from alp.paper.source import Stage
from alp.recording.captures import REST, Message, read_captures
from alp.recording.connections import Connections
from alp.recording.identify import Product
from alp.recording.records import Torn
from alp.recording.replay import Pace, survey

SECOND = 10**9
AT_MOST = 64
"""Messages after which the loop's other work gets its turn."""
ALL_LEVELS = 10**6


@dataclass
class _Followed:
    """One product of the recording.

    Attributes
    ----------
    feed
        The connection whose book it follows; None before the first.
    seen, told
        Highest number of the venue in any message, and in what the book has.
    trades
        The connection whose trades it follows.
    """

    index: int
    market: Market
    product: Product
    feed: Feed | None = None
    seen: int | None = None
    told: int | None = None
    trades: str | None = None

    def levels(self, bid: bool, rows: Sequence[tuple[int, int]]) -> list[Change]:
        """Return rows in ticks and lots as changes."""
        price, quantity = self.product.price_step, self.product.quantity_step
        return [(bid, ticks * price, lots * quantity) for ticks, lots in rows]


class Recorded:
    """A source that plays recordings which are one capture.

    Parameters
    ----------
    products
        What each is to be called, by its name in the recording; empty: all, as they are.
    speed
        Recorded seconds in one second; None: as fast as readers take it.
    seed
        Of what is made up after the end.
    venue
        Whose the recording is, where its messages do not say.

    Attributes
    ----------
    feed
        The venue that was recorded, as feeds are called.
    messages
        Played so far.
    torn
        Where a recording ends in the middle of a block.

    Raises
    ------
    DataError
        If a file is no capture, or has no whole book of a product.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        products: Mapping[str, str] | None = None,
        *,
        speed: float | None = 1.0,
        seed: int = 1,
        venue: str | None = None,
    ) -> None:
        wanted = products or {}
        identity = survey(paths, venue=venue, symbols=tuple(wanted)).identity
        self.feed = identity.venue
        self.messages = 0
        self.torn: list[Torn] = []
        self._path = paths[0]
        self._speed = speed
        self._shares = identity.venue.startswith("binance")
        self._connections = Connections(identity)
        self._parser = Parser("binance" if self._shares else self.feed, identity.rows())
        self._followed = {
            name: _Followed(
                index,
                Market(
                    wanted.get(name, name),
                    PlainBook(product.price, product.quantity),
                    seed=seed + index,
                    depth=identity.depth,
                ),
                product,
            )
            for index, (name, product) in enumerate(identity.products.items())
        }
        self.markets = [each.market for each in self._followed.values()]
        self._messages: Iterator[Message] = read_captures(paths, self.torn)
        self._find_books()

    def _find_books(self) -> None:
        """Read until every product has a whole book."""
        for message in self._messages:
            for followed, event in self._events(message):
                followed.market.happen(event)
            if all(each.feed is not None for each in self._followed.values()):
                return
        missing = [name for name, each in self._followed.items() if each.feed is None]
        raise DataError(f"no whole book of {', '.join(missing)}", path=self._path)

    async def play(self, stage: Stage) -> None:
        """Let the rest of the recording happen at its pace.

        Raises
        ------
        DataError
            If a file is damaged.
        """
        pace = Pace(self._speed, time.monotonic_ns)
        for message in self._messages:
            self.messages += 1
            delay_ns = pace.delay_ns(message.received_ns)
            if delay_ns or self.messages % AT_MOST == 0:
                await asyncio.sleep(delay_ns / SECOND)
            await stage.room()
            for followed, event in self._events(message):
                stage.happen(followed.market.symbol, event)

    def _events(self, message: Message) -> list[tuple[_Followed, Event]]:
        """Return what a message lets happen, in order."""
        feed = self._connections.feed(message)
        if feed is None:
            return []
        if message.is_event:
            self._lost(feed, message)
            return []
        was_live = {each.index: feed.status(each.index)[0] for each in self._followed.values()}
        text = self._connections.text(message)
        parsed = self._parser.parse(text)
        feed.feed(text, message.received_ns)
        if parsed["fault"] is not None:
            return []
        found = []
        for update in parsed["updates"]:
            followed = self._followed.get(update["symbol"])
            if followed is None:
                continue
            event = self._event(followed, feed, message, update, was_live[followed.index])
            if event is not None:
                found.append((followed, event))
                was_live[followed.index] = True
        return found

    def _lost(self, feed: Feed, message: Message) -> None:
        feed.lost()
        for each in self._followed.values():
            if each.feed is feed:
                each.seen = each.told = None
            if each.trades == message.connection:
                each.trades = None
        if message.closed:
            self._connections.forget(message)

    def _event(
        self,
        followed: _Followed,
        feed: Feed,
        message: Message,
        update: Mapping[str, Any],
        was_live: bool,
    ) -> Event | None:
        kind = update["kind"]
        if kind == "trades":
            return self._traded(followed, message, update)
        if kind not in ("snapshot", "delta"):
            return None
        leads = followed.feed is feed
        if followed.feed is not None and not leads and followed.feed.status(followed.index)[0]:
            return None  # another connection tells the same book
        last = update["ids"][2]
        if last is not None:
            anew = kind == "snapshot" and not self._shares
            followed.seen = last if anew else max(last, followed.seen or 0)
        if not feed.status(followed.index)[0]:
            return None
        if not leads or not was_live or kind == "snapshot":
            followed.feed, followed.told = feed, followed.seen
            return self._whole(followed, feed)
        if last is not None and followed.told is not None and last <= followed.told:
            return None  # the book had it already
        followed.told = last
        changes = followed.levels(BID, update["bids"]) + followed.levels(ASK, update["asks"])
        return _event_of(changes)

    def _whole(self, followed: _Followed, feed: Feed) -> Event | None:
        """Return what makes the market's book the feed's."""
        changes: list[Change] = []
        for bid in (BID, ASK):
            now = followed.levels(bid, feed.depth(followed.index, bid, ALL_LEVELS))
            prices = {price for _, price, _ in now}
            before = followed.market.book.side(bid)
            changes += [(bid, price, 0) for price in before if price not in prices]
            changes += [each for each in now if before.get(each[1]) != each[2]]
        return _event_of(changes)

    def _traded(
        self, followed: _Followed, message: Message, update: Mapping[str, Any]
    ) -> Event | None:
        if followed.trades is None:
            followed.trades = message.connection
        if followed.trades != message.connection or message.connection == REST:
            return None
        price_step, quantity_step = followed.product.price_step, followed.product.quantity_step
        trades = tuple(
            (aggressor >= 0, price * price_step, quantity * quantity_step)
            for _, price, quantity, aggressor, _ in update["trades"]
        )
        return Event([], trades=trades) if trades else None


def _event_of(changes: list[Change]) -> Event | None:
    """Return changes that cross the book at no time, although some venues tell them one by one."""
    last = {(bid, price): quantity for bid, price, quantity in changes}
    gone = [(bid, price, 0) for (bid, price), quantity in last.items() if not quantity]
    left = [(bid, price, quantity) for (bid, price), quantity in last.items() if quantity]
    return Event(gone + left, trades=()) if changes else None
