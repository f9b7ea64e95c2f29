"""What the venues' protocols have in common, and the parts they are written with.

Nothing here knows of sockets: :mod:`alp.paper.exchange` calls it. The shapes are those of the
venues' documents and recordings.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from alp.paper.book import text
from alp.paper.market import MILLISECOND, Made, Market

if TYPE_CHECKING:
    from alp.paper.private import PrivateSide

BOOK, QUOTE, TRADE = "book", "quote", "trade"
Answer = tuple[int, bytes]
"""Status and body of an answer by REST."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request by REST.

    Attributes
    ----------
    raw_path, raw_query
        As they were sent, nothing decoded; the query without its question mark.
    headers
        Whatever the case of their names.
    address
        Whose it is.
    """

    method: str
    path: str
    raw_path: str
    raw_query: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes = b""
    address: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer to it."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Peer:
    """What a venue knows of one connection.

    Attributes
    ----------
    path, query, address
        What was asked for when it was opened, and by whom.
    subscribed
        Channel and product; the channels `book`, `quote` and `trade` are the same everywhere.
    names
        What Binance's streams are called, by channel and product.
    others
        Streams beside those channels, and when something was last said on each, milliseconds.
    depths
        Levels of Kraken's books, by product.
    heartbeats
        Whether it gets them.
    sequence, heartbeat
        Numbers of the next message and of the last heartbeat, of Coinbase.
    account
        Name of whose it is; empty: nobody has proven that yet.
    outbox
        Private messages that are to be sent.
    muted
        Nothing private is sent any more.
    closing
        Code with which the venue closes it when it has sent all; 0: it does not.
    notes
        What else the private side keeps of it.
    """

    path: str = "/"
    query: dict[str, str] = field(default_factory=dict)
    subscribed: set[tuple[str, str]] = field(default_factory=set)
    names: dict[tuple[str, str], str] = field(default_factory=dict)
    others: dict[str, int] = field(default_factory=dict)
    depths: dict[str, int] = field(default_factory=dict)
    heartbeats: bool = False
    sequence: int = 0
    heartbeat: int = 0
    account: str = ""
    outbox: list[bytes] = field(default_factory=list)
    muted: bool = False
    closing: int = 0
    notes: dict[str, Any] = field(default_factory=dict)
    address: str = ""


class Protocol:
    """How one venue speaks about its markets.

    Parameters
    ----------
    markets
        Its products; they take this protocol's clock.
    clock_ns
        Nanoseconds UTC.

    Attributes
    ----------
    exchange, feed
        As manifests and as :data:`alp._core.feed.VENUES` write it.
    rest_snapshots
        Whether books begin with an answer by REST.
    messages_per_second
        Most that the venue takes on one connection.
    subscribe_within_s
        A connection that has not subscribed by then is closed; 0: never.
    skew_ns
        How far the venue's clock is ahead of the true one.
    private
        Accounts and orders, where they are simulated.
    """

    exchange = ""
    feed = ""
    rest_snapshots = False
    messages_per_second = 100
    subscribe_within_s = 0.0

    def __init__(
        self, markets: Iterable[Market], *, clock_ns: Callable[[], int] = time.time_ns
    ) -> None:
        self.markets = {market.symbol: market for market in markets}
        self.skew_ns = 0
        self.private: PrivateSide | None = None
        self._clock_ns = clock_ns
        for market in self.markets.values():
            market.clock_ns = self.now_ns

    def now_ns(self) -> int:
        """Return the venue's time, nanoseconds UTC."""
        return self._clock_ns() + self.skew_ns

    def now_ms(self) -> int:
        """Return the venue's time, milliseconds UTC."""
        return self.now_ns() // MILLISECOND

    def rest(self, path: str, query: dict[str, str]) -> Answer | None:
        """Answer a request; None where there is nothing."""
        raise NotImplementedError

    def is_snapshot(self, path: str) -> bool:
        """Whether a path asks for a book."""
        return False

    def greet(self, peer: Peer) -> list[bytes]:
        """Return what the venue says first."""
        return []

    def take(self, peer: Peer, message: Any) -> list[bytes]:
        """Answer a message; snapshots that follow a subscription come with the answer."""
        raise NotImplementedError

    def beat(self, peer: Peer) -> bytes | None:
        """Return a heartbeat; None where there is none."""
        return None

    def happened(self, market: Market) -> None:
        """Look at an event, once, before anybody is told of it."""

    def book(self, peer: Peer, market: Market) -> list[bytes]:
        """Return what says the last event of a market."""
        raise NotImplementedError

    def quote(self, peer: Peer, market: Market) -> bytes:
        """Return what says the touch."""
        raise NotImplementedError

    def trade(self, peer: Peer, market: Market, made: Made) -> bytes:
        """Return what says a trade."""
        raise NotImplementedError

    def others(self, peer: Peer, market: Market) -> list[bytes]:
        """Return what the streams among ``peer.others`` say after an event."""
        return []

    def lose(self, peer: Peer) -> None:
        """Count a message that is not going to be sent."""

    def spoil(self, message: bytes) -> bytes:
        """Return the message with a wrong checksum, or as it is where it has none."""
        return message


def compact(value: object) -> bytes:
    """Write JSON without spaces."""
    return json.dumps(value, separators=(",", ":")).encode()


def increment(decimals: int) -> str:
    """Write one of the last decimal: ``0.01``."""
    return text(1, decimals)


def stamp(at_ms: int) -> str:
    """Write a time as venues do: ``2026-08-02T04:23:43.217000Z``."""
    seconds, rest = divmod(at_ms, 1000)
    moment = datetime.fromtimestamp(seconds, UTC).replace(microsecond=1000 * rest)
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def touch_of(market: Market) -> tuple[str, str, str, str]:
    """Write best bid, its quantity, best ask and its quantity; zeros where a side is empty."""
    book = market.book
    bid, bids, ask, asks = book.touch() or (0, 0, 0, 0)
    return book.price(bid), book.quantity(bids), book.price(ask), book.quantity(asks)
