"""Faults of every kind at random times, from a seed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from random import Random
from typing import TYPE_CHECKING

from alp.paper.faults.script import Fault

if TYPE_CHECKING:
    from alp.paper.exchange import Exchange

FAULTS = tuple(each for each in Fault if each not in (Fault.TRICKLE, Fault.DELAY))
"""Those that a connection can get over."""
REST_STATUSES = (500, 429, 503)
REST_SHARE = 0.15
"""Of faults, where books begin with an answer by REST."""


class Chaos:
    """Lets faults happen to every connection of an exchange, or to its next answer by REST.

    Parameters
    ----------
    mean_s
        Seconds between two faults, on average.
    faults
        To choose from.
    tell
        Hears of each.
    """

    def __init__(
        self,
        exchange: Exchange,
        seed: int,
        mean_s: float,
        tell: Callable[[str], None] = lambda _: None,
        faults: Sequence[Fault] = FAULTS,
    ) -> None:
        self._exchange = exchange
        self._random = Random(seed)  # noqa: S311 - faults, not a secret
        self._mean_s = mean_s
        self._tell = tell
        self._faults = faults
        self.happened: list[str] = []

    async def run(self, most: int | None = None) -> None:
        """Go on until cancelled, or until so many faults have happened."""
        while most is None or len(self.happened) < most:
            await asyncio.sleep(self._random.expovariate(1 / self._mean_s))
            self.one()

    def one(self) -> None:
        """Let one fault happen: to every connection, or to the next answer by REST."""
        if self._exchange.protocol.rest_snapshots and self._random.random() < REST_SHARE:
            status = self._random.choice(REST_STATUSES)
            self._exchange.script.rest(status, retry_after_s=1 if status == 429 else None)
            self._record(f"rest {status}")
            return
        fault = self._random.choice(self._faults)
        self._exchange.apply(fault, size=self._random.randint(1, 200))
        self._record(str(fault))

    def _record(self, what: str) -> None:
        self.happened.append(what)
        self._tell(what)
