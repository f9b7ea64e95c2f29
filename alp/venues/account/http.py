"""REST for orders: a request leaves byte for byte and once, and how far it got is told exactly."""

from __future__ import annotations

import asyncio
import ssl
import time
from dataclasses import dataclass
from types import SimpleNamespace, TracebackType
from typing import Any, Self

import aiohttp
import yarl

from alp.venues.account.delivery import NoAnswer, NotSent
from alp.venues.orders import Answer
from alp.venues.signing import SignedRequest

MOST_BYTES = 16 * 1024 * 1024
"""Of an answer: all open orders of an account are far less."""
CONNECTIONS = 32
KEEP_S = 60.0
"""An idle connection is closed after so long, before most venues do."""
TIMEOUT_S = 10.0
CONNECT_S = 3.0
"""What finds no connection by then is not sent: a quote would be stale."""


@dataclass(slots=True)
class _Trip:
    """One request on its way."""

    left: bool = False


class _Again(Exception):  # noqa: N818 - how a second sending is stopped
    """A client library was about to send a request a second time."""


class OrderHttp:
    """Sends signed requests to one venue, on connections that stay open.

    Nothing is sent twice: not by this class, and not by the HTTP library below it, which repeats
    ``GET``, ``PUT`` and ``DELETE`` by itself where the venue closed an idle connection. No text
    of an error shows a target, a header or a body: they authenticate.

    Parameters
    ----------
    base
        URL without a slash at the end.
    ssl_context
        For certificates of one's own; the system's by default.
    timeout_s
        An answer that has not come by then is none.
    """

    def __init__(
        self,
        base: str,
        ssl_context: ssl.SSLContext | None = None,
        *,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        self._base = base
        self._ssl = ssl_context or True
        self._timeout_s = timeout_s
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close its connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def send(self, request: SignedRequest) -> Answer:
        """Send a request once and return what came back, whatever its status.

        Raises
        ------
        NotSent
            If no byte of it left: the venue was not reached.
        NoAnswer
            If it may have arrived and there is no whole answer.
        """
        trip = _Trip()
        failure = ""
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._exchange(request, trip)
        except TimeoutError:
            failure = "nothing came in time" if trip.left else "no connection in time"
        except (aiohttp.ClientError, OSError, ValueError) as error:
            failure = _words(error)
        except _Again:
            failure = "the connection had been closed"
        # Outside of the handlers: the library's errors know the whole request.
        what = f"{request.method} {request.target.partition('?')[0]} to {self._base}"
        if trip.left:
            raise NoAnswer(f"{what}: {failure}")
        raise NotSent(f"{what}: not sent: {failure}")

    async def _exchange(self, request: SignedRequest, trip: _Trip) -> Answer:
        if self._session is None:
            self._session = self._new_session()
        async with self._session.request(
            request.method,
            yarl.URL(self._base + request.target, encoded=True),
            headers=request.headers,
            data=request.body or None,
            allow_redirects=False,
            skip_auto_headers=("Content-Type",),
            ssl=self._ssl,
            trace_request_ctx=trip,
        ) as answer:
            body = bytearray()
            async for part in answer.content.iter_any():
                body += part
                if len(body) > MOST_BYTES:
                    raise ValueError(f"an answer of more than {MOST_BYTES} bytes")
            return Answer(bytes(body), answer.status, answer.headers, time.time_ns())

    def _new_session(self) -> aiohttp.ClientSession:
        tracing = aiohttp.TraceConfig()
        tracing.on_connection_create_start.append(_connecting)
        tracing.on_connection_reuseconn.append(_connecting)
        tracing.on_request_headers_sent.append(_leaving)
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=CONNECTIONS, keepalive_timeout=KEEP_S),
            timeout=aiohttp.ClientTimeout(total=None, connect=CONNECT_S),
            cookie_jar=aiohttp.DummyCookieJar(),
            trace_configs=[tracing],
        )


async def _connecting(_: aiohttp.ClientSession, context: SimpleNamespace, __: Any) -> None:
    """Stop a request that has left already from looking for another connection."""
    trip: _Trip = context.trace_request_ctx
    if trip.left:
        raise _Again


async def _leaving(_: aiohttp.ClientSession, context: SimpleNamespace, __: Any) -> None:
    """Note that a request is about to be written; a second time is not allowed."""
    trip: _Trip = context.trace_request_ctx
    if trip.left:
        raise _Again
    trip.left = True


def _words(error: Exception) -> str:
    """Say what failed without repeating what was sent."""
    name = type(error).__name__
    system = error.strerror if isinstance(error, OSError) else None
    return f"{name}: {system}" if system else name
