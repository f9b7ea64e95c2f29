"""One WebSocket of a venue, from its handshake to its end: open, heard from, pinged, closed."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Protocol

import picows

from alp.venues.listener import MOST_BYTES

logger = logging.getLogger(__name__)

HANDSHAKE_S = 10.0
EXCERPT = 200
NO_CLOSE_FRAME = 1006


class Terms(Protocol):
    """How a venue wants a connection treated. Nanoseconds.

    Attributes
    ----------
    lifetime_ns
        It is replaced before it is this old; 0: never.
    silence_ns
        Without any frame for so long it is dead.
    ping, ping_ns
        Message to send so often; none where the venue pings.
    """

    @property
    def lifetime_ns(self) -> int: ...  # noqa: D102
    @property
    def silence_ns(self) -> int: ...  # noqa: D102
    @property
    def ping(self) -> bytes | None: ...  # noqa: D102
    @property
    def ping_ns(self) -> int: ...  # noqa: D102


class WebSocket(ABC):
    """A connection; its listener tells it what comes.

    Attributes
    ----------
    news
        Set whenever something happens that whoever keeps it alive should look at.
    ending
        It is to be replaced as soon as another is ready.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.news = asyncio.Event()
        self.ending = False
        self.opened_ns = 0
        self.close_code: int | None = None
        self._transport: picows.WSTransport | None = None

    @property
    @abstractmethod
    def terms(self) -> Terms:
        """How the venue wants it treated."""

    @property
    @abstractmethod
    def counts(self) -> Mapping[str, int]:
        """What came on it, for metrics."""

    @property
    @abstractmethod
    def idle_ns(self) -> int:
        """How long nothing at all has come."""

    @property
    def is_open(self) -> bool:
        """Whether the socket is open as far as this side knows."""
        return self._transport is not None and not self._transport.is_disconnected

    @property
    def is_silent(self) -> bool:
        """Whether nothing at all has come for longer than it lives."""
        return self.idle_ns > self.terms.silence_ns

    @property
    def age_ns(self) -> int:
        """How long it has been open."""
        return time.monotonic_ns() - self.opened_ns

    def ping(self) -> None:
        """Ask for a sign of life, in the venue's own way where it has one."""
        if self._transport is None or self._transport.is_disconnected:
            return
        if self.terms.ping is None:
            self._transport.send_ping()
        else:
            self._transport.send(picows.WSMsgType.TEXT, self.terms.ping)

    async def close(self) -> None:
        """Close it politely where the other side still listens."""
        if self._transport is not None and not self._transport.is_disconnected:
            with contextlib.suppress(OSError, picows.WSError):
                if not self._transport.is_close_frame_sent:
                    self._transport.send_close(picows.WSCloseCode.GOING_AWAY)
            self._transport.disconnect()
            with contextlib.suppress(TimeoutError, OSError, picows.WSError):
                async with asyncio.timeout(1):
                    await self._transport.wait_disconnected()

    def opened(self, transport: picows.WSTransport) -> None:
        """Be told by the listener that the handshake is done."""
        self._transport = transport
        self.opened_ns = time.monotonic_ns()

    def closed(self, code: int, reason: bytes | None) -> None:
        """Be told by the listener that the venue closes the connection."""
        self.close_code = code
        logger.info("%s: closed by the venue, %d %r", self.name, code, (reason or b"")[:EXCERPT])

    def gone(self) -> None:
        """Be told by the listener that the connection has ended."""
        if self.close_code is None:
            self.close_code = NO_CLOSE_FRAME
        self.news.set()

    async def _connect(
        self,
        listener: picows.WSListener,
        url: str,
        ssl_context: ssl.SSLContext | None,
        **options: Any,
    ) -> None:
        """Do the handshake; raises what the library and the system raise."""
        if ssl_context is None and url.startswith("wss://"):
            ssl_context = ssl.create_default_context()
        self._transport, _ = await picows.ws_connect(
            lambda: listener,
            url,
            ssl_context=ssl_context,
            websocket_handshake_timeout=HANDSHAKE_S,
            enable_auto_pong=False,  # the listener answers: a ping is a sign of life
            max_frame_size=MOST_BYTES,
            **options,
        )
