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
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from random import Random

from alp.errors import VenueError
from alp.venues.account.private_connection import Heard, PrivateConnection
from alp.venues.backoff import Backoff
from alp.venues.keeper import TICK_S, Ended, Keeper
from alp.venues.orders import StreamPlan, StreamReader
from alp.venues.waiting import waited

logger = logging.getLogger(__name__)

READY_S = 15.0
"""A connection that is not ready by then is given up."""
ANSWERS_S = 10.0
"""A connection that was replaced is heard for so long while answers are awaited on it."""


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


class PrivateSocket(Keeper[PrivateConnection]):
    """Keeps one WebSocket of an account."""

    def __init__(
        self,
        name: str,
        wiring: Wiring,
        random: Random,
        ssl_context: ssl.SSLContext | None = None,
        backoff: Backoff | None = None,
    ) -> None:
        super().__init__(name, random, backoff)
        self._wiring = wiring
        self._ssl_context = ssl_context
        self._numbers = itertools.count(1)

    @property
    def connection(self) -> PrivateConnection | None:
        """The connection that is ready; None while there is none."""
        current = self._current
        return current if current is not None and current.is_open and not current.lost else None

    async def _begin(self) -> None:
        self._current = await self._ready()
        logger.info("%s: connected", self._current.name)
        self._wiring.ready()

    async def _prepare(self, old: PrivateConnection) -> PrivateConnection:  # noqa: ARG002
        return await self._ready()

    async def _ready(self) -> PrivateConnection:
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

    def _care(self, connection: PrivateConnection) -> _Renewal:
        return _Renewal(connection, self._wiring.renew, Backoff(self._random))

    def _check(self, connection: PrivateConnection) -> None:
        if connection.lost:
            raise Ended(connection.lost)
        super()._check(connection)

    def _lost(self, why: str) -> None:
        self._wiring.lost(why)

    async def _overlap(self, old: PrivateConnection) -> None:
        await super()._overlap(old)
        deadline = time.monotonic() + ANSWERS_S
        while old.awaited and old.is_open and time.monotonic() < deadline:
            await asyncio.sleep(TICK_S)


@dataclass
class _Renewal:
    """Renews a connection's key; one that cannot be renewed is replaced, and its connection."""

    connection: PrivateConnection
    renew: Callable[[str], Coroutine[None, None, str]]
    backoff: Backoff
    _due_ns: int = field(default=0, init=False)
    _task: asyncio.Task[str] | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        every_ns = self.connection.plan.renew_ns
        self._due_ns = time.monotonic_ns() + every_ns if every_ns else 0

    def look(self, now_ns: int) -> None:
        """Renew the key where it is time."""
        connection, task = self.connection, self._task
        if task is not None and task.done():
            self._task = None
            failure = task.exception()
            if not isinstance(failure, VenueError):
                connection.ending = connection.ending or task.result() != connection.key
                self._due_ns = now_ns + connection.plan.renew_ns
            else:
                logger.warning("%s: the key was not renewed: %s", connection.name, failure)
                self._due_ns = now_ns + self.backoff.next_ns(failure.retry_ns)
        elif task is None and self._due_ns and now_ns >= self._due_ns:
            self._task = asyncio.create_task(self.renew(connection.key))

    async def stop(self) -> None:
        """End what is under way."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
