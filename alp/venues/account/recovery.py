"""Getting at the truth of orders: asking until there is evidence, and reading all of an account."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random

from alp._core.order_life import OrderEvent, RejectReason
from alp.errors import ConfigError, VenueError
from alp.venues.account.calls import Calls
from alp.venues.account.delivery import NoAnswer, NotSent
from alp.venues.account.journeys import UNKNOWNS
from alp.venues.account.notes import ENDS, OrderNotes
from alp.venues.account.state import AccountReport, Patience
from alp.venues.account.strangers import Strangers
from alp.venues.backoff import Backoff
from alp.venues.instruments import Instrument
from alp.venues.orders import Call, Capability, Command, Fact, LiveOrder, Outcome
from alp.venues.waiting import waited

logger = logging.getLogger(__name__)

SECOND = 10**9
OVERLAP_NS = 60 * SECOND
"""Trades are read again from so long before the last reading: venues list them late."""

MOST_COMPARED = 20
"""Readings of what an account has, at the start, until two are the same."""

AT_ONCE = 8
"""Orders that are asked for at the same time, where a venue takes several requests."""

Deliver = Callable[[Sequence[Fact]], None]

_AT_VENUE = frozenset(
    {OrderEvent.ACKED, OrderEvent.FILL, OrderEvent.CUMULATIVE, OrderEvent.AMEND_ACKED}
)
_ANSWERED = frozenset(
    {
        OrderEvent.AMEND_ACKED,
        OrderEvent.AMEND_REFUSED,
        OrderEvent.CANCEL_ACCEPTED,
        OrderEvent.CANCEL_REFUSED,
    }
)
_REFUSED = frozenset({OrderEvent.AMEND_REFUSED, OrderEvent.CANCEL_REFUSED})
_ENDS_BY_VENUE = frozenset({OrderEvent.CANCELED, OrderEvent.EXPIRED, OrderEvent.FILLED})


@dataclass(slots=True)
class _Case:
    """An order that the venue has to be asked for.

    Attributes
    ----------
    needs
        The command whose effect the answer has to show.
    look
        Only an answer will do, or the order's end; otherwise any sign that the order is there.
    """

    order: Command
    needs: int
    look: bool
    backoff: Backoff
    next_ns: int


class Inquiries:
    """Asks for orders of which something is unknown, until there is evidence. No timer ends it.

    Attributes
    ----------
    opened, closed
        How many orders were asked for, and of how many the truth is known.
    """

    def __init__(
        self, calls: Calls, notes: OrderNotes, random: Random, patience: Patience, deliver: Deliver
    ) -> None:
        self.opened = 0
        self.closed = 0
        self._calls = calls
        self._notes = notes
        self._random = random
        self._patience = patience
        self._deliver = deliver
        self._cases: dict[str, _Case] = {}
        self._news = asyncio.Event()

    def __len__(self) -> int:
        return len(self._cases)

    def open(self, order: Command, needs: int, *, look: bool) -> None:
        """Ask for an order, soon and until it is known."""
        case = self._cases.get(order.client_id)
        if case is not None:
            case.needs, case.look = max(case.needs, needs), case.look or look
            return
        backoff = Backoff(self._random, self._patience.ask_again_ns, self._patience.longest_ns)
        due_ns = time.monotonic_ns() + backoff.next_ns()
        self._cases[order.client_id] = _Case(order, needs, look, backoff, due_ns)
        self.opened += 1
        self._news.set()

    def saw(self, fact: Fact) -> None:
        """Open a case where a fact leaves something unknown, close it where one is evidence."""
        without_total = fact.kind in _ENDS_BY_VENUE and fact.cumulative < 0
        gone = fact.kind in _REFUSED and fact.reason is RejectReason.UNKNOWN_ORDER
        case = self._cases.get(fact.client_id)
        if fact.kind in UNKNOWNS or gone or (without_total and case is None):
            order = self._notes.command_of(fact)
            if order is not None:
                self.open(order, fact.command, look=gone or without_total)
        elif case is not None and _proves(fact, case):
            del self._cases[fact.client_id]
            self.closed += 1

    async def ask(self, order: Command) -> bool:
        """Ask for an order once and deliver the answer; that it is not there only when it may be.

        Returns
        -------
        bool
            Whether it is known now how it is.

        Raises
        ------
        VenueError
            If there is no answer.
        """
        calls, notes = self._calls, self._notes
        order = notes.completed(order)
        asked = replace(order, number=notes.settled(order))
        absent = notes.may_be_absent(order, calls.clock.now_ns())
        outcomes = await calls.ask_pages(lambda: calls.adapter.query(asked, calls.signer))
        facts = [
            fact
            for outcome in outcomes
            for fact in outcome.facts
            if absent or fact.kind is not OrderEvent.NOT_FOUND
        ]
        self._deliver(facts)
        return any(each.kind in ENDS or each.kind is OrderEvent.FOUND for each in facts)

    async def run(self) -> None:
        """Ask until cancelled."""
        while True:
            now = time.monotonic_ns()
            due = [each for each in self._cases.values() if each.next_ns <= now]
            await asyncio.gather(*[self._ask(case) for case in due[:AT_ONCE]])
            wait_ns = min(
                (each.next_ns - time.monotonic_ns() for each in self._cases.values()),
                default=self._patience.longest_ns,
            )
            if wait_ns > 0:
                await waited(self._news, wait_ns / SECOND)

    async def _ask(self, case: _Case) -> None:
        asked_ns = 0
        try:
            await self.ask(case.order)
        except (VenueError, ConfigError) as error:
            asked_ns = error.retry_ns if isinstance(error, VenueError) else 0
            logger.warning("%s: still unknown: %s", case.order.client_id, error)
        case.next_ns = time.monotonic_ns() + case.backoff.next_ns(asked_ns)


def _proves(fact: Fact, case: _Case) -> bool:
    """Whether a fact ends a case."""
    if fact.kind in ENDS:
        return True
    if fact.kind is OrderEvent.FOUND:
        return fact.command >= case.needs
    if case.look:
        return False
    if case.needs:
        return fact.kind in _ANSWERED and fact.command == case.needs
    return fact.kind in _AT_VENUE


class Reader:
    """Reads what an account has at a venue.

    Attributes
    ----------
    since_ns
        Trades are read from here, by symbol; the venue's time.
    """

    def __init__(
        self,
        calls: Calls,
        notes: OrderNotes,
        inquiries: Inquiries,
        strangers: Strangers,
        instruments: Sequence[Instrument],
        believed: Callable[[], Sequence[Command]],
        deliver: Deliver,
    ) -> None:
        self.since_ns: dict[str, int] = {}
        self._calls = calls
        self._notes = notes
        self._inquiries = inquiries
        self._strangers = strangers
        self._instruments = instruments
        self._believed = believed
        self._deliver = deliver

    async def open_orders(self, *, urgent: bool = False) -> tuple[LiveOrder, ...]:
        """Return everything that is open at the venue; what is urgent does not wait its turn.

        Raises
        ------
        VenueError
            If there is no answer.
        """
        adapter, signer = self._calls.adapter, self._calls.signer
        outcomes = await self._calls.ask_all(
            lambda: adapter.open_orders(self._instruments, signer), urgent=urgent
        )
        return tuple(order for outcome in outcomes for order in outcome.orders)

    async def orders(
        self, is_under_way: Callable[[str], bool]
    ) -> tuple[tuple[LiveOrder, ...], set[str]]:
        """Compare what is open with what its owner believes to be; ask for what is missing.

        Returns
        -------
        tuple
            What is open, and the symbols of which trades were missed.

        Raises
        ------
        VenueError
            If there is no answer.
        """
        believed = self._believed()
        settled = {each.client_id: self._notes.settled(each) for each in believed}
        live = await self.open_orders()
        by_client = {each.client_id: each for each in live if each.client_id}
        by_venue = {each.venue_id: each for each in live if each.venue_id}
        traded: set[str] = set()
        facts: list[Fact] = []
        missing: list[Command] = []
        for order in believed:
            found = by_client.get(order.client_id) or by_venue.get(
                self._notes.completed(order).venue_id
            )
            if found is None:
                missing.append(order)
                continue
            number = settled[order.client_id]
            facts.append(_found(order, found, number))
            if found.filled > order.filled:
                traded.add(found.symbol)
            if number < order.number and not self._notes.knows(order.client_id):
                # An amend or cancel from before this session: it may still be on its way.
                self._inquiries.open(order, order.number, look=True)
        self._deliver(facts)
        # What was told to have ended while the list was on its way is not asked for.
        still = {each.client_id for each in self._believed()}
        self._notes.sweep(still)
        for order in missing:
            if order.client_id not in still or is_under_way(order.client_id):
                continue
            traded.add(order.instrument.symbol)
            if not await self._answered(order):
                self._inquiries.open(order, order.number, look=True)
        return live, traded

    async def _answered(self, order: Command) -> bool:
        """Ask for an order; one that the venue has no words for does not hold up the others."""
        try:
            return await self._inquiries.ask(order)
        except (NotSent, NoAnswer):
            raise
        except (VenueError, ConfigError) as error:
            logger.warning("%s: still unknown: %s", order.client_id, error)
            return False

    async def trades(self, symbols: Mapping[str, Instrument]) -> None:
        """Read our trades since they were read last; those of unknown orders wait.

        Raises
        ------
        VenueError
            If there is no answer.
        """
        calls = self._calls
        for symbol, instrument in symbols.items():
            begun_ns = calls.clock.now_ns()
            since_ns = self.since_ns.get(symbol, begun_ns) - OVERLAP_NS
            outcomes = await calls.ask_pages(_trades_of(calls, instrument, since_ns))
            listed = [fact for outcome in outcomes for fact in outcome.facts]
            self._deliver(self._strangers.introduce(instrument, listed))
            self.since_ns[symbol] = begun_ns

    async def account(self) -> AccountReport:
        """Return balances and positions.

        Raises
        ------
        VenueError
            If there is no answer.
        """
        adapter, signer = self._calls.adapter, self._calls.signer
        outcomes: list[Outcome] = await self._calls.ask_all(
            lambda: adapter.account(self._instruments, signer)
        )
        return AccountReport(
            tuple(balance for outcome in outcomes for balance in outcome.balances),
            tuple(position for outcome in outcomes for position in outcome.positions),
        )

    async def account_at_rest(
        self, read_trades: Callable[[], Awaitable[None]], heard: Callable[[], int]
    ) -> AccountReport:
        """Return balances and positions of which every trade was told, and none that came later.

        What an account has may hold a trade that nobody told yet, or lack one that was just told.
        So it is read before and after its trades until it is the same and nothing was heard since;
        where somebody else trades without end, what was read last is returned.

        Parameters
        ----------
        read_trades
            Reads and delivers all trades.
        heard
            Changes with every fact that may tell of a trade.

        Raises
        ------
        VenueError
            If there is no answer.
        """
        before = await self.account()
        for _ in range(MOST_COMPARED):
            await read_trades()
            told = heard()
            account = await self.account()
            if heard() == told and self._held(account) == self._held(before):
                return account
            before = account
        logger.warning("%s: traded while it was read", self._calls.adapter.exchange)
        return before

    def _held(self, account: AccountReport) -> dict[str, int]:
        """Return what trades change: positions, or what there is of base assets."""
        if Capability.POSITIONS in self._calls.adapter.capabilities:
            return {each.symbol: each.quantity for each in account.positions}
        bases = {each.base for each in self._instruments}
        return {each.asset: each.total for each in account.balances if each.asset in bases}


def _trades_of(calls: Calls, instrument: Instrument, since_ns: int) -> Callable[[], Call]:
    return lambda: calls.adapter.trades(instrument, since_ns, calls.signer)


def _found(order: Command, live: LiveOrder, number: int) -> Fact:
    return Fact(
        OrderEvent.FOUND,
        order.client_id,
        live.venue_id,
        live.symbol,
        command=number,
        price=live.price,
        quantity=live.quantity,
        cumulative=live.filled,
        side=live.side,
        at_ns=live.at_ns,
    )
