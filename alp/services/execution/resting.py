"""What shall rest in each product, and the steps that lead there from what is open.

Wishes are levels, not changes: each replaces the one before and holds until its time. A wish that
is not renewed ends, and what rested by it is cancelled. So a lost message, a crashed quoter or a
stuck one cost at most that time.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from alp._core.gate import Refusal
from alp._core.order_life import OrderEvent, OrderState, RejectReason
from alp._core.orders import OrderFields
from alp._core.wire import QuotesMessage
from alp.services.execution.account import ENDED, START, Account
from alp.services.execution.caution import reducing
from alp.services.execution.limits import AccountVenue
from alp.services.execution.steps import Step
from alp.venues.account.state import AccountNews
from alp.venues.orders import Action, Fact, Policy

logger = logging.getLogger(__name__)

SECOND = 10**9
RETRY_NS = SECOND // 20
"""What the gate refused for a passing reason is tried again after so long."""
FIRST_REST_NS, LONGEST_REST_NS = SECOND // 5, 10 * SECOND
"""After an order was refused its side rests; longer after each further refusal."""
LONGEST_AGE_NS = 3600 * SECOND
PASSING = frozenset(
    {
        Refusal.RATE_STRATEGY,
        Refusal.RATE_VENUE,
        Refusal.FILL_BURST,
        Refusal.STALE_BOOK,
        Refusal.CLOCK,
        Refusal.COLLAR,
        Refusal.DUPLICATE,
        Refusal.SELF_MATCH,
        Refusal.FULL,
    }
)
"""Refusals that time can end; the others wait for another wish."""

WAITING = frozenset(
    {
        Refusal.RATE_STRATEGY,
        Refusal.RATE_VENUE,
        Refusal.SELF_MATCH,
        Refusal.INVALID,
        Refusal.FULL,
    }
)
"""An order whose amend is refused for another reason than these may not stay where it is."""

Plan = Callable[[AccountVenue, QuotesMessage | None], list[Step]]
"""What to do in a product so that a wish comes true; without a wish nothing shall rest."""


@dataclass
class Side:
    """How long one side of a product rests after refusals."""

    until_ns: int = 0
    next_ns: int = FIRST_REST_NS

    def refused(self, now_ns: int) -> None:
        """Rest, longer than the last time."""
        self.until_ns = now_ns + self.next_ns
        self.next_ns = min(2 * self.next_ns, LONGEST_REST_NS)

    def taken(self) -> None:
        """Rest no more: the venue took an order."""
        self.until_ns, self.next_ns = 0, FIRST_REST_NS


@dataclass
class Wish:
    """What is wanted of a product, and until when by the monotonic clock."""

    venue: AccountVenue
    wanted: QuotesMessage | None = None
    until_ns: int = 0
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    sides: dict[int, Side] = field(default_factory=lambda: {1: Side(), -1: Side()})


class Resting:
    """Leads an account to what shall rest.

    Parameters
    ----------
    is_fresh
        Whether the book of a product, by its index, may be quoted from now.
    most_age_ns
        A wish holds no longer than this, whatever it says.
    clock_ns, monotonic_ns
        Nanoseconds UTC, and of a clock that nobody sets.
    """

    def __init__(
        self,
        account: Account,
        plan: Plan,
        *,
        is_fresh: Callable[[int], bool] = lambda _: True,
        most_age_ns: int = LONGEST_AGE_NS,
        clock_ns: Callable[[], int] = time.time_ns,
        monotonic_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._account = account
        self._plan = plan
        self._is_fresh = is_fresh
        self._most_age_ns = most_age_ns
        self._clock_ns = clock_ns
        self._monotonic_ns = monotonic_ns
        self._refused: dict[str, Side] = {}
        self._wishes = {index: Wish(venue) for index, venue in account.products.items()}
        account.listen(self._heard)

    def want(self, message: QuotesMessage) -> bool:
        """Take over what shall rest in a product; False where it is not ours to say."""
        wish = self._wishes.get(message.header.instrument)
        if wish is None or message.token != self._account.token:
            self._account.counts["wishes refused"] += 1
            return False
        wish.wanted = message
        lasts_ns = min(message.until_ns - self._clock_ns(), self._most_age_ns)
        wish.until_ns = self._monotonic_ns() + lasts_ns
        wish.wake.set()
        return True

    def wished(self) -> list[dict[str, Any]]:
        """Return what is wanted of each product, for people: ticks, lots and seconds left."""
        now = self._monotonic_ns()
        return [
            {
                "venue": wish.venue.venue.name,
                "instrument": index,
                "source": wish.wanted.header.source,
                "left_s": max(wish.until_ns - now, 0) / SECOND,
                "in_force": self._in_force(wish, now) is not None,
                "bids": list(wish.wanted.bids),
                "asks": list(wish.wanted.asks),
            }
            for index, wish in self._wishes.items()
            if wish.wanted is not None
        ]

    def withdraw(self) -> None:
        """Want nothing to rest any more."""
        for wish in self._wishes.values():
            wish.wanted = None
            wish.wake.set()

    def wake(self) -> None:
        """Look again at everything: what may leave has changed."""
        for wish in self._wishes.values():
            wish.wake.set()

    def heard_state(self, news: AccountNews) -> None:
        """Let a side rest that the venue says there is nothing left for."""
        for wish in self._wishes.values():
            if news.policy in (Policy.PAUSE_SIDE, Policy.PAUSE_SYMBOL) and (
                wish.venue.instrument.symbol == news.symbol
            ):
                for sign, side in wish.sides.items():
                    if news.policy is Policy.PAUSE_SYMBOL or sign == news.side:
                        side.refused(self._monotonic_ns())
        self.wake()

    def _heard(self, order: OrderFields, fact: Fact) -> None:
        wish = self._wishes[order.instrument]
        side = wish.sides[order.side]
        refused = order.state is OrderState.REJECTED and order.reason is not RejectReason.NONE
        if refused or fact.kind is OrderEvent.AMEND_REFUSED:
            side.refused(self._monotonic_ns())
        elif fact.kind in (OrderEvent.ACKED, OrderEvent.AMEND_ACKED):
            side.taken()
        elif fact.kind is OrderEvent.CANCEL_REFUSED:
            self._refused.setdefault(order.client_id, Side()).refused(self._monotonic_ns())
        if order.state in ENDED:
            self._refused.pop(order.client_id, None)
        wish.wake.set()

    async def run(self) -> None:
        """Lead every product to its wish, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for wish in self._wishes.values():
                tasks.create_task(self._lead(wish))

    async def _lead(self, wish: Wish) -> None:
        while True:
            wish.wake.clear()
            pause_ns = await self._converge(wish)
            try:
                async with asyncio.timeout(None if pause_ns is None else pause_ns / SECOND):
                    await wish.wake.wait()
            except TimeoutError:
                continue

    async def _converge(self, wish: Wish) -> int | None:
        """Do what is to be done now; return when to look again, None: when something happens."""
        self._account.forget()
        now = self._monotonic_ns()
        if START in self._account.halts:
            return None  # what the journal says is open may be long gone: the venue is read first
        wanted = self._in_force(wish, now)
        steps = self._plan(wish.venue, wanted)
        refusals = await self._do(wish, self._by_risk(steps)) if steps else []
        resting = (*wish.sides.values(), *self._refused.values())
        ends = [each.until_ns for each in resting if each.until_ns > now]
        if wish.wanted is not None and wish.until_ns > now:
            ends.append(wish.until_ns)
            if wanted is None:
                ends.append(now + RETRY_NS)  # a book is fresh again without saying so
        if any(each in PASSING for each in refusals):
            ends.append(now + RETRY_NS)
        return max(min(ends) - now, 0) if ends else None

    async def _do(self, wish: Wish, steps: list[Step]) -> list[Refusal]:
        """Do steps; what may not be where it is wanted is cancelled where it is."""
        astray = []

        def refused(step: Step, refusal: Refusal) -> None:
            if refusal is Refusal.FILL_BURST:
                wish.sides[step.side].refused(self._monotonic_ns())
                wish.wake.set()  # what else rests on this side is pulled now
            elif step.action is Action.AMEND and refusal not in WAITING:
                astray.append(Step(Action.CANCEL, step.client_id, step.side))

        refusals = await self._account.do(wish.venue, steps, refused)
        if astray:
            await self._account.do(wish.venue, astray)
        return refusals

    def _in_force(self, wish: Wish, now_ns: int) -> QuotesMessage | None:
        """Return what shall rest now; a side that rests itself has nothing in it."""
        wanted = wish.wanted
        if wanted is None or wish.until_ns <= now_ns or not self._account.may_add:
            return None
        if not self._is_fresh(wish.venue.index):
            return None
        if wish.sides[1].until_ns > now_ns:
            wanted = wanted._replace(bids=())
        if wish.sides[-1].until_ns > now_ns:
            wanted = wanted._replace(asks=())
        if self._account.reductions:
            return reducing(wanted, wish.venue, self._account.table.combined(0).net)
        return wanted

    def _by_risk(self, steps: list[Step]) -> list[Step]:
        """Put cancels first, of the largest risk before the others.

        An order whose cancel was just refused is asked for; until that is known, or it took too
        long, it is not cancelled again.
        """
        now = self._monotonic_ns()
        waits = {name for name, each in self._refused.items() if each.until_ns > now}

        def key(step: Step) -> int:
            if step.action is not Action.CANCEL:
                return 0
            order = self._account.table.get(step.client_id)
            return -order.open_quantity * order.open_price

        left = [
            each
            for each in steps
            if each.action is not Action.CANCEL or each.client_id not in waits
        ]
        return sorted(left, key=key)

    async def cancel_everything(self, within_ns: int) -> list[OrderFields]:
        """Cancel what is open, the largest risk first; return what may be open after all.

        Parameters
        ----------
        within_ns
            How long it may take.
        """
        self.withdraw()
        account = self._account
        account.halt("stop", "everything is cancelled")
        until = self._monotonic_ns() + within_ns
        while (left := account.open_orders()) and self._monotonic_ns() < until:
            account.changed.clear()
            for wish in self._wishes.values():
                await account.do(wish.venue, self._by_risk(self._plan(wish.venue, None)))
            try:
                async with asyncio.timeout(RETRY_NS / SECOND):
                    await account.changed.wait()
            except TimeoutError:
                continue
        return left
