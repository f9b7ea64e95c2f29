"""An event loop's own health: how late it is, and whether the clock was set."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass

from alp.observe.web import Health

logger = logging.getLogger(__name__)

SECOND = 10**9
PERIOD_S = 0.1
JUMP_NS = SECOND // 10
"""A step of the wall clock against the monotonic one that is more than slewing."""
STUCK_NS = 5 * SECOND


@dataclass
class LoopWatch:
    """Measures while :meth:`run` runs.

    Attributes
    ----------
    lag_ns
        The largest delay of a timer since :meth:`take_lag` was last called.
    clock_jumps
        How often the wall clock was set.
    """

    lag_ns: int = 0
    clock_jumps: int = 0
    beat_ns: int = 0

    async def run(self) -> None:
        """Measure until cancelled."""
        offset = time.time_ns() - time.monotonic_ns()
        while True:
            before = self.beat_ns = time.monotonic_ns()
            await asyncio.sleep(PERIOD_S)
            late = time.monotonic_ns() - before - int(PERIOD_S * SECOND)
            self.lag_ns = max(self.lag_ns, late)
            now = time.time_ns() - time.monotonic_ns()
            if abs(now - offset) > JUMP_NS:
                self.clock_jumps += 1
                logger.warning("the clock was set by %+.3f s", (now - offset) / SECOND)
            offset = now

    def alive(self) -> Health:
        """Return whether the event loop does its work in time."""
        stuck = self.beat_ns and time.monotonic_ns() - self.beat_ns > STUCK_NS
        reasons = ["the event loop does not keep up"] if stuck else []
        return Health(not reasons, reasons)

    def take_lag(self) -> int:
        """Return the largest delay since the last call, nanoseconds."""
        lag, self.lag_ns = self.lag_ns, 0
        return lag
