"""One publisher of the bus, followed: what was missed is asked for."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import zmq

from alp._core.wire import BboMessage, WireError, decode
from alp.bus.sockets import Subscriber

LOOK_S = 0.25
AGAIN_S = 1.0
"""Between two questions to a publisher that does not answer."""
RECALL_MS = 50


class Follower:
    """Reads a subscriber's messages as they come.

    Parameters
    ----------
    heard
        Is told each message, and whether it was asked for again.
    lost
        Is told that something was missed and nobody answered for it.

    Attributes
    ----------
    superseded
        Prices that were replaced by newer ones of the same product before they were looked at.
    """

    def __init__(
        self,
        subscriber: Subscriber,
        heard: Callable[[Any, bool], None],
        lost: Callable[[], None] = lambda: None,
    ) -> None:
        self._subscriber = subscriber
        self._heard = heard
        self._lost = lost
        self._missed = -1
        self._again_s = 0.0
        self.superseded = 0
        self.malformed = 0
        self.unanswered = 0

    @property
    def gaps(self) -> int:
        """How often messages were missed."""
        return self._subscriber.inlet.gaps

    async def run(self) -> None:
        """Follow until cancelled."""
        loop = asyncio.get_running_loop()
        readable = asyncio.Event()
        descriptor = int(self._subscriber.socket.getsockopt(zmq.FD))
        loop.add_reader(descriptor, readable.set)
        try:
            while True:
                readable.clear()  # before the socket is read: what comes later is signalled again
                inlet = self._subscriber.inlet
                if (seen := inlet.gaps + inlet.restarts) != self._missed:
                    self._recall(seen, loop.time())
                self._read()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_S):
                        await readable.wait()
        finally:
            loop.remove_reader(descriptor)

    def _recall(self, seen: int, now_s: float) -> None:
        if now_s < self._again_s:
            return
        try:
            found = self._subscriber.recall(timeout_ms=RECALL_MS)
        except TimeoutError:
            self.unanswered += 1
            self._again_s = now_s + AGAIN_S
            self._lost()
            return
        self._missed = seen
        for data in found:
            self._tell(data, is_old=True)

    def _read(self) -> None:
        """Tell what waits; of a product's prices only the newest is worth a decision."""
        waiting = list(self._waiting())
        newest = {
            message.header.instrument: at
            for at, message in enumerate(waiting)
            if isinstance(message, BboMessage)
        }
        for at, message in enumerate(waiting):
            if isinstance(message, BboMessage) and newest[message.header.instrument] != at:
                self.superseded += 1
            else:
                self._heard(message, False)

    def _waiting(self) -> Iterator[Any]:
        while int(self._subscriber.socket.getsockopt(zmq.EVENTS)) & zmq.POLLIN:
            data = self._subscriber.take()
            if data is not None:
                try:
                    yield decode(data)
                except WireError:
                    self.malformed += 1

    def _tell(self, data: bytes, *, is_old: bool) -> None:
        try:
            message = decode(data)
        except WireError:
            self.malformed += 1
            return
        self._heard(message, is_old)
