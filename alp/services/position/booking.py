"""The position server's way to its ledger: what came is booked in order, by one thread of its own.

What waits is booked together. Where the database fails everything waits, and is applied again:
a proof is booked once.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import ParamSpec, TypeVar

from alp.errors import RpcError
from alp.ledger.books import Snapshot
from alp.ledger.ledger import Input
from alp.services.position.keeper import Applied, Keeper
from alp.venues.backoff import Backoff

logger = logging.getLogger(__name__)

SECOND = 10**9
BOUNDS_MS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 5000)
MOST_AT_ONCE = 2_000
KEPT_REFUSALS = 100

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


class Booker:
    """Books what it is given.

    Attributes
    ----------
    snapshot
        As of the newest transaction; None before the first look.
    trouble
        Why nothing is booked now; empty: it is.
    refusals
        Why single events were not booked.
    latencies
        Of :data:`BOUNDS_MS` how many transactions took no longer, and at last all longer ones.
    """

    def __init__(self, open_keeper: Callable[[], Keeper], told: Callable[[Applied], None]) -> None:
        self.snapshot: Snapshot | None = None
        self.trouble = "the ledger is not open yet"
        self.refusals: deque[str] = deque(maxlen=KEPT_REFUSALS)
        self.latencies = [0] * (len(BOUNDS_MS) + 1)
        self.latency_ns = 0
        self.counts: dict[str, int] = {"booked": 0, "duplicate": 0, "marks": 0}
        self._open = open_keeper
        self._told = told
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="ledger")
        self._waiting: list[Input] = []
        self._news = asyncio.Event()
        self._turn = asyncio.Lock()
        self._keeper: Keeper | None = None

    @property
    def waiting(self) -> int:
        """Events that are not booked yet."""
        return len(self._waiting)

    @property
    def keeper(self) -> Keeper:
        """To be used by :meth:`work` alone."""
        assert self._keeper is not None
        return self._keeper

    async def open(self) -> None:
        """Open the ledger.

        Raises
        ------
        ConfigError, RpcError
            See :class:`alp.ledger.ledger.Ledger`.
        """
        loop = asyncio.get_running_loop()
        self._keeper = await loop.run_in_executor(self._thread, self._open)
        self.snapshot = await self.work(self.keeper.snapshot)
        self.trouble = ""

    async def close(self) -> None:
        """Let go of the ledger; what waits was not booked."""
        if self._keeper is not None:
            await self.work(self._keeper.close)
        self._thread.shutdown(wait=False)

    async def work(
        self,
        do: Callable[Parameters, Result],
        *args: Parameters.args,
        **kwargs: Parameters.kwargs,
    ) -> Result:
        """Do something in the ledger's thread."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, lambda: do(*args, **kwargs))

    def add(self, events: Sequence[Input]) -> None:
        """Book events soon."""
        if events:
            self._waiting += events
            self._news.set()

    async def flush(self) -> None:
        """Book what waits; return when it is durable.

        Raises
        ------
        FencedError
            If another process has taken the ledger over.
        RpcError
            If the database failed; everything still waits.
        """
        async with self._turn:
            while self._waiting:
                some = self._waiting[:MOST_AT_ONCE]
                await self._apply(some)
                del self._waiting[: len(some)]

    async def apply(self, events: Sequence[Input]) -> Applied:
        """Book these before anything else.

        Raises
        ------
        FencedError, RpcError
            See :meth:`flush`.
        """
        async with self._turn:
            return await self._apply(events)

    async def _apply(self, events: Sequence[Input]) -> Applied:
        try:
            applied = await self.work(self.keeper.apply, events)
        except RpcError as error:
            self.trouble = error.message
            raise
        self.trouble = ""
        self.snapshot = applied.snapshot
        self.refusals += applied.refused
        self.counts = self.keeper.counts
        took_ms = applied.took_ns / 1e6
        place = next((n for n, most in enumerate(BOUNDS_MS) if took_ms <= most), len(BOUNDS_MS))
        self.latencies[place] += 1
        self.latency_ns += applied.took_ns
        self._told(applied)
        return applied

    async def run(self) -> None:
        """Book what comes until cancelled.

        Raises
        ------
        FencedError
            If another process has taken the ledger over.
        """
        backoff = Backoff(Random())  # noqa: S311 - spreads attempts
        while True:
            await self._news.wait()
            self._news.clear()
            try:
                await self.flush()
                backoff.reset()
            except RpcError as error:
                logger.error("%s; %d events wait", error, self.waiting)
                await asyncio.sleep(backoff.next_ns() / SECOND)
                self._news.set()
