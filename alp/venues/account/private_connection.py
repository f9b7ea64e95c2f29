"""One open WebSocket of an account: its messages read, its answers awaited, its signs of life."""

from __future__ import annotations

import logging
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import picows

from alp.errors import VenueError
from alp.venues.account.delivery import NotSent
from alp.venues.listener import MOST_BYTES
from alp.venues.orders import Answer, StreamNews, StreamPlan, StreamReader
from alp.venues.websocket import EXCERPT, WebSocket

logger = logging.getLogger(__name__)

_socket_logger = logging.getLogger(f"{__name__}.socket")
_socket_logger.setLevel(logging.INFO)  # below that the library logs requests, and keys with them

SECOND = 10**9


class Awaited(Protocol):
    """Something that was asked on a connection, and that has to be told how it ended."""

    def answered(self, answer: Answer) -> None:
        """Be told of the answer."""
        ...

    def unanswered(self, why: str) -> None:
        """Be told that there will be none."""
        ...


Heard = Callable[["PrivateConnection", StreamNews, bytes, int], None]
"""Is told what a message said: (connection, news, message, UTC nanoseconds)."""


class _Listener(picows.WSListener):
    """Puts frames together to messages."""

    def __init__(self, connection: PrivateConnection) -> None:
        super().__init__()
        self._connection = connection
        self._parts = bytearray()

    def on_ws_connected(self, transport: picows.WSTransport) -> None:
        """Begin."""
        self._connection.opened(transport)

    def on_ws_frame(self, transport: picows.WSTransport, frame: picows.WSFrame) -> None:
        """Take one frame."""
        connection = self._connection
        connection.alive()
        if frame.msg_type is picows.WSMsgType.PING:
            transport.send_pong(frame.get_payload_as_bytes())
        elif frame.msg_type is picows.WSMsgType.CLOSE:
            connection.closed(int(frame.get_close_code().value), frame.get_close_message())
            if not transport.is_close_frame_sent:
                transport.send_close()
            transport.disconnect()
        elif frame.msg_type is not picows.WSMsgType.PONG:
            if frame.fin and not self._parts:
                connection.take(frame.get_payload_as_bytes())
                return
            self._parts += frame.get_payload_as_memoryview()
            if len(self._parts) > MOST_BYTES:
                raise ValueError(f"a message of more than {MOST_BYTES} bytes")
            if frame.fin:
                message = bytes(self._parts)
                self._parts.clear()
                connection.take(message)

    def on_ws_disconnected(self, transport: picows.WSTransport) -> None:  # noqa: ARG002
        """End."""
        self._connection.gone()

    def pause_writing(self) -> None:
        """Know that the other side takes nothing now."""
        self._connection.stuck = True

    def resume_writing(self) -> None:
        """Know that it does again."""
        self._connection.stuck = False


@dataclass(eq=False)
class PrivateConnection(WebSocket):
    """One WebSocket, from its handshake to its end.

    Attributes
    ----------
    key
        What opened it; empty where nothing does.
    awaited
        What was sent and is not answered, by the reference of its answer.
    ready
        Everything was subscribed to.
    lost
        Why it can no longer be believed; empty while it can.
    stuck
        The other side takes no bytes; what is written now may leave much later.
    """

    name: str
    plan: StreamPlan
    key: str
    reader: StreamReader
    heard: Heard
    ssl_context: ssl.SSLContext | None = None
    awaited: dict[str, Awaited] = field(default_factory=dict)
    ready: bool = False
    lost: str = ""
    stuck: bool = False
    messages: int = 0
    unreadables: int = 0

    def __post_init__(self) -> None:
        super().__init__(self.name)
        self._alive_ns = time.monotonic_ns()
        self._warned_ns = 0

    @property
    def terms(self) -> StreamPlan:
        """How the venue wants it treated."""
        return self.plan

    @property
    def counts(self) -> dict[str, int]:
        """How many messages came, and how many of them could not be read."""
        return {"messages": self.messages, "unreadable": self.unreadables}

    @property
    def takes(self) -> bool:
        """Whether what is written now leaves now, as far as this side knows."""
        return self.is_open and self.ready and not (self.lost or self.stuck or self.is_silent)

    @property
    def idle_ns(self) -> int:
        """How long nothing at all has come."""
        return time.monotonic_ns() - self._alive_ns

    async def open(self) -> None:
        """Connect and send the opening messages.

        Raises
        ------
        VenueError
            If the venue cannot be reached or closes the connection at once. The URL is not in
            the message: a key may be part of it.
        """
        listener, quiet = _Listener(self), {"max_redirects": 0, "logger_name": _socket_logger}
        failure = ""
        try:
            await self._connect(listener, self.plan.url, self.ssl_context, **quiet)
        except (OSError, TimeoutError, picows.WSError) as error:
            failure = error.strerror or "" if isinstance(error, OSError) else ""
            failure = failure or type(error).__name__
        if failure:
            raise VenueError(f"{self.name}: no connection: {failure}")
        for message in self.plan.opening:
            self.send(message)
        self.ready = self.ready or not self.plan.opening

    def send(self, message: bytes) -> None:
        """Write a text message.

        Raises
        ------
        NotSent
            If nothing of it was written.
        """
        transport = self._transport
        if transport is None or transport.is_disconnected:
            raise NotSent(f"{self.name}: not sent: the connection is gone")
        if self.stuck or self.is_silent:
            raise NotSent(f"{self.name}: not sent: the other side takes nothing")
        transport.send(picows.WSMsgType.TEXT, message)

    async def close(self) -> None:
        """Close it politely where the other side still listens."""
        await super().close()
        self._give_up()

    def alive(self) -> None:
        """Be told by the listener that something came."""
        self._alive_ns = time.monotonic_ns()

    def take(self, message: bytes) -> None:
        """Be told by the listener of a message."""
        received_ns = time.time_ns()
        self.messages += 1
        try:
            news = self.reader.read(message)
        except VenueError as error:
            self._unreadable(message, error)
            return
        for reply in news.replies:
            self.send(reply)
        if news.ready or news.lost:
            self.ready = self.ready or news.ready
            self.lost = self.lost or news.lost
            self.news.set()
        self.heard(self, news, message, received_ns)

    def gone(self) -> None:
        """Be told by the listener that the connection has ended."""
        super().gone()
        self._give_up()

    def _give_up(self) -> None:
        """Tell whoever awaits an answer that there will be none."""
        awaited, self.awaited = list(self.awaited.values()), {}
        for each in awaited:
            each.unanswered(f"{self.name} ended")

    def _unreadable(self, message: bytes, error: VenueError) -> None:
        """Count a message that none of the venue's is; logged at most once a second."""
        self.unreadables += 1
        now = time.monotonic_ns()
        if now - self._warned_ns >= SECOND:
            self._warned_ns = now
            logger.warning("%s: unreadable (%s): %r", self.name, error, message[:EXCERPT])
