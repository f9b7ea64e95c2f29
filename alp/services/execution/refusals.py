"""What the gate refused, in the log: the first of each kind at once, the others as a number."""

from __future__ import annotations

import logging
from collections.abc import Callable

from alp._core.gate import REFUSALS, Refusal
from alp.services.execution.limits import AccountVenue
from alp.services.execution.steps import Step

logger = logging.getLogger(__name__)

PAUSE_NS = 10 * 10**9
"""Of each product and reason there is one line in so long."""


class RefusalLog:
    """Writes refusals to the log, never a flood of them."""

    def __init__(self, clock_ns: Callable[[], int]) -> None:
        self._clock_ns = clock_ns
        self._last: dict[tuple[int, Refusal], int] = {}
        self._silent: dict[tuple[int, Refusal], int] = {}

    def __call__(self, venue: AccountVenue, step: Step, refusal: Refusal) -> None:
        """Note one."""
        kind, now = (venue.index, refusal), self._clock_ns()
        if kind in self._last and 0 <= now - self._last[kind] < PAUSE_NS:
            self._silent[kind] = self._silent.get(kind, 0) + 1
            return
        self._last[kind] = now
        logger.warning(
            "%s: refused by the gate: %s: %s, side %+d, %d lots at %d, %s; %d more since the last",
            venue.venue.name,
            refusal.name,
            step.action.name,
            step.side,
            step.quantity,
            step.price,
            REFUSALS[refusal],
            self._silent.pop(kind, 0),
        )
