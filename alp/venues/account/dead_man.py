"""The venue's own timer, which cancels everything when nobody refreshes it."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Sequence

from alp.errors import VenueError
from alp.venues.account.calls import Calls
from alp.venues.instruments import Instrument
from alp.venues.orders import Call, Capability

logger = logging.getLogger(__name__)

SECOND = 10**9
REFRESHES = 3
"""How often it is refreshed within its time."""
TRIES = 20
"""How often it is tried within its time when that fails."""


class DeadMan:
    """Refreshes the timer while orders may stay.

    Parameters
    ----------
    may_stay
        Asked before each refreshing.

    Attributes
    ----------
    counts
        ``set``, ``failed`` and ``withheld``.
    """

    def __init__(
        self, calls: Calls, instruments: Sequence[Instrument], may_stay: Callable[[], bool]
    ) -> None:
        self.counts: Counter[str] = Counter()
        self._calls = calls
        self._instruments = instruments
        self._may_stay = may_stay

    @property
    def exists(self) -> bool:
        """Whether the venue has one."""
        return self._calls.adapter.dead_man_ns > 0

    async def arm(self) -> None:
        """Set it, where there is one.

        Raises
        ------
        VenueError
            If the venue does not confirm it.
        """
        if self.exists:
            await self._set(self._calls.adapter.dead_man_ns)

    async def disarm(self) -> None:
        """Switch it off, where it was set; one that stays is no harm."""
        if not self.counts["set"]:
            return
        try:
            await self._set(0)
        except VenueError as error:
            logger.warning("%s: the timer stays: %s", self._calls.adapter.exchange, error)

    async def run(self) -> None:
        """Refresh it until cancelled."""
        timeout_s = self._calls.adapter.dead_man_ns / SECOND
        pause_s = timeout_s / REFRESHES
        while True:
            await asyncio.sleep(pause_s)
            pause_s = timeout_s / REFRESHES
            if not self._may_stay():
                self.counts["withheld"] += 1
                continue
            try:
                await self.arm()
            except VenueError as error:
                self.counts["failed"] += 1
                pause_s = timeout_s / TRIES
                logger.error("%s: dead-man timer: %s", self._calls.adapter.exchange, error)

    async def _set(self, timeout_ns: int) -> None:
        whole = Capability.DEAD_MAN_ACCOUNT in self._calls.adapter.capabilities
        for instrument in [None] if whole else self._instruments:
            await self._calls.ask(self._timer(instrument, timeout_ns))
        self.counts["set"] += 1

    def _timer(self, instrument: Instrument | None, timeout_ns: int) -> Callable[[], Call]:
        def make() -> Call:
            call = self._calls.adapter.dead_man(instrument, timeout_ns, self._calls.signer)
            assert call is not None
            return call

        return make
