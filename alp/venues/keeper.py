"""A WebSocket kept alive: connect, look after it, replace it in time, notice its end, try again.

Market data and accounts differ in what a connection carries and in what has to be well before one
can replace another; when to ping, to give up, to replace and to try again is the same, and here.
"""

from __future__ import annotations

import asyncio
import logging
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from random import Random
from typing import Generic, Protocol, TypeVar

from alp.errors import VenueError
from alp.venues.backoff import Backoff
from alp.venues.waiting import waited
from alp.venues.websocket import Terms, WebSocket

logger = logging.getLogger(__name__)

SECOND = 10**9
TICK_S = 0.25
"""How often silence and age are looked at; news wakes a keeper at once."""
HEALTHY_NS = 60 * SECOND
"""After a connection that lived so long, the waits begin short again."""
OVERLAP_S = 1.0
"""The old connection is heard for so long after another took over."""


class Ended(Exception):  # noqa: N818 - not an error of alp: why a connection is to be replaced
    """The connection is of no more use; the text says why, for logs and counters."""


class Care(Protocol):
    """What has to be done beside one connection: books asked for again, a key renewed."""

    def look(self, now_ns: int) -> None:
        """Do what is due.

        Raises
        ------
        Ended
            If the connection is of no more use.
        """
        ...

    async def stop(self) -> None:
        """End what is under way."""
        ...


C = TypeVar("C", bound=WebSocket)


class Keeper(ABC, Generic[C]):
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

    def __init__(self, name: str, random: Random, backoff: Backoff | None = None) -> None:
        self.name = name
        self.connects = 0
        self.ends: Counter[str] = Counter()
        self._random = random
        self._backoff = backoff or Backoff(random)
        self._current: C | None = None
        self._leaving: list[C] = []
        self._retiring: set[asyncio.Task[None]] = set()
        self._past: Counter[str] = Counter()

    def counts(self) -> dict[str, int]:
        """Return what was received since the beginning, over all connections."""
        total = Counter(self._past)
        for connection in (self._current, *self._leaving):
            if connection is not None:
                total.update(connection.counts)
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

    @abstractmethod
    async def _begin(self) -> None:
        """Open a connection, and have it be the current one.

        Raises
        ------
        VenueError
            If there is none to be had.
        """

    @abstractmethod
    async def _prepare(self, old: C) -> C:
        """Return an open connection that is as good as the old one.

        Raises
        ------
        VenueError, Ended
            If there is none to be had now.
        """

    @abstractmethod
    def _care(self, connection: C) -> Care:
        """Return what has to be done beside a connection."""

    def _check(self, connection: C) -> None:
        """Raise why a connection is of no more use, where it is not."""
        if not connection.is_open:
            raise Ended(f"closed with {connection.close_code}")
        if connection.is_silent:
            raise Ended("silent")

    def _hand_over(self, old: C, successor: C) -> None:
        """Know that another connection leads from now on."""

    def _lost(self, why: str) -> None:
        """Know that there is no connection now."""

    def _patience(self) -> Backoff:
        """Return the waits between attempts to replace one connection."""
        return Backoff(self._random)

    async def _overlap(self, old: C) -> None:  # noqa: ARG002 - some look at what it still awaits
        """Wait for as long as a connection that was replaced is to be heard."""
        await asyncio.sleep(OVERLAP_S)

    async def _live_once(self) -> int:
        """Keep one connection and those that replace it; return how long the venue wants rest."""
        asked_ns = 0
        why = ""
        try:
            await self._begin()
            await self._watch()
        except Ended as ended:
            why = str(ended)
            logger.warning("%s: %s; connecting again", self.name, why)
        except VenueError as error:
            why, asked_ns = "no connection", error.retry_ns
            logger.warning("%s", error)
        self.ends[why] += 1
        last, self._current = self._current, None
        if last is not None:
            self._leaving.append(last)
        self._lost(why)
        if last is not None:
            if last.opened_ns and last.age_ns > HEALTHY_NS:
                self._backoff.reset()
            await self._retire(last)
        return asked_ns

    async def _watch(self) -> None:
        """Look after the current connection and those that replace it, until one ends."""
        while True:
            assert self._current is not None
            old = self._current
            successor = await self._watch_one(old)
            self._current = successor
            self._leaving.append(old)
            self._hand_over(old, successor)
            self.ends["replaced in time"] += 1
            logger.info("%s: %s replaces %s", self.name, successor.name, old.name)
            task = asyncio.create_task(self._retire_later(old))
            self._retiring.add(task)
            task.add_done_callback(self._retiring.discard)

    async def _watch_one(self, connection: C) -> C:
        """Return the connection that is to replace this one.

        Raises
        ------
        Ended
            If it ends before there is one.
        """
        care = self._care(connection)
        succession = _Succession(
            lambda: self._prepare(connection),
            connection.news,
            self._patience(),
            self._replacement_due_ns(connection.terms),
        )
        pinged_ns = time.monotonic_ns()
        try:
            while True:
                await waited(connection.news, TICK_S)
                now = time.monotonic_ns()
                self._check(connection)
                pinged_ns = _ping(connection, pinged_ns, now)
                if connection.ending:
                    connection.ending, succession.due_ns = False, now
                successor = succession.look(now)
                if successor is not None:
                    return successor
                care.look(now)
        finally:
            await care.stop()
            unwanted = await succession.stop()
            if unwanted is not None:
                await self._retire(unwanted)

    def _replacement_due_ns(self, terms: Terms) -> int:
        # Not all at once: what was opened together is not replaced together.
        early = int(self._random.random() * terms.lifetime_ns / 20)
        return time.monotonic_ns() + terms.lifetime_ns - early if terms.lifetime_ns else 0

    async def _retire_later(self, old: C) -> None:
        try:
            await self._overlap(old)
        finally:
            await self._retire(old)

    async def _retire(self, connection: C) -> None:
        """Close a connection and keep its counters."""
        await connection.close()
        if connection in self._leaving:
            self._leaving.remove(connection)
        self._past.update(connection.counts)


@dataclass
class _Succession(Generic[C]):
    """What is done to replace one connection.

    Attributes
    ----------
    due_ns
        When to begin; 0: never.
    """

    prepare: Callable[[], Coroutine[None, None, C]]
    news: asyncio.Event
    patience: Backoff
    due_ns: int
    task: asyncio.Task[C] | None = None

    def look(self, now_ns: int) -> C | None:
        """Return the successor where it is ready; begin with one where it is time."""
        task = self.task
        if task is not None and task.done():
            self.task = None
            failure = task.exception()
            if not isinstance(failure, (VenueError, Ended)):
                return task.result()
            logger.warning("keeping the old connection: %s", failure)
            asked_ns = failure.retry_ns if isinstance(failure, VenueError) else 0
            self.due_ns = now_ns + self.patience.next_ns(asked_ns)
        elif task is None and self.due_ns and now_ns >= self.due_ns:
            self.task = asyncio.create_task(self.prepare())
            self.task.add_done_callback(lambda _: self.news.set())
        return None

    async def stop(self) -> C | None:
        """End what is under way; return a successor that came too late."""
        task = self.task
        if task is None:
            return None
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return None if task.cancelled() or task.exception() is not None else task.result()


def _ping(connection: WebSocket, pinged_ns: int, now_ns: int) -> int:
    """Ask for a sign of life: as often as the venue wants, and when it has been quiet."""
    terms = connection.terms
    due = terms.ping_ns and now_ns - pinged_ns >= terms.ping_ns
    quiet = connection.idle_ns > terms.silence_ns // 2
    if due or (quiet and now_ns - pinged_ns >= terms.silence_ns // 4):
        connection.ping()
        return now_ns
    return pinged_ns
