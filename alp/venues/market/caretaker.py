"""Getting books back: whatever is not live on a connection is asked for again, at a decent pace."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import Counter
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field
from random import Random

from alp.errors import VenueError
from alp.venues.adapter import Channel
from alp.venues.backoff import Backoff
from alp.venues.http import Http
from alp.venues.keeper import Ended
from alp.venues.market.connection import Connection

logger = logging.getLogger(__name__)

SECOND = 10**9
REBUILD_NS = 10 * SECOND
"""A book that is not back after this long is asked for again."""
REBUILDS = 3
"""How often, before the whole connection is replaced."""


@dataclass
class _Care:
    """What is being done about one book that is not live."""

    backoff: Backoff
    since_ns: int
    next_ns: int
    asked: int = 0
    task: asyncio.Task[None] | None = None


@dataclass
class Caretaker:
    """Looks after the books of one connection, where it carries books.

    Parameters
    ----------
    told
        Counts ``snapshots asked``, ``snapshots failed`` and ``asked again``; shared by the
        connections of a session.
    """

    connection: Connection
    http: Http
    random: Random
    told: Counter[str]
    _cares: dict[int, _Care] = field(default_factory=dict, init=False)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set, init=False)

    def look(self, now_ns: int) -> None:
        """See that every book is live, or on its way to be.

        Raises
        ------
        Ended
            If a book does not come back on this connection.
        """
        connection = self.connection
        if Channel.BOOK not in connection.socket.channels:
            return
        for index, instrument in enumerate(connection.instruments):
            live, _ = connection.feed.status(index)
            if live:
                self._cares.pop(index, None)
                heard_ns = connection.feed.received(index)[0]
                if now_ns - heard_ns <= connection.terms.channel_silence_ns:
                    continue
                logger.warning("%s: nothing about %s", connection.name, instrument.symbol)
                connection.give_up(index)
            self._rebuild(index, now_ns)

    async def stop(self) -> None:
        """End what is under way."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _rebuild(self, index: int, now_ns: int) -> None:
        adapter, feed = self.connection.adapter, self.connection.feed
        care = self._cares.get(index)
        if care is None:
            # A venue that sends its own snapshots is sending the first one right now.
            on_its_way = not adapter.rest_snapshots and feed.snapshots(index) == 0
            first_ns = now_ns + (REBUILD_NS if on_its_way else 0)
            care = self._cares[index] = _Care(Backoff(self.random), now_ns, first_ns)
        if now_ns < care.next_ns or (care.task is not None and not care.task.done()):
            return
        if adapter.rest_snapshots:
            # Differences first: the snapshot has to reach into them.
            if feed.waiting(index) or now_ns - care.since_ns > REBUILD_NS:
                care.task = self._start(self._fetch(index, care))
            return
        care.asked += 1
        care.next_ns = now_ns + REBUILD_NS
        again = adapter.resubscribe(self.connection.instruments[index])
        if care.asked > REBUILDS or not again:
            raise Ended("a book does not come back")
        self.told["asked again"] += 1
        care.task = self._start(self._send(again))

    async def _send(self, messages: Sequence[bytes]) -> None:
        with contextlib.suppress(VenueError):  # whoever watches the connection sees it too
            await self.connection.send(messages)

    async def _fetch(self, index: int, care: _Care) -> None:
        """Fetch a snapshot and give it to the feed."""
        connection = self.connection
        instrument = connection.instruments[index]
        self.told["snapshots asked"] += 1
        try:
            message = await connection.adapter.snapshot(self.http, instrument)
        except VenueError as error:
            self.told["snapshots failed"] += 1
            care.next_ns = time.monotonic_ns() + care.backoff.next_ns(error.retry_ns)
            logger.warning("%s: no snapshot of %s: %s", connection.name, instrument.symbol, error)
            return
        if connection.is_open and not connection.feed.status(index)[0]:
            connection.take(message)
        care.next_ns = time.monotonic_ns() + care.backoff.next_ns()
        connection.news.set()

    def _start(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task
