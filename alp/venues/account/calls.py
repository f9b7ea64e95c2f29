"""One call out, what it means back: by REST or by WebSocket, within the budget, counted."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field

from alp.errors import VenueError
from alp.venues.account.clock_offset import VenueClock
from alp.venues.account.delivery import NoAnswer, NotSent
from alp.venues.account.http import OrderHttp
from alp.venues.account.private_socket import PrivateSocket
from alp.venues.account.rates import OrderRates
from alp.venues.account.state import Patience
from alp.venues.instruments import Instrument
from alp.venues.orders import (
    Answer,
    Call,
    Capability,
    OrderAdapter,
    Outcome,
    Policy,
    Signer,
)

logger = logging.getLogger(__name__)

SECOND = 10**9
BANNED = 418
EXCERPT = 200
MOST_PAGES = 1000
BOUNDS_MS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000)

Judge = Callable[[Call, Outcome], None]
"""Is told what every answer means, before whoever asked."""


@dataclass
class Durations:
    """How long answers took: of each of :data:`BOUNDS_MS` how many took no longer, and in all."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS_MS) + 1))
    total_ns: int = 0

    def see(self, took_ns: int) -> None:
        """Count one."""
        self.counts[bisect_left(BOUNDS_MS, took_ns / 1_000_000)] += 1
        self.total_ns += took_ns


class _Question:
    """An answer on a WebSocket that somebody waits for."""

    def __init__(self) -> None:
        self.future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()

    def answered(self, answer: Answer) -> None:
        """Hand it over."""
        if not self.future.done():
            self.future.set_result(answer)

    def unanswered(self, why: str) -> None:
        """Say that there is none."""
        if not self.future.done():
            self.future.set_exception(NoAnswer(why))


class Calls:
    """What a session asks a venue with.

    Attributes
    ----------
    results
        How calls ended: (name, ``answered``, ``no-answer`` or ``not-sent``).
    durations
        By the name of the call.
    """

    def __init__(
        self,
        adapter: OrderAdapter,
        instruments: Mapping[str, Instrument],
        http: OrderHttp,
        rates: OrderRates,
        clock: VenueClock,
        signer: Signer,
        judge: Judge,
        patience: Patience,
    ) -> None:
        self.adapter = adapter
        self.instruments = instruments
        self.rates = rates
        self.clock = clock
        self.signer = signer
        self.socket: PrivateSocket | None = None
        self.results: Counter[tuple[str, str]] = Counter()
        self.durations: dict[str, Durations] = {}
        self._http = http
        self._judge = judge
        self._answer_s = patience.answer_ns / SECOND
        self._turn = asyncio.Lock()

    def turn(self) -> AbstractAsyncContextManager[None]:
        """Return what to hold while a request is signed, sent and answered."""
        if Capability.ONE_AT_A_TIME in self.adapter.capabilities:
            return self._turn
        return contextlib.nullcontext()

    async def ask(self, make: Callable[[], Call], *, urgent: bool = False) -> Outcome:
        """Ask something that makes no order; it waits until the budget allows it.

        Parameters
        ----------
        make
            Signs it, right before it is sent.
        urgent
            It does not wait: orders are to be gone.

        Raises
        ------
        VenueError
            If there is no answer, or one that says so.
        """
        repeated = False
        while True:
            async with self.turn():
                call = make()
                wait_ns = 0 if urgent else self.rates.wait_ns(call)
                if not wait_ns:
                    self.rates.spend(call)
                    outcome = self.understand(call, await self.deliver(call))
            if wait_ns:
                await asyncio.sleep(wait_ns / SECOND)
            elif outcome.policy is Policy.RETRY_NOW and not repeated:
                repeated = True
            elif outcome.policy is not None and not outcome.facts:
                what = f"{self.adapter.exchange}: {call.name}: {outcome.policy}: {outcome.text}"
                raise VenueError(what[: 2 * EXCERPT], retry_ns=outcome.retry_ns)
            else:
                return outcome

    async def ask_pages(self, make: Callable[[], Call], *, urgent: bool = False) -> list[Outcome]:
        """Ask for all pages of something.

        Raises
        ------
        VenueError
            As :meth:`ask`, or if there is no end to them.
        """
        outcomes = [await self.ask(make, urgent=urgent)]
        while (more := outcomes[-1].more) is not None:
            if len(outcomes) >= MOST_PAGES:
                raise VenueError(f"{self.adapter.exchange}: more than {MOST_PAGES} pages")
            outcomes.append(await self.ask(_next_page(more, self.signer), urgent=urgent))
        return outcomes

    async def ask_all(
        self, make: Callable[[], Sequence[Call]], *, urgent: bool = False
    ) -> list[Outcome]:
        """Ask for all pages of several things; each is signed when its turn comes.

        Raises
        ------
        VenueError
            See :meth:`ask_pages`.
        """
        outcomes: list[Outcome] = []
        for index in range(len(make())):
            outcomes += await self.ask_pages(_one_of(make, index), urgent=urgent)
        return outcomes

    async def compare_clocks(self) -> None:
        """Measure the venue's clock once.

        Raises
        ------
        VenueError
            If it does not tell it.
        """
        sent_ns = time.monotonic_ns()
        outcome = await self.ask(self.adapter.time)
        if not outcome.venue_ns:
            raise VenueError(f"{self.adapter.exchange} does not tell its time")
        self.clock.see(sent_ns, time.monotonic_ns(), outcome.venue_ns)

    async def deliver(self, call: Call) -> Answer:
        """Send a call once and return the answer.

        Raises
        ------
        NotSent, NoAnswer
            See :mod:`alp.venues.account.delivery`.
        """
        begun_ns = time.monotonic_ns()
        result = "no-answer"
        try:
            if call.request is not None:
                answer = await self._http.send(call.request)
            else:
                answer = await self._by_socket(call)
            result = "answered"
            self.took(call, time.monotonic_ns() - begun_ns)
            return answer
        except NotSent:
            result = "not-sent"
            raise
        finally:
            self.results[call.name, result] += 1

    def took(self, call: Call, took_ns: int) -> None:
        """Count how long an answer took."""
        self.durations.setdefault(call.name, Durations()).see(took_ns)

    def understand(self, call: Call, answer: Answer) -> Outcome:
        """Read an answer and draw what follows for the budget; whatever it is, this returns."""
        try:
            outcome = self.adapter.read(call, answer, self.instruments)
        except Exception:  # an order's end must not depend on a fault in a parser
            logger.exception("%s: the answer to %s", self.adapter.exchange, call.name)
            outcome = Outcome(policy=Policy.QUERY, text="the answer cannot be read")
        self.rates.see(outcome.spent)
        if outcome.policy is Policy.RETRY_AFTER or answer.status == BANNED:
            rest_ns = max(outcome.retry_ns, SECOND)
            if answer.status == BANNED:
                self.rates.ban(rest_ns)
            else:
                self.rates.block(rest_ns)
        elif outcome.policy is Policy.RESYNC_CLOCK:
            self.clock.invalidate()
        if outcome.policy is not None:
            text = outcome.text[:EXCERPT]
            logger.warning("%s: %s: %s: %s", self.adapter.exchange, call.name, outcome.policy, text)
        self._judge(call, outcome)
        return outcome

    async def _by_socket(self, call: Call) -> Answer:
        connection = None if self.socket is None else self.socket.connection
        if connection is None or call.message is None:
            raise NotSent(f"{self.adapter.exchange}: {call.name}: there is no socket for it")
        question = _Question()
        connection.send(call.message)
        connection.awaited[call.reference] = question
        try:
            async with asyncio.timeout(self._answer_s):
                return await question.future
        except TimeoutError:
            what = f"{connection.name}: {call.name}: nothing within {self._answer_s:g} s"
            raise NoAnswer(what) from None
        finally:
            connection.awaited.pop(call.reference, None)


def _next_page(more: Callable[[Signer], Call], signer: Signer) -> Callable[[], Call]:
    return lambda: more(signer)


def _one_of(make: Callable[[], Sequence[Call]], index: int) -> Callable[[], Call]:
    return lambda: make()[index]
