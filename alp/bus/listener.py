"""A subscriber that asks for the last messages whenever it has missed some."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self

import zmq

from alp.bus.sockets import HIGH_WATER, CurveKeys, Subscriber

SECOND = 10**9
RETRY_NS = 2 * SECOND
RECALL_MS = 500
MOST_TAKEN = 5_000


class Listener:
    """Listens to one source, which may come later than its reader, go, and come back.

    Parameters
    ----------
    every
        Whether each message counts, as with reports; otherwise the newest of each topic does.
    recall_ms
        So long the source may take to answer what is asked of it.
    """

    def __init__(
        self,
        context: zmq.Context[zmq.Socket[bytes]],
        endpoint: str,
        recall_endpoint: str,
        *,
        curve: CurveKeys | None = None,
        every: bool = False,
        recall_ms: int = RECALL_MS,
        high_water: int = HIGH_WATER,
    ) -> None:
        self.endpoint = endpoint
        self._every = every
        self._recall_ms = recall_ms
        self._bus = Subscriber(
            context, [(endpoint, recall_endpoint)], curve=curve, high_water=high_water
        )
        self._known: tuple[int, int] | None = None
        self._asked_ns: int | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Listen no more."""
        self._bus.close()

    @property
    def inlet(self) -> Any:
        """What came, and what was lost, see :class:`alp._core.outlet.Inlet`."""
        return self._bus.inlet

    def wait(self, milliseconds: int) -> bool:
        """Return whether something came within a time."""
        return bool(self._bus.socket.poll(milliseconds))

    def news(self, now_ns: int) -> list[bytes]:
        """Return what has come, behind what was asked for because something was missed.

        A source that nothing was heard of is asked once, and again as soon as it speaks.

        Parameters
        ----------
        now_ns
            Of a clock that nobody sets.
        """
        came = self._taken() if self._every else self._bus.drain()
        inlet = self._bus.inlet
        first = self._asked_ns is None
        missed = bool(came) and self._known != (inlet.gaps, inlet.restarts)
        if first or (missed and now_ns - (self._asked_ns or 0) > RETRY_NS):
            self._asked_ns = now_ns
            came = self._recalled() + came
        return came

    def _taken(self) -> list[bytes]:
        found: list[bytes] = []
        while len(found) < MOST_TAKEN:
            message = self._bus.take()
            if message is None:
                break
            found.append(message)
        return found

    def _recalled(self) -> list[bytes]:
        inlet = self._bus.inlet
        try:
            messages = self._bus.recall(self._recall_ms)
        except TimeoutError:
            return []
        self._known = (inlet.gaps, inlet.restarts)
        return messages
