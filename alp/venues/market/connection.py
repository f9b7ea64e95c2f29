"""One open WebSocket of a venue: its feed, its way to the bus, its manners."""

from __future__ import annotations

import asyncio
import logging
import ssl
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import picows

from alp._core.feed import Feed
from alp._core.market_publisher import Lane, MarketPublisher
from alp.errors import VenueError
from alp.venues.adapter import Manners, MarketAdapter, Socket
from alp.venues.instruments import Instrument
from alp.venues.listener import MarketListener
from alp.venues.websocket import EXCERPT, WebSocket

logger = logging.getLogger(__name__)

SECOND = 10**9

SHUTDOWN = b'"serverShutdown"'
"""What Binance says before it closes a connection for maintenance."""

Tap = Callable[[str, int, str, int, bytes], None]
"""Hears of everything, for a recording: (what, connection, socket's name, UTC ns, content)."""
OPENED, MESSAGE, CLOSED = "opened", "message", "closed"


@dataclass
class Publishing:
    """Where a connection's books go: the route of each instrument, by its place in the list."""

    publisher: MarketPublisher
    routes: Sequence[int]


@dataclass(eq=False)
class Connection(WebSocket):
    """One WebSocket, from its handshake to its end.

    It is told things by the listener; what to do about them is the session's decision, which
    waits for `news`.

    Parameters
    ----------
    number
        Different for each connection of a process; names it in a recording.
    ending
        The venue said that it will close this connection soon.
    """

    adapter: MarketAdapter
    socket: Socket
    instruments: Sequence[Instrument]
    number: int
    publishing: Publishing | None = None
    leading: bool = True
    tap: Tap | None = None
    ssl_context: ssl.SSLContext | None = None
    refusals: int = 0
    unreadables: int = 0

    def __post_init__(self) -> None:
        super().__init__(f"{self.adapter.exchange}/{self.socket.name}#{self.number}")
        self.feed = Feed(
            self.adapter.feed, [each.feed_row for each in self.instruments], self.adapter.depth
        )
        self.lane: Lane | None = None
        if self.publishing is not None:
            self.lane = Lane(
                self.publishing.publisher, self.feed, self.publishing.routes, self.leading
            )
        self._listener = MarketListener(self.feed, self.lane, self, self._tapped())
        self._sending = asyncio.Lock()
        self._answered_ns = 0

    @property
    def terms(self) -> Manners:
        """How the venue wants it treated."""
        return self.adapter.manners

    @property
    def counts(self) -> dict[str, int]:
        """What its feed received."""
        return self.feed.counts

    @property
    def idle_ns(self) -> int:
        """How long nothing at all has come."""
        return self._listener.idle_ns()

    async def open(self) -> None:
        """Connect; nothing is subscribed to yet.

        Raises
        ------
        VenueError
            If the venue cannot be reached or closes the connection at once.
        """
        url = self.socket.url
        try:
            await self._connect(self._listener, url, self.ssl_context, logger_name="alp")
        except (OSError, TimeoutError, picows.WSError) as error:
            what = str(error) or type(error).__name__
            raise VenueError(f"{self.name}: no connection to {url}: {what}") from error
        if self.lane is not None and self.lane.leading:
            self.lane.lead(time.monotonic_ns())  # not live yet, and readers are told

    async def subscribe(self) -> None:
        """Ask for what the socket is there for.

        Raises
        ------
        VenueError
            If the connection is gone.
        """
        await self.send(self.socket.subscribe)

    async def send(self, messages: Sequence[bytes]) -> None:
        """Send text messages, no faster than the venue allows.

        Raises
        ------
        VenueError
            If the connection is gone.
        """
        async with self._sending:
            for message in messages:
                if self._transport is None or self._transport.is_disconnected:
                    raise VenueError(f"{self.name}: gone before it was subscribed")
                self._transport.send(picows.WSMsgType.TEXT, message)
                if len(messages) > 1:
                    await asyncio.sleep(1 / self.terms.messages_per_second)

    def take(self, message: bytes) -> str | None:
        """Give the feed a message that came another way; return why it could not be read."""
        if self.tap is not None:
            self.tap(MESSAGE, self.number, self.socket.name, time.time_ns(), message)
        now = time.monotonic_ns()
        if self.lane is None:
            return self.feed.feed(message, now)
        return self.lane.take(message, now)

    def give_up(self, symbol: int) -> None:
        """Take a silent book for wrong, and say so."""
        self.feed.silent(symbol)
        if self.lane is not None:
            self.lane.changed(time.monotonic_ns())

    async def close(self) -> None:
        """Close it politely where the other side still listens; its books are gone."""
        await super().close()
        self.lose()

    def lose(self) -> None:
        """Give up its books, and say so where they were the ones published."""
        self.feed.lost()
        if self.lane is not None:
            self.lane.changed(time.monotonic_ns())

    def _tapped(self) -> Callable[[int, bytes], None] | None:
        tap = self.tap
        if tap is None:
            return None
        number, name = self.number, self.socket.name
        return lambda ns, message: tap(MESSAGE, number, name, ns, message)

    def opened(self, transport: picows.WSTransport) -> None:
        """Be told by the listener that the handshake is done."""
        super().opened(transport)
        if self.tap is not None:
            address = self.socket.url.encode()
            self.tap(OPENED, self.number, self.socket.name, time.time_ns(), address)

    def turned(self, symbols: int) -> None:  # noqa: ARG002 - which is in the feed
        """Be told that books came or went."""
        self.news.set()

    def control(self, message: bytes) -> None:
        """Be told what the venue answered, or said of itself."""
        if SHUTDOWN in message:
            self.ending = True
            self.news.set()
        refused = self.feed.counts["refused"]
        level = logging.WARNING if refused > self.refusals else logging.DEBUG
        self.refusals = refused
        logger.log(level, "%s: %s", self.name, message[:EXCERPT].decode("utf-8", "replace"))

    def unreadable(self, fault: int) -> None:  # noqa: ARG002 - the feed keeps it in words
        """Be told of a message that could not be read; logged at most once a second."""
        self.unreadables += 1
        now = time.monotonic_ns()
        excerpt = self.feed.excerpt
        if now - self._answered_ns >= SECOND and excerpt is not None:
            self._answered_ns = now
            text, why = excerpt
            logger.warning("%s: unreadable (%s): %r", self.name, why, text)
        self.news.set()

    def gone(self) -> None:
        """Be told that the connection has ended."""
        super().gone()
        if self.tap is not None:
            self.tap(CLOSED, self.number, self.socket.name, time.time_ns(), b"")
        self.lose()
