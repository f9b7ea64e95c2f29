"""An account's WebSocket kept alive: opened with a key, renewed, replaced in time, opened again.

It serves the private stream and the order socket alike. While one connection replaces another both
are heard, and what was asked on the old one may still be answered on it.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import ssl
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from random import Random

from alp.errors import VenueError
from alp.venues.account.private_connection import Heard, PrivateConnection
from alp.venues.backoff import Backoff, Ended
from alp.venues.orders import StreamPlan, StreamReader
from alp.venues.waiting import waited

logger = logging.getLogger(__name__)

SECOND = 10**9
TICK_S = 0.25
"""How often silence and age are looked at; news wakes it at once."""
READY_S = 15.0
"""A connection that is not ready by then is given up."""
OVERLAP_S = 1.0
"""The old connection is heard for so long after another took over."""
ANSWERS_S = 10.0
"""And for so long while answers are awaited on it."""
HEALTHY_NS = 60 * SECOND
"""After a connection that lived so long, the waits begin short again."""


@dataclass(frozen=True, slots=True)
class Wiring:
    """What a socket needs of its account, and whom it tells.

    Attributes
    ----------
    plan
        Makes a plan for a new connection, with the key it needs.
    renew
        Renews a key; another one than was given means that a new connection has to use it.
    ready, lost
        Whether there is a connection that can be believed.
    """

    plan: Callable[[], Awaitable[tuple[StreamPlan, str]]]
    renew: Callable[[str], Coroutine[None, None, str]]
    reader: Callable[[], StreamReader]
    heard: Heard
    ready: Callable[[], None]
    lost: Callable[[str], None]


class PrivateSocket:
    """Keeps one WebSocket.

    Parameters
    ----------
    name
        For logs and metrics: ``kraken-spot/stream``.

    Attributes
    ----------
    connects
        Connections opened.
    ends
        How they ended, by reason.
    """

    def __init__(
        self,
        name: str,
        wiring: Wiring,
        random: Random,
        ssl_context: ssl.SSLContext | None = None,
        backoff: Backoff | None = None,
    ) -> None:
        self.name = name
        self.connects = 0
        self.ends: Counter[str] = Counter()
        self._wiring = wiring
        self._random = random
        self._ssl_context = ssl_context
        self._backoff = backoff or Backoff(random)
        self._numbers = itertools.count(1)
        self._current: PrivateConnection | None = None
        self._past: Counter[str] = Counter()
        self._retiring: set[asyncio.Task[None]] = set()
        self._replace_at_ns = 0
        self._renew_at_ns = 0

    @property
    def connection(self) -> PrivateConnection | None:
        """The connection that is ready; None while there is none."""
        current = self._current
        return current if current is not None and current.is_open and not current.lost else None

    def counts(self) -> dict[str, int]:
        """Return messages received, and how many of them could not be read."""
        total = Counter(self._past)
        if self._current is not None:
            total.update(_counts(self._current))
        return dict(total)

    async def run(self) -> None:
        """Keep it until cancelled."""
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
        why = ""
        try:
            self._current = await self._prepare()
            logger.info("%s: connected", self._current.name)
            self._wiring.ready()
            await self._watch()
        except Ended as ended:
            why = str(ended)
        except VenueError as error:
            why, asked_ns = "no connection", error.retry_ns
            logger.warning("%s", error)
        self.ends[why] += 1
        current, self._current = self._current, None
        self._wiring.lost(why)
        if current is not None:
            logger.warning("%s: %s; connecting again", current.name, why)
            if current.age_ns > HEALTHY_NS:
                self._backoff.reset()
            await self._retire(current)
        return asked_ns

    async def _prepare(self) -> PrivateConnection:
        """Open a connection and wait until everything is subscribed to."""
        plan, key = await self._wiring.plan()
        connection = PrivateConnection(
            f"{self.name}#{next(self._numbers)}",
            plan,
            key,
            self._wiring.reader(),
            self._wiring.heard,
            self._ssl_context,
        )
        try:
            await connection.open()
            self.connects += 1
            deadline = time.monotonic() + READY_S
            while not connection.ready:
                if connection.lost or not connection.is_open or time.monotonic() > deadline:
                    why = connection.lost or f"closed with {connection.close_code}"
                    raise VenueError(f"{connection.name}: not ready: {why}")
                await waited(connection.news, TICK_S)
        except BaseException:
            await self._retire(connection)
            raise
        return connection

    async def _watch(self) -> None:
        """Look after the current connection and those that replace it, until one ends."""
        while True:
            assert self._current is not None
            self._plan_ahead(self._current)
            successor = await self._watch_one(self._current)
            old, self._current = self._current, successor
            self.ends["replaced in time"] += 1
            logger.info("%s: %s replaces %s", self.name, successor.name, old.name)
            task = asyncio.create_task(self._retire_later(old))
            self._retiring.add(task)
            task.add_done_callback(self._retiring.discard)

    async def _watch_one(self, connection: PrivateConnection) -> PrivateConnection:
        """Return the connection that is to replace this one.

        Raises
        ------
        Ended
            If it ends before there is one.
        """
        pinged_ns = time.monotonic_ns()
        work = _Work(connection, self._random)
        try:
            while True:
                await waited(connection.news, TICK_S)
                now = time.monotonic_ns()
                _check(connection)
                pinged_ns = _ping(connection, pinged_ns, now)
                successor = self._replaced(work, now)
                if successor is not None:
                    return successor
                self._renewed(work, now)
        finally:
            await self._drop(work)

    def _replaced(self, work: _Work, now: int) -> PrivateConnection | None:
        """Return the successor where it is ready; begin with one where it is time."""
        task = work.replacement
        if task is not None and task.done():
            work.replacement = None
            failure = task.exception()
            if failure is None:
                return task.result()
            if not isinstance(failure, VenueError):
                raise failure
            logger.warning("%s: keeping the old connection: %s", self.name, failure)
            self._replace_at_ns = now + work.backoff.next_ns(failure.retry_ns)
        elif task is None and self._replace_at_ns and now >= self._replace_at_ns:
            work.replacement = asyncio.create_task(self._prepare())
            work.replacement.add_done_callback(lambda _: work.connection.news.set())
        return None

    def _renewed(self, work: _Work, now: int) -> None:
        """Renew the key where it is time; a key that cannot be renewed is replaced by another."""
        task = work.renewal
        if task is not None and task.done():
            work.renewal = None
            failure = task.exception()
            if failure is None:
                self._renew_at_ns = now + work.connection.plan.renew_ns
                if task.result() != work.connection.key:
                    self._replace_at_ns = now
            elif isinstance(failure, VenueError):
                logger.warning("%s: the key was not renewed: %s", self.name, failure)
                self._renew_at_ns = now + work.backoff.next_ns(failure.retry_ns)
            else:
                raise failure
        elif task is None and self._renew_at_ns and now >= self._renew_at_ns:
            work.renewal = asyncio.create_task(self._wiring.renew(work.connection.key))

    def _plan_ahead(self, connection: PrivateConnection) -> None:
        now, plan = time.monotonic_ns(), connection.plan
        # Not all at once: what was opened together is not replaced together.
        early = int(self._random.random() * plan.lifetime_ns / 20)
        self._replace_at_ns = now + plan.lifetime_ns - early if plan.lifetime_ns else 0
        self._renew_at_ns = now + plan.renew_ns if plan.renew_ns else 0

    async def _drop(self, work: _Work) -> None:
        """End what is under way; a successor that is not needed is closed."""
        for task in (work.replacement, work.renewal):
            if task is not None:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
        done = work.replacement
        if done is not None and not done.cancelled() and done.exception() is None:
            await self._retire(done.result())

    async def _retire_later(self, old: PrivateConnection) -> None:
        try:
            await asyncio.sleep(OVERLAP_S)
            deadline = time.monotonic() + ANSWERS_S
            while old.awaited and old.is_open and time.monotonic() < deadline:
                await asyncio.sleep(TICK_S)
        finally:
            await self._retire(old)

    async def _retire(self, connection: PrivateConnection) -> None:
        """Close a connection and keep its counters."""
        await connection.close()
        self._past.update(_counts(connection))


class _Work:
    """What is under way beside a connection."""

    def __init__(self, connection: PrivateConnection, random: Random) -> None:
        self.connection = connection
        self.backoff = Backoff(random)
        self.replacement: asyncio.Task[PrivateConnection] | None = None
        self.renewal: asyncio.Task[str] | None = None


def _check(connection: PrivateConnection) -> None:
    """Raise why a connection is of no more use, where it is not."""
    if connection.lost:
        raise Ended(connection.lost)
    if not connection.is_open:
        raise Ended(f"closed with {connection.close_code}")
    if connection.is_silent:
        raise Ended("silent")


def _ping(connection: PrivateConnection, pinged_ns: int, now: int) -> int:
    """Ask for a sign of life: as often as the venue wants, and when it has been quiet."""
    plan = connection.plan
    due = plan.ping_ns and now - pinged_ns >= plan.ping_ns
    quiet = connection.idle_ns > plan.silence_ns // 2
    if due or (quiet and now - pinged_ns >= plan.silence_ns // 4):
        connection.ping()
        return now
    return pinged_ns


def _counts(connection: PrivateConnection) -> dict[str, int]:
    return {"messages": connection.messages, "unreadable": connection.unreadables}
