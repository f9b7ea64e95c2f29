"""A venue's market data kept alive: connect, rebuild, replace, notice silence, try again.

A session looks after one of the WebSockets that an exchange's data needs. Whatever happens, either
its books are right and published, or they are published as not to be used, and it is busy with
getting them back.
"""

from __future__ import annotations

import asyncio
import contextlib
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
from alp.venues.adapter import Channel, Manners, MarketAdapter, Socket
from alp.venues.backoff import Backoff, Ended
from alp.venues.http import Budget, Http
from alp.venues.instruments import Instrument
from alp.venues.market.caretaker import Caretaker
from alp.venues.market.connection import Connection, Publishing, Tap
from alp.venues.waiting import waited

logger = logging.getLogger(__name__)

SECOND = 10**9
TICK_S = 0.25
"""How often silence and age are looked at; news wakes a session at once."""
HEALTHY_NS = 60 * SECOND
"""After a connection that lived so long, the waits begin short again."""
OVERLAP_S = 1.0
"""The old connection's trades are still taken for so long after the new one leads."""
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


class MarketSession:
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
        self.adapter = adapter
        self.socket = socket
        self.instruments = list(instruments)
        self.connects = 0
        self.ends: Counter[str] = Counter()
        """How connections ended, by reason."""
        self.told: Counter[str] = Counter()
        """What was asked of the venue beside subscriptions."""
        self._surroundings = surroundings
        self._publishing = publishing
        self._current: Connection | None = None
        self._backoff = Backoff(surroundings.random)
        self._past: Counter[str] = Counter()
        self._replaced: list[Connection] = []
        self._retiring: set[asyncio.Task[None]] = set()
        self._replace_at_ns = 0
        self._outdated = False

    @property
    def manners(self) -> Manners:
        """What the venue expects."""
        return self.adapter.manners

    @property
    def name(self) -> str:
        """For logs: ``binance-usdm/public``."""
        return f"{self.adapter.exchange}/{self.socket.name}"

    @property
    def connection(self) -> Connection | None:
        """The connection whose books count; None while there is none."""
        return self._current

    @property
    def connected(self) -> bool:
        """Whether it has an open connection that is not silent."""
        current = self._current
        return current is not None and current.is_open and not self._is_silent(current)

    @property
    def idle_ns(self) -> int | None:
        """How long nothing at all has come; None while there is no connection."""
        return None if self._current is None else self._current.idle_ns

    def use(self, instruments: Sequence[Instrument]) -> None:
        """Take what the venue says of the same products now; another grid means other books."""
        rows = [each.feed_row for each in instruments]
        self._outdated = self._outdated or rows != [each.feed_row for each in self.instruments]
        self.instruments = list(instruments)

    def counts(self) -> dict[str, int]:
        """Return what was received since the beginning, over all connections."""
        total = Counter(self._past)
        for connection in (self._current, *self._replaced):
            if connection is not None:
                total.update(connection.feed.counts)
        return dict(total)

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

    async def run(self) -> None:
        """Keep the books until cancelled."""
        try:
            while True:
                asked_ns = await self._live_once()
                await asyncio.sleep(self._backoff.next_ns(asked_ns) / SECOND)
        finally:
            for task in self._retiring:
                task.cancel()
            await asyncio.gather(*self._retiring, return_exceptions=True)
            if self._current is not None:
                await self._retire(self._current)
                self._current = None

    async def _live_once(self) -> int:
        """Keep one connection and those that replace it; return how long the venue wants rest."""
        asked_ns = 0
        self._outdated = False
        self._current = self._new_connection(leading=True)
        try:
            await self._open(self._current)
            logger.info("%s: connected to %s", self._current.name, self.socket.url)
            await self._watch()
        except Ended as ended:
            self.ends[str(ended)] += 1
            logger.warning("%s: %s; connecting again", self.name, ended)
        except VenueError as error:
            self.ends["no connection"] += 1
            asked_ns = error.retry_ns
            logger.warning("%s", error)
        if self._current.opened_ns and self._current.age_ns > HEALTHY_NS:
            self._backoff.reset()
        await self._retire(self._current)
        self._current = None
        return asked_ns

    async def _open(self, connection: Connection) -> None:
        await self._surroundings.connects.spend(1)
        await connection.open()
        self.connects += 1
        await connection.subscribe()

    async def _watch(self) -> None:
        """Look after the current connection and those that replace it, until one ends."""
        while True:
            assert self._current is not None
            caretaker = self._caretaker(self._current)
            self._plan_replacement()
            try:
                successor = await self._watch_one(self._current, caretaker)
            finally:
                await caretaker.stop()
            self._hand_over(self._current, successor)

    async def _watch_one(self, connection: Connection, caretaker: Caretaker) -> Connection:
        """Return the connection that is to replace this one.

        Raises
        ------
        Ended
            If it ends before there is one.
        """
        pinged_ns = time.monotonic_ns()
        replacement: asyncio.Task[Connection] | None = None
        try:
            while True:
                await waited(connection.news, TICK_S)
                now = time.monotonic_ns()
                if replacement is not None and replacement.done():
                    failure = replacement.exception()
                    if not isinstance(failure, (VenueError, Ended)):
                        return replacement.result()
                    logger.warning("%s: keeping the old connection: %s", self.name, failure)
                    replacement = None
                    self._replace_at_ns = now + REPLACE_NS
                self._check(connection)
                pinged_ns = self._ping(connection, pinged_ns, now)
                if Channel.BOOK in self.socket.channels:
                    caretaker.look(now)
                if connection.ending:
                    connection.ending, self._replace_at_ns = False, now
                if replacement is None and self._replace_at_ns and now >= self._replace_at_ns:
                    replacement = asyncio.create_task(self._prepare(connection))
                    replacement.add_done_callback(lambda _: connection.news.set())
        except BaseException:
            if replacement is not None:
                await self._drop(replacement)
            raise

    def _check(self, connection: Connection) -> None:
        """Raise why a connection is of no more use, where it is not."""
        if not connection.is_open:
            raise Ended(f"closed with {connection.close_code}")
        if self._is_silent(connection):
            raise Ended("silent")
        excerpt = connection.feed.excerpt
        if excerpt is not None and excerpt[1] == PRECISION:
            # Finer numbers than the instruments have: the venue changed a grid.
            self._surroundings.wrong_grid.set()
            raise Ended("a number off its grid")
        if self._outdated:
            raise Ended("a product's grid changed")

    def _is_silent(self, connection: Connection) -> bool:
        return connection.idle_ns > self.manners.silence_ns

    def _ping(self, connection: Connection, pinged_ns: int, now: int) -> int:
        """Ask for a sign of life: as often as the venue wants, and when it has been quiet."""
        manners = self.manners
        due = manners.ping_ns and now - pinged_ns >= manners.ping_ns
        quiet = connection.idle_ns > manners.silence_ns // 2
        if due or (quiet and now - pinged_ns >= manners.silence_ns // 4):
            connection.ping()
            return now
        return pinged_ns

    def _plan_replacement(self) -> None:
        lifetime = self.manners.lifetime_ns
        # Not all at once: what was opened together is not replaced together.
        early = int(self._surroundings.random.random() * lifetime / 20)
        self._replace_at_ns = time.monotonic_ns() + lifetime - early if lifetime else 0

    async def _prepare(self, old: Connection) -> Connection:
        """Open a second connection and wait until its books are as good as the first one's."""
        successor = self._new_connection(leading=False)
        caretaker = self._caretaker(successor)
        try:
            await self._open(successor)
            deadline = time.monotonic_ns() + REPLACE_NS
            while not self._is_ready(successor, old):
                if not successor.is_open or time.monotonic_ns() > deadline:
                    raise VenueError(f"{successor.name} is not ready")
                await waited(successor.news, TICK_S / 10)
                if Channel.BOOK in self.socket.channels:
                    caretaker.look(time.monotonic_ns())
        except BaseException:
            await self._retire(successor)
            raise
        finally:
            await caretaker.stop()
        return successor

    def _is_ready(self, successor: Connection, old: Connection) -> bool:
        """Whether its books are live, and none is older than the one it replaces."""
        if Channel.BOOK not in self.socket.channels:
            return successor.feed.counts["messages"] > 0
        for index in range(len(self.instruments)):
            if not successor.feed.status(index)[0]:
                return False
            as_old = successor.feed.exchange_ns(index) < old.feed.exchange_ns(index)
            if old.feed.status(index)[0] and as_old:
                return False
        return True

    def _hand_over(self, old: Connection, successor: Connection) -> None:
        """Let the successor lead; the old connection is closed a moment later."""
        if successor.lane is not None and old.lane is not None and old.lane.leading:
            old.lane.follow()
            successor.lane.lead(time.monotonic_ns())
        self._current = successor
        self._replaced.append(old)
        self.ends["replaced in time"] += 1
        logger.info("%s: %s replaces %s", self.name, successor.name, old.name)
        task = asyncio.create_task(self._retire_later(old))
        self._retiring.add(task)
        task.add_done_callback(self._retiring.discard)

    async def _retire_later(self, old: Connection) -> None:
        try:
            await asyncio.sleep(OVERLAP_S)
        finally:
            await self._retire(old)

    async def _retire(self, connection: Connection) -> None:
        """Close a connection and keep its counters."""
        await connection.close()
        if connection in self._replaced:
            self._replaced.remove(connection)
        self._past.update(connection.feed.counts)

    async def _drop(self, replacement: asyncio.Task[Connection]) -> None:
        replacement.cancel()
        with contextlib.suppress(asyncio.CancelledError, VenueError, Ended):
            await self._retire(await replacement)

    def _caretaker(self, connection: Connection) -> Caretaker:
        around = self._surroundings
        return Caretaker(connection, around.http, around.random, self.told)

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
