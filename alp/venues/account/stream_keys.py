"""What opens an account's connections: keys asked for, renewed, and replaced when they are lost."""

from __future__ import annotations

import logging

from alp.errors import ConfigError, VenueError
from alp.venues.account.calls import Calls
from alp.venues.account.delivery import NoAnswer, NotSent
from alp.venues.orders import Call, StreamPlan

logger = logging.getLogger(__name__)


class StreamKeys:
    """Plans connections, with the keys that they need."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def stream(self) -> tuple[StreamPlan, str]:
        """Return how to open a private stream, and its key.

        Raises
        ------
        VenueError
            If the venue gives no key.
        """
        key = await self._ask("")
        return self._calls.adapter.stream(self._calls.signer, key), key

    async def orders(self) -> tuple[StreamPlan, str]:
        """Return how to open a socket for orders, and its key.

        Raises
        ------
        ConfigError
            If the venue has none.
        VenueError
            If it gives no key.
        """
        key = await self._ask("")
        plan = self._calls.adapter.order_socket(self._calls.signer, key)
        if plan is None:
            raise ConfigError(f"{self._calls.adapter.exchange} has no socket for orders")
        return plan, key

    async def renew(self, key: str) -> str:
        """Renew a key; a venue that does not know it any more is asked for another.

        Raises
        ------
        VenueError
            If there is no answer, or no other key.
        """
        try:
            return await self._ask(key)
        except (NotSent, NoAnswer):
            raise
        except VenueError as error:
            logger.warning("%s: another key: %s", self._calls.adapter.exchange, error)
            return await self._ask("")

    async def _ask(self, key: str) -> str:
        """Return a key; empty where a venue needs none."""
        adapter, signer = self._calls.adapter, self._calls.signer
        if adapter.stream_key(signer, key) is None:
            return ""

        def make() -> Call:
            call = adapter.stream_key(signer, key)
            assert call is not None
            return call

        return (await self._calls.ask(make)).text or key
