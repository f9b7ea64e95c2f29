"""What a venue's clock shows: bounds that each round trip narrows, on a clock that nobody sets.

A venue reads its clock between the moment a question leaves and the moment its answer arrives, so
every round trip bounds the distance of the venue's clock from the local monotonic one. Bounds of
several trips hold together, which is how the quick trips count and the slow ones do no harm; while
time passes they widen by what two clocks may drift apart. All is integers, nanoseconds.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

logger = logging.getLogger(__name__)

SECOND = 10**9
STEP_NS = SECOND // 10
"""A step of the wall clock against the monotonic one that is more than slewing."""
JUMP_NS = SECOND // 20
"""Servers of one venue may differ by less; more is a clock that was set."""
DRIFT = 10_000
"""Two clocks part by at most one nanosecond in so many."""


@dataclass(frozen=True, slots=True)
class ClockReading:
    """What is known of a venue's clock.

    Attributes
    ----------
    offset_ns
        How far it is ahead of the local wall clock.
    error_ns
        The offset is not further off than this.
    at_ns
        When it was last compared, monotonic.
    """

    offset_ns: int
    error_ns: int
    at_ns: int

    @property
    def least_ns(self) -> int:
        """How far apart the clocks are at least, with the offset's sign.

        A venue that tells whole seconds leaves the offset open by most of one.
        """
        least = max(abs(self.offset_ns) - self.error_ns, 0)
        return least if self.offset_ns > 0 else -least


class VenueClock:
    """Tells a venue's time.

    Parameters
    ----------
    monotonic_ns, wall_ns
        The local clocks.

    Attributes
    ----------
    steps, jumps
        How often the local clock was set, and the venue's.
    """

    def __init__(
        self,
        *,
        monotonic_ns: Callable[[], int] = time.monotonic_ns,
        wall_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._monotonic_ns = monotonic_ns
        self._wall_ns = wall_ns
        # Until it is measured, the venue's time is the local one.
        self._apart_ns = self._low = self._high = wall_ns() - monotonic_ns()
        self._at_ns = monotonic_ns()
        self._valid = False
        self.steps = 0
        self.jumps = 0

    @property
    def valid(self) -> bool:
        """Whether it was measured, and nothing has happened to the clocks since."""
        return self._valid

    def now_ns(self) -> int:
        """Return the venue's time as well as it is known, nanoseconds UTC."""
        return self._monotonic_ns() + (self._low + self._high) // 2

    def reading(self) -> ClockReading | None:
        """Return what is known; None where it has to be measured first."""
        if not self._valid:
            return None
        now = self._monotonic_ns()
        middle = (self._low + self._high) // 2
        widened = (self._high - self._low) // 2 + (now - self._at_ns) // DRIFT
        return ClockReading(middle + now - self._wall_ns(), widened, self._at_ns)

    def see(self, sent_ns: int, received_ns: int, venue_ns: int) -> None:
        """Take one round trip into account.

        Parameters
        ----------
        sent_ns, received_ns
            Monotonic.
        venue_ns
            What the venue's clock showed, nanoseconds UTC, cut or rounded to its unit.
        """
        unit = _unit(venue_ns)
        low = venue_ns - unit // 2 - received_ns
        high = venue_ns + unit - sent_ns
        if self._valid:
            drift = (received_ns - self._at_ns) // DRIFT
            known_low, known_high = self._low - drift, self._high + drift
            apart = max(low - known_high, known_low - high)
            if apart <= 0:
                low, high = max(low, known_low), min(high, known_high)
            elif apart > JUMP_NS:
                self.jumps += 1
                logger.warning("a venue's clock jumped by at least %.3f s", apart / SECOND)
        self._low, self._high, self._at_ns, self._valid = low, high, received_ns, True

    def invalidate(self) -> None:
        """Believe nothing of it until it is measured again."""
        self._valid = False

    def look(self) -> bool:
        """Return whether the local clock was set since the last look, which invalidates all.

        A machine that slept looks the same: its monotonic clock stood still.
        """
        apart = self._wall_ns() - self._monotonic_ns()
        step, self._apart_ns = apart - self._apart_ns, apart
        if abs(step) <= STEP_NS:
            return False
        self.steps += 1
        self._valid = False
        logger.warning("the local clock was set by %+.3f s", step / SECOND)
        return True


def _unit(venue_ns: int) -> int:
    """Return what a venue's clock counts in, or more by chance, which only widens the bounds."""
    unit = 1
    while unit < SECOND and venue_ns % (1000 * unit) == 0:
        unit *= 1000
    return unit
