"""Rebuild the books of a capture through the very code that runs live, and say what was wrong.

Every message goes through the compiled parser and the venue's continuity rule. A fault is whatever
a book cannot be trusted after: a message that cannot be read, a gap, a wrong checksum, a crossed
book, a snapshot that never came.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any

from alp._core.feed import Feed
from alp._core.feeds.frame import PRECISION
from alp.errors import DataError
from alp.recording.captures import Message, read_captures
from alp.recording.connections import Connections
from alp.recording.identify import ENOUGH, Identity, before_first, identify

MOST_EXCERPTS = 5
EXCERPT = 160
_COUNTED = ("snapshots", "deltas", "level_changes", "quotes", "trades", "heartbeats")


@dataclass
class BookReport:
    """One product's book at the end."""

    symbol: str
    live: bool
    why_not: str
    partial: bool
    """Without a snapshot: only what was seen since the beginning."""
    snapshots: int
    checksums: int
    checksums_equal: int
    levels: tuple[int, int]
    bid: tuple[Decimal, Decimal] | None
    ask: tuple[Decimal, Decimal] | None


@dataclass
class FeedReport:
    """What a capture holds and what was wrong with it."""

    files: list[str]
    venue: str
    messages: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    faults: dict[str, int] = field(default_factory=dict)
    """By what was wrong."""
    excerpts: list[str] = field(default_factory=list)
    """The first messages that could not be read: line, reason, beginning."""
    books: list[BookReport] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether nothing was wrong."""
        return not self.faults

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON; prices and quantities are exact texts."""
        books = []
        for book in self.books:
            row = dict(vars(book))
            for side in ("bid", "ask"):
                touch = row[side]
                row[side] = None if touch is None else [format(each, "f") for each in touch]
            books.append(row)
        return {**vars(self), "books": books, "ok": self.ok}


class _Finer(Exception):  # noqa: N818 - not an error: begin again with more decimals
    """A number has more decimals than any looked at."""


def verify_feed(
    paths: Sequence[Path],
    *,
    venue: str | None = None,
    symbols: Sequence[str] = (),
    partial: bool = False,
    progress: Callable[[int], None] | None = None,
) -> FeedReport:
    """Rebuild the books of one capture in one or more files.

    Parameters
    ----------
    venue
        Whose messages; found out by default.
    symbols
        Products to look at; all by default.
    partial
        Accept a capture without its snapshot: continuity is checked from the first difference on,
        and the book holds what was seen since.
    progress
        Told the messages taken so far.

    Raises
    ------
    DataError
        If a file is no capture, or of no venue known.
    """
    identity = identify(islice(read_captures(paths), ENOUGH), venue)
    missing = [name for name in symbols if name not in identity.products]
    if missing:
        raise DataError(
            f"no message about {', '.join(missing)}",
            path=paths[0],
            hint=f"it has {', '.join(sorted(identity.products)) or 'no book at all'}",
        )
    if symbols:
        identity.products = {name: identity.products[name] for name in symbols}
    if not identity.products:
        raise DataError("no order book in the first messages", path=paths[0])
    without_snapshot: frozenset[str] = frozenset()
    while True:
        try:
            report = _Run(identity, paths, without_snapshot, progress).run()
        except _Finer:
            continue
        lacking = {book.symbol for book in report.books if not book.live and not book.snapshots}
        if not (partial and lacking - without_snapshot) or identity.venue == "kraken":
            return report
        without_snapshot |= lacking


class _Run:
    """One pass over the files."""

    def __init__(
        self,
        identity: Identity,
        paths: Sequence[Path],
        without_snapshot: frozenset[str],
        progress: Callable[[int], None] | None,
    ) -> None:
        self._identity = identity
        self._paths = paths
        self._without_snapshot = without_snapshot
        self._to_begin = set(without_snapshot)
        self._progress = progress
        self._names = list(identity.products)
        self._connections = Connections(identity)
        self._report = FeedReport([str(path) for path in paths], identity.venue)

    def run(self) -> FeedReport:
        """Take every message."""
        report = self._report
        try:
            for message in self._messages():
                self._take(message)
        except DataError as error:
            self._fault("the file is damaged or cut off", str(error))
        self._conclude()
        return report

    def _messages(self) -> Iterator[Message]:
        for count, message in enumerate(read_captures(self._paths)):
            if self._progress is not None and count % 4096 == 0:
                self._progress(count)
            yield message

    def _take(self, message: Message) -> None:
        feed = self._connections.feed(message)
        if feed is None:
            return
        if message.connected:
            feed.lost()
        if message.is_event:
            return
        self._report.messages += 1
        if self._to_begin:
            self._begin(feed, message.text)
        fault = feed.feed(self._connections.text(message), message.received_ns)
        if fault is None:
            return
        if fault == PRECISION and self._identity.widen(message.text, message.symbol):
            raise _Finer
        self._fault(f"unreadable: {fault}", f"line {message.line}: {_shown(message.text)}")

    def _begin(self, feed: Feed, text: bytes) -> None:
        """Take a book that has no snapshot for empty just before its first difference."""
        for symbol, last_id in before_first(self._identity.venue, text):
            if symbol in self._to_begin:
                self._to_begin.discard(symbol)
                feed.begin(self._names.index(symbol), last_id)

    def _fault(self, what: str, excerpt: str | None = None) -> None:
        faults = self._report.faults
        faults[what] = faults.get(what, 0) + 1
        if excerpt is not None and len(self._report.excerpts) < MOST_EXCERPTS:
            self._report.excerpts.append(excerpt)

    def _conclude(self) -> None:
        report = self._report
        for feed in self._connections.feeds:
            for name, count in feed.counts.items():
                if name in _COUNTED:
                    report.counts[name] = report.counts.get(name, 0) + count
                elif name.startswith("invalid: "):
                    what = name.removeprefix("invalid: ")
                    report.faults[what] = report.faults.get(what, 0) + count
                elif name == "lost_frames" and count:
                    what = "messages lost by the connection's numbers"
                    report.faults[what] = report.faults.get(what, 0) + count
        for index, symbol in enumerate(self._names):
            best = self._best(index)
            if best is None:
                continue
            report.books.append(self._book(best, index, symbol))
        report.books.sort(key=lambda book: book.symbol)
        for book in report.books:
            if not book.live:
                why = book.why_not if book.snapshots else "the capture has no snapshot of it"
                self._fault(f"{book.symbol}: no book at the end: {why}")

    def _best(self, index: int) -> Feed | None:
        """Return the connection that carries a product's book."""
        feeds = list(self._connections.feeds)
        live = [feed for feed in feeds if feed.status(index)[0]]
        return next(reversed(live or feeds), None)

    def _book(self, feed: Feed, index: int, symbol: str) -> BookReport:
        live, why_not = feed.status(index)
        product = self._identity.products[symbol]
        touch = feed.touch(index)
        checksums, equal = feed.checksums(index)
        bid = ask = None
        if touch is not None:
            prices, quantities = touch[0::2], touch[1::2]
            bid, ask = (
                (Decimal(price).scaleb(-product.price), Decimal(lots).scaleb(-product.quantity))
                for price, lots in zip(prices, quantities, strict=True)
            )
        return BookReport(
            symbol=symbol,
            live=live,
            why_not=why_not,
            partial=symbol in self._without_snapshot and live,
            snapshots=feed.snapshots(index),
            checksums=checksums,
            checksums_equal=equal,
            levels=(len(feed.depth(index, True, 1 << 30)), len(feed.depth(index, False, 1 << 30))),
            bid=bid,
            ask=ask,
        )


def _shown(text: bytes) -> str:
    shown = text[:EXCERPT].decode("utf-8", "replace")
    return shown + ("…" if len(text) > EXCERPT else "")
