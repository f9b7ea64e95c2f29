"""REST for market data: one client for each venue, with a budget that is never overdrawn."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

import aiohttp

from alp.errors import ConfigError, VenueError

SECOND = 10**9
MOST_BYTES = 64 * 1024 * 1024
"""A whole exchange's instruments are some 10 MB."""
EXCERPT = 200
TIMEOUT_S = 10.0


class Budget:
    """What may be spent in a minute, all at once or in time, refilled steadily (a token bucket).

    Parameters
    ----------
    per_minute
        What alp allows itself.
    monotonic_ns
        The clock.
    """

    def __init__(
        self, per_minute: int, monotonic_ns: Callable[[], int] = time.monotonic_ns
    ) -> None:
        self._capacity = max(per_minute, 1)
        self._monotonic_ns = monotonic_ns
        self._left = float(self._capacity)
        self._at_ns = monotonic_ns()
        self._blocked_until_ns = 0

    def wait_ns(self, weight: int) -> int:
        """Return how long to wait before spending; 0: now."""
        now = self._monotonic_ns()
        self._left = min(
            self._left + (now - self._at_ns) * self._capacity / (60 * SECOND), self._capacity
        )
        self._at_ns = now
        lacking = min(weight, self._capacity) - self._left
        refill = int(lacking * 60 * SECOND / self._capacity) + 1 if lacking > 0 else 0
        return max(refill, self._blocked_until_ns - now, 0)

    async def spend(self, weight: int) -> None:
        """Wait until there is enough, and spend it."""
        while wait := self.wait_ns(weight):
            await asyncio.sleep(wait / SECOND)
        self._left -= weight

    def block(self, for_ns: int) -> None:
        """Spend nothing for a while: the venue said so."""
        self._blocked_until_ns = max(self._blocked_until_ns, self._monotonic_ns() + for_ns)


class Http:
    """Asks one venue.

    Parameters
    ----------
    base
        URL without a slash at the end.
    budget
        Shared by everything that asks the venue from here.
    ssl_context
        For certificates of one's own; the system's by default.
    """

    def __init__(
        self, base: str, budget: Budget, ssl_context: ssl.SSLContext | None = None
    ) -> None:
        self._base = base
        self._budget = budget
        self._ssl = ssl_context or True
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

    async def get(self, path: str, *, weight: int = 1) -> bytes:
        """Return the body of an answer with status 200.

        Parameters
        ----------
        path
            With its query, from the first slash on.
        weight
            What it costs of the budget; waited for.

        Raises
        ------
        VenueError
            If the venue cannot be reached, or answers with anything else; ``retry_ns`` is what it
            asked for.
        """
        await self._budget.spend(weight)
        if self._session is None:
            timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
            self._session = aiohttp.ClientSession(timeout=timeout)
        try:
            async with self._session.get(self._base + path, ssl=self._ssl) as answer:
                body = await answer.content.read(MOST_BYTES + 1)
                while len(body) <= MOST_BYTES and not answer.content.at_eof():
                    body += await answer.content.read(MOST_BYTES + 1 - len(body))
                status, retry = answer.status, answer.headers.get("Retry-After", "")
        except (aiohttp.ClientError, TimeoutError) as error:
            what = str(error) or type(error).__name__
            raise VenueError(f"{self._base} did not answer: {what}") from error
        if len(body) > MOST_BYTES:
            raise VenueError(f"{self._base}{path}: more than {MOST_BYTES} bytes")
        if status != 200:
            retry_ns = int(retry) * SECOND if retry.isdigit() else 0
            if status in (418, 429):
                retry_ns = retry_ns or 60 * SECOND
                self._budget.block(retry_ns)
            text = body[:EXCERPT].decode("utf-8", "replace")
            raise VenueError(
                f"{self._base}{path}: status {status}: {text}", retry_ns=retry_ns, status=status
            )
        return body


async def product_answer(
    http: Http, exchange: str, symbol: str, path: str, *, weight: int = 1
) -> bytes:
    """Return what a venue says of one product.

    Raises
    ------
    ConfigError
        If it does not know the product.
    VenueError
        See :meth:`Http.get`.
    """
    try:
        return await http.get(path, weight=weight)
    except VenueError as error:
        if error.status in (400, 404):
            raise ConfigError(f"{exchange} does not know {symbol}", hint=str(error)) from error
        raise
