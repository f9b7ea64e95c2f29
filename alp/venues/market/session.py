"""A venue's market data kept alive: connect, rebuild, replace, notice silence, try again.

A session looks after one of the WebSockets that an exchange's data needs. Whatever happens, either
its books are right and published, or they are published as not to be used, and it is busy with
getting them back.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import ssl
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from random import Random

from alp._core.feeds.frame import FAULTS
from alp.errors import VenueError
from alp.venues.adapter import Channel, MarketAdapter, Socket
from alp.venues.backoff import Backoff
from alp.venues.http import Budget, Http
from alp.venues.instruments import Instrument
from alp.venues.keeper import TICK_S, Ended, Keeper
from alp.venues.market.caretaker import Caretaker
from alp.venues.market.connection import Connection, Publishing, Tap
from alp.venues.waiting import waited

logger = logging.getLogger(__name__)

SECOND = 10**9
REPLACE_NS = 60 * SECOND
"""A replacement that is not ready by then is given up, and tried again as much later."""
PRECISION = FAULTS[3]


@dataclass(frozen=True, slots=True)
class BookState:
    """How one book is, at one moment."""

    instrument: Instrument
    live: bool
    why_not: str
    age_ns: int | None
    """Since the last message about it; None before the first."""


@dataclass
class Surroundings:
    """What the sessions of one exchange in one process share.

    Attributes
    ----------
    connects
        Of connections: what a venue lets one address open.
    numbers
        Names the connections.
    wrong_grid
        Set where a product's numbers do not fit its grid: it has to be asked for again.
    """

    http: Http
    random: Random
    connects: Budget
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    tap: Tap | None = None
    ssl_context: ssl.SSLContext | None = None
    wrong_grid: asyncio.Event = field(default_factory=asyncio.Event)


class MarketSession(Keeper[Connection]):
    """Keeps one WebSocket's books.

    Parameters
    ----------
    instruments
        Products of this exchange.
    publishing
        Where their books go; None keeps them here.
    """

    def __init__(
        self,
        adapter: MarketAdapter,
        socket: Socket,
        instruments: Sequence[Instrument],
        surroundings: Surroundings,
        publishing: Publishing | None = None,
    ) -> None:
        super().__init__(f"{adapter.exchange}/{socket.name}", surroundings.random)
        self.adapter = adapter
        self.socket = socket
        self.instruments = list(instruments)
        self.told: Counter[str] = Counter()
        """What was asked of the venue beside subscriptions."""
        self._surroundings = surroundings
        self._publishing = publishing
        self._outdated = False

    @property
    def connection(self) -> Connection | None:
        """The connection whose books count; None while there is none."""
        return self._current

    @property
    def connected(self) -> bool:
        """Whether it has an open connection that is not silent."""
        current = self._current
        return current is not None and current.is_open and not current.is_silent

    @property
    def idle_ns(self) -> int | None:
        """How long nothing at all has come; None while there is no connection."""
        return None if self._current is None else self._current.idle_ns

    def use(self, instruments: Sequence[Instrument]) -> None:
        """Take what the venue says of the same products now; another grid means other books."""
        rows = [each.feed_row for each in instruments]
        self._outdated = self._outdated or rows != [each.feed_row for each in self.instruments]
        self.instruments = list(instruments)

    def books(self) -> list[BookState]:
        """Return the state of every book of this socket; none where it carries no books."""
        if Channel.BOOK not in self.socket.channels:
            return []
        now = time.monotonic_ns()
        return [self._book(index, each, now) for index, each in enumerate(self.instruments)]

    def _book(self, index: int, instrument: Instrument, now: int) -> BookState:
        if self._current is None:
            return BookState(instrument, False, "not connected", None)
        live, why_not = self._current.feed.status(index)
        received = self._current.feed.received(index)[0]
        return BookState(instrument, live, why_not, now - received if received else None)

    async def _begin(self) -> None:
        self._outdated = False
        # Its books count from the beginning: why they are not live yet is for all to see.
        self._current = self._new_connection(leading=True)
        await self._open(self._current)
        logger.info("%s: connected to %s", self._current.name, self.socket.url)

    async def _prepare(self, old: Connection) -> Connection:
        """Open a second connection and wait until its books are as good as the first one's."""
        successor = self._new_connection(leading=False)
        caretaker = self._care(successor)
        try:
            await self._open(successor)
            deadline = time.monotonic_ns() + REPLACE_NS
            while not self._is_ready(successor, old):
                if not successor.is_open or time.monotonic_ns() > deadline:
                    raise VenueError(f"{successor.name} is not ready")
                await waited(successor.news, TICK_S / 10)
                caretaker.look(time.monotonic_ns())
        except BaseException:
            await self._retire(successor)
            raise
        finally:
            await caretaker.stop()
        return successor

    def _care(self, connection: Connection) -> Caretaker:
        around = self._surroundings
        return Caretaker(connection, around.http, around.random, self.told)

    def _check(self, connection: Connection) -> None:
        super()._check(connection)
        excerpt = connection.feed.excerpt
        if excerpt is not None and excerpt[1] == PRECISION:
            # Finer numbers than the instruments have: the venue changed a grid.
            self._surroundings.wrong_grid.set()
            raise Ended("a number off its grid")
        if self._outdated:
            raise Ended("a product's grid changed")

    def _hand_over(self, old: Connection, successor: Connection) -> None:
        if successor.lane is not None and old.lane is not None and old.lane.leading:
            old.lane.follow()
            successor.lane.lead(time.monotonic_ns())

    def _patience(self) -> Backoff:
        return Backoff(self._random, REPLACE_NS, REPLACE_NS, REPLACE_NS)

    async def _open(self, connection: Connection) -> None:
        await self._surroundings.connects.spend(1)
        await connection.open()
        self.connects += 1
        await connection.subscribe()

    def _is_ready(self, successor: Connection, old: Connection) -> bool:
        """Whether its books are live, and none is older than the one it replaces."""
        if Channel.BOOK not in self.socket.channels:
            return successor.counts["messages"] > 0
        for index in range(len(self.instruments)):
            if not successor.feed.status(index)[0]:
                return False
            as_old = successor.feed.exchange_ns(index) < old.feed.exchange_ns(index)
            if old.feed.status(index)[0] and as_old:
                return False
        return True

    def _new_connection(self, *, leading: bool) -> Connection:
        around = self._surroundings
        return Connection(
            self.adapter,
            self.socket,
            self.instruments,
            next(around.numbers),
            self._publishing,
            # A connection without books has none to publish, and none to take back.
            leading and Channel.BOOK in self.socket.channels,
            around.tap,
            around.ssl_context,
        )
