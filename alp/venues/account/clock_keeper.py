"""Comparing clocks with a venue, often enough, and at once where one was set."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from random import Random

from alp.errors import VenueError
from alp.venues.account.calls import Calls
from alp.venues.account.clock_offset import ClockReading
from alp.venues.account.state import Patience
from alp.venues.backoff import Backoff
from alp.venues.waiting import waited

logger = logging.getLogger(__name__)

SECOND = 10**9
TICK_S = 0.25
FIRST_TRIPS = 5
"""Round trips that measure a clock of which nothing is known."""


class ClockKeeper:
    """Keeps what is known of a venue's clock up to date.

    Parameters
    ----------
    was_set
        Is told that the local clock was set.
    compared
        Is told of every comparison.
    """

    def __init__(
        self,
        calls: Calls,
        random: Random,
        patience: Patience,
        was_set: Callable[[], None],
        compared: Callable[[ClockReading], None],
    ) -> None:
        self._calls = calls
        self._patience = patience
        self._was_set, self._compared = was_set, compared
        self._backoff = Backoff(random, patience.ask_again_ns, patience.longest_ns)
        self._wake = asyncio.Event()
        self._due_ns = 0

    async def begin(self) -> None:
        """Measure it for the first time, which also opens connections for what follows.

        Raises
        ------
        VenueError
            If the venue does not tell its time.
        """
        await asyncio.gather(*[self._calls.compare_clocks() for _ in range(2)])
        await self._compare(FIRST_TRIPS)

    def hurry(self) -> None:
        """Measure it again now."""
        self._due_ns = 0
        self._wake.set()

    async def run(self) -> None:
        """Compare until cancelled."""
        clock = self._calls.clock
        while True:
            await waited(self._wake, TICK_S)
            if clock.look():
                self._due_ns = 0
                self._was_set()
            if time.monotonic_ns() < self._due_ns:
                continue
            try:
                await self._compare(1 if clock.valid else FIRST_TRIPS)
                self._backoff.reset()
            except VenueError as error:
                logger.warning("%s: clock: %s", self._calls.adapter.exchange, error)
                self._due_ns = time.monotonic_ns() + self._backoff.next_ns(error.retry_ns)

    async def _compare(self, trips: int) -> None:
        for _ in range(trips):
            await self._calls.compare_clocks()
        self._due_ns = time.monotonic_ns() + self._patience.clock_ns
        reading = self._calls.clock.reading()
        if reading is not None:
            self._compared(reading)
